/// What happens in a room, in its order.
public enum RoomEvent: Sendable, Hashable {
    /// Joined, for the first time or again: what was missed follows.
    case joined(Joined)
    /// Each message of the log once, in order.
    case message(RoostMessage)
    case deleted(RoostDeletion)
    /// The server no longer has these messages (inclusive).
    case gap(from: UInt64, to: UInt64)
    /// The log is another one now; nothing of the old one goes on.
    case reset(epoch: String, head: UInt64)
    /// The room was not joined, or is not open to us any more.
    case refused(RoostError)
    case left
    /// A message of ours waits to be sent; `replaces`: the one that failed, whose place it takes.
    case pending(Outgoing, replaces: String?)
    /// A message of ours is in the log; `receipt` has its place, where that is known.
    case sent(id: String, Receipt)
    /// A message of ours was not taken.
    case failed(id: String, RoostError)
    case userJoined(user: String, name: String)
    case userLeft(user: String, lastSeen: String)
    case presence(RoomPresence)
    case typing(user: String, isActive: Bool)
    case receipts([MemberMark])

    public struct Joined: Sendable, Hashable {
        public var epoch: String
        /// The newest message's `seq`.
        public var head: UInt64
        /// Whether everything since the position we had follows.
        public var isRecovered: Bool
        public var members: RoomPresence?
    }
}

/// A message of ours on its way.
public struct Outgoing: Sendable, Hashable {
    public var room: String
    public var id: String
    public var content: RoostContent
    /// By this machine's clock, in milliseconds since 1970.
    public var createdAt: Int64

    package init(room: String, id: String, content: RoostContent, createdAt: Int64) {
        self.room = room
        self.id = id
        self.content = content
        self.createdAt = createdAt
    }
}

/// What became of a message that was sent.
public struct Receipt: Sendable, Hashable {
    /// Its place in the log; nil where a queue will find it one.
    public var seq: UInt64?
    /// `memory`, `stored` or `queued`; nil: it was heard before its ack came.
    public var durability: String?
    /// Whether an earlier attempt had arrived already.
    public var isDuplicate: Bool
}

/// Who is in a room.
public struct RoomPresence: Sendable, Hashable {
    /// Users there.
    public var count: Int
    /// A page of them; nil where only the count is told.
    public var members: [Member]?
    /// The cursor of the next page, if there is one.
    public var next: String?

    public struct Member: Sendable, Hashable {
        public var user: String
        public var name: String
        public var since: String
        public var connections: Int
    }
}

/// How far a member has got in a room.
public struct MemberMark: Sendable, Hashable {
    public var user: String
    public var received: UInt64
    public var read: UInt64
}

/// A room as the directory knows it.
public struct RoomInfo: Sendable, Hashable {
    public var id: String
    public var name: String
    public var isPrivate: Bool
    public var participants: [String]
    public var createdAt: String
}

/// Whether there is a connection, and why not.
public enum ConnectionState: Sendable, Hashable {
    /// Not connected, and not trying; `code` is a WebSocket close code.
    case disconnected(code: Int, reason: String)
    /// On its way; nil at first, else what ended the last connection.
    case connecting(Loss?)
    case connected(Welcome)

    public struct Loss: Sendable, Hashable {
        /// A WebSocket close code.
        public var code: Int
        public var reason: String
        /// When the next attempt begins, in milliseconds from then.
        public var retryInMs: Int64
    }

    public struct Welcome: Sendable, Hashable {
        public var user: String
        public var name: String
        public var clientID: String
        /// The server's node.
        public var node: String
        public var transport: String
    }
}
