import Logging
import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// The log as readers that are behind see it.
@Suite("The cache of the log")
struct LogCacheTests {
    private let store = FaultyStore()

    private func cache(budget: Int = 64 << 20) -> LogCache {
        var log = Logger(label: "test")
        log.logLevel = .critical
        return LogCache(store: store, budget: budget, log: log)
    }

    /// Puts so many messages into the room's log, some of them large; its epoch.
    @discardableResult
    private func fill(_ count: Int, bytes: Int = 1) async throws -> Epoch {
        for number in 1...count {
            _ = try await store.inner.append(
                [draft("m\(number)", bytes: bytes)], at: Timestamp(milliseconds: 0))
        }
        return try #require(try await store.inner.heads([room("r")]).values.first).epoch
    }

    private func key(_ source: LogCache.Source) -> Recent.Key? {
        if case .store(let key) = source { key } else { nil }
    }

    private func here(_ source: LogCache.Source) -> [Message]? {
        if case .here(let messages, _) = source { messages } else { nil }
    }

    @Test("all who want a piece at the time share one read; who comes later finds it in memory")
    func shared() async throws {
        let (life, cache) = (try await fill(300), cache())
        let key = Recent.Key(room: room("r"), epoch: life, start: 128)
        store.holdReads()
        await withTaskGroup(of: LogCache.Piece?.self) { group in
            for _ in 0..<50 { group.addTask { await cache.read(key) } }
            await store.isHolding()
            store.release()
            for await page in group { #expect(page?.page.messages.map(\.seq) == Array(129...256)) }
        }
        // Who came when the read was done reads again, and is no more than that.
        #expect(store.readsAfter.allSatisfy { $0 == 128 })
        #expect(cache.reads == UInt64(store.reads))
        for after in [128, 200, 255] {
            let found = here(cache.source(room("r"), life, after: UInt64(after), exactly: false))
            #expect(found?.last?.seq == 256)
        }
        #expect(self.key(cache.source(room("r"), life, after: 256, exactly: false))?.start == 256)
    }

    @Test("readers near each other want the same piece; who goes on from its end wants what follows")
    func aligned() {
        let cache = cache()
        for (after, start) in [(0, 0), (1, 0), (127, 0), (128, 128), (1000, 896)] as [(UInt64, UInt64)] {
            #expect(key(cache.source(room("r"), epoch("e"), after: after, exactly: false))?.start == start)
            #expect(key(cache.source(room("r"), epoch("e"), after: after, exactly: true))?.start == after)
        }
    }

    @Test("a piece cut short by its bytes is followed by what comes behind it")
    func cutShort() async throws {
        let (life, cache) = (try await fill(20, bytes: 50_000), cache())
        let page = await cache.read(Recent.Key(room: room("r"), epoch: life, start: 0))
        #expect(page?.page.messages.map(\.seq) == Array(1...6))
        #expect(here(cache.source(room("r"), life, after: 5, exactly: false))?.count == 6)
        #expect(key(cache.source(room("r"), life, after: 6, exactly: false))?.start == 6)
        #expect(key(cache.source(room("r"), life, after: 9, exactly: false))?.start == 9)
    }

    @Test("the end of a log is kept and goes on with what is committed; a piece of another log is not kept")
    func incomplete() async throws {
        let (life, cache) = (try await fill(130), cache())
        let newest = Recent.Key(room: room("r"), epoch: life, start: 128)
        #expect(await cache.read(newest)?.page.messages.count == 2)
        let foreign = Recent.Key(room: room("r"), epoch: epoch("other"), start: 0)
        #expect(await cache.read(foreign)?.page.messages.count == 128)
        #expect(here(cache.source(room("r"), life, after: 128, exactly: false))?.map(\.seq) == [129, 130])
        cache.record([Sample.committed([Sample.message(131)], life.text)])
        #expect(here(cache.source(room("r"), life, after: 128, exactly: false))?.map(\.seq) == [129, 130, 131])
        #expect(key(cache.source(room("r"), life, after: 0, exactly: false))?.start == 0)
        #expect(key(cache.source(room("r"), epoch("other"), after: 0, exactly: false))?.start == 0)
    }

    @Test("a read that fails tells all who wait, and the next one reads again")
    func failure() async throws {
        let (life, cache) = (try await fill(200), cache())
        let key = Recent.Key(room: room("r"), epoch: life, start: 0)
        store.failReads(with: .busy)
        store.holdReads()
        await withTaskGroup(of: LogCache.Piece?.self) { group in
            for _ in 0..<5 { group.addTask { await cache.read(key) } }
            await store.isHolding()
            store.release()
            for await page in group { #expect(page == nil) }
        }
        #expect(cache.bytes == 0)
        store.failReads(with: nil)
        #expect(await cache.read(key)?.page.messages.count == 128)
        #expect(await cache.read(Recent.Key(room: room("gone"), epoch: life, start: 0)) == nil)
    }

    @Test("without a budget nothing is kept, whoever reads")
    func noBudget() async throws {
        let (life, cache) = (try await fill(200), cache(budget: 0))
        let key = Recent.Key(room: room("r"), epoch: life, start: 0)
        for _ in 0..<3 { #expect(await cache.read(key)?.page.messages.count == 128) }
        cache.record([Sample.committed([Sample.message(201)], life.text)])
        #expect(store.reads == 3 && cache.bytes == 0)
        #expect(self.key(cache.source(room("r"), life, after: 200, exactly: false))?.start == 128)
    }

    @Test("what was read before a message was redacted is given to those who asked then, and not kept")
    func redactedMeanwhile() async throws {
        let (life, cache) = (try await fill(200), cache())
        let key = Recent.Key(room: room("r"), epoch: life, start: 0)
        store.holdReads()
        async let page = cache.read(key)
        await store.isHolding()
        cache.record([Sample.committed([Sample.tombstone(201, of: 7)], life.text)])
        store.release()
        #expect(await page?.page.messages.count == 128)
        #expect(self.key(cache.source(room("r"), life, after: 0, exactly: false)) == key)
        // From then on it is.
        _ = await cache.read(key)
        #expect(here(cache.source(room("r"), life, after: 0, exactly: false)) != nil)
    }

    @Test("a redaction reaches what is in memory")
    func redactedInMemory() async throws {
        let (life, cache) = (try await fill(200), cache())
        _ = await cache.read(Recent.Key(room: room("r"), epoch: life, start: 0))
        cache.record([Sample.committed([Sample.tombstone(201, of: 7)], life.text)])
        let found = here(cache.source(room("r"), life, after: 0, exactly: false))
        #expect(found?[6].kind == .redacted && found?[6].content == .null && found?[5].kind == .message)
    }
}
