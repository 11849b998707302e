import RoostCore
import Testing

/// What several nodes let one user send.
@Suite struct AllowanceTests {
    private let rate = 200
    private let burst = 1000
    private var block: Int { Allowance.block(rate: rate, burst: burst) }
    private var credit: Int { Allowance.credit(burst: burst) }

    /// Nodes that share one bucket, whose answers take a while, in steps of a millisecond.
    private struct Nodes {
        let rate: Int
        let burst: Int
        var now: Int64 = 0
        var nodes: [Allowance]
        var shared: TokenBucket
        var isAway = false
        /// Questions to be asked, and answers to be heard, by node.
        var due: [(at: Int64, node: Int)] = []
        var answers: [(at: Int64, node: Int, count: Int, wanted: Int)] = []
        var questions = 0
        var granted = 0
        let latencyMs: Int64

        init(_ count: Int, rate: Int, burst: Int, latencyMs: Int64 = 2) {
            (self.rate, self.burst, self.latencyMs) = (rate, burst, latencyMs)
            nodes = (0..<count).map { _ in Allowance(burst: burst, now: .at(0)) }
            shared = TokenBucket(burst: burst, now: .at(0))
        }

        mutating func lease(_ node: Int, _ count: Int) -> Session.Lease {
            let (lease, askAfterMs) = nodes[node].lease(
                count, rate: rate, burst: burst, isShared: true, now: .at(now))
            if let askAfterMs { due.append((now + askAfterMs, node)) }
            return lease
        }

        /// As many tokens as are wanted, or as there are.
        mutating func spend(_ node: Int, _ count: Int) -> Int {
            var spent = 0
            while spent < count, case .tokens(let some) = lease(node, min(16, count - spent)) { spent += some }
            return spent
        }

        mutating func pass(_ milliseconds: Int64 = 1) {
            for _ in 0..<milliseconds {
                now += 1
                for (_, node) in take(&due, at: \.at) { ask(node) }
                for answer in take(&answers, at: \.at) {
                    let askAfterMs = nodes[answer.node].granted(
                        answer.count, of: answer.wanted, rate: rate, burst: burst, now: .at(now))
                    if let askAfterMs { due.append((now + askAfterMs, answer.node)) }
                }
            }
        }

        private mutating func ask(_ node: Int) {
            let wanted = nodes[node].question(rate: rate, burst: burst)
            guard !isAway else { return nodes[node].failed(now: .at(now)) }
            questions += 1
            var count = 0
            if case .tokens(let some) = shared.lease(wanted, rate: rate, burst: burst, now: .at(now)) { count = some }
            granted += count
            answers.append((now + latencyMs, node, count, wanted))
        }

        private func take<Entry>(_ list: inout [Entry], at time: (Entry) -> Int64) -> [Entry] {
            let ready = list.filter { time($0) <= now }
            list.removeAll { time($0) <= now }
            return ready
        }
    }

    @Test(arguments: [1, 2, 3, 10], [Int64(0), 2, 20, 100])
    func allNodesTogetherGiveTheRateAndACreditEach(_ count: Int, _ latencyMs: Int64) {
        var nodes = Nodes(count, rate: rate, burst: burst, latencyMs: latencyMs)
        var (spent, excess) = (0, Int.min)
        for millisecond in 1...20_000 {
            for node in 0..<count { spent += nodes.spend(node, 16) }
            nodes.pass()
            excess = max(excess, spent - burst - rate * millisecond / 1000)
        }
        // Before the first two answers nobody knows of the others.
        let blind = min(burst, 16 * (2 * Int(latencyMs) + 4))
        #expect(excess <= count * max(credit, blind))
        // And not much less, whoever asks and however long answers take.
        #expect(spent >= burst + rate * 20 * 9 / 10)
    }

    @Test(arguments: [(1, 1), (3, 3), (10, 20), (1, 1000), (1_000_000, 1_000_000)])
    func anyRateIsKept(_ rate: Int, _ burst: Int) {
        var nodes = Nodes(3, rate: rate, burst: burst)
        var spent = 0
        for _ in 1...5000 {
            for node in 0..<3 { spent += nodes.spend(node, max(16, rate / 500)) }
            nodes.pass()
        }
        #expect(spent <= 3 * burst + rate * 5 + 3)
        #expect(spent >= burst + rate * 5 * 8 / 10 - 3)
    }

    @Test func aBurstWaitsForNobody() {
        var nodes = Nodes(1, rate: rate, burst: burst)
        #expect(nodes.spend(0, 2 * burst) == burst)
        nodes.pass(10)
        // It was had from the shared bucket, which now has none for another node.
        #expect(nodes.granted >= burst)
        #expect(nodes.shared.fill(rate: rate, burst: burst, now: .at(nodes.now)) < block)
    }

    @Test func whatIsSpentWhileAQuestionIsOnItsWayIsAskedForAfterwards() {
        var nodes = Nodes(2, rate: rate, burst: burst, latencyMs: 5)
        #expect(nodes.spend(0, 16) == 16)
        nodes.pass(2)
        // The question that is out asks for what was spent until then.
        #expect(nodes.spend(0, burst) == burst - 16)
        nodes.pass(30)
        #expect(nodes.granted >= burst)
        // So there is nothing left for the other node but its credit, once it knows, and the first node owes nothing.
        #expect(nodes.nodes[0].question(rate: rate, burst: burst) <= block)
        #expect(nodes.shared.fill(rate: rate, burst: burst, now: .at(nodes.now)) < block)
    }

    @Test func whoOwesNothingMayBurstAgain() {
        var nodes = Nodes(1, rate: rate, burst: burst)
        #expect(nodes.spend(0, burst) == burst)
        nodes.pass(2500)
        // Half of it has come back.
        #expect(nodes.spend(0, burst / 2) == burst / 2)
    }

    @Test func whoBurstsOnAllNodesAtOncePaysForItBeforeTheyGiveMore() {
        var nodes = Nodes(3, rate: rate, burst: burst)
        for node in 0..<3 { #expect(nodes.spend(node, burst) == burst) }
        nodes.pass(10)
        let owed = nodes.nodes.map { $0.question(rate: rate, burst: burst) - block }
        #expect(owed.filter { $0 > credit }.count == 2)
        // Who owes more than the credit gives nothing; it pays by itself, whether or not anybody sends.
        for _ in 1...2000 {
            for node in 1...2 where owed[node] > credit { #expect(nodes.spend(node, 16) == 0) }
            nodes.pass()
        }
        var last = 0
        while let owing = nodes.nodes.firstIndex(where: { $0.question(rate: rate, burst: burst) > block }),
            nodes.now < 20_000
        {
            last = owing
            nodes.pass()
        }
        #expect(nodes.now < 20_000, "it is paid")
        // Having paid does not make the shared bucket a full one.
        nodes.pass(200)
        #expect(nodes.spend(last, burst) <= credit + block)
    }

    @Test func aBurstIsLetThroughAgainOnceTheSharedBucketHasFilled() {
        var nodes = Nodes(2, rate: rate, burst: burst)
        for _ in 1...6000 {
            for node in 0..<2 { _ = nodes.spend(node, 16) }
            nodes.pass()
        }
        #expect(nodes.spend(0, burst) <= credit + block)
        nodes.pass(Int64(burst) * 1000 / Int64(rate) + 3000)
        #expect(nodes.spend(0, burst) == burst)
    }

    @Test func theTimeToWaitIsTheOneThatTheDebtTakes() {
        var allowance = Allowance(burst: burst, now: .at(0))
        func lease(_ now: Int64) -> Session.Lease {
            allowance.lease(16, rate: rate, burst: burst, isShared: true, now: .at(now)).lease
        }
        while case .tokens = lease(0) {}
        guard case .wait(let soon) = lease(0) else { return #expect(Bool(false), "all is spent") }
        #expect(soon > 0 && soon <= 100)
        _ = allowance.granted(0, of: 41, rate: rate, burst: burst, now: .at(1))
        guard case .wait(let later) = lease(2) else { return #expect(Bool(false), "nothing was given") }
        // Half a block's worth, before which asking is of no use.
        #expect(later >= Int64(block) * 500 / Int64(rate))
    }

    @Test func aDebtIsNotLeftBehind() {
        var allowance = Allowance(burst: burst, now: .at(0))
        func isOver(_ now: Int64) -> Bool { allowance.isOver(rate: rate, burst: burst, now: .at(now)) }
        func granted(_ count: Int, _ now: Int64) -> Int64? {
            allowance.granted(count, of: 41, rate: rate, burst: burst, now: .at(now))
        }
        _ = allowance.lease(16, rate: rate, burst: burst, isShared: true, now: .at(0))
        #expect(!isOver(60_000))
        // It asks again by itself.
        #expect(granted(0, 60_001) != nil)
        #expect(allowance.question(rate: rate, burst: burst) == block + 16)
        #expect(!isOver(60_003))
        #expect(granted(41, 60_004) == nil)
        #expect(isOver(60_005))
    }

    @Test func questionsAreFewerThanBlocksAndNobodyAsksWhoSendsNothing() {
        var nodes = Nodes(3, rate: rate, burst: burst)
        nodes.pass(10_000)
        #expect(nodes.questions == 0)
        var spent = 0
        for _ in 1...10_000 {
            spent += nodes.spend(0, 1)
            nodes.pass()
        }
        #expect(nodes.questions * block / 2 <= spent + block)
        let before = nodes.questions
        nodes.pass(10_000)
        #expect(nodes.questions <= before + 1)
    }

    @Test func whatWasLeftIsNoMoreThanABlock() {
        var nodes = Nodes(3, rate: rate, burst: burst)
        for node in 0..<3 { _ = nodes.spend(node, 1) }
        nodes.pass(3_600_000)
        var spent = 0
        for _ in 1...1000 {
            for node in 0..<3 { spent += nodes.spend(node, 16) }
            nodes.pass()
        }
        #expect(spent <= burst + rate + 3 * block + 3 * credit)
    }

    @Test func whileTheSharedBucketIsAwayEachNodeKeepsTheLimitByItself() {
        var nodes = Nodes(3, rate: rate, burst: burst)
        nodes.isAway = true
        var spent = [0, 0, 0]
        for _ in 1...10_000 {
            for node in 0..<3 { spent[node] += nodes.spend(node, 16) }
            nodes.pass()
        }
        #expect(spent.allSatisfy { $0 >= burst + rate * 9 && $0 <= burst + rate * 10 })
        // Once it is back it is shared again.
        nodes.isAway = false
        nodes.pass(Allowance.retreatMs)
        for _ in 1...3000 {
            for node in 0..<3 { _ = nodes.spend(node, 16) }
            nodes.pass()
        }
        var together = 0
        for _ in 1...10_000 {
            for node in 0..<3 { together += nodes.spend(node, 16) }
            nodes.pass()
        }
        #expect(together <= rate * 10 + 3 * block + 3 * credit)
    }

    @Test func anAnswerThatDoesNotComeHoldsNobodyUpForLong() {
        var allowance = Allowance(burst: burst, now: .at(0))
        func lease(_ now: Int64) -> Session.Lease {
            allowance.lease(16, rate: rate, burst: burst, isShared: true, now: .at(now)).lease
        }
        while case .tokens = lease(0) {}
        guard case .wait(let time) = lease(0) else { return #expect(Bool(false), "it waits for the answer") }
        #expect(time > 0 && time <= 100)
        #expect(lease(Allowance.patienceMs + 1) == .tokens(16))
        // When it comes after all, it counts.
        _ = allowance.granted(2 * credit, of: 2 * credit, rate: rate, burst: burst, now: .at(1000))
        #expect(lease(1000) == .tokens(16))
    }

    @Test func withoutOthersTheOwnBucketIsAllThereIs() {
        var allowance = Allowance(burst: burst, now: .at(0))
        var spent = 0
        while true {
            let (lease, askAfterMs) = allowance.lease(16, rate: rate, burst: burst, isShared: false, now: .at(0))
            #expect(askAfterMs == nil)
            guard case .tokens(let some) = lease else { break }
            spent += some
        }
        #expect(spent == burst)
    }
}
