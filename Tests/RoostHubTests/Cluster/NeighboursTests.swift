import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

@Suite("Which nodes live")
struct NeighboursTests {
    private let me = NodeCard(node: NodeID(random: 1), name: "me", storeID: "s")
    private let other = NodeCard(node: NodeID(random: 2), name: "other", storeID: "s")

    private func at(_ milliseconds: Int64) -> Moment { Moment(milliseconds: milliseconds) }

    @Test func whoHasLostItsLeaseIsDead() {
        var neighbours = Neighbours(me: me.node, now: at(0))
        let result1 = neighbours.renewed([me, other], storeID: "s", now: at(0))
        #expect(result1.dead.isEmpty)
        #expect(neighbours.lives(other.node))
        let result2 = neighbours.renewed([me], storeID: "s", now: at(2000))
        #expect(result2.dead == [other.node])
        #expect(!neighbours.lives(other.node))
    }

    @Test func whoIsOnlyHeardOfLivesUntilTheSecondRenewalThatDoesNotKnowIt() {
        var neighbours = Neighbours(me: me.node, now: at(0))
        neighbours.heard(of: other.node)
        let result3 = neighbours.renewed([me], storeID: "s", now: at(0))
        #expect(result3.dead.isEmpty)
        #expect(neighbours.lives(other.node))
        let result4 = neighbours.renewed([me], storeID: "s", now: at(2000))
        #expect(result4.dead == [other.node])
    }

    @Test func afterATimeWithoutTheBusEveryoneHasALeasesTime() {
        var neighbours = Neighbours(me: me.node, now: at(0))
        _ = neighbours.renewed([me, other], storeID: "s", now: at(0))
        neighbours.busIsBack(now: at(10_000))
        let result5 = neighbours.renewed([me], storeID: "s", now: at(10_000))
        #expect(result5.dead.isEmpty)
        let result6 = neighbours.renewed([me], storeID: "s", now: at(12_000))
        #expect(result6.dead.isEmpty)
        let result7 = neighbours.renewed([me], storeID: "s", now: at(16_000))
        #expect(result7.dead == [other.node])
    }

    @Test func aNodeThatCouldNotRenewForALeasesTimeAccusesNobody() {
        var neighbours = Neighbours(me: me.node, now: at(0))
        _ = neighbours.renewed([me, other], storeID: "s", now: at(0))
        let result8 = neighbours.renewed([me], storeID: "s", now: at(7000))
        #expect(result8.dead.isEmpty)
        let result9 = neighbours.renewed([me, other], storeID: "s", now: at(9000))
        #expect(result9.dead.isEmpty)
    }

    @Test func whoRisesFromTheDeadIsNews() {
        var neighbours = Neighbours(me: me.node, now: at(0))
        let result10 = neighbours.renewed([me, other], storeID: "s", now: at(0))
        #expect(result10.risen.isEmpty)
        _ = neighbours.renewed([me], storeID: "s", now: at(2000))
        let result11 = neighbours.renewed([me, other], storeID: "s", now: at(4000))
        #expect(result11.risen == [other.node])
        let result12 = neighbours.renewed([me, other], storeID: "s", now: at(6000))
        #expect(result12.risen.isEmpty)
    }

    @Test func aNodeWithAnotherStoreIsAStranger() {
        var neighbours = Neighbours(me: me.node, now: at(0))
        let findings = neighbours.renewed([me, other], storeID: "mine", now: at(0))
        #expect(findings.strangers == [other] && findings.estranged.isEmpty)
        #expect(!neighbours.lives(other.node))
    }

    /// Both may have started while the bus was away, and what one says comes before its lease is known.
    @Test func aStrangerIsNotListenedToHoweverMuchItSays() {
        var neighbours = Neighbours(me: me.node, now: at(0))
        neighbours.heard(of: other.node)
        #expect(neighbours.lives(other.node))
        let findings = neighbours.renewed([me, other], storeID: "mine", now: at(0))
        #expect(findings.strangers == [other] && findings.estranged == [other.node] && findings.dead.isEmpty)
        neighbours.heard(of: other.node)
        #expect(!neighbours.lives(other.node) && neighbours.count == 0)
        #expect(neighbours.strangers == [other.node])
        let later = neighbours.renewed([me, other], storeID: "mine", now: at(2000))
        #expect(later.estranged.isEmpty && later.dead.isEmpty)
    }
}
