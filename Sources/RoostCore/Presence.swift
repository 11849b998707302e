/// Who is in which room: over all connections of this node, and as the other nodes say. Transitions of that union tell
/// whom the room hears of, so that nobody has to announce a crash.
public struct Presence: Sendable {
    /// Above so many members a room hears counts instead of names.
    public static let namesUpTo = 500
    /// So many members a second are told the count of their room: the larger it is, the less often.
    static let countsPerSecond = 2000

    struct Member: Sendable {
        var name: String
        var since: Timestamp
        /// Of this node; 0 where the user is elsewhere only, or expected back.
        var connections: Int
        /// What other nodes say, each for itself.
        var elsewhere: [NodeID: Attendee] = [:]

        var all: Int { elsewhere.values.reduce(connections) { $0 + $1.connections } }
    }

    /// The members of one room, and their ids in order, so that a page costs what it shows.
    struct Members: Sendable {
        var byID: [UserID: Member] = [:]
        var ids = SortedList<UserID>()
        /// How many of them have connections of this node.
        var here = 0
    }

    var rooms: [RoomName: Members] = [:]
    /// Of how many users in which rooms each other node says something.
    var elsewhere: [NodeID: [RoomName: Int]] = [:]
    private var changedCounts: Set<RoomName> = []
    /// Rooms that have been told a count lately, and until when they are told no other.
    private var countsRestUntil: [RoomName: Moment] = [:]
    /// Who has left for a moment: still shown, until then.
    var lingering: [RoomName: [UserID: Moment]] = [:]

    public init() {}

    /// What the room is to hear of a change.
    public enum Change: Sendable, Equatable {
        case none
        case joined
        case left
    }

    /// One more connection of the user is in the room.
    public mutating func join(_ room: RoomName, _ user: UserID, name: String, at now: Timestamp) -> Change {
        stay(user, in: room)
        if rooms[room]?.byID[user] != nil {
            if rooms[room]?.byID[user]?.connections == 0 { rooms[room]?.here += 1 }
            rooms[room]?.byID[user]?.connections += 1
            return .none
        }
        return add(user, Member(name: name, since: now, connections: 1), to: room)
    }

    /// One connection fewer.
    /// - Parameter until: the user is expected back, and shown until then.
    public mutating func leave(_ room: RoomName, _ user: UserID, lingeringUntil until: Moment? = nil) -> Change {
        guard let member = rooms[room]?.byID[user], member.connections > 0 else { return .none }
        rooms[room]?.byID[user]?.connections -= 1
        if member.connections == 1 { rooms[room]?.here -= 1 }
        guard member.all <= 1 else { return .none }
        return vacate(room, user, until)
    }

    /// Nobody has a connection of the user in the room any more.
    mutating func vacate(_ room: RoomName, _ user: UserID, _ until: Moment?) -> Change {
        guard let until else { return remove(user, from: room) }
        lingering[room, default: [:]][user] = until
        return .none
    }

    /// The user is here: nobody waits for it to come back.
    mutating func stay(_ user: UserID, in room: RoomName) {
        guard lingering[room]?.removeValue(forKey: user) != nil else { return }
        if lingering[room]?.isEmpty == true { lingering[room] = nil }
    }

    /// Takes out those who were expected back and have not come.
    public mutating func expire(at now: Moment) -> [(room: RoomName, user: UserID, name: String)] {
        var gone: [(room: RoomName, user: UserID, name: String)] = []
        for (room, users) in lingering {
            for (user, until) in users where until <= now {
                lingering[room]?[user] = nil
                let name = rooms[room]?.byID[user]?.name ?? user.text
                if remove(user, from: room) == .left { gone.append((room, user, name)) }
            }
            if lingering[room]?.isEmpty == true { lingering[room] = nil }
        }
        return gone
    }

    mutating func add(_ user: UserID, _ member: Member, to room: RoomName) -> Change {
        rooms[room, default: Members()].byID[user] = member
        if member.connections > 0 { rooms[room]?.here += 1 }
        rooms[room]?.ids.insert(user)
        return told(.joined, room)
    }

    mutating func remove(_ user: UserID, from room: RoomName) -> Change {
        guard rooms[room]?.byID.removeValue(forKey: user) != nil else { return .none }
        rooms[room]?.ids.remove(user)
        if rooms[room]?.ids.isEmpty == true { rooms[room] = nil }
        return told(.left, room)
    }

    private mutating func told(_ change: Change, _ room: RoomName) -> Change {
        guard count(room) > Presence.namesUpTo else { return change }
        changedCounts.insert(room)
        return .none
    }

    /// The room is one that hears counts only, whatever its size.
    public mutating func countChanged(_ room: RoomName) { changedCounts.insert(room) }

    /// The large rooms whose counts have changed since they were told one, with the count, if it is time to tell it.
    public mutating func takeCounts(at now: Moment) -> [(room: RoomName, count: Int)] {
        countsRestUntil = countsRestUntil.filter { $0.value > now }
        let due = changedCounts.filter { countsRestUntil[$0] == nil }.map { (room: $0, count: count($0)) }
        for (room, count) in due {
            changedCounts.remove(room)
            countsRestUntil[room] = now + Int64(count * 1000 / Presence.countsPerSecond)
        }
        return due
    }

    public func count(_ room: RoomName) -> Int { rooms[room]?.ids.count ?? 0 }

    /// The members after `cursor` in order of their ids, at most `limit`.
    public func page(_ room: RoomName, after cursor: UserID?, limit: Int) -> PresencePage {
        let members = rooms[room] ?? Members()
        var ids = Array(members.ids.after(cursor).prefix(limit + 1))
        let isLast = ids.count <= limit
        if !isLast { ids.removeLast() }
        let shown = ids.compactMap { id in
            members.byID[id].map {
                PresencePage.Member(user: id, name: $0.name, since: $0.since, connections: $0.all)
            }
        }
        return PresencePage(
            room: room, count: members.ids.count, members: shown, next: isLast ? nil : shown.last?.user)
    }
}
