import RoostCore
import RoostEngine

/// What nodes share beside the store, as unreliable as such a thing may be: posts are lost, doubled and come in any
/// order, it goes away and comes back without what it knew.
final class SimRedis: @unchecked Sendable {
    let stage: Stage
    let dice: Dice
    /// In the order in which they came.
    fileprivate var buses: [SimBus] = []
    private var leases: [NodeID: (card: NodeCard, until: Int64)] = [:]
    private var boards: [BoardName: [NodeID: BoardPage.Part]] = [:]
    private var quotas: [String: TokenBucket] = [:]
    private(set) var isOut = false

    init(_ stage: Stage) {
        self.stage = stage
        dice = stage.dice("redis")
    }

    var living: [NodeCard] { leases.values.filter { $0.until > stage.now }.map(\.card) }

    // MARK: Trouble

    func goAway() {
        isOut = true
        stage.trace.note("bus", "is away")
        for bus in buses { bus.isCutOff("simulated") }
    }

    func comeBack() {
        guard isOut else { return }
        isOut = false
        if dice.chance(0.5) { (leases, boards, quotas) = ([:], [:], [:]) }
        stage.trace.note("bus", "is back with \(boards.count) boards")
        for bus in buses { bus.findsItAgain() }
    }

    // MARK: What it does

    fileprivate func post(_ posts: [BusPost]) {
        let weather = stage.isCalm ? Shape.Bus() : stage.shape.bus
        stage.tally.posts += posts.count
        for bus in buses {
            for post in posts where bus.hears(post.channel) {
                stage.tally.heard += 1
                if dice.chance(weather.loses) { continue }
                let copies = dice.chance(weather.doubles) ? 2 : 1
                for _ in 0..<copies {
                    stage.scheduler.after(dice.time(weather.latency)) { bus.deliver([post]) }
                }
            }
        }
    }

    fileprivate func renew(_ card: NodeCard, forMs: Int64) -> Renewal {
        stage.tally.renewals += 1
        let isNew = leases[card.node].map { $0.until <= stage.now } ?? true
        leases[card.node] = (card, stage.now + .ms(forMs))
        return Renewal(nodes: living, isNew: isNew)
    }

    fileprivate func release(_ node: NodeID) { leases[node] = nil }

    fileprivate func write(_ changes: [BoardChange], by node: NodeID) {
        stage.tally.writes += changes.count
        for change in changes {
            var part = boards[change.board]?[node] ?? BoardPage.Part(version: 0)
            guard change.version > part.version else { continue }
            part.version = change.version
            if change.isWhole { part.rows = [:] }
            for (user, row) in change.rows { part.rows[user] = row }
            boards[change.board, default: [:]][node] = part
        }
    }

    fileprivate func read(_ names: [BoardName]) -> [BoardPage] {
        stage.tally.reads += names.count
        return names.map { BoardPage(parts: boards[$0] ?? [:]) }
    }

    fileprivate func clean(_ parts: [BoardPart]) {
        stage.tally.cleanings += parts.count
        for part in parts where boards[part.board]?[part.node]?.version ?? 0 <= part.version {
            boards[part.board]?[part.node] = nil
        }
    }

    fileprivate func take(_ want: Int, from name: String, rate: Int, burst: Int) -> Int {
        stage.tally.leases += 1
        let now = Moment(milliseconds: stage.now / 1000)
        var bucket = quotas[name] ?? TokenBucket(burst: burst, now: now)
        defer { quotas[name] = bucket }
        guard case .tokens(let count) = bucket.lease(want, rate: rate, burst: burst, now: now) else { return 0 }
        return count
    }

    fileprivate func keep(_ parts: [BoardPart]) -> [Bool] {
        stage.tally.keepings += parts.count
        return parts.map { boards[$0.board]?[$0.node]?.version == $0.version }
    }
}

/// One life of a node's connection to it.
final class SimBus: Bus, Board, SessionStore, Quota, @unchecked Sendable {
    private let redis: SimRedis
    private let dice: Dice
    /// The node is gone.
    var isDead = false
    private var hear: @Sendable (BusEvent) -> Void = { _ in }
    private var wanted: Set<BusChannel> = []
    private var inForce: Set<BusChannel> = []
    /// Those of which the node has been told.
    private var told: Set<BusChannel> = []
    private var isUp = false
    private var isFrozen = false
    /// What is to be done once the node goes on.
    private var backlog: [() -> Void] = []

    init(_ redis: SimRedis, name: String) {
        self.redis = redis
        dice = redis.stage.dice("bus " + name)
    }

    private var stage: Stage { redis.stage }
    private var weather: Shape.Bus { stage.isCalm ? Shape.Bus() : stage.shape.bus }
    var isConnected: Bool { isUp }
    func counters() async -> BusCounters { BusCounters() }
    /// Everything that it wants to hear it does.
    var isSettled: Bool { isUp && wanted == told }

    func start(_ hear: @escaping @Sendable (BusEvent) -> Void) {
        self.hear = hear
        redis.buses.append(self)
        findsItAgain()
    }

    func stop() async { end() }

    func end() {
        isDead = true
        redis.buses.removeAll { $0 === self }
    }

    // MARK: Channels

    func listen(to channels: [BusChannel]) {
        wanted.formUnion(channels)
        if isUp { subscribe(channels) }
    }

    func unlisten(to channels: [BusChannel]) {
        wanted.subtract(channels)
        inForce.subtract(channels)
        told.subtract(channels)
    }

    private func subscribe(_ channels: [BusChannel]) {
        stage.scheduler.after(dice.time(weather.latency)) { [self] in
            let now = channels.filter { isUp && !isDead && wanted.contains($0) }
            inForce.formUnion(now)
            guard !now.isEmpty else { return }
            stage.scheduler.after(dice.time(weather.latency)) { [self] in
                let still = now.filter { inForce.contains($0) }
                guard !isDead, isUp, !still.isEmpty else { return }
                told.formUnion(still)
                onceAwake { [self] in hear(.inForce(still)) }
            }
        }
    }

    fileprivate func hears(_ channel: BusChannel) -> Bool { isUp && !isDead && inForce.contains(channel) }

    func publish(_ posts: [BusPost]) {
        guard isUp, !isDead else { return }
        redis.post(posts)
    }

    fileprivate func deliver(_ posts: [BusPost]) {
        if isUp, !isDead { onceAwake { [self] in hear(.posts(posts)) } }
    }

    // MARK: Standing still

    private func onceAwake(_ body: @escaping () -> Void) {
        if isFrozen { backlog.append(body) } else { body() }
    }

    /// The node stands still and hears nothing, or goes on with what was said meanwhile. Redis may have given it up.
    func freeze(_ isNow: Bool) {
        isFrozen = isNow
        guard !isNow, !isDead else { return }
        let missed = backlog
        backlog = []
        for body in missed { body() }
        guard dice.chance(0.5) else { return }
        isCutOff("given up while it stood still")
        findsItAgain()
    }

    // MARK: The connection

    /// It can't be reached any more: by this node only, or by anyone.
    func isCutOff(_ reason: String) {
        guard isUp, !isDead else { return }
        (isUp, inForce, told) = (false, [], [])
        onceAwake { [self] in hear(.lost(reason)) }
    }

    func findsItAgain() {
        stage.scheduler.after(dice.time(.ms(1) ... .ms(800))) { [self] in
            guard !isUp, !isDead, !redis.isOut else { return }
            isUp = true
            subscribe(wanted.sorted { "\($0)" < "\($1)" })
        }
    }

    // MARK: Questions

    private func call<Value: Sendable>(_ body: () -> Value) async throws(BusError) -> Value {
        await pause()
        if isDead { throw .stopped }
        guard isUp, !dice.chance(weather.fails) else { throw .away("simulated") }
        let value = body()
        await pause()
        guard isUp, !isDead, !dice.chance(weather.fails) else { throw .away("the reply was lost") }
        return value
    }

    private func pause() async {
        let time = dice.time(weather.latency)
        await withCheckedContinuation { continuation in
            stage.scheduler.after(time) { [self] in onceAwake { continuation.resume() } }
        }
    }

    func renew(_ card: NodeCard, forMs: Int64) async throws(BusError) -> Renewal {
        try await call { redis.renew(card, forMs: forMs) }
    }

    func release(_ node: NodeID) async throws(BusError) { try await call { redis.release(node) } }

    func write(_ changes: [BoardChange], by node: NodeID) async throws(BusError) {
        try await call { redis.write(changes, by: node) }
    }

    func read(_ boards: [BoardName]) async throws(BusError) -> [BoardPage] { try await call { redis.read(boards) } }

    func clean(_ parts: [BoardPart]) async throws(BusError) { try await call { redis.clean(parts) } }

    func keep(_ parts: [BoardPart]) async throws(BusError) -> [Bool] { try await call { redis.keep(parts) } }

    func visit(_ session: String, begins: Bool, idleMs: Int64) async throws(BusError) -> SessionState? {
        SessionState(visits: 1)
    }
    func note(room: RoomName, of session: String) async throws(BusError) {}
    func take(_ want: Int, from bucket: String, rate: Int, burst: Int) async throws(BusError) -> Int {
        try await call { redis.take(want, from: bucket, rate: rate, burst: burst) }
    }
}
