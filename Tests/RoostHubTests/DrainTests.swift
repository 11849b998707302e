import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// How a node sends its clients away.
@Suite("Draining")
struct DrainTests {
    @Test(
        "the closes are spread over the window, less where clients are few",
        arguments: [
            (0, 0, 1), (1000, 0, 1), (0, 20_000, 1), (1, 20_000, 1), (5, 20_000, 1), (10, 20_000, 2),
            (100, 20_000, 20), (1000, 20_000, 200), (100_000, 20_000, 200), (100_000, 50, 1),
        ] as [(Int, Int64, Int)])
    func batches(_ clients: Int, _ windowMs: Int64, _ batches: Int) {
        #expect(DrainPlan(.draining, reason: "", windowMs: windowMs).batches(clients) == batches)
    }

    @Test("each client gets a delay of its own, bounded by the window and by how many there are")
    func delays() {
        var generator = SeededGenerator(seed: 1)
        for (clients, windowMs, span) in [(0, 0, 200), (10, 20_000, 200), (100, 20_000, 2000), (9999, 20_000, 20_000)] {
            let plan = DrainPlan(.draining, reason: "", windowMs: Int64(windowMs))
            let delays = (0..<2000).map { _ in Int(plan.returnAfterMs(clients, generator.next())) }
            #expect((delays.min() ?? 0) >= 100 && (delays.max() ?? 0) < 100 + span)
            #expect((delays.max() ?? 0) - (delays.min() ?? 0) > span * 3 / 4)
            #expect(Set(delays).count > min(span / 4, 1000))
        }
        #expect(DrainPlan(.draining, reason: "").returnAfterMs(1, .max) < 300)
    }

    @Test("everyone is told when to come back and then closed, in batches, and nobody is left")
    func everyone() async throws {
        try await withHub(loops: 2) { hub, loops in
            var clients: [TestClient] = []
            for number in 0..<15 {
                let client = try await TestClient(hub, on: loops[number % 2], user: "u\(number)")
                try await client.send(TestClient.join())
                try await client.hear(#""type":"joined""#)
                clients.append(client)
            }
            await hub.drain(DrainPlan(.draining, reason: "The node restarts.", windowMs: 1000))
            var delays: Set<Substring> = []
            for client in clients {
                #expect(try await client.closes() == [.draining])
                #expect(try await client.isRead() == false)
                let frames = try await client.frames()
                let last = try #require(frames.last)
                #expect(last.contains(#""type":"reconnect""#) && last.contains(#""reason":"The node restarts.""#))
                #expect(try await client.run { _, _, wire in wire.framesAtClose } == frames.count)
                delays.insert(last.split(separator: #""afterMs":"#)[1].prefix { $0.isNumber })
                // The others are expected back.
                #expect(try await client.heard("user_left").isEmpty)
            }
            #expect(delays.count > 3)
        }
    }

    @Test("who is sent away for good is not told to come back")
    func forGood() async throws {
        try await withHub { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            await hub.drain(DrainPlan(.goingAway, reason: "over"))
            #expect(try await client.closes() == [.goingAway])
            #expect(try await client.heard("reconnect").isEmpty)
        }
    }

    @Test("what was sent is acked, or refused, before the close, and heard by those who are still there")
    func acksFirst() async throws {
        for fails in [false, true] {
            let store = FaultyStore()
            try await withHub(loops: 2, store: store) { hub, loops in
                let reader = try await TestClient(hub, on: loops[1], user: "b")
                try await reader.send(TestClient.join())
                try await reader.hear(#""type":"joined""#)
                let author = try await TestClient(hub, on: loops[0], user: "a")
                store.holdAppends()
                store.failAppends(with: fails ? .busy : nil)
                try await author.send(TestClient.message(1), TestClient.message(2))
                await store.isHolding()
                async let drained: Void = hub.drain(DrainPlan(.draining, reason: "restart"))
                store.release()
                await drained
                let types = try await author.frames().compactMap { frame in
                    ["ack", "error", "reconnect"].first { frame.contains(#""type":"\#($0)""#) }
                }
                #expect(types == (fails ? ["error", "error", "reconnect"] : ["ack", "ack", "reconnect"]))
                #expect(try await reader.seqs() == (fails ? [] : [1, 2]))
            }
        }
    }

    @Test("how far members have got is written down")
    func marks() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            try await client.send(TestClient.join())
            _ = await hub.publish([draft("m1")])
            try await client.hear(#""seq":1,"#)
            try await client.send(#"{"type":"read","payload":{"room":"r","seq":1}}"#)
            await hub.drain(DrainPlan(.draining, reason: "restart"))
            let kept = try await store.inner.marks(of: user("a"), in: [room("r")])
            #expect(kept == [room("r"): Mark(received: 1, read: 1)])
        }
    }
}
