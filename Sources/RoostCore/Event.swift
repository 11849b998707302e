/// What a client is told, before a dialect puts it into bytes.
public enum Event: Sendable, Equatable {
    case welcome(Welcome)
    case joined(Joined)
    case left(room: RoomName)
    case ack(Ack)
    case error(Failure, room: RoomName?)
    case message(Message)
    case roomCreated(RoomInfo, participants: [User])
    case userJoined(room: RoomName, user: UserID, name: String)
    case userLeft(room: RoomName, user: UserID, name: String, lastSeen: Timestamp)
    case presenceCount(room: RoomName, count: Int)
    case presence(PresencePage)
    case history(HistoryPage)
    case gap(room: RoomName, from: UInt64, to: UInt64)
    case typing(room: RoomName, user: UserID, isActive: Bool)
    case receipts(room: RoomName, [MemberMark])
    /// The server is about to close; come back after so many milliseconds.
    case reconnect(afterMs: Int64, reason: String)
    case pong

    public struct Welcome: Sendable, Equatable {
        public var identity: Identity
        public var node: String
        public var session: String
        public var limits: Limits

        public init(identity: Identity, node: String, session: String, limits: Limits) {
            self.identity = identity
            self.node = node
            self.session = session
            self.limits = limits
        }
    }

    public struct Joined: Sendable, Equatable {
        public var room: RoomName
        public var epoch: Epoch
        public var head: UInt64
        /// True if everything after the position asked for follows.
        public var recovered: Bool
        public var members: PresencePage?

        public init(room: RoomName, epoch: Epoch, head: UInt64, recovered: Bool, members: PresencePage?) {
            self.room = room
            self.epoch = epoch
            self.head = head
            self.recovered = recovered
            self.members = members
        }
    }

    public struct Ack: Sendable, Equatable {
        public var draft: Draft
        public var seq: UInt64
        public var at: Timestamp
        public var durability: Durability
        public var duplicate: Bool
        /// Whether the author hears the room anyway.
        public var authorListens: Bool

        public init(
            draft: Draft, seq: UInt64, at: Timestamp, durability: Durability, duplicate: Bool, authorListens: Bool
        ) {
            self.draft = draft
            self.seq = seq
            self.at = at
            self.durability = durability
            self.duplicate = duplicate
            self.authorListens = authorListens
        }
    }

    public struct HistoryPage: Sendable, Equatable {
        public var room: RoomName
        public var epoch: Epoch
        public var messages: [Message]
        /// Whether there are more in the direction asked for.
        public var more: Bool

        public init(room: RoomName, epoch: Epoch, messages: [Message], more: Bool) {
            self.room = room
            self.epoch = epoch
            self.messages = messages
            self.more = more
        }
    }
}

/// Who is at the other end of a connection.
public struct Identity: Sendable, Equatable {
    public var user: UserID
    public var name: String
    /// The connection's own id.
    public var client: String
    /// Whether the user outlives the connection; not so for an id made up for one connection only.
    public var isLasting: Bool

    public init(user: UserID, name: String, client: String, isLasting: Bool = true) {
        self.user = user
        self.name = name
        self.client = client
        self.isLasting = isLasting
    }
}
