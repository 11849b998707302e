import RoostCore
import Testing

@Suite struct RoomReplicaTests {
    private typealias Replica = RoomReplica<String>
    private let e = epoch("e")

    private func replica(head: UInt64, _ readers: [(String, UInt64)] = []) -> Replica {
        var replica = Replica(epoch: e, head: head)
        for (name, seq) in readers { _ = replica.add(name, at: seq) }
        return replica
    }

    private func push(_ replica: inout Replica, upTo last: UInt64, refusing: Set<String> = []) -> [String] {
        var offered: [String] = []
        replica.push(upTo: last) { name in
            offered.append(name)
            return !refusing.contains(name)
        }
        return offered
    }

    @Test(
        arguments: [
            (6, 6, Replica.Arrival.push(from: 6)), (6, 9, .push(from: 6)), (4, 7, .push(from: 6)),
            (1, 6, .push(from: 6)),
            (5, 5, .stale), (1, 5, .stale), (3, 4, .stale), (7, 7, .fill(after: 5)), (8, 20, .fill(after: 5)),
        ] as [(UInt64, UInt64, RoomReplica<String>.Arrival)])
    func aStretchIsPushedIfItFollowsAndFilledIfItLeavesAGap(
        _ first: UInt64, _ last: UInt64, _ arrival: RoomReplica<String>.Arrival
    ) {
        var replica = replica(head: 5)
        #expect(replica.arrive(epoch: e, first: first, last: last) == arrival)
        #expect(replica.head == 5)
    }

    @Test func anotherEpochIsAnotherLog() {
        var replica = replica(head: 5)
        #expect(replica.arrive(epoch: epoch("f"), first: 6, last: 6) == .otherEpoch)
        #expect(replica.hear(epoch: epoch("f"), head: 1) == .otherEpoch)
        #expect(replica.head == 5)
        #expect(replica.epoch == e)
    }

    @Test func ofAHeadThatIsFurtherTheRestIsRead() {
        var replica = replica(head: 5)
        #expect(replica.hear(epoch: e, head: 4) == .stale)
        #expect(replica.hear(epoch: e, head: 5) == .stale)
        #expect(replica.hear(epoch: e, head: 6) == .fill(after: 5))
    }

    @Test func oneReadAtATimeAndAnotherIfThatWasNotAll() {
        var replica = replica(head: 5)
        #expect(replica.arrive(epoch: e, first: 8, last: 8) == .fill(after: 5))
        #expect(replica.arrive(epoch: e, first: 9, last: 9) == .filling)
        #expect(replica.hear(epoch: e, head: 10) == .filling)
        #expect(replica.arrive(epoch: e, first: 6, last: 8) == .push(from: 6))
        _ = push(&replica, upTo: 8)
        #expect(replica.filled() == .fill(after: 8))
        #expect(replica.arrive(epoch: e, first: 9, last: 10) == .push(from: 9))
        _ = push(&replica, upTo: 10)
        #expect(replica.filled() == .stale)
        #expect(replica.hear(epoch: e, head: 11) == .fill(after: 10))
    }

    @Test func aRumourThatTheLogDoesNotBearOutIsDropped() {
        var replica = replica(head: 5)
        #expect(replica.hear(epoch: e, head: 9) == .fill(after: 5))
        #expect(replica.filled() == .stale)
        // Else every read would ask for the next, for ever.
        #expect(replica.hear(epoch: e, head: 6) == .fill(after: 5))
        _ = push(&replica, upTo: 6)
        #expect(replica.filled() == .stale)
    }

    @Test func aRumourThatCameWhileAReadBroughtNothingIsKept() {
        var replica = replica(head: 5)
        #expect(replica.hear(epoch: e, head: 6) == .fill(after: 5))
        // What is read was there before this was said.
        #expect(replica.hear(epoch: e, head: 9) == .filling)
        #expect(replica.filled() == .fill(after: 5))
        #expect(replica.filled() == .stale)
    }

    @Test func aReadThatWasOvertakenIsFollowedByAnotherWhereThereIsMore() {
        var replica = replica(head: 5)
        #expect(replica.arrive(epoch: e, first: 8, last: 8) == .fill(after: 5))
        _ = push(&replica, upTo: 6)
        #expect(replica.filled() == .fill(after: 6))
    }

    @Test func aReadThatIsPutOffBeginsWhereTheHeadIsThen() {
        var replica = replica(head: 5)
        #expect(replica.postponed() == .stale)
        #expect(replica.arrive(epoch: e, first: 7, last: 7) == .fill(after: 5))
        _ = push(&replica, upTo: 6)
        #expect(replica.postponed() == .fill(after: 6))
        _ = push(&replica, upTo: 7)
        #expect(replica.postponed() == .stale)
        #expect(replica.hear(epoch: e, head: 8) == .fill(after: 7))
    }

    @Test func aRumourFromBeforeTheReplicaIsRemembered() {
        var replica = Replica(epoch: e, head: 5, rumour: 8)
        #expect(replica.hear(epoch: e, head: 6) == .fill(after: 5))
        _ = push(&replica, upTo: 6)
        #expect(replica.filled() == .fill(after: 6))
        var old = Replica(epoch: e, head: 5, rumour: 3)
        #expect(old.filled() == .stale)
    }

    @Test func livesAreWhoHaveEverythingTheOthersAreBehind() {
        let replica = replica(head: 5, [("live", 5), ("new", 0), ("near", 4)])
        #expect(
            replica.readers.map(\.place)
                == [.live, .behind(seq: 0, reading: false), .behind(seq: 4, reading: false)])
        #expect(self.replica(head: 0, [("first", 0)]).readers.map(\.place) == [.live])
    }

    @Test func onlyTheLiveArePushedAndWhoRefusesFallsBehindWhereItStood() {
        var replica = replica(head: 5, [("a", 5), ("slow", 5), ("behind", 3), ("b", 5)])
        #expect(push(&replica, upTo: 8, refusing: ["slow"]) == ["a", "slow", "b"])
        #expect(replica.head == 8)
        #expect(
            replica.readers.map(\.place)
                == [.live, .behind(seq: 5, reading: false), .behind(seq: 3, reading: false), .live])
        #expect(push(&replica, upTo: 9) == ["a", "b"])
    }

    @Test func aReaderBehindReadsFromItsPlaceUntilItStandsAtTheHead() {
        var replica = replica(head: 5, [("r", 2)])
        #expect(replica.startReading(0) == .read(after: 2))
        #expect(replica.startReading(0) == .none)
        #expect(replica.readers[0].place == .behind(seq: 2, reading: true))
        #expect(push(&replica, upTo: 6) == [])
        #expect(replica.advance(0, to: 5) == false)
        #expect(replica.readers[0].place == .behind(seq: 5, reading: false))
        #expect(replica.startReading(0) == .read(after: 5))
        #expect(replica.advance(0, to: 6) == true)
        #expect(replica.startReading(0) == .none)
        #expect(push(&replica, upTo: 7) == ["r"])
    }

    @Test func aReaderAheadWaitsUntilTheReplicaComesUpWithIt() {
        var replica = replica(head: 5, [("ahead", 7), ("far", 9)])
        #expect(replica.startReading(0) == .wait)
        #expect(push(&replica, upTo: 6) == [])
        #expect(push(&replica, upTo: 7) == [])
        #expect(replica.readers[0].place == .live)
        #expect(push(&replica, upTo: 12) == ["ahead"])
        #expect(replica.startReading(1) == .read(after: 9))
    }

    @Test func whatAReaderHearsYetIsWhatIsBeyondItsPlace() {
        let replica = replica(head: 5, [("live", 5), ("behind", 2), ("ahead", 8)])
        #expect((0...2).map { replica.hears($0, 6) } == [true, true, false])
        #expect((0...2).map { replica.hears($0, 2) } == [true, false, false])
    }

    @Test func seekingPutsAReaderBackAndEndsItsRead() {
        var replica = replica(head: 5, [("r", 5)])
        replica.seek(0, to: 1)
        #expect(replica.startReading(0) == .read(after: 1))
        replica.seek(0, to: 3)
        #expect(replica.startReading(0) == .read(after: 3))
        replica.seek(0, to: 5)
        #expect(replica.readers[0].place == .live)
    }

    @Test func replacingChangesTheHandleToo() {
        var replica = replica(head: 5, [("a", 5), ("b", 5)])
        replica.replace(0, with: "c", at: 2)
        #expect(replica.readers.map(\.handle) == ["c", "b"])
        #expect(replica.readers[0].place == .behind(seq: 2, reading: false))
    }

    @Test func theLastTakesThePlaceOfTheOneRemoved() {
        var replica = replica(head: 5, [("a", 5), ("b", 4), ("c", 3)])
        #expect(replica.add("d", at: 2) == 3)
        #expect(replica.remove(1) == "d")
        #expect(replica.readers.map(\.handle) == ["a", "d", "c"])
        #expect(replica.readers[1].place == .behind(seq: 2, reading: false))
        #expect(replica.remove(2) == nil)
        #expect(replica.remove(0) == "d")
        #expect(replica.remove(0) == nil)
        #expect(replica.readers.isEmpty)
    }

    @Test func inANewLogEveryoneStartsAtItsEnd() {
        var replica = replica(head: 5, [("a", 5), ("b", 1)])
        _ = replica.startReading(1)
        _ = replica.hear(epoch: e, head: 50)
        replica.restart(epoch: epoch("f"), head: 2)
        #expect(replica.epoch == epoch("f"))
        #expect(replica.head == 2)
        #expect(replica.readers.map(\.place) == [.live, .live])
        #expect(replica.arrive(epoch: e, first: 6, last: 6) == .otherEpoch)
        #expect(replica.hear(epoch: epoch("f"), head: 3) == .fill(after: 2))
        _ = push(&replica, upTo: 3)
        #expect(replica.filled() == .stale)
    }
}
