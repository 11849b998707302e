import DequeModule
public import RoostCore
public import RoostWire

/// One client's connection: its session, its wire and its seats in rooms. Lives on one event loop and never leaves it.
public final class Connection {
    public let id: UInt64
    public let dialect: Dialect
    /// Whether it takes compressed messages.
    let deflates: Bool
    public var identity: Identity { session.identity }

    var session: Session
    var outbox = Outbox()
    /// Nil once the connection is over.
    private(set) var transport: (any Transport)?
    var seats: [Seat] = []
    private var lastTurn: UInt32 = 0
    var isDirty = false

    /// Commands wait here, in order, while one before them is under way whose effect they may need.
    var held: Deque<Result<Request, Refusal>> = []
    /// An answered ping, and how many of those that wait came before the answer.
    var heldPong: (number: UInt64, behind: Int)?
    /// Joins and room creations under way.
    var pending = 0
    /// The rooms of the joins among them.
    var joining: [RoomName] = []
    /// The rooms it is about to hear of as a participant.
    var attending: [RoomName] = []
    /// Since when its socket has taken nothing.
    var shutSince: Moment?
    /// Bytes of drafts on their way to the log; above a limit the client is not read from.
    var unackedBytes = 0
    var isReading = true
    /// It is about to be sent away: nothing is taken from it any more.
    var isLeaving = false
    /// The rooms in which it has said that its user types.
    var typingIn: [RoomName] = []
    /// What it was too slow to be told.
    var shed = Shed()
    /// When its token expires.
    var expires: Moment?
    /// When the timer is to look at it; a timer that fires earlier is an old one.
    var due: Moment?

    /// A place in a room.
    struct Seat {
        let room: LocalRoom
        /// Among the room's readers.
        var index: Int
        var role: Role
        /// Another one whenever the reader is put elsewhere, so that a read under way for the old place is recognised.
        var turn: UInt32
        /// Whether the user is a participant who hears of new messages also when it leaves.
        var isParticipant = false
        /// Where the last stretch ended that was read for it.
        var fedUpTo: UInt64 = 0
    }

    enum Role {
        /// Joined: hears everything and is seen by the others, but hears of presence only if it wants to.
        case member(hearsPresence: Bool)
        /// A participant who has not joined: hears `message_created` only, and is not seen.
        case participant
        /// The user of this personal room, to whom it is open without joining.
        case owner

        var isMember: Bool {
            if case .member = self { true } else { false }
        }

        var hearsOnlyCreated: Bool {
            if case .participant = self { true } else { false }
        }
    }

    init(id: UInt64, dialect: Dialect, deflates: Bool, session: Session, transport: any Transport) {
        self.id = id
        self.dialect = dialect
        self.deflates = deflates
        self.session = session
        self.transport = transport
    }

    var isOver: Bool { transport == nil }

    /// Whether a command of it waits for the store, and those behind it for that one.
    package var isWaiting: Bool { pending > 0 || !held.isEmpty }

    func end() { transport = nil }

    /// A turn that no seat of this connection has had: one that is given up and taken anew is another place too.
    func freshTurn() -> UInt32 {
        lastTurn &+= 1
        return lastTurn
    }

    func seat(in room: LocalRoom) -> Int? { seats.firstIndex { $0.room === room } }

    func isMember(of name: RoomName) -> Bool { seats.contains { $0.room.name == name && $0.role.isMember } }

    var memberships: Int { seats.lazy.filter(\.role.isMember).count }
}

/// A room as one shard knows it.
final class LocalRoom {
    let name: RoomName
    let kind: RoomKind
    /// Everything up to here has been dropped by retention, as far as is known.
    var floor: UInt64 = 0
    /// Nil until the store has told where the log ends.
    var replica: RoomReplica<Listener>?
    var visibility = Visibility.public
    /// The newest that was heard of while the replica was not there yet.
    var rumour: UInt64 = 0
    /// What has come before what is to be heard before it.
    var early = EarlyMessages()
    /// Whether the store is being asked for another log than the replica's, and whether one was heard of since.
    var isReopening = false
    var isReopeningLate = false
    /// Joins that the store is being asked about.
    var opening = 0
    /// Goes up when who may enter has changed, so that an older answer of the store is not trusted.
    var accessTurn: UInt32 = 0
    /// Questions under way about who may stay.
    var rechecks = 0
    /// Whether a reader waits for the replica to reach where the reader is already.
    var hasReadersAhead = false

    struct Listener {
        let connection: Connection
        var hearsOnlyCreated: Bool
    }

    /// Where its log ends, as far as is known.
    var end: Position? { replica.map { Position(epoch: $0.epoch, seq: $0.head) } }

    init(name: RoomName, kind: RoomKind) {
        self.name = name
        self.kind = kind
    }
}

extension RoomReplica<LocalRoom.Listener>.Reader {
    var connection: Connection { handle.connection }
}
