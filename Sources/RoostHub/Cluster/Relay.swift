import Logging
import RoostCore
import RoostEngine

/// This node's side of the cluster: what it tells the others, what it has to write for them, and what it knows of them.
///
/// One lock; taken once per committed batch, and by joins and leaves. Inside it nothing else is called but the bus.
final class Relay: Sendable {
    let cluster: any Cluster
    let me: NodeID
    private let card: NodeCard
    private let world: World
    private let log: Logger

    /// The end of a log that has grown lately, and how often others are still to be told of it.
    fileprivate struct Recent {
        var epoch: Epoch
        var head: UInt64
        var left: Int
    }

    /// Somebody who waits for rooms to be known.
    fileprivate struct Waiter {
        var rooms: Set<RoomName>
        var until: Moment
        var continuation: CheckedContinuation<Void, Never>
    }

    struct State {
        var neighbours: Neighbours
        var isLost = true
        var isRenewing = false
        /// The last renewal failed, which it may have done on the way back.
        fileprivate var hasLostAnswer = false
        fileprivate var recent: [RoomName: Recent] = [:]
        /// Of more rooms than are remembered.
        fileprivate var hasToldTooLittle = false
        var outlook = Outlook()
        var own = OwnRows()
        fileprivate var waiters: [Waiter] = []
        fileprivate var idlers: [CheckedContinuation<Void, Never>] = []
        /// Nodes with another store.
        var strangers: [NodeID: NodeCard] = [:]
        /// Whether this node has found out who was there before it.
        var isIntroduced = false
        /// Whether the bus has ever said that it is away.
        var hasBeenLost = false
    }

    let state: Locked<State>

    init(cluster: any Cluster, card: NodeCard, world: World, log: Logger) {
        self.cluster = cluster
        self.card = card
        self.world = world
        self.log = log
        me = card.node
        state = Locked(State(neighbours: Neighbours(me: card.node, now: world.monotonic())))
    }

    /// Whether others may not hear what happens here, nor this node them.
    var isLost: Bool { state.withLock { $0.isLost } }

    // MARK: Telling

    /// Tells others of what was appended here.
    func publish(_ batch: [Committed]) {
        guard !batch.isEmpty else { return }
        state.withLock { state in
            for committed in batch {
                guard let last = committed.messages.last?.seq else { continue }
                guard state.recent.count < Relay.mostRecent || state.recent[committed.room] != nil else {
                    state.hasToldTooLittle = true
                    continue
                }
                state.recent[committed.room] = Recent(epoch: committed.epoch, head: last, left: Relay.remindTimes)
            }
        }
        cluster.publish(batch.map { post([.committed($0)], to: $0.room) })
    }

    func tell(_ room: RoomName, _ bulletin: Bulletin) { cluster.publish([post([bulletin], to: room)]) }

    private func post(_ bulletins: [Bulletin], to room: RoomName) -> BusPost {
        BusPost(.room(room), Bulletin.bytes(bulletins, from: me))
    }

    /// How often others are told again where a log ends that has grown, a second apart.
    static let remindTimes = 3
    /// Of so many rooms at most; of more, others ask the store.
    static let mostRecent = 10_000

    /// Every second: says again where logs end and what versions boards have, for those who have missed it.
    func remind() {
        let posts = state.withLock { state in
            // Nobody hears it now; what was appended meanwhile is told when the bus is back.
            guard !state.isLost else { return [BusPost]() }
            var posts = state.own.takeReminders(by: me).compactMap { bulletin -> BusPost? in
                guard case .attendance(let news) = bulletin else { return nil }
                return post([bulletin], to: news.room)
            }
            for (room, recent) in state.recent {
                posts.append(post([.head(room, recent.epoch, recent.head)], to: room))
                state.recent[room]?.left -= 1
                if recent.left <= 1 { state.recent[room] = nil }
            }
            if state.hasToldTooLittle {
                state.hasToldTooLittle = false
                posts.append(BusPost(.everyone, Bulletin.bytes([.lookAgain], from: me)))
            }
            return posts
        }
        if !posts.isEmpty { cluster.publish(posts) }
    }

    // MARK: Interest

    func begin(_ room: RoomName, hasBoard: Bool) {
        if hasBoard { state.withLock { $0.outlook.begin(room) } }
        cluster.listen(to: [.room(room)])
    }

    func end(_ room: RoomName) {
        state.withLock { $0.outlook.end(room) }
        cluster.unlisten(to: [.room(room)])
    }

    /// Waits until it is known who is in these rooms elsewhere: for a moment only, and not at all without the bus.
    func prime(_ rooms: some Sequence<RoomName>) async {
        let until = world.monotonic() + Relay.primeMs
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                guard !state.isLost else { return false }
                let unknown = rooms.filter { state.outlook.isOfInterest($0) && !state.outlook.isLoaded($0) }
                guard !unknown.isEmpty else { return false }
                state.waiters.append(Waiter(rooms: Set(unknown), until: until, continuation: continuation))
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }

    private static let primeMs: Int64 = 300

    /// Lets those go who wait for nothing any more, or have waited long enough.
    func releaseWaiters() {
        let now = world.monotonic()
        let done = state.withLock { state in
            guard !state.waiters.isEmpty else { return [Waiter]() }
            let done = state.waiters.filter { waiter in
                state.isLost || now >= waiter.until
                    || waiter.rooms.allSatisfy { !state.outlook.isOfInterest($0) || state.outlook.isLoaded($0) }
            }
            state.waiters.removeAll { waiter in
                state.isLost || now >= waiter.until
                    || waiter.rooms.allSatisfy { !state.outlook.isOfInterest($0) || state.outlook.isLoaded($0) }
            }
            return done
        }
        for waiter in done { waiter.continuation.resume() }
    }

    // MARK: Own rows

    func note(_ board: BoardName, _ user: UserID, _ row: Bulletin.Row) {
        state.withLock { $0.own.note(board, user, row) }
    }

    /// Writes what is to be written, unless that is being done.
    /// - Parameter isAttended: whether this node has anybody in a room.
    func flush(_ isAttended: @escaping @Sendable (RoomName) -> Bool) {
        guard state.withLock({ $0.own.begin() }) else { return }
        world.run { [self] in
            await write(isAttended)
            let idlers = state.withLock { state in
                defer { state.idlers = [] }
                return state.idlers
            }
            for idler in idlers { idler.resume() }
        }
    }

    private func write(_ isAttended: (RoomName) -> Bool) async {
        while true {
            let pieces = state.withLock { $0.own.take() }
            guard !pieces.isEmpty else { return }
            do throws(BusError) {
                try await cluster.write(pieces.map(\.change), by: me)
            } catch {
                // It is written with the next news, or when the lease is renewed.
                log.debug("boards could not be written; they will be", metadata: ["error": "\(error)"])
                return state.withLock { $0.own.putBack(pieces) }
            }
            let attended = Set(pieces.compactMap(\.room).filter(isAttended))
            let news = state.withLock { $0.own.written(pieces, by: me, isAttended: attended.contains) }
            cluster.publish(
                news.compactMap { bulletin in
                    guard case .attendance(let news) = bulletin else { return nil }
                    return post([bulletin], to: news.room)
                })
        }
    }

    /// Returns once nobody writes.
    private func rest() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.own.isWriting { state.idlers.append(continuation) }
                return !state.own.isWriting
            }
            if isIdle { continuation.resume() }
        }
    }

    // MARK: The lease

    /// Renews the lease and finds out who else has one. Nil if the bus is away, or it is being done already.
    func renew() async -> Neighbours.Findings? {
        guard
            state.withLock({ state in
                defer { state.isRenewing = true }
                return !state.isRenewing
            })
        else { return nil }
        defer { state.withLock { $0.isRenewing = false } }
        do throws(BusError) {
            let renewal = try await cluster.renew(card, forMs: Neighbours.leaseMs)
            let now = world.monotonic()
            let findings = state.withLock { state in
                // A renewal without an answer may have been the one that said so.
                defer { state.hasLostAnswer = false }
                var findings = state.neighbours.renewed(renewal.nodes, storeID: card.storeID, now: now)
                findings.isForgotten = renewal.isNew || state.hasLostAnswer
                return findings
            }
            complain(of: findings.strangers)
            return findings
        } catch {
            state.withLock { $0.hasLostAnswer = true }
            log.debug("the lease could not be renewed; it will be", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func complain(of strangers: [NodeCard]) {
        // A node that starts refuses to, with a sentence of its own.
        guard state.withLock(\.isIntroduced) else {
            return state.withLock { state in for card in strangers { state.strangers[card.node] = card } }
        }
        for card in strangers where state.withLock({ $0.strangers.updateValue(card, forKey: card.node) == nil }) {
            log.error(
                "another node on this bus has another store, so it is ignored: give all nodes the same --store, or this one another --bus",
                metadata: ["node": "\(card.name)", "its store": "\(card.storeID)", "ours": "\(self.card.storeID)"])
        }
    }

    /// Gives everything back, after what is to be written is written.
    func stop() async {
        await rest()
        do throws(BusError) {
            try await cluster.release(me)
        } catch {
            log.debug("the lease was not given back; it will lapse", metadata: ["error": "\(error)"])
        }
        await cluster.stop()
        state.withLock { $0.isLost = true }
        releaseWaiters()
    }
}

extension OwnRows.Piece {
    var room: RoomName? {
        if case .members(let room) = change.board { room } else { nil }
    }
}
