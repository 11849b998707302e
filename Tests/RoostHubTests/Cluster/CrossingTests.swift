import NIOCore
import RoostCore
import RoostEngine
import RoostWire
import Testing

@testable import RoostHub

/// What nodes tell each other crosses on the way, is lost, or is old when it comes.
@Suite("News that cross")
struct CrossingTests {
    @Test("what came early waits for what was missing before it; the store is not asked, even where nothing is kept")
    func early() async throws {
        try await withCluster(recentBytes: 0) { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            // Nothing else is said of the room.
            cluster.bus.lose { if case .committed = $0 { false } else { true } }
            cluster.bus.holdPosts()
            await cluster.publish(["m1", "m2", "m3", "m4"], in: "r", on: 1)
            let posts = cluster.bus.takeHeld().map(\.post)
            cluster.bus.deliver([posts[3], posts[1], posts[2], posts[0]])
            try await ann.hear(#""seq":4,"#)
            #expect(try await ann.seqs() == [1, 2, 3, 4])
            #expect(cluster.store.reads == 0)
        }
    }

    @Test("a room that is being opened while the bus comes back hears what its store had not answered yet")
    func opening() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            cluster.store.holdOpens()
            try await ann.send(TestClient.join("r"))
            await cluster.store.isHolding()
            cluster.bus.lose { _ in true }
            await cluster.publish(["m1"], in: "r", on: 1)
            // The channel was not heard until now.
            let node = cluster.nodes[0]
            cluster.bus.inForce([room("r")])
            try await eventually("the store will be asked again") {
                try await node.loops[0].submit { node.hub.shards[0].shard.value.lookout.contains(room("r")) }.get()
            }
            cluster.store.release()
            try await ann.hear(#""seq":1,"#)
        }
    }

    @Test("what a log that was made anew goes on with is heard, though it comes while the store is asked about the log")
    func newsWhileReopening() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"), TestClient.message(1))
            try await ann.hear(#""type":"message""#)
            func asked() -> Int { cluster.store.asked.count { $0.contains(room("r")) } }
            let (before, frames) = (asked(), try await ann.frameCount())
            cluster.store.deleteBeforeAppend(room("r"))
            let all = cluster.store.heads
            cluster.store.holdHeads()
            try await ann.send(TestClient.message(2))
            // Held with its answer in hand, as all that are asked for meanwhile.
            try await eventually("the log is asked about") {
                asked() > before && cluster.store.holding >= cluster.store.heads - all
            }
            try await ann.send(TestClient.message(3))
            #expect(try await ann.hear(#""type":"ack","messageId":"m3""#).contains(#""seq":2,"#))
            cluster.store.release()
            #expect(try await ann.hear(#""type":"joined""#, from: frames).contains(#""head":1,"#))
            try await eventually("it is heard") { try await ann.seqs() == [1, 2] }
        }
    }

    @Test("a doubtful append makes nobody ask the store at once")
    func doubt() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            try await cluster.knowsOwnEnd(of: "ann", on: 0)
            func asked() -> Int { cluster.store.asked.count { $0.contains(room("r")) } }
            let (before, begin) = (asked(), ContinuousClock.now)
            for _ in 0..<50 { cluster.bus.say([.doubt(room("r"))], to: room("r")) }
            cluster.bus.say([.typing(room("r"), user("bob"), isActive: true)], to: room("r"))
            try await ann.hear(#""type":"typing""#)
            // Once with each sweep, of which there may have been one or, on a slow machine, more.
            let sweeps = Int((.now - begin) / .nanoseconds(Shard.sweepEvery.nanoseconds)) + 1
            #expect(asked() <= before + sweeps)
            try await eventually("the store is asked") { asked() > before }
        }
    }

    @Test(
        "a message whose append failed but was done is heard elsewhere, though nobody heard of the doubt the first time"
    )
    func doubtIsToldAgain() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            let bob = try await cluster.nodes[1].connect("bob")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            // It is in the log, and nobody is told but that the append has failed, once in vain.
            _ = try await cluster.store.inner.append([draft("m1")], at: cluster.clock.wall)
            let doubts = Locked(0)
            cluster.bus.lose { bulletin in
                guard case .doubt = bulletin else { return false }
                return doubts.withLock { count in
                    count += 1
                    return count == 1
                }
            }
            cluster.store.failAppends(with: .busy)
            try await bob.send(TestClient.message(1))
            try await bob.hear(#""type":"error","messageId":"m1""#)
            try await ann.hear(#""seq":1,"#)
        }
    }

    @Test("a message that was there already is heard elsewhere, though nobody heard of it the first time")
    func knownIsToldAgain() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            let bob = try await cluster.nodes[1].connect("bob")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            _ = try await cluster.store.inner.append([draft("m1", by: "bob")], at: cluster.clock.wall)
            let tellings = Locked(0)
            cluster.bus.lose { bulletin in
                guard case .atLeast = bulletin else { return false }
                return tellings.withLock { count in
                    count += 1
                    return count == 1
                }
            }
            try await bob.send(TestClient.message(1))
            #expect(try await bob.hear(#""type":"ack","messageId":"m1""#).contains(#""duplicate":true"#))
            try await ann.hear(#""seq":1,"#)
        }
    }

    @Test("that a room is gone is heard elsewhere, though nobody heard of it the first time")
    func goneIsToldAgain() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            let tellings = Locked(0)
            cluster.bus.lose { bulletin in
                guard case .dissolved = bulletin else { return false }
                return tellings.withLock { count in
                    count += 1
                    return count == 1
                }
            }
            let hub = cluster.nodes[1].hub
            #expect(try await hub.store.deleteRoom(room("r")))
            hub.dissolve(room("r"))
            try await ann.hear(#""type":"left""#)
        }
    }

    @Test("that a room is gone, or a user no participant any more, is asked of the store: such news may be old")
    func old() async throws {
        try await withCluster { cluster in
            let bob = try await cluster.nodes[0].connect("bob", dialect: .simple)
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            _ = try await cluster.nodes[1].hub.createRoom(
                RoomPlan(
                    name: room("club"), title: nil, visibility: .private, participants: [user("bob")]))
            try await bob.hear("club")
            cluster.bus.say([.dissolved(room("r"))], to: room("r"))
            cluster.bus.say([.membership(user("bob"), room("club"), isNow: false)], to: room("user:bob"))
            cluster.bus.say([.membership(user("ann"), room("club"), isNow: true)], to: room("user:ann"))
            await cluster.publish(["m1"], in: "r", on: 1)
            await cluster.publish(["m2"], in: "club", as: .created, on: 1)
            try await ann.hear(#""seq":1,"#)
            try await bob.hear("message_created")
            #expect(try await ann.heard("left").isEmpty)
        }
    }

    @Test("memberships and receipts that were told while the bus was away are found when it is back")
    func missed() async throws {
        let kinds = kinds { $0.receipts = true }
        try await withCluster(kinds: kinds) { cluster in
            let bob = try await cluster.nodes[0].connect("bob", dialect: .simple)
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            await cluster.publish(["m1"], in: "r", on: 1)
            try await ann.hear(#""seq":1,"#)
            cluster.bus.goAway()
            _ = try await cluster.nodes[1].hub.createRoom(
                RoomPlan(
                    name: room("club"), title: nil, visibility: .private, participants: [user("bob")]))
            cluster.nodes[1].hub.mark(room("r"), user("cem"), Mark(received: 1, read: 1))
            await cluster.nodes[1].hub.flushMarks()
            cluster.bus.comeBack()
            try await ann.hear("cem")
            let (node, loop) = (cluster.nodes[0], cluster.nodes[0].loops[0])
            try await eventually("bob hears the club") {
                try await loop.submit {
                    node.hub.shards[0].shard.value.rooms[room("club")]?.replica?.readers.isEmpty == false
                }.get()
            }
            await cluster.publish(["m2"], in: "club", as: .created, on: 1)
            try await bob.hear("message_created")
        }
    }

    @Test("a room that nobody here listened to is not served from memory: others may have deleted from it")
    func deletedUnheard() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            await cluster.publish(["m1", "m2"], in: "r", by: "bob", on: 0)
            try await ann.hear(#""seq":2,"#)
            try await ann.send(#"{"type":"leave","messageId":"l","payload":{"room":"r"}}"#)
            try await ann.hear(#""type":"left""#)
            let wish = Deletion(room: room("r"), id: id("m1"), by: user("bob"), isModerator: false)
            guard case .success = try await cluster.nodes[1].hub.delete(wish) else {
                Issue.record("it was not deleted")
                return
            }
            let before = try await ann.frameCount()
            try await ann.send(TestClient.join("r", id: "j2", more: #","history":3"#))
            try await ann.hear(#""seq":3,"#, from: before)
            let again = try await ann.frames().dropFirst(before)
            #expect(again.contains { $0.contains(#""seq":1,"#) && $0.contains(#""deleted":true"#) })
        }
    }
}
