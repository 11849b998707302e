public import Logging
public import NIOCore
public import RoostCore
public import RoostEngine

/// Who listens to what: the shards with readers of each room, and the users whose own rooms are heard.
private struct Interest: Sendable {
    var masks: [RoomName: UInt64] = [:]
    var owners: Set<UserID> = []

    func wants(_ room: RoomName) -> Bool {
        masks[room] != nil || room.owner.map { owners.contains($0) } ?? false
    }
}

/// The street of one node: shards that own the connections, the ingest they share, and who is where.
///
/// Shards share nothing on the message path. What is here is touched once per batch or by joins and leaves.
public final class Hub: Sendable {
    public let store: any Store
    public let settings: HubSettings
    let world: World
    let log: Logger
    let shards: [BoundShard]
    private let interest = Locked(Interest())
    /// The other nodes; nil where there are none.
    let relay: Relay?
    /// Where users' own rooms end, of those connected here; kept in a cluster only.
    let ownEnds: Locked<OwnEnds>
    let presence = Locked(Attendance())
    let online = Locked<[UserID: OnlineUser]>([:])
    let typing = Locked(Typing())
    let marks = Locked(MarkBoard())
    /// What other nodes have been asked.
    let roundup = Roundup()
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

    /// What makes a node one of several.
    public struct Membership: Sendable {
        public var cluster: any Cluster
        /// `Directory.storeID`.
        public var storeID: String

        public init(cluster: any Cluster, storeID: String) {
            self.cluster = cluster
            self.storeID = storeID
        }
    }

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
        store: any Store, loops: [any EventLoop], settings: HubSettings, world: World, log: Logger,
        membership: Membership? = nil
    ) async throws -> Hub {
        precondition((1...64).contains(loops.count), "a hub has 1 to 64 event loops")
        var shards: [BoundShard] = []
        for (number, loop) in loops.enumerated() {
            let bound = try await loop.submit { NIOLoopBound(Shard(number: number, loop: loop), eventLoop: loop) }.get()
            shards.append(BoundShard(loop: loop, shard: bound))
        }
        var relay: Relay?
        if let membership {
            let card = NodeCard(
                node: NodeID(random: world.random()), name: settings.node, storeID: membership.storeID)
            relay = Relay(cluster: membership.cluster, card: card, world: world, log: log)
        }
        let hub = Hub(store: store, shards: shards, settings: settings, world: world, log: log, relay: relay)
        hub.route.hub.withLock { $0 = hub }
        for shard in shards {
            try await shard.loop.submit { shard.shard.value.start(hub: hub) }.get()
        }
        hub.joinCluster()
        return hub
    }

    private init(
        store: any Store, shards: [BoundShard], settings: HubSettings, world: World, log: Logger, relay: Relay?
    ) {
        let route = Route()
        self.store = store
        self.shards = shards
        self.settings = settings
        self.world = world
        self.log = log
        self.relay = relay
        ownEnds = Locked(OwnEnds(sweepsPerLook: settings.sweepsPerLook))
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
        hand(outcome.committed, to: news)
        relay?.publish(outcome.committed)
        relayDoubts(outcome)
    }

    /// Hands what is new in the log to the shards concerned, with the news they get anyway.
    func hand(_ batch: [Committed], to news: [Shard.News]) {
        var news = news
        let starts = ownStarts(batch)
        let everyone: UInt64 = shards.count == 64 ? .max : 1 << UInt64(shards.count) - 1
        interest.withLock { interest in
            for committed in batch {
                // A personal room is open to its owner's connections wherever they are.
                let start = starts.isEmpty ? nil : starts[committed.room]
                var mask = committed.room.owner == nil ? interest.masks[committed.room] ?? 0 : everyone
                while mask != 0 {
                    news[mask.trailingZeroBitCount].committed.append(committed)
                    if let start { news[mask.trailingZeroBitCount].ownStarts[committed.room] = start }
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
        interest.withLock { interest in
            if relay != nil, !interest.wants(room) { beginHearing(room) }
            interest.masks[room, default: 0] |= 1 << UInt64(shard)
        }
    }

    func unlisten(_ shard: Int, to room: RoomName) {
        let isOver = interest.withLock { interest in
            let mask = (interest.masks[room] ?? 0) & ~(1 << UInt64(shard))
            interest.masks[room] = mask == 0 ? nil : mask
            guard relay != nil, !interest.wants(room) else { return false }
            endHearing(room)
            return true
        }
        if isOver { forgetElsewhere(room) }
    }

    /// A user is here, or not any more: what is said in its own room is of interest, or no longer.
    func attendOwnRoom(of user: UserID, isNow: Bool) {
        guard relay != nil, let room = RoomName("user:" + user.text) else { return }
        interest.withLock { interest in
            if isNow {
                if !interest.wants(room) { beginHearing(room) }
                interest.owners.insert(user)
            } else {
                interest.owners.remove(user)
                if !interest.wants(room) { endHearing(room) }
            }
        }
        ownEnds.withLock { ends in
            if isNow { ends.begin(user) } else { ends.end(user) }
        }
    }

    private func beginHearing(_ room: RoomName) {
        // What others said while nobody listened may have deleted some of it.
        cache.forget(room)
        // Of a user's own room nobody hears who is in it: its owner is.
        relay?.begin(room, hasBoard: room.owner == nil && kinds.kind(of: room).presence != .off)
    }

    private func endHearing(_ room: RoomName) {
        relay?.end(room)
        cache.forget(room)
    }

    func listeners(_ room: RoomName) -> UInt64 { interest.withLock { $0.masks[room] ?? 0 } }

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
