public import Logging
public import NIOCore
public import RoostCore
public import RoostEngine

/// The street of one node: shards that own the connections, the ingest they share, and who is where.
///
/// Shards share nothing on the message path. What is here is touched once per batch or by joins and leaves.
public final class Hub: Sendable {
    public let store: any Store
    let settings: HubSettings
    let world: World
    let log: Logger
    private let shards: [BoundShard]
    private let interest = Locked<[RoomName: UInt64]>([:])
    private let presence = Locked(Presence())
    private let online = Locked<[UserID: OnlineUser]>([:])
    private let ingest: Ingest
    private let route: Route
    let scribe: Scribe
    public var limits: Limits { settings.limits }
    public var node: String { settings.node }
    public var isAnonymous: Bool { settings.isAnonymous }

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

    func submit(_ parcel: Ingest.Parcel) -> Bool { ingest.submit(parcel) }

    /// Publishes for somebody who is no connection; one verdict per draft.
    public func publish(_ drafts: [Draft]) async -> [Verdict] {
        guard !drafts.isEmpty else { return [] }
        return await withCheckedContinuation { continuation in
            let parcel = Ingest.Parcel(
                drafts: drafts, weight: drafts.reduce(0) { $0 + $1.weight },
                origin: .caller { continuation.resume(returning: $0) })
            if !ingest.submit(parcel) {
                continuation.resume(returning: drafts.map { _ in .rejected(Hub.swamped) })
            }
        }
    }

    static let swamped = Failure(
        .unavailable, "The server has more waiting than it can store; nothing was stored. Try again.", retryAfterMs: 500
    )

    /// Takes a batch to everyone concerned: one item per loop.
    private func deliver(_ outcome: Ingest.Outcome) {
        var news = [Shard.News](repeating: Shard.News(), count: shards.count)
        for (parcel, verdicts) in zip(outcome.parcels, outcome.verdicts) {
            switch parcel.origin {
            case .shard(let number, let authors):
                news[number].receipts.append(
                    Shard.Receipts(drafts: parcel.drafts, authors: authors, verdicts: verdicts))
            case .caller: break
            }
        }
        interest.withLock { interest in
            for committed in outcome.committed {
                var mask = interest[committed.room] ?? 0
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

    private func listeners(_ room: RoomName) -> UInt64 { interest.withLock { $0[room] ?? 0 } }

    // MARK: Who is where

    public func isOnline(_ user: UserID) -> Bool { online.withLock { $0[user] != nil } }

    /// A user with a connection to this node.
    private struct OnlineUser {
        var connections: Int
        /// What the user may send, over all its connections.
        var bucket: TokenBucket
    }

    func connected(_ identity: Identity) {
        let fresh = OnlineUser(connections: 0, bucket: TokenBucket(burst: limits.rateBurst, now: world.monotonic()))
        online.withLock { $0[identity.user, default: fresh].connections += 1 }
        guard identity.isLasting else { return }
        scribe.note(Sighting(user: identity.user, name: identity.name == identity.user.text ? nil : identity.name))
    }

    /// Takes tokens out of the user's bucket: a block at a time, so that the lock is no part of a message's way.
    func lease(_ count: Int, of user: UserID) -> Session.Lease {
        let now = world.monotonic()
        return online.withLock { online in
            online[user]?.bucket.lease(count, rate: limits.rateMessages, burst: max(1, limits.rateBurst), now: now)
                ?? .tokens(count)
        }
    }

    func disconnected(_ identity: Identity) {
        let isGone = online.withLock { online in
            online[identity.user]?.connections -= 1
            guard online[identity.user]?.connections ?? 0 <= 0 else { return false }
            online[identity.user] = nil
            return true
        }
        if isGone, identity.isLasting { scribe.note(Sighting(user: identity.user, lastSeen: world.wall())) }
    }

    func enter(_ room: RoomName, _ identity: Identity, except connection: UInt64) {
        let joined = Event.userJoined(room: room, user: identity.user, name: identity.name)
        // Told under the lock, so that nobody hears of a later leaving first.
        presence.withLock { presence in
            let change = presence.join(room, identity.user, name: identity.name, at: world.wall())
            if change == .joined { tell(room, joined, except: connection) }
        }
    }

    func exit(_ room: RoomName, _ identity: Identity, except connection: UInt64) {
        let left = Event.userLeft(room: room, user: identity.user, name: identity.name, lastSeen: world.wall())
        presence.withLock { presence in
            if presence.leave(room, identity.user) == .left { tell(room, left, except: connection) }
        }
    }

    /// The members of a room, at most `limit` (1000 if more are asked for).
    public func members(_ room: RoomName, after: UserID? = nil, limit: Int = 1000) -> PresencePage {
        presence.withLock { $0.page(room, after: after, limit: min(max(1, limit), 1000)) }
    }

    /// Large rooms hear how many they are, at most once a second.
    func announceCounts() {
        for (room, count) in presence.withLock({ $0.takeCounts() }) {
            tell(room, .presenceCount(room: room, count: count), except: 0)
        }
    }

    // MARK: News beside the log

    /// Tells a room something that is not kept.
    private func tell(_ room: RoomName, _ event: Event, except connection: UInt64) {
        var mask = listeners(room)
        while mask != 0 {
            let target = shards[mask.trailingZeroBitCount]
            target.loop.execute { target.shard.value.hear(event, in: room, except: connection) }
            mask &= mask - 1
        }
    }

    /// Tells every online participant of a new room, except the connection that has made it (0: nobody's).
    public func announce(_ room: RoomInfo, participants: [User], except connection: UInt64 = 0) {
        for target in shards {
            target.loop.execute {
                target.shard.value.hear(ofNew: room, participants: participants, except: connection)
            }
        }
    }

    /// The room is gone: its readers are told that they have left it.
    public func dissolve(_ room: RoomName) {
        for target in shards {
            target.loop.execute { target.shard.value.dissolve(room) }
        }
    }

    /// A user has been made a participant of a room, or is one no longer.
    public func membership(of user: UserID, in room: RoomName, isNow isMember: Bool) {
        for target in shards {
            target.loop.execute { target.shard.value.membership(of: user, in: room, isNow: isMember) }
        }
    }

    /// Who may enter has changed: readers without access are put out.
    public func recheck(_ room: RoomName) {
        for target in shards {
            target.loop.execute { target.shard.value.recheck(room) }
        }
    }

    // MARK: Life

    /// What the shards have counted, summed up.
    public func counters() async -> Counters {
        var sum = Counters()
        for target in shards {
            if let counters = try? await target.loop.submit({ target.shard.value.counters }).get() { sum += counters }
        }
        return sum
    }

    /// Ids of connected clients as their dialect shows them, at most `limit`.
    public func clients(limit: Int) async -> [String] {
        var all: [String] = []
        for target in shards {
            all += (try? await target.loop.submit { target.shard.value.clients(limit: limit) }.get()) ?? []
        }
        return Array(all.prefix(limit))
    }

    /// Stops reading from clients, lets what they sent be stored and acked, then closes them all.
    public func drain(_ code: CloseCode, reason: String) async {
        for target in shards { try? await target.loop.submit { target.shard.value.stopReading() }.get() }
        await ingest.idle()
        for target in shards {
            try? await target.loop.submit { target.shard.value.closeAll(code, reason: reason) }.get()
        }
        await ingest.idle()
        await scribe.flush()
        route.hub.withLock { $0 = nil }
    }
}
