/// How far a member has got in a room: `seq`s up to which it has received and read. Both only grow.
public struct Mark: Sendable, Hashable {
    public var received: UInt64
    public var read: UInt64

    public init(received: UInt64 = 0, read: UInt64 = 0) {
        self.received = max(received, read)
        self.read = read
    }

    /// Moves on to what `other` has beyond this; whether anything changed. What was read was received.
    @discardableResult
    public mutating func merge(_ other: Mark) -> Bool {
        let merged = Mark(received: max(received, other.received), read: max(read, other.read))
        defer { self = merged }
        return merged != self
    }
}

/// A member's mark in a room.
public struct MemberMark: Sendable, Hashable {
    public var room: RoomName
    public var user: UserID
    public var mark: Mark

    public init(room: RoomName, user: UserID, mark: Mark) {
        self.room = room
        self.user = user
        self.mark = mark
    }
}
