import Foundation
import NIOCore
import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// Messages of one connection to one room keep their order, whatever is refused for a passing cause.
@Suite("Order after a failure")
struct OrderTests {
    /// The authors' messages in the order of the log.
    private func stored(_ store: FaultyStore, by sender: String) async throws -> [Int] {
        let page = try await store.inner.read(room("r"), after: 0, limit: 10_000, maxBytes: .max)
        return (page?.messages ?? []).filter { $0.sender == user(sender) }.compactMap { Int($0.id.text.dropFirst()) }
    }

    /// Sends until everything is acked: what is not comes again, in order, each frame in a tick of its own.
    private func insist(_ range: ClosedRange<Int>, _ client: TestClient, _ hub: Hub) async throws {
        var left = Array(range)
        for _ in 0..<200 where !left.isEmpty {
            for number in left { try await client.send(TestClient.message(number)) }
            await hub.ingest.fence()
            try await client.settle()
            let acks = try await client.heard("ack")
            left.removeAll { number in acks.contains { $0.contains(#""messageId":"m\#(number)""#) } }
        }
        #expect(left.isEmpty)
    }

    @Test("a client that sends ahead over many ticks has its order, whichever appends fail", arguments: 1...8)
    func pipelining(_ seed: Int) async throws {
        var generator = SeededGenerator(seed: seed)
        let store = FaultyStore()
        store.failAppends(numbered: Set((1...60).filter { _ in generator.oneIn(2) }))
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            try await insist(1...40, client, hub)
            let order = try await stored(store, by: "a")
            #expect(order == Array(1...40))
        }
    }

    @Test("so have two clients on two loops who share appends", arguments: 1...5)
    func twoShards(_ seed: Int) async throws {
        var generator = SeededGenerator(seed: seed)
        let store = FaultyStore()
        store.failAppends(numbered: Set((1...60).filter { _ in generator.oneIn(2) }))
        try await withHub(loops: 2, store: store) { hub, loops in
            let a = try await TestClient(hub, on: loops[0], user: "a")
            let b = try await TestClient(hub, on: loops[1], user: "b")
            async let first: Void = insist(1...30, a, hub)
            try await insist(1...30, b, hub)
            try await first
            for sender in ["a", "b"] {
                let order = try await stored(store, by: sender)
                #expect(order == Array(1...30))
            }
        }
    }

    @Test("a message read before the news of a failure, in the same turn of the loop, is refused with the one before")
    func readBeforeTheNews() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            store.failAppends(numbered: [2])
            store.holdAppends()
            // A caller's message is on its way, so that what follows is appended on another thread than the loop's.
            async let verdicts = hub.publish([draft("c1", by: "c")])
            await store.isHolding()
            try await client.send(TestClient.message(1))
            // The loop is kept busy until the news waits for it, and then reads a frame first.
            try await client.run { shard, connection, _ in
                let isThrough = DispatchSemaphore(value: 0)
                Task {
                    store.release()
                    await hub.ingest.fence()
                    isThrough.signal()
                }
                isThrough.wait()
                shard.receive(ByteBuffer(string: TestClient.message(2)), from: connection)
            }
            #expect(await verdicts.count == 1)
            try await client.hear(#""type":"error","messageId":"m1""#)
            await hub.ingest.fence()
            try await client.settle()
            #expect(try await stored(store, by: "a").isEmpty)
            #expect(try await client.heard("error").count == 2)
            try await insist(1...2, client, hub)
            #expect(try await stored(store, by: "a") == [1, 2])
        }
    }

    @Test("what waits behind a failed append is refused too, and nothing of it is stored")
    func behindTheFailure() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            store.failAppends(numbered: [1])
            store.holdAppends()
            try await client.send(TestClient.message(1))
            await store.isHolding()
            for number in 2...4 { try await client.send(TestClient.message(number)) }
            store.release()
            for number in 1...4 { try await client.hear(#""type":"error","messageId":"m\#(number)""#) }
            #expect(try await stored(store, by: "a").isEmpty)
            // The client is pinged once, behind the first refusal.
            #expect(try await client.run { _, _, wire in wire.pings } == 1)
            try await insist(1...4, client, hub)
            #expect(try await stored(store, by: "a") == [1, 2, 3, 4])
        }
    }

    @Test("a fresh message goes on once the client has answered the ping and the wait is over")
    func freshOne() async throws {
        let (store, clock) = (FaultyStore(), TestClock())
        try await withHub(store: store, clock: clock) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            store.failAppends(numbered: [1])
            try await client.send(TestClient.message(1))
            try await client.hear(#""type":"error","messageId":"m1""#)
            clock.advance(by: 1000)
            try await client.send(TestClient.message(2))
            #expect(try await client.hear(#""type":"error","messageId":"m2""#).contains(#""code":"unavailable""#))
            try await client.run { shard, connection, _ in shard.heard(connection, pong: 1) }
            try await client.send(TestClient.message(3))
            try await client.hear(#""type":"ack","messageId":"m3""#)
        }
    }
}
