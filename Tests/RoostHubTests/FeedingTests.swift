import NIOCore
import RoostCore
import RoostEngine
import RoostWire
import Testing

@testable import RoostHub

/// How readers that are behind are fed.
@Suite("Feeding readers")
struct FeedingTests {
    private static func fill(_ store: FaultyStore, _ count: Int, bytes: Int = 1) async throws -> Epoch {
        let drafts = (1...count).map { draft("m\($0)", bytes: bytes) }
        _ = try await store.inner.append(drafts, at: Timestamp(milliseconds: 0))
        return try #require(try await store.inner.heads([room("r")]).values.first).epoch
    }

    private static func publish(_ range: ClosedRange<Int>, _ hub: Hub) async {
        _ = await hub.publish(range.map { draft("m\($0)") })
    }

    private static func join(_ life: Epoch, after seq: Int) -> String {
        TestClient.join(more: #","after":{"epoch":"\#(life)","seq":\#(seq)},"presence":false"#)
    }

    @Test("a reader whose socket is slow gets bounded pages, each only once it has taken the one before")
    func boundedPages() async throws {
        let store = FaultyStore()
        let life = try await Self.fill(store, 700, bytes: 1000)
        try await withHub(store: store) { hub, loops in
            let reader = try await TestClient(hub, on: loops[0], user: "slow")
            try await reader.run { _, _, wire in (wire.isStuck, wire.capacity) = (true, 50_000) }
            try await reader.send(Self.join(life, after: 0))
            var reached: UInt64 = 0
            while reached < 700 {
                try await reader.hear(#""seq":\#(reached + 1),"#)
                let count = try await reader.frameCount()
                // It goes on only when the socket has taken something.
                for _ in 0..<5 { #expect(try await reader.frameCount() == count) }
                reached = try await reader.seqs().last ?? 0
                try await reader.run { _, _, wire in wire.drain() }
            }
            #expect(try await reader.seqs() == Array(1...700))
            // A page is 128 messages, of 1000 bytes and their envelopes.
            #expect(try await reader.run { _, _, wire in wire.mostUnsent } < 50_000 + 128 * 1200)
        }
    }

    @Test("many readers share reads: a piece of the log is read once for all of them")
    func sharedReads() async throws {
        let store = FaultyStore()
        let life = try await Self.fill(store, 500)
        try await withHub(store: store) { hub, loops in
            var readers: [TestClient] = []
            for number in 0..<40 {
                let reader = try await TestClient(hub, on: loops[0], user: "b\(number)")
                try await reader.send(Self.join(life, after: number))
                readers.append(reader)
            }
            for (number, reader) in readers.enumerated() {
                try await reader.hear(#""seq":500,"#)
                #expect(try await reader.seqs() == Array(UInt64(number + 1)...500))
            }
            // The last piece may still grow, so it is not kept.
            #expect(store.readsAfter.filter { $0 < 384 }.sorted() == (0..<3).map { $0 * 128 })
        }
    }

    @Test(
        "what retention has dropped is told as one gap, and what is retained follows", arguments: [0, 64 << 20])
    func floor(_ recentBytes: Int) async throws {
        let kinds = kinds { $0.retainCount = 50 }
        try await withHub(store: FaultyStore(kinds: kinds), kinds: kinds, recentBytes: recentBytes) { hub, loops in
            let keeper = try await TestClient(hub, on: loops[0], user: "k")
            try await keeper.send(TestClient.join())
            try await keeper.hear(#""type":"joined""#)
            for start in stride(from: 1, to: 300, by: 30) { await Self.publish(start...start + 29, hub) }
            let life = try #require(try await hub.store.heads([room("r")]).values.first).epoch
            for (after, recovered) in [(0, false), (10, false), (249, false), (250, true), (299, true)] {
                let reader = try await TestClient(hub, on: loops[0], user: "b\(after)")
                try await reader.send(Self.join(life, after: after))
                let joined = try await reader.hear(#""type":"joined""#)
                #expect(joined.contains(#""recovered":\#(recovered)"#))
                try await reader.hear(#""seq":300,"#)
                #expect(try await reader.seqs() == Array(UInt64(max(250, after) + 1)...300))
                let gaps = try await reader.heard("gap")
                #expect(gaps.count == (recovered ? 0 : 1))
                if !recovered { #expect(gaps[0].contains(#""from":\#(after + 1),"to":250"#)) }
            }
        }
    }

    @Test("what is dropped while a page is under way is the gap, and nothing that is retained")
    func floorMovesMeanwhile() async throws {
        let kinds = kinds { $0.retainCount = 200 }
        let store = FaultyStore(kinds: kinds)
        let life = try await Self.fill(store, 200)
        try await withHub(store: store, kinds: kinds, recentBytes: 0) { hub, loops in
            let reader = try await TestClient(hub, on: loops[0], user: "b")
            store.holdReads()
            try await reader.send(Self.join(life, after: 0))
            await store.isHolding()
            await Self.publish(201...340, hub)
            // The news of it has come before the page does.
            _ = try await reader.frames()
            store.release()
            try await reader.hear(#""seq":340,"#)
            #expect(try await reader.seqs() == Array(141...340))
            let gaps = try await reader.heard("gap")
            #expect(gaps.count == 1 && gaps.first?.contains(#""from":1,"to":140"#) == true)
        }
    }

    @Test("a live reader who falls behind the floor hears of the gap once")
    func slowBehindTheFloor() async throws {
        let kinds = kinds { $0.retainCount = 20 }
        try await withHub(store: FaultyStore(kinds: kinds), kinds: kinds) { hub, loops in
            let reader = try await TestClient(hub, on: loops[0], user: "slow")
            try await reader.send(TestClient.join())
            await Self.publish(1...5, hub)
            try await reader.hear(#""seq":5,"#)
            try await reader.isReading(false)
            await Self.publish(6...60, hub)
            await Self.publish(61...100, hub)
            try await reader.isReading(true)
            try await reader.hear(#""seq":100,"#)
            #expect(try await reader.seqs() == Array(1...5) + Array(81...100))
            let gaps = try await reader.heard("gap")
            #expect(gaps.count == 1 && gaps.first?.contains(#""from":6,"to":80"#) == true)
        }
    }

    @Test("a read that fails is tried again, and nothing is missed")
    func failedRead() async throws {
        let store = FaultyStore()
        let life = try await Self.fill(store, 300)
        try await withHub(store: store) { hub, loops in
            let reader = try await TestClient(hub, on: loops[0], user: "b")
            store.failReads(with: .busy)
            store.holdReads()
            try await reader.send(Self.join(life, after: 0))
            await store.isHolding()
            store.release()
            while store.reads < 1 { await Task.yield() }
            try await reader.settle()
            #expect(try await reader.seqs().isEmpty)
            store.failReads(with: nil)
            while try await reader.seqs().last != 300 {
                try await reader.run { shard, _, _ in shard.askForHeads() }
            }
            #expect(try await reader.seqs() == Array(1...300))
        }
    }

    @Test("large messages come in pieces that readers at different places share")
    func largeMessages() async throws {
        let store = FaultyStore()
        let life = try await Self.fill(store, 60, bytes: 60_000)
        try await withHub(store: store) { hub, loops in
            for after in [0, 0, 7, 33, 59] {
                let reader = try await TestClient(hub, on: loops[0], user: "b\(after)")
                try await reader.send(Self.join(life, after: after))
                try await reader.hear(#""seq":60,"#)
                #expect(try await reader.seqs() == Array(UInt64(after + 1)...60))
            }
        }
    }
}
