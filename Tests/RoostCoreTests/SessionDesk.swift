import RoostCore

/// A session with the world around it, as a test sets it.
struct SessionDesk {
    var session: Session
    var limits: Limits
    var kinds = Kinds()
    var now = Moment.at(0)
    /// The rooms the connection is in.
    var rooms: Set<RoomName> = []
    /// What the user's bucket says next; nil: as many as are asked for.
    var lease: Session.Lease?
    /// How many tokens were asked for, each time.
    private(set) var asked: [Int] = []
    private(set) var freshIDs = 0
    var freshID: (Int) -> String = { "fresh\($0)" }

    init(
        _ name: String = "ann", anonymous: Bool = true, lasting: Bool = true, limits: Limits = Limits(),
        now: Moment = .at(0)
    ) {
        self.limits = limits
        self.now = now
        let identity = Identity(user: user(name), name: name.uppercased(), client: "c1", isLasting: lasting)
        session = Session(identity: identity, isAnonymous: anonymous, limits: limits, now: now)
    }

    mutating func handle(_ command: Command, id: MessageID? = nil) -> Session.Action {
        let tally = Tally(asked: asked, fresh: freshIDs)
        defer { (asked, freshIDs) = (tally.asked, tally.fresh) }
        let (rooms, lease, freshID) = (rooms, lease, freshID)
        let around = Session.Surroundings(
            limits: limits, kinds: kinds, rooms: rooms.count, isIn: { rooms.contains($0) }, now: now,
            lease: { count in
                tally.asked.append(count)
                return lease ?? .tokens(count)
            },
            freshID: {
                tally.fresh += 1
                return freshID(tally.fresh)
            })
        return session.handle(Request(id: id, command: command), around)
    }

    /// What was asked for while a command was handled.
    private final class Tally {
        var asked: [Int]
        var fresh: Int

        init(asked: [Int], fresh: Int) {
            self.asked = asked
            self.fresh = fresh
        }
    }

    /// Joins alone, and the shard lets it in.
    mutating func settle(in room: RoomName) {
        if case .join(let join) = handle(.join(.init(room: room, alone: true))) { session.settle(in: join.room) }
    }

    mutating func say(
        _ room: RoomName? = nil, as sender: String? = nil, id: MessageID? = MessageID("m"), kind: MessageKind = .message
    ) -> Session.Action {
        handle(.message(room: room, content: json("1"), kind: kind, sender: sender.map { user($0) }), id: id)
    }
}

extension Session.Action {
    var refusal: ErrorCode? {
        switch self {
        case .refuse(let failure, _), .refuseAndPing(let failure, _): return failure.code
        default: return nil
        }
    }

    var refusedRoom: RoomName? {
        switch self {
        case .refuse(_, let room): return room
        case .refuseAndPing(_, let room): return room
        default: return nil
        }
    }

    var isClose: Bool {
        if case .close = self { true } else { false }
    }
}

/// Limits with some of them changed.
func limits(_ change: (inout Limits) -> Void) -> Limits {
    var limits = Limits()
    change(&limits)
    return limits
}

extension Session {
    /// Surroundings made of closures.
    struct Surroundings: SessionSurroundings {
        var limits: Limits
        var kinds = Kinds()
        var rooms: Int
        private let entered: (RoomName) -> Bool
        var now: Moment
        private let take: (Int) -> Lease
        private let name: () -> String

        init(
            limits: Limits, kinds: Kinds = Kinds(), rooms: Int, isIn: @escaping (RoomName) -> Bool, now: Moment,
            lease: @escaping (Int) -> Lease, freshID: @escaping () -> String
        ) {
            self.limits = limits
            self.kinds = kinds
            self.rooms = rooms
            entered = isIn
            self.now = now
            take = lease
            name = freshID
        }

        func isIn(_ room: RoomName) -> Bool { entered(room) }
        func lease(_ count: Int) -> Lease { take(count) }
        func freshID() -> String { name() }
    }
}
