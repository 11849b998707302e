public import Logging
public import NIOCore
public import RoostCore
public import RoostEngine

/// The street of one node: shards that own the connections, the ingest they share, and who is where.
///
/// Shards share nothing on the message path. What is here is touched once per batch or by joins and leaves.
public final class Hub: Sendable {
    public let store: any Store
    public let settings: HubSettings
    let world: World
    let log: Logger
    let shards: [BoundShard]
    private let interest = Locked<[RoomName: UInt64]>([:])
    let presence = Locked(Attendance())
    let online = Locked<[UserID: OnlineUser]>([:])
    let typing = Locked(Typing())
    let marks = Locked(MarkBoard())
    let isTrimming = Locked(false)
    /// What was said lately.
    let cache: LogCache
    let ingest: Ingest
    private let route: Route
    let scribe: Scribe
    public var limits: Limits { settings.limits }
    public var node: String { settings.node }
    public var kinds: Kinds { settings.kinds }
    public var isAnonymous: Bool { settings.judge == nil }

    struct BoundShard: Sendable {
        let loop: any EventLoop
        let shard: NIOLoopBound<Shard>
    }

    /// Ties the knot between the ingest, made first, and the hub, which delivers for it.
    private final class Route: Sendable {
        let hub = Locked<Hub?>(nil)
    }

    /// Makes a shard on each loop. At most 64 loops.
    public static func start(
        store: any Store, loops: [any EventLoop], settings: HubSettings, world: World, log: Logger
    ) async throws -> Hub {
        precondition((1...64).contains(loops.count), "a hub has 1 to 64 event loops")
        var shards: [BoundShard] = []
        for (number, loop) in loops.enumerated() {
            let bound = try await loop.submit { NIOLoopBound(Shard(number: number, loop: loop), eventLoop: loop) }.get()
            shards.append(BoundShard(loop: loop, shard: bound))
        }
        let hub = Hub(store: store, shards: shards, settings: settings, world: world, log: log)
        hub.route.hub.withLock { $0 = hub }
        for shard in shards {
            try await shard.loop.submit { shard.shard.value.start(hub: hub) }.get()
        }
        return hub
    }

    private init(
        store: any Store, shards: [BoundShard], settings: HubSettings, world: World, log: Logger
    ) {
        let route = Route()
        self.store = store
        self.shards = shards
        self.settings = settings
        self.world = world
        self.log = log
        self.route = route
        cache = LogCache(store: store, budget: settings.recentBytes, log: log)
        scribe = Scribe(directory: store, world: world, log: log)
        ingest = Ingest(
            log: store, world: world,
            deliver: { outcome in route.hub.withLock { $0 }?.deliver(outcome) },
            complain: { log.error("append failed", metadata: ["error": "\($0)"]) })
    }

    /// The shard of a loop; call it on that loop.
    public func shard(on loop: any EventLoop) -> Shard? {
        shards.first { $0.loop === loop }?.shard.value
    }

    // MARK: The street

    /// Publishes for somebody who is no connection; one verdict per draft.
    public func publish(_ drafts: [Draft]) async -> [Verdict] {
        guard !drafts.isEmpty else { return [] }
        return await withCheckedContinuation { continuation in
            let parcel = Ingest.Parcel(
                drafts: drafts, weight: drafts.reduce(0) { $0 + $1.weight },
                origin: .caller { continuation.resume(returning: $0) })
            if ingest.submit(parcel) != .taken {
                continuation.resume(returning: drafts.map { _ in .rejected(Hub.swamped) })
            }
        }
    }

    static let swamped = Failure(
        .unavailable, "The server has more waiting than it can store; nothing was stored. Try again.", retryAfterMs: 500
    )

    static let behindFailed = Failure(
        .unavailable, "An earlier message could not be stored, so this one was not. Send them again in order.",
        retryAfterMs: 500)

    /// Takes a batch to everyone concerned: one item per loop.
    private func deliver(_ outcome: Ingest.Outcome) {
        cache.record(outcome.committed)
        var news = [Shard.News](repeating: Shard.News(failures: outcome.failures), count: shards.count)
        for (parcel, verdicts) in zip(outcome.parcels, outcome.verdicts) {
            switch parcel.origin {
            case .shard(let number, let authors):
                news[number].receipts.append(
                    Shard.Receipts(drafts: parcel.drafts, authors: authors, verdicts: verdicts))
            case .caller: break
            }
        }
        let everyone: UInt64 = shards.count == 64 ? .max : 1 << UInt64(shards.count) - 1
        interest.withLock { interest in
            for committed in outcome.committed {
                // A personal room is open to its owner's connections wherever they are.
                var mask = committed.room.owner == nil ? interest[committed.room] ?? 0 : everyone
                while mask != 0 {
                    news[mask.trailingZeroBitCount].committed.append(committed)
                    mask &= mask - 1
                }
            }
        }
        for (shard, news) in zip(shards, news) where !news.isEmpty {
            shard.loop.execute { shard.shard.value.take(news) }
        }
    }

    // MARK: Who listens

    func listen(_ shard: Int, to room: RoomName) {
        interest.withLock { $0[room, default: 0] |= 1 << UInt64(shard) }
    }

    func unlisten(_ shard: Int, to room: RoomName) {
        interest.withLock { interest in
            let mask = (interest[room] ?? 0) & ~(1 << UInt64(shard))
            interest[room] = mask == 0 ? nil : mask
        }
    }

    func listeners(_ room: RoomName) -> UInt64 { interest.withLock { $0[room] ?? 0 } }

    // MARK: Life

    /// What the shards have counted, summed up.
    public func counters() async -> Counters {
        var sum = Counters()
        for target in shards {
            if let counters = try? await target.loop.submit({ target.shard.value.counted }).get() { sum += counters }
        }
        return sum
    }

    /// How often the store was read for readers that were behind.
    public var logReads: UInt64 { cache.reads }
    /// How often the log was appended to; with the SQLite store that is one transaction each.
    public var batchesAppended: UInt64 { ingest.appended.batches }
    /// The messages of those batches.
    public var messagesAppended: UInt64 { ingest.appended.messages }
    /// Bytes of recent messages in memory.
    public var recentBytes: Int { cache.bytes }

    /// Ids of connected clients as their dialect shows them, at most `limit`.
    public func clients(limit: Int) async -> [String] {
        var all: [String] = []
        for target in shards {
            all += (try? await target.loop.submit { target.shard.value.clients(limit: limit) }.get()) ?? []
        }
        return Array(all.prefix(limit))
    }

    /// Nothing is delivered any more.
    func detach() { route.hub.withLock { $0 = nil } }
}
