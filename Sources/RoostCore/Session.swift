/// The rules of one connection: who it is, what it may do, how much of it.
///
/// A transition takes a command and the time and returns what is to be done; the shard does it. The session knows
/// nothing of sockets, stores or other sessions.
public struct Session: Sendable {
    public private(set) var identity: Identity
    /// What its token allows.
    public private(set) var grants: Grants
    /// Whether the server runs without sign-in, so that a client may say who speaks.
    public let isAnonymous: Bool
    /// The room that a message without a room goes to.
    public private(set) var room: RoomName?
    var messages: TokenBucket
    /// Tokens of the user's own bucket, which all its connections share, taken a few at a time.
    var leased = 0
    /// Refusals for going too fast; who goes on regardless is disconnected.
    var strikes: TokenBucket
    var heard: Moment
    var pingedAt: Moment?
    /// Rooms in which a message was refused that should come again before others do.
    var stoppages = Stoppages()

    static let strikeRate = 10
    static let strikeBurst = 200

    public init(identity: Identity, grants: Grants = .all, isAnonymous: Bool, limits: Limits, now: Moment) {
        self.identity = identity
        self.grants = grants
        self.isAnonymous = isAnonymous
        messages = TokenBucket(burst: limits.rateBurst, now: now)
        strikes = TokenBucket(burst: Session.strikeBurst, now: now)
        heard = now
    }

    /// What the shard is to do about a command.
    public enum Action: Sendable, Equatable {
        case answer(Event)
        case authenticate(token: String)
        case publish(Draft)
        case join(Command.Join)
        case resume([Command.Join])
        case leave(RoomName)
        case createRoom(RoomPlan)
        case presence(room: RoomName, after: UserID?)
        case history(Command.HistoryRequest)
        case typing(room: RoomName, isActive: Bool)
        case mark(room: RoomName, Mark)
        case refuse(Failure, room: RoomName?)
        /// A message was refused that may be sent again: the client is pinged, so that it is known when it has heard.
        case refuseAndPing(Failure, room: RoomName)
        case close(CloseCode, String)
    }

    public mutating func handle(_ request: Request, _ around: some SessionSurroundings) -> Action {
        if let wait = spend(around) { return slowDown(wait, request, around.now) }
        switch request.command {
        case .message(let room, let content, let kind, let sender, let since):
            let speech = Speech(content: content, kind: kind, sender: sender, since: since)
            return publish(request.id, room ?? self.room ?? .general, speech, around)
        case .ping: return .answer(.pong)
        case .auth(let token): return .authenticate(token: token)
        case .join(let join): return enter(join, around)
        case .resume(let joins): return resume(joins, around)
        case .leave(let room): return exit(room, around)
        case .createRoom(let wish): return plan(wish, around)
        case .presence(let room, let after): return lookAround(room, after, around)
        case .history(let request): return readBack(request, around)
        case .typing(let room, let isActive): return type(room, isActive, around)
        case .mark(let room, let mark):
            return around.isIn(room) ? .mark(room: room, mark) : refuseOutsider(room)
        }
    }

    /// The connection is in a room now, to which messages without a room go.
    public mutating func settle(in entered: RoomName) { room = entered }

    mutating func unsettle(from left: RoomName) {
        if room == left { room = nil }
    }

    /// The client has signed in again: who it is stays, what it may do may have changed.
    public mutating func renew(_ grants: Grants, name: String) {
        self.grants = grants
        identity.name = name
    }
}

/// What a session sees of the world around it.
public protocol SessionSurroundings {
    var limits: Limits { get }
    var kinds: Kinds { get }
    /// How many rooms the connection is in.
    var rooms: Int { get }
    var now: Moment { get }
    /// Whether the connection is in that room.
    func isIn(_ room: RoomName) -> Bool
    /// Takes so many tokens, or as many as there are, out of the user's own bucket.
    func lease(_ count: Int) -> Session.Lease
    /// An id nobody else has, for a message or room that came without a name of its own.
    func freshID() -> String
}
