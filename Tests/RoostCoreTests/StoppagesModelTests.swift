import RoostCore
import Testing

/// A client that sends ahead, a network with delays, a server that refuses at random on the way to the log and in it:
/// whatever happens, the log has the messages in the order in which they were first sent.
@Suite struct StoppagesModelTests {
    @Test(arguments: 1...150)
    func theLogHasTheOrderOfTheFirstSending(_ seed: Int) {
        var world = OrderModel(seed: seed)
        for _ in 0..<600 { world.step() }
        #expect(world.refusedAtDoor + world.refusedInLog > 0)
        world.isKind = true
        for _ in 0..<50_000 where world.accepted.count < OrderModel.count { world.step() }
        #expect(world.accepted == Array(1...OrderModel.count), "seed \(seed)")
        #expect(!world.isClosed)
    }
}

private struct OrderModel {
    static let count = 60

    private enum ToServer {
        case message(Int)
        case pong(UInt64)
    }

    private enum ToClient {
        case ack(Int)
        case refusal(Int, retryAfterMs: Int64)
        case ping(UInt64)
    }

    /// What an append was asked to take, and how many failures the server had heard of when it handed it in.
    private struct Parcel {
        var numbers: [Int]
        var heard: Int
    }

    /// What an append has come to.
    private struct News {
        var numbers: [Int]
        var failures: Int?
    }

    var generator: SeededGenerator
    /// Nothing is refused any more.
    var isKind = false
    private(set) var accepted: [Int] = []
    private(set) var (refusedAtDoor, refusedInLog) = (0, 0)
    private(set) var isClosed = false

    private var desk: SessionDesk
    private var (up, down): ([ToServer], [ToClient]) = ([], [])
    // The client: what it has not had acked, and from where on it must send again.
    private var (next, unacked): (Int, [Int]) = (1, [])
    private var again: (from: Int, at: Moment)?
    private var refused: Set<Int> = []
    /// Whether the client waits as long as it is told.
    private let isPatient: Bool
    // The way to the log.
    private var (drafts, parcels, news): ([Int], [Parcel], [News]) = ([], [], [])
    private var (failures, heard) = (0, 0)

    init(seed: Int) {
        generator = SeededGenerator(seed: seed)
        // Each frame asks the user's own bucket, which refuses at random.
        desk = SessionDesk(limits: limits { ($0.rateMessages, $0.rateBurst) = (1_000_000, 16) })
        isPatient = generator.oneIn(2)
    }

    mutating func step() {
        desk.now = desk.now + Int64(generator.below(60))
        switch generator.below(8) {
        case 0, 1: send()
        case 2, 3: if !down.isEmpty { hear(down.removeFirst()) }
        case 4: append()
        default: tick()
        }
    }

    // MARK: The client

    private mutating func send() {
        if let again {
            guard desk.now >= again.at else { return }
            // What was refused comes again even if it was acked meanwhile, since it may have been sent twice.
            let due = refused.union(unacked.filter { $0 >= again.from })
            up += due.sorted().map { .message($0) }
            (self.again, refused) = (nil, [])
        } else if next <= OrderModel.count {
            unacked.append(next)
            up.append(.message(next))
            next += 1
        }
    }

    private mutating func hear(_ frame: ToClient) {
        switch frame {
        case .ack(let number): unacked.removeAll { $0 == number }
        case .ping(let number): up.append(.pong(number))
        case .refusal(let number, let wait):
            refused.insert(number)
            let at = desk.now + (isPatient ? wait : Int64(generator.below(30)))
            again = (min(number, again?.from ?? number), max(at, again?.at ?? at))
        }
    }

    // MARK: The server

    private mutating func tick() {
        for _ in 0..<generator.below(4) where !up.isEmpty { receive(up.removeFirst()) }
        if generator.oneIn(2), !news.isEmpty { take(news.removeFirst()) }
        submit()
    }

    private mutating func receive(_ frame: ToServer) {
        guard case .message(let number) = frame else {
            if case .pong(let number) = frame { desk.session.hear(pong: number) }
            return
        }
        desk.lease = !isKind && generator.oneIn(12) ? .wait(milliseconds: 40) : nil
        let action = desk.say(.random, id: id("m\(number)"))
        if case .publish = action { drafts.append(number) } else { answer(action, number) }
    }

    private mutating func answer(_ action: Session.Action, _ number: Int) {
        refusedAtDoor += 1
        switch action {
        case .refuse(let failure, _): down.append(.refusal(number, retryAfterMs: failure.retryAfterMs ?? 0))
        case .refuseAndPing(let failure, _):
            down += [.refusal(number, retryAfterMs: failure.retryAfterMs ?? 0), .ping(desk.session.numberPing())]
        default: isClosed = true
        }
    }

    private mutating func refuse(_ numbers: [Int], isOnTheWay: Bool) {
        let failure = Failure(.unavailable, "Busy.", retryAfterMs: 500)
        for number in numbers {
            let action = desk.session.refused(
                id("m\(number)"), in: .random, failure, isOnTheWay: isOnTheWay, now: desk.now)
            answer(action, number)
        }
    }

    private mutating func submit() {
        guard !drafts.isEmpty else { return }
        let parcel = Parcel(numbers: drafts, heard: heard)
        drafts = []
        let isFull = !isKind && generator.oneIn(12)
        if heard != failures || isFull { refuse(parcel.numbers, isOnTheWay: true) } else { parcels.append(parcel) }
    }

    private mutating func append() {
        guard !parcels.isEmpty else { return }
        guard isKind || !generator.oneIn(6) else {
            refusedInLog += 1
            failures += 1
            news.append(News(numbers: parcels.flatMap(\.numbers), failures: failures))
            parcels = []
            return
        }
        let batch = parcels.prefix(1 + generator.below(parcels.count))
        parcels.removeFirst(batch.count)
        let numbers = batch.flatMap(\.numbers)
        for number in numbers where !accepted.contains(number) { accepted.append(number) }
        news.append(News(numbers: numbers, failures: nil))
    }

    private mutating func take(_ item: News) {
        guard let failures = item.failures else {
            down += item.numbers.map { .ack($0) }
            return
        }
        // What was gathered by now was sent behind what has failed.
        submit()
        heard = failures
        refuse(item.numbers, isOnTheWay: false)
    }
}
