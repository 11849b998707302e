/// A user in a room as one node sees it.
public struct Attendee: Hashable, Sendable {
    public var name: String
    public var since: Timestamp
    /// Of that node, from 1.
    public var connections: Int

    public init(name: String, since: Timestamp, connections: Int) {
        self.name = name
        self.since = since
        self.connections = connections
    }
}

// What other nodes say about who is in rooms.
extension Presence {
    /// Whom a room is to hear of, and how.
    public struct Transition: Sendable, Equatable {
        public var user: UserID
        public var name: String
        public var change: Change
    }

    /// What this node says of a user; nil: that none of its connections is in the room.
    public func attendee(_ room: RoomName, _ user: UserID) -> Attendee? {
        guard let member = rooms[room]?.byID[user], member.connections > 0 else { return nil }
        return Attendee(name: member.name, since: member.since, connections: member.connections)
    }

    /// What this node says of everybody who is in the room here.
    public func attendees(_ room: RoomName) -> [UserID: Attendee] {
        (rooms[room]?.byID ?? [:]).compactMapValues { member in
            guard member.connections > 0 else { return nil }
            return Attendee(name: member.name, since: member.since, connections: member.connections)
        }
    }

    /// Whether this node says something of anybody in the room.
    public func isAttended(_ room: RoomName) -> Bool { rooms[room]?.here ?? 0 > 0 }

    /// Everybody of whom this node says something.
    public var attended: [(room: RoomName, user: UserID)] {
        rooms.flatMap { room, members in
            members.byID.filter { $0.value.connections > 0 }.map { (room, $0.key) }
        }
    }

    /// Another node says something of a user in a room; nil: that it is not there (any more).
    /// - Parameter until: it is expected back, and shown until then.
    public mutating func place(
        _ room: RoomName, _ user: UserID, _ attendee: Attendee?, by node: NodeID, lingeringUntil until: Moment? = nil
    ) -> Transition? {
        let name = attendee?.name ?? rooms[room]?.byID[user]?.name ?? user.text
        let change = attendee.map { seat($0, user, in: room, by: node) } ?? unseat(user, from: room, by: node, until)
        return change == .none ? nil : Transition(user: user, name: name, change: change)
    }

    private mutating func seat(_ attendee: Attendee, _ user: UserID, in room: RoomName, by node: NodeID) -> Change {
        stay(user, in: room)
        guard rooms[room]?.byID[user] != nil else {
            let member = Member(
                name: attendee.name, since: attendee.since, connections: 0, elsewhere: [node: attendee])
            count(1, in: room, by: node)
            return add(user, member, to: room)
        }
        if rooms[room]?.byID[user]?.elsewhere.updateValue(attendee, forKey: node) == nil {
            count(1, in: room, by: node)
        }
        if let since = rooms[room]?.byID[user]?.since, attendee.since < since {
            rooms[room]?.byID[user]?.since = attendee.since
        }
        return .none
    }

    private mutating func unseat(
        _ user: UserID, from room: RoomName, by node: NodeID, _ until: Moment?
    ) -> Change {
        guard rooms[room]?.byID[user]?.elsewhere.removeValue(forKey: node) != nil else { return .none }
        count(-1, in: room, by: node)
        guard rooms[room]?.byID[user]?.all == 0, lingering[room]?[user] == nil else { return .none }
        return vacate(room, user, until)
    }

    /// So many users more of whom a node says something in a room.
    private mutating func count(_ more: Int, in room: RoomName, by node: NodeID) {
        elsewhere[node, default: [:]][room, default: 0] += more
        if elsewhere[node]?[room] == 0 { elsewhere[node]?[room] = nil }
        if elsewhere[node]?.isEmpty == true { elsewhere[node] = nil }
    }

    /// Everything that a node says about a room.
    public mutating func replace(_ room: RoomName, by node: NodeID, with attendees: [UserID: Attendee]) -> [Transition]
    {
        let known = (rooms[room]?.byID ?? [:]).filter { $0.value.elsewhere[node] != nil }.keys
        let gone = known.filter { attendees[$0] == nil }.compactMap { place(room, $0, nil, by: node) }
        return gone + attendees.compactMap { place(room, $0.key, $0.value, by: node) }
    }

    /// The rooms of which a node has said something.
    public func rooms(of node: NodeID) -> [RoomName] { elsewhere[node].map { Array($0.keys) } ?? [] }

    /// What other nodes say of a room is of no interest any more; nobody is told.
    public mutating func forgetElsewhere(_ room: RoomName) {
        for (user, member) in rooms[room]?.byID ?? [:] where !member.elsewhere.isEmpty {
            for node in member.elsewhere.keys { count(-1, in: room, by: node) }
            rooms[room]?.byID[user]?.elsewhere = [:]
            if member.connections == 0, lingering[room]?[user] == nil { _ = remove(user, from: room) }
        }
    }
}
