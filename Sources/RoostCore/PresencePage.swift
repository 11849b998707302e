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
