/// The rules of one connection: who it is, what it may do, how much of it.
///
/// A transition takes a command and the time and returns what is to be done; the shard does it. The session knows
/// nothing of sockets, stores or other sessions.
public struct Session: Sendable {
    public let identity: Identity
    /// Whether the server runs without sign-in, so that a client may say who speaks.
    public let isAnonymous: Bool
    /// The room that a message without a room goes to.
    public private(set) var room: RoomName?
    private var messages: TokenBucket
    /// Tokens of the user's own bucket, which all its connections share, taken a few at a time.
    private var leased = 0
    /// Refusals for going too fast; who goes on regardless is disconnected.
    private var strikes: TokenBucket
    private var heard: Moment
    private var pingedAt: Moment?

    private static let strikeRate = 10
    private static let strikeBurst = 200

    public init(identity: Identity, isAnonymous: Bool, limits: Limits, now: Moment) {
        self.identity = identity
        self.isAnonymous = isAnonymous
        messages = TokenBucket(burst: limits.rateBurst, now: now)
        strikes = TokenBucket(burst: Session.strikeBurst, now: now)
        heard = now
    }

    /// What the shard is to do about a command.
    public enum Action: Sendable, Equatable {
        case answer(Event)
        case publish(Draft)
        case join(Command.Join)
        case leave(RoomName)
        case createRoom(RoomPlan)
        case presence(room: RoomName, after: UserID?)
        case history(Command.HistoryRequest)
        case refuse(Failure, room: RoomName?)
        case close(CloseCode, String)
    }

    /// - Parameters:
    ///   - rooms: how many rooms the connection is in.
    ///   - isIn: whether it is in the room the command names.
    ///   - lease: takes so many tokens, or as many as there are, out of the user's own bucket.
    ///   - freshID: an id nobody else has, for a message or room that came without a name of its own.
    public mutating func handle(
        _ request: Request, limits: Limits, rooms: Int, isIn: (RoomName) -> Bool, now: Moment,
        lease: (Int) -> Lease, freshID: () -> String
    ) -> Action {
        if let wait = spend(limits, now, lease) { return slowDown(wait, request.command, now) }
        return act(request, limits: limits, rooms: rooms, isIn: isIn, freshID: freshID)
    }

    private mutating func act(
        _ request: Request, limits: Limits, rooms: Int, isIn: (RoomName) -> Bool, freshID: () -> String
    ) -> Action {
        switch request.command {
        case .message(let room, let content, let kind, let sender):
            return publish(request.id, room, content, kind, sender, freshID)
        case .ping: return .answer(.pong)
        case .join(let join): return enter(join, limits, rooms, isIn)
        case .leave(let room): return exit(room, isIn)
        case .createRoom(let wish): return plan(wish, freshID)
        case .presence(let room, let after): return .presence(room: room, after: after)
        case .history(let request): return .history(request)
        }
    }

    // MARK: Rules

    private mutating func publish(
        _ id: MessageID?, _ named: RoomName?, _ content: RawJSON, _ kind: MessageKind, _ claimed: UserID?,
        _ freshID: () -> String
    ) -> Action {
        let target = named ?? room ?? .general
        let sender = claimed ?? identity.user
        guard sender == identity.user || isAnonymous else {
            return .refuse(
                Failure(.forbidden, "You are signed in as \(identity.user), not as \(sender)."), room: target)
        }
        guard target.owner == nil else {
            return .refuse(Failure(.forbidden, "Only servers publish to a personal room."), room: target)
        }
        guard let id = id ?? MessageID(freshID()) else {
            return .refuse(Failure(.internal, "The server could not name the message. Send it again."), room: target)
        }
        return .publish(Draft(room: target, sender: sender, id: id, kind: kind, content: content))
    }

    private mutating func enter(
        _ join: Command.Join, _ limits: Limits, _ rooms: Int, _ isIn: (RoomName) -> Bool
    ) -> Action {
        if let owner = join.room.owner, owner != identity.user {
            return .refuse(Failure(.forbidden, "A personal room is open to its own user only."), room: join.room)
        }
        guard join.alone || rooms < limits.maxRooms || isIn(join.room) else {
            let reason = "This connection is in \(rooms) rooms, the most allowed. Leave one first."
            return .refuse(Failure(.conflict, reason), room: join.room)
        }
        var join = join
        join.history = join.history.map { min(max(0, $0), limits.maxHistory) }
        return .join(join)
    }

    /// The connection is in a room now, to which messages without a room go.
    public mutating func settle(in entered: RoomName) { room = entered }

    private mutating func exit(_ leaving: RoomName, _ isIn: (RoomName) -> Bool) -> Action {
        if room == leaving { room = nil }
        guard isIn(leaving) else {
            return .refuse(Failure(.conflict, "You are not in the room \(leaving)."), room: leaving)
        }
        return .leave(leaving)
    }

    private func plan(_ wish: Command.RoomWish, _ freshID: () -> String) -> Action {
        switch RoomPlan.from(wish, creator: identity.isLasting ? identity.user : nil, freshID: freshID) {
        case .success(let plan): .createRoom(plan)
        case .failure(let failure): .refuse(failure, room: nil)
        }
    }

    // MARK: Rate

    /// What the user's own bucket gives.
    public enum Lease: Sendable, Equatable {
        case tokens(Int)
        case wait(milliseconds: Int64)
    }

    private static let leaseSize = 16

    /// Takes a token for one frame from the connection's bucket and one from the user's; how long to wait if there is
    /// none.
    private mutating func spend(_ limits: Limits, _ now: Moment, _ lease: (Int) -> Lease) -> Int64? {
        guard limits.rateMessages > 0 else { return nil }
        if let wait = messages.take(rate: limits.rateMessages, burst: max(1, limits.rateBurst), now: now) {
            return wait
        }
        if leased == 0 {
            switch lease(min(Session.leaseSize, max(1, limits.rateBurst / 16))) {
            case .tokens(let count): leased = max(1, count)
            case .wait(let milliseconds): return milliseconds
            }
        }
        leased -= 1
        return nil
    }

    private mutating func slowDown(_ wait: Int64, _ command: Command, _ now: Moment) -> Action {
        guard strikes.take(rate: Session.strikeRate, burst: Session.strikeBurst, now: now) == nil else {
            return .close(.rateLimited, "Too many messages, even after being told to slow down.")
        }
        let reason = "Too many messages; this one was not taken. Send it again in \(wait) ms."
        var target: RoomName?
        if case .message(let named, _, _, _) = command { target = named ?? room ?? .general }
        return .refuse(Failure(.rateLimited, reason, retryAfterMs: wait), room: target)
    }

    // MARK: Heartbeat

    /// What is due when the connection's timer fires.
    public enum Beat: Sendable, Equatable {
        case wait(until: Moment)
        case ping(nextCheck: Moment)
        case close(CloseCode, String)
    }

    /// Something came from the client.
    public mutating func hear(now: Moment) {
        heard = now
        pingedAt = nil
    }

    public mutating func beat(limits: Limits, now: Moment) -> Beat {
        if let pingedAt {
            let deadline = pingedAt + limits.heartbeatTimeoutMs
            return now < deadline
                ? .wait(until: deadline) : .close(.heartbeatMissed, "The client did not answer a ping.")
        }
        let due = heard + limits.heartbeatMs
        guard now >= due else { return .wait(until: due) }
        guard limits.heartbeatTimeoutMs > 0 else { return .ping(nextCheck: now + limits.heartbeatMs) }
        pingedAt = now
        return .ping(nextCheck: now + limits.heartbeatTimeoutMs)
    }
}

extension RoomPlan {
    /// Makes a plan of a wish: a legal name is the room's name, any other text its title, and without one the room
    /// is named by `freshID`. A creator who is not listed is added.
    public static func from(
        _ wish: Command.RoomWish, creator: UserID?, freshID: () -> String
    ) -> Result<RoomPlan, Failure> {
        var participants: [UserID] = []
        var known: Set<UserID> = []
        for user in wish.participants + (creator.map { [$0] } ?? []) where known.insert(user).inserted {
            participants.append(user)
        }
        guard participants.count <= RoomInfo.maxParticipants else {
            return .failure(
                Failure(.invalid, "A room is created with at most \(RoomInfo.maxParticipants) participants."))
        }
        if let title = wish.name, !isPrintable(title, upTo: RoomInfo.maxTitleBytes) {
            return .failure(Failure(.invalid, "A room's name has 1 to \(RoomInfo.maxTitleBytes) bytes of plain text."))
        }
        guard let name = wish.name.flatMap({ RoomName($0) }) ?? RoomName(freshID()), !name.isReserved else {
            return .failure(Failure(.invalid, "Names that start with user: are kept for personal rooms."))
        }
        return .success(
            RoomPlan(name: name, title: wish.name, visibility: wish.visibility, participants: participants))
    }
}
