import Logging
import RoostCore
import RoostEngine

/// This node's side of the cluster: what it tells the others, what it has to write for them, and what it knows of them.
///
/// One lock; taken once per committed batch, and by joins and leaves. Inside it nothing else is called but the bus.
final class Relay: Sendable {
    let cluster: any Cluster
    let me: NodeID
    let card: NodeCard
    let world: World
    let log: Logger

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
        /// What was said may be lost: the bus was away, or the last renewal failed, which it may have done on the way
        /// back. Once the lease is there all is said again.
        var mustSayAll = false
        var logNews = LogNews()
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
                state.logNews.grew(committed.room, to: Position(epoch: committed.epoch, seq: last))
            }
        }
        cluster.publish(batch.map { post([.committed($0)], to: $0.room) })
    }

    /// Tells others that a message is in the log of which they may not have heard.
    func tell(_ room: RoomName, atLeast seq: UInt64) {
        state.withLock { $0.logNews.has(room, atLeast: seq) }
        tell(room, .atLeast(room, seq))
    }

    /// Tells others that the log may have grown.
    func tellDoubt(_ room: RoomName) {
        state.withLock { $0.logNews.mayHaveGrown(room) }
        tell(room, .doubt(room))
    }

    /// Tells others that a room has been deleted.
    func tellGone(_ room: RoomName) {
        state.withLock { $0.logNews.isGone(room) }
        tell(room, .dissolved(room))
    }

    func tell(_ room: RoomName, _ bulletin: Bulletin) { tell([(room, bulletin)]) }

    /// Tells several rooms something, in one go.
    func tell(_ news: [(room: RoomName, bulletin: Bulletin)]) {
        if !news.isEmpty { cluster.publish(news.map { post([$0.bulletin], to: $0.room) }) }
    }

    func tellEveryone(_ bulletin: Bulletin) {
        cluster.publish([BusPost(.everyone, Bulletin.bytes([bulletin], from: me))])
    }

    private func post(_ bulletins: [Bulletin], to room: RoomName) -> BusPost {
        BusPost(.room(room), Bulletin.bytes(bulletins, from: me))
    }

    /// Every second: says again what has happened to logs and what versions boards have, for those who have missed it.
    /// - Returns: what is to be done about this node's parts of boards.
    func remind() -> OwnRows.Round {
        let (round, logs) = state.withLock { state in
            // Nobody hears it now; what was appended meanwhile is told when the bus is back.
            guard !state.isLost else { return (OwnRows.Round(), LogNews.Round()) }
            return (state.own.takeRound(by: me), state.logNews.takeRound())
        }
        var posts = round.reminders.map { post([.attendance($0)], to: $0.room) }
        posts += logs.posts.map { post($0.bulletins, to: $0.room) }
        if !posts.isEmpty { cluster.publish(posts) }
        return round
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
            let (isLost, outlook) = (state.isLost, state.outlook)
            let split = state.waiters.partition { waiter in
                isLost || now >= waiter.until
                    || waiter.rooms.allSatisfy { !outlook.isOfInterest($0) || outlook.isLoaded($0) }
            }
            defer { state.waiters.removeSubrange(split...) }
            return Array(state.waiters[split...])
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
                // It is written with the next news, or a second later.
                log.debug("boards could not be written; they will be", metadata: ["error": "\(error)"])
                return state.withLock { $0.own.putBack(pieces) }
            }
            let attended = Set(pieces.compactMap(\.change.board.room).filter(isAttended))
            let news = state.withLock { $0.own.written(pieces, by: me, isAttended: attended.contains) }
            tell(news.map { ($0.room, .attendance($0)) })
        }
    }

    /// Returns once nobody writes.
    func rest() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.own.isWriting { state.idlers.append(continuation) }
                return !state.own.isWriting
            }
            if isIdle { continuation.resume() }
        }
    }
}
