/// What rooms are to hear of who came and went, gathered for a moment, so that who leaves and comes back at once is no
/// news and a crowd is told of in one go. Unless somebody was told meanwhile who is there: that one has to hear of both.
public struct PresenceNews: Sendable {
    public struct Item: Sendable, Equatable {
        public var event: Event
        /// A connection that needs no telling, since it is its own doing; 0: none.
        public var except: UInt64

        public init(event: Event, except: UInt64) {
            self.event = event
            self.except = except
        }
    }

    private struct Change {
        var isJoin: Bool
        var item: Item
    }

    /// What nobody knows yet, so that its contrary undoes it.
    private var changes: [RoomName: [UserID: Change]] = [:]
    /// What some know already, in its order; what comes after is news of its own.
    private var settled: [RoomName: [Item]] = [:]

    public init() {}

    public var isEmpty: Bool { changes.isEmpty && settled.isEmpty }

    public mutating func joined(_ room: RoomName, _ user: UserID, name: String, except: UInt64) {
        note(room, user, isJoin: true, Item(event: .userJoined(room: room, user: user, name: name), except: except))
    }

    public mutating func left(_ room: RoomName, _ user: UserID, name: String, at now: Timestamp, except: UInt64) {
        let event = Event.userLeft(room: room, user: user, name: name, lastSeen: now)
        note(room, user, isJoin: false, Item(event: event, except: except))
    }

    private mutating func note(_ room: RoomName, _ user: UserID, isJoin: Bool, _ item: Item) {
        if let earlier = changes[room]?[user], earlier.isJoin != isJoin {
            changes[room]?[user] = nil
            if changes[room]?.isEmpty == true { changes[room] = nil }
        } else {
            changes[room, default: [:]][user] = Change(isJoin: isJoin, item: item)
        }
    }

    /// Somebody has been told who is in a room, and so believes what the others have not been told yet.
    public mutating func settle(_ room: RoomName) {
        guard let known = changes.removeValue(forKey: room) else { return }
        settled[room, default: []] += known.values.map(\.item)
    }

    /// Everything gathered, by room.
    public mutating func take() -> [(room: RoomName, items: [Item])] {
        for room in Array(changes.keys) { settle(room) }
        defer { settled = [:] }
        return settled.map { ($0, $1) }
    }
}
