import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

@Suite("The way of a message")
struct StreetTests {
    @Test("members on several loops hear every message once, in one order")
    func oneOrder() async throws {
        try await withHub(loops: 2) { hub, loops in
            var readers: [TestClient] = []
            for number in 0..<6 {
                let reader = try await TestClient(hub, on: loops[number % 2], user: "reader\(number)")
                try await reader.send(TestClient.join())
                try await reader.hear(#""type":"joined""#)
                readers.append(reader)
            }
            let authors = [
                try await TestClient(hub, on: loops[0], user: "a"), try await TestClient(hub, on: loops[1], user: "b"),
            ]
            for number in 1...100 { for author in authors { try await author.send(TestClient.message(number)) } }
            for author in authors {
                for number in 1...100 { try await author.hear(#""type":"ack","messageId":"m\#(number)""#) }
            }
            var orders: Set<[String]> = []
            for reader in readers {
                try await reader.hear(#""seq":200,"#)
                #expect(try await reader.seqs() == Array(1...200))
                orders.insert(try await reader.frames().filter { $0.contains(#""type":"message""#) })
            }
            #expect(orders.count == 1)
        }
    }

    @Test("a batch the store refuses is refused to its authors and heard by nobody; the next one is stored")
    func storeRefuses() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let author = try await TestClient(hub, on: loops[0], user: "a")
            try await author.send(TestClient.join())
            try await author.hear(#""type":"joined""#)
            store.failAppends(with: .full)
            try await author.send(TestClient.message(1))
            let refusal = try await author.hear(#""type":"error","messageId":"m1""#)
            #expect(refusal.contains(#""code":"unavailable""#) && refusal.contains("retryAfterMs"))
            store.failAppends(with: nil)
            try await author.send(TestClient.message(1))
            let ack = try await author.hear(#""type":"ack","messageId":"m1""#)
            #expect(ack.contains(#""seq":1,"#) && ack.contains(#""duplicate":false"#))
            try await author.hear(#""seq":1,"sender""#)
            #expect(try await author.seqs() == [1])
        }
    }

    @Test("messages committed while a join is under way are neither missed nor heard twice")
    func joinRacesWithCommit() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let author = try await TestClient(hub, on: loops[0], user: "a")
            try await author.send(TestClient.message(1))
            try await author.hear(#""type":"ack","messageId":"m1""#)
            store.holdOpens()
            let reader = try await TestClient(hub, on: loops[0], user: "b")
            try await reader.send(TestClient.join(more: #","history":10"#))
            // The tick that opens the room must have gone by before the next message is committed.
            _ = try await reader.frames()
            try await author.send(TestClient.message(2), TestClient.message(3))
            try await author.hear(#""type":"ack","messageId":"m3""#)
            store.release()
            try await reader.hear(#""seq":3,"#)
            #expect(try await reader.seqs() == [1, 2, 3])
            #expect(try await reader.hear(#""type":"joined""#).contains(#""head":"#))
        }
    }

    @Test("what is sent behind a join that is under way takes effect behind it")
    func commandsKeepTheirOrder() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            store.holdOpens()
            let leave = #"{"type":"leave","messageId":"l","payload":{"room":"r"}}"#
            try await client.send(TestClient.join(), TestClient.message(1), leave, TestClient.message(2))
            #expect(try await client.isRead() == false)
            store.release()
            try await client.hear(#""type":"ack","messageId":"m2""#)
            try await client.hear(#""seq":1,"#)
            #expect(try await client.isRead())
            let types = try await client.frames().compactMap { frame in
                ["joined", "left", "error"].first { frame.contains(#""type":"\#($0)""#) }
            }
            #expect(types == ["joined", "left"])
        }
    }

    @Test("what a client sent before the drain is stored and acked before it is closed")
    func drainAcksFirst() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let author = try await TestClient(hub, on: loops[0], user: "a")
            store.holdAppends()
            try await author.send(TestClient.message(1), TestClient.message(2))
            async let drained: Void = hub.drain(DrainPlan(.draining, reason: "restart"))
            store.release()
            await drained
            let acks = try await author.frames().filter { $0.contains(#""type":"ack""#) }
            #expect(acks.count == 2)
            #expect(try await author.closes() == [.draining])
            #expect(try await store.inner.heads([.general]).count == 1)
        }
    }
}
