/// Who is in which room, over all connections of a node; transitions tell whom the others hear of.
public struct Presence: Sendable {
    /// Above so many members a room hears counts instead of names.
    public static let namesUpTo = 500

    struct Member: Sendable {
        var name: String
        var since: Timestamp
        var connections: Int
    }

    private var rooms: [RoomName: [UserID: Member]] = [:]
    private var changedCounts: Set<RoomName> = []

    public init() {}

    /// What the room is to hear of a change.
    public enum Change: Sendable, Equatable {
        case none
        case joined
        case left
    }

    /// One more connection of the user is in the room.
    public mutating func join(_ room: RoomName, _ user: UserID, name: String, at now: Timestamp) -> Change {
        if rooms[room]?[user] != nil {
            rooms[room]?[user]?.connections += 1
            return .none
        }
        rooms[room, default: [:]][user] = Member(name: name, since: now, connections: 1)
        return told(.joined, room)
    }

    /// One connection fewer.
    public mutating func leave(_ room: RoomName, _ user: UserID) -> Change {
        guard let member = rooms[room]?[user] else { return .none }
        guard member.connections == 1 else {
            rooms[room]?[user]?.connections -= 1
            return .none
        }
        rooms[room]?[user] = nil
        if rooms[room]?.isEmpty == true { rooms[room] = nil }
        return told(.left, room)
    }

    private mutating func told(_ change: Change, _ room: RoomName) -> Change {
        guard count(room) > Presence.namesUpTo else { return change }
        changedCounts.insert(room)
        return .none
    }

    /// The large rooms whose counts have changed since the last call, with the count.
    public mutating func takeCounts() -> [(room: RoomName, count: Int)] {
        defer { changedCounts.removeAll(keepingCapacity: true) }
        return changedCounts.map { ($0, count($0)) }
    }

    public func count(_ room: RoomName) -> Int { rooms[room]?.count ?? 0 }

    /// The members after `cursor` in order of their ids, at most `limit`.
    public func page(_ room: RoomName, after cursor: UserID?, limit: Int) -> PresencePage {
        let members = rooms[room] ?? [:]
        let ids = members.keys.filter { id in cursor.map { $0 < id } ?? true }.sorted()
        let shown = ids.prefix(limit).compactMap { id in
            members[id].map {
                PresencePage.Member(user: id, name: $0.name, since: $0.since, connections: $0.connections)
            }
        }
        return PresencePage(
            room: room, count: members.count, members: shown, next: ids.count > limit ? shown.last?.user : nil)
    }
}

/// A page of a room's members.
public struct PresencePage: Sendable, Equatable {
    public struct Member: Sendable, Equatable {
        public var user: UserID
        public var name: String
        public var since: Timestamp
        public var connections: Int

        public init(user: UserID, name: String, since: Timestamp, connections: Int) {
            self.user = user
            self.name = name
            self.since = since
            self.connections = connections
        }
    }

    public var room: RoomName
    /// All members, not only those of this page.
    public var count: Int
    public var members: [Member]
    /// The cursor for the next page; nil on the last.
    public var next: UserID?

    public init(room: RoomName, count: Int, members: [Member], next: UserID?) {
        self.room = room
        self.count = count
        self.members = members
        self.next = next
    }
}
