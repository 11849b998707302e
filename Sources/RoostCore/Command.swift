/// What a client asks for, in whatever dialect it said it.
public enum Command: Sendable, Equatable {
    case join(Join)
    case leave(RoomName)
    /// Signs in, or renews what was signed in with.
    case auth(token: String)
    /// `room` nil: the room the client is in, or `general`. `since`: see `Draft.since`.
    case message(room: RoomName?, content: RawJSON, kind: MessageKind, sender: UserID?, since: Position? = nil)
    /// Joins all of these rooms, where it left off.
    case resume([Join])
    case typing(room: RoomName, isActive: Bool)
    /// Has received or read so far.
    case mark(room: RoomName, Mark)
    case createRoom(RoomWish)
    /// `after` is the last user of the page before.
    case presence(room: RoomName, after: UserID?)
    case history(HistoryRequest)
    case ping

    public struct Join: Sendable, Equatable {
        public var room: RoomName
        /// Everything after this position is to be replayed; wins over `history`.
        public var after: Position?
        /// The newest so many messages are to be replayed.
        public var history: Int?
        /// True: with the members in the answer. False: without presence events either. Nil: events, no list.
        public var presence: Bool?
        /// Leave every other room first (one room at a time).
        public var alone: Bool
        /// Nothing that was said before is replayed, whatever is asked for: the client may not read it.
        public var isLiveOnly = false

        public init(
            room: RoomName, after: Position? = nil, history: Int? = nil, presence: Bool? = nil, alone: Bool = false
        ) {
            self.room = room
            self.after = after
            self.history = history
            self.presence = presence
            self.alone = alone
        }
    }

    /// A room as a client wishes it; the server names it if the client doesn't.
    public struct RoomWish: Sendable, Equatable {
        public var name: String?
        public var participants: [UserID]
        public var visibility: Visibility

        public init(name: String?, participants: [UserID], visibility: Visibility) {
            self.name = name
            self.participants = participants
            self.visibility = visibility
        }
    }

    public struct HistoryRequest: Sendable, Equatable {
        public enum Turn: Sendable, Equatable {
            case before(Cursor)
            case after(Cursor)
            case latest

            public var cursor: Cursor? {
                switch self {
                case .before(let cursor), .after(let cursor): cursor
                case .latest: nil
                }
            }
        }
        public var room: RoomName
        public var turn: Turn
        public var limit: Int?

        public init(room: RoomName, turn: Turn, limit: Int?) {
            self.room = room
            self.turn = turn
            self.limit = limit
        }
    }
}

/// One frame of a client: a command and the name by which its answer is found.
public struct Request: Sendable, Equatable {
    public var id: MessageID?
    public var command: Command

    public init(id: MessageID?, command: Command) {
        self.id = id
        self.command = command
    }
}

/// Why a frame became no command.
public struct Refusal: Error, Sendable, Equatable {
    public var id: MessageID?
    public var room: RoomName?
    public var failure: Failure

    public init(id: MessageID? = nil, room: RoomName? = nil, _ failure: Failure) {
        self.id = id
        self.room = room
        self.failure = failure
    }
}
