import Testing

@testable import RoostBench

@Suite("What a reader has heard")
struct HearingTests {
    private func heard(_ seqs: [UInt64], after seq: UInt64 = 10) -> Hearing {
        var hearing = Hearing(after: seq)
        for seq in seqs { hearing.hear(seq) }
        return hearing
    }

    private func faults(_ hearing: Hearing) -> [UInt64] { [hearing.duplicates, hearing.holes, hearing.late] }

    @Test("everything once and in order is no fault")
    func allIsWell() {
        let hearing = heard(Array(11...500))
        #expect(faults(hearing) == [0, 0, 0])
        #expect(hearing.reached == 500)
        #expect(hearing.heard == 490)
    }

    @Test("many in order are heard as they are one by one")
    func runs() {
        var hearing = heard([11, 13])
        hearing.hear(next: 5)
        hearing.hear(18)
        #expect(faults(hearing) == [1, 1, 0])
        #expect(hearing.reached == 18)
        #expect(hearing.heard == 8)
    }

    @Test("what was heard, now or before the reader was away, and comes again is a duplicate")
    func duplicates() {
        #expect(faults(heard([11, 12, 12, 11])) == [2, 0, 0])
        #expect(faults(heard([10, 3, 11])) == [2, 0, 0])
    }

    @Test("what is passed over is a hole until it comes, and then it was late; twice late is a duplicate")
    func holes() {
        #expect(faults(heard([11, 15])) == [0, 3, 0])
        #expect(faults(heard([11, 15, 13])) == [0, 2, 1])
        #expect(faults(heard([11, 15, 13, 12, 14, 16])) == [0, 0, 3])
        #expect(faults(heard([11, 15, 13, 13])) == [1, 2, 1])
    }
}

@Suite("A storm's state")
struct StormStateTests {
    private func state(_ places: [(room: Int, seq: UInt64)], heads: [UInt64]) -> StormState {
        StormState(
            rooms: heads.indices.map { StormState.Room(name: "r\($0)", epoch: "e", head: heads[$0]) },
            clients: places.map { StormState.Client(room: $0.room, seq: $0.seq) }, size: 512, isStaggered: false)
    }

    @Test("blocks are counted once for each room, from the one that the rearmost client needs to the head's")
    func blocks() {
        #expect(state([(0, 0), (0, 0)], heads: [128]).blocks() == 1)
        #expect(state([(0, 0)], heads: [129]).blocks() == 2)
        #expect(state([(0, 500), (0, 900)], heads: [1000]).blocks() == 5)
        #expect(state([(0, 127), (1, 128)], heads: [129, 129]).blocks() == 3)
        #expect(state([(0, 100)], heads: [100, 100]).blocks() == 0)
    }

    @Test("what is to be heard is counted client by client")
    func totals() {
        let state = state([(0, 90), (0, 0), (1, 5)], heads: [100, 5])
        #expect(state.total == 110)
        #expect(state.most == 100)
    }
}
