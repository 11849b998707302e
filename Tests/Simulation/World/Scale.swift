import RoostCore
import RoostHub

/// A cluster in which nothing goes wrong, larger than can be run here: how often nodes ask what they share, beside what
/// `Docs/scaling.md` computes.
///
/// The hubs are the real ones; Redis and the store count. Everybody is in ten rooms with ten members each, who sit where
/// chance has put them.
public struct Scale: Sendable {
    public var nodes: Int
    public var users: Int
    /// Seconds for which each thing is counted.
    public var seconds: Int

    static let roomsEach = 10
    static let membersEach = 10
    /// Seconds between two messages of a user.
    static let messageEvery = 60
    /// Seconds between two connections of a user, shorter than anywhere to have some in the time.
    static let reconnectEvery = 600

    public init(nodes: Int, users: Int, seconds: Int = 60) {
        self.nodes = nodes
        self.users = users
        self.seconds = seconds
    }

    /// What was counted in a time in which so much was done.
    public struct Count: Sendable {
        public var seconds: Int
        /// Messages, or connections that were made anew.
        public var done: Int
        public var tally: Tally
    }

    public struct Outcome: Sendable {
        /// Pairs of a room and a node that has a reader of it.
        public var listened: Int
        public var atRest: Count
        public var messages: Count
        public var reconnects: Count
        /// What should not have happened.
        public var violation: Violation?
    }

    public func run() -> Outcome { Census(self).run() }

    /// Over how many of so many places ten members are spread.
    public static func spread(over places: Int) -> Double {
        Double(places) * (1 - chanceOfNone(on: places, of: membersEach))
    }

    /// How probable it is that nobody of so many is on one of so many places.
    public static func chanceOfNone(on places: Int, of members: Int) -> Double {
        (0..<members).reduce(1) { chance, _ in chance * (1 - 1 / Double(places)) }
    }

    /// As `SimNode` has them.
    public static let loopsEach = 2
}

/// One run of it.
private final class Census {
    let scale: Scale
    let stage: Stage
    let nodes: [SimNode]
    let dice: Dice
    private var crowd: [Member] = []

    init(_ scale: Scale) {
        self.scale = scale
        var shape = Shape()
        (shape.nodes, shape.hasBus) = (scale.nodes, true)
        let stage = Stage(seed: 1, shape: shape, isTraced: false)
        stage.isCalm = true
        let (vault, redis) = (Vault(stage), SimRedis(stage))
        self.stage = stage
        dice = stage.dice("scale")
        nodes = (0..<scale.nodes).map { SimNode(stage, vault: vault, redis: redis, name: "n\($0)") }
    }

    func run() -> Scale.Outcome {
        for node in nodes { node.start() }
        advance(10)
        gather()
        for member in crowd { stage.scheduler.after(dice.time(0 ... .ms(30_000))) { member.connect() } }
        // Nobody is told of coming and going any more; what is told of each room in turn has been once.
        advance(30 + 60)
        let atRest = count(0) {}
        let messages = count(every: Scale.messageEvery) { $0.say() }
        // The last are told of again.
        advance(10)
        // What nobody is in any more is forgotten in some slow rounds.
        let reconnects = count(every: Scale.reconnectEvery, andAfterwards: 120) { $0.reconnect() }
        return Scale.Outcome(
            listened: crowd.reduce(into: Set<Seat>()) { $0.formUnion($1.seats) }.count, atRest: atRest,
            messages: messages, reconnects: reconnects, violation: stage.referee.violation)
    }

    private func advance(_ seconds: Int) {
        stage.scheduler.run(until: stage.now + .ms(Int64(seconds) * 1000)) { stage.referee.isOver }
    }

    /// Ten rooms for everybody, ten members for each.
    private func gather() {
        var seats = (0..<scale.users).flatMap { [Int](repeating: $0, count: Scale.roomsEach) }
        seats.shuffle(using: &shuffler)
        var rooms = [[String]](repeating: [], count: scale.users)
        for (index, user) in seats.enumerated() { rooms[user].append("r\(index / Scale.membersEach)") }
        crowd = rooms.enumerated().compactMap { number, rooms in
            UserID("u\(number)").map { Member(stage, $0, rooms: rooms, nodes: nodes, number: number) }
        }
    }

    private lazy var shuffler = stage.dice("rooms")

    private func count(_ done: Int, andAfterwards more: Int = 0, _ plan: () -> Void) -> Scale.Count {
        let (before, seconds) = (stage.tally, scale.seconds + more)
        plan()
        advance(seconds)
        return Scale.Count(seconds: seconds, done: done, tally: stage.tally - before)
    }

    /// Everybody does something once in so many seconds.
    private func count(every seconds: Int, andAfterwards more: Int = 0, _ act: @escaping (Member) -> Void)
        -> Scale.Count
    {
        let doing = crowd.compactMap { member -> (Member, Int64)? in
            let time = dice.time(0 ... .ms(Int64(seconds) * 1000))
            return time < .ms(Int64(scale.seconds) * 1000) ? (member, time) : nil
        }
        return count(doing.count, andAfterwards: more) {
            for (member, time) in doing { stage.scheduler.after(time) { act(member) } }
        }
    }
}

/// A room, as one node hears it.
struct Seat: Hashable {
    var room: String
    var node: Int
}
