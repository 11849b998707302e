import NIOCore
import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// A user's own room in a cluster: what is said there on any node is heard from the connection on.
@Suite("Own rooms over several nodes")
struct OwnRoomTests {
    private func isHead(_ bulletin: Bulletin) -> Bool { if case .head = bulletin { true } else { false } }

    @Test("messages that cross on the way are all heard, in order")
    func crossing() async throws {
        try await withCluster { cluster in
            cluster.bus.lose(isHead)
            let ann = try await cluster.nodes[0].connect("ann")
            try await cluster.knowsOwnEnd(of: "ann", on: 0)
            cluster.bus.holdPosts()
            await cluster.publish(["m1", "m2"], in: "user:ann", on: 1)
            for post in cluster.bus.takeHeld().reversed() { cluster.bus.deliver([post.post]) }
            try await ann.hear(#""seq":2,"#)
            #expect(try await ann.seqs() == [1, 2])
        }
    }

    @Test("what is said before the channel is heard is heard then, where other news are lost too")
    func beforeTheChannel() async throws {
        try await withCluster { cluster in
            cluster.bus.lose(isHead)
            cluster.bus.silence([room("user:ann")])
            cluster.bus.holdPosts()
            let ann = try await cluster.nodes[0].connect("ann")
            try await cluster.knowsOwnEnd(of: "ann", on: 0)
            await cluster.publish(["m1"], in: "user:ann", on: 1)
            _ = cluster.bus.takeHeld()
            cluster.bus.inForce([room("user:ann")])
            try await ann.hear(#""seq":1,"#)
        }
    }

    @Test("what is heard of before the store has said where the room ends waits for that, and is heard whole")
    func beforeTheEnd() async throws {
        try await withCluster { cluster in
            cluster.bus.lose(isHead)
            cluster.store.holdHeads()
            let ann = try await cluster.nodes[0].connect("ann")
            await cluster.store.isHolding()
            cluster.bus.holdPosts()
            await cluster.publish(["m1", "m2", "m3"], in: "user:ann", on: 1)
            // Nothing is ever heard of the first one.
            for post in cluster.bus.takeHeld().dropFirst().reversed() { cluster.bus.deliver([post.post]) }
            cluster.store.release()
            try await ann.hear(#""seq":3,"#)
            #expect(try await ann.seqs() == [1, 2, 3])
        }
    }

    @Test("what was said before the connection is not heard")
    func onlyFromThenOn() async throws {
        try await withCluster { cluster in
            await cluster.publish(["m1", "m2"], in: "user:ann", on: 1)
            let ann = try await cluster.nodes[0].connect("ann")
            try await cluster.knowsOwnEnd(of: "ann", on: 0)
            await cluster.publish(["m3"], in: "user:ann", on: 1)
            try await ann.hear(#""seq":3,"#)
            #expect(try await ann.seqs() == [3])
        }
    }

    @Test("without the bus it is heard when the store is looked at", arguments: [true, false])
    func alone(_ isAway: Bool) async throws {
        // With the bus there and all posts lost, the slow look finds it.
        try await withCluster(looks: 1) { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await cluster.knowsOwnEnd(of: "ann", on: 0)
            cluster.bus.lose { _ in true }
            if isAway { cluster.bus.goAway() }
            await cluster.publish(["m1"], in: "user:ann", on: 1)
            try await ann.hear(#""seq":1,"#)
        }
    }

    @Test("a store that fails is asked again, and nothing is missed")
    func failing() async throws {
        try await withCluster { cluster in
            cluster.bus.lose(isHead)
            cluster.store.failHeads(with: .busy)
            let ann = try await cluster.nodes[0].connect("ann")
            try await eventually("the store was asked") { cluster.store.heads > 0 }
            await cluster.publish(["m1"], in: "user:ann", on: 1)
            cluster.store.failHeads(with: nil)
            try await ann.hear(#""seq":1,"#)
        }
    }

    @Test("who leaves on one loop and comes on another at once is here, for itself and for the others")
    func outAndIn() async throws {
        try await withCluster(loops: 2) { cluster in
            let (node, own) = (cluster.nodes[0], room("user:ann"))
            var present = try await node.connect("ann", on: 0)
            for number in 1...400 {
                let last = present
                async let next = node.connect("ann", on: number % 2)
                try await last.drop()
                present = try await next
                guard node.hub.isOnline(user("ann")), cluster.bus.isHeard(own, by: node.id) else {
                    Issue.record("after \(number) times it is online: \(node.hub.isOnline(user("ann"))), heard: false")
                    return
                }
            }
            try await eventually("it is on the board") {
                cluster.bus.board(.connections(user("ann")))[node.id]?.rows.isEmpty == false
            }
            try await cluster.knowsOwnEnd(of: "ann", on: 0)
            await cluster.publish(["m1"], in: "user:ann", on: 1)
            try await present.hear(#""seq":1,"#)
        }
    }
}

@Suite("Where own rooms end")
struct OwnEndsTests {
    private let ann = user("ann")
    private let e = epoch("e")
    private let f = epoch("f")

    private func stretch(_ first: UInt64, _ last: UInt64, _ life: String = "e") -> OwnEnds.Stretch {
        OwnEnds.Stretch(epoch: epoch(life), first: first, last: last)
    }

    private func ends(at seq: UInt64?) -> OwnEnds {
        var ends = OwnEnds(sweepsPerLook: 5)
        ends.begin(ann)
        let missed = ends.learn(seq.map { Position(epoch: e, seq: $0) }, of: ann)
        #expect(missed == nil)
        return ends
    }

    @Test func whatLiesBetweenWasNotHeard() {
        var ends = ends(at: 5)
        let (far, late, next) = (
            ends.heard(stretch(8, 9), of: ann), ends.heard(stretch(6, 7), of: ann), ends.heard(stretch(10, 10), of: ann)
        )
        #expect(far == 6)
        #expect(late == 6)
        #expect(next == 10)
    }

    @Test func theEndOnlyMovesForwards() {
        var ends = ends(at: 5)
        _ = ends.heard(stretch(6, 9), of: ann)
        // An answer that was on its way when this was heard.
        let (old, new) = (
            ends.learn(Position(epoch: e, seq: 5), of: ann), ends.learn(Position(epoch: e, seq: 11), of: ann)
        )
        #expect(old == nil)
        #expect(new == 10)
        let none = ends.learn(nil, of: ann)
        #expect(none == nil)
        let next = ends.heard(stretch(12, 12), of: ann)
        #expect(next == 12)
        #expect(!ends.isNews(Position(epoch: e, seq: 12), of: ann))
        #expect(!ends.isNews(Position(epoch: e, seq: 3), of: ann))
        #expect(ends.isNews(Position(epoch: e, seq: 13), of: ann))
        #expect(ends.isNews(Position(epoch: f, seq: 1), of: ann))
    }

    @Test func whoIsGoneIsNotRememberedByAnAnswerThatComesLater() {
        var ends = ends(at: 5)
        ends.end(ann)
        let late = ends.learn(Position(epoch: e, seq: 7), of: ann)
        #expect(late == nil)
        #expect(!ends.isKnown(ann))
        let heard = ends.heard(stretch(8, 8), of: ann)
        #expect(heard == 8)
    }

    @Test func whatCameBeforeTheAnswerIsHeardFromTheEarlierOfBoth() {
        for (end, start) in [(3, 4), (6, 6), (9, 6)] as [(UInt64, UInt64)] {
            var ends = OwnEnds(sweepsPerLook: 5)
            ends.begin(ann)
            let early = (ends.heard(stretch(7, 8), of: ann), ends.heard(stretch(6, 6), of: ann))
            #expect(early == (nil, nil))
            let learnt = ends.learn(Position(epoch: e, seq: end), of: ann)
            #expect(learnt == start)
            let next = ends.heard(stretch(20, 20), of: ann)
            #expect(next == max(9, end + 1))
        }
    }

    @Test func aNewLogIsHeardFromItsBeginning() {
        var ends = ends(at: 5)
        let first = ends.heard(stretch(2, 3, "f"), of: ann)
        #expect(first == 1)
        let rest = ends.learn(Position(epoch: f, seq: 3), of: ann)
        #expect(rest == nil)
        var none = self.ends(at: nil)
        let begun = none.learn(Position(epoch: e, seq: 2), of: ann)
        #expect(begun == 1)
    }

    @Test func oneLookAtATimeAndAgainForWhoCameIntoDoubtMeanwhile() {
        var ends = OwnEnds(sweepsPerLook: 5)
        ends.begin(ann)
        let (one, two) = (ends.beginLooking(), ends.beginLooking())
        #expect(one && !two)
        let users = ends.take(9)
        #expect(users == [ann])
        ends.doubt([ann, user("nobody")])
        let again = ends.take(9)
        #expect(again == [ann])
        ends.doubtLater(ann)
        let last = ends.take(9)
        #expect(last.isEmpty)
        let nothing = ends.beginLooking()
        #expect(!nothing)
        ends.lookAgain()
        let due = ends.beginLooking()
        #expect(due)
    }
}
