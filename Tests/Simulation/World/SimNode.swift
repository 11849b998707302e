import Logging
import RoostCore
import RoostEngine
import RoostHub

/// A node that comes and goes: the real hub on two loops, in virtual time.
final class SimNode: @unchecked Sendable {
    let name: String
    private let stage: Stage
    private let vault: Vault
    private let redis: SimRedis?
    private let dice: Dice
    /// One life of the process.
    private final class Life: @unchecked Sendable {
        let name: String
        let loops: [SimLoop]
        let store: SimStore
        let bus: SimBus?
        var hub: Hub?
        var links: [Link] = []
        var isAccepting = false
        var isFrozen = false

        init(name: String, loops: [SimLoop], store: SimStore, bus: SimBus?) {
            self.name = name
            self.loops = loops
            self.store = store
            self.bus = bus
        }
    }
    private var life: Life?
    private var lives = 0
    /// By how much its host's clock differs from the others', in milliseconds.
    private let clockSkew: Int64

    init(_ stage: Stage, vault: Vault, redis: SimRedis?, name: String) {
        self.stage = stage
        self.vault = vault
        self.redis = redis
        self.name = name
        dice = stage.dice("node " + name)
        let skew = stage.shape.clockSkewMs
        clockSkew = skew > 0 ? stage.dice("clock of " + name).time(-skew...skew) : 0
    }

    var bus: SimBus? { life?.bus }
    var store: SimStore? { life?.store }
    var lifeName: String? { life?.name }
    /// Nil while it is down.
    var hub: Hub? { life?.hub }
    var isUp: Bool { life?.isAccepting ?? false }
    var isDown: Bool { life == nil }
    var isFrozen: Bool { life?.isFrozen ?? false }

    // MARK: Up

    func start() {
        guard life == nil else { return }
        lives += 1
        let lifeName = "\(name).\(lives)"
        let loops = (0..<Scale.loopsEach).map { number in
            SimLoop(scheduler: stage.scheduler, dice: stage.dice("loop \(lifeName).\(number)"))
        }
        do {
            let store = try vault.store(for: "store/" + lifeName)
            let bus = redis.map { SimBus($0, name: lifeName) }
            let life = Life(name: lifeName, loops: loops, store: store, bus: bus)
            self.life = life
            stage.trace.note(name, "starts as \(lifeName)")
            stage.executor.task { [self] in await start(life) }
        } catch {
            stage.referee.blow(.finishes, "the store of \(lifeName) can't be opened: \(error)")
        }
    }

    private func start(_ life: Life) async {
        await life.store.open()
        do {
            let hub = try await Hub.start(
                store: life.store, loops: life.loops,
                settings: HubSettings(
                    limits: stage.shape.limits, kinds: stage.shape.kinds, node: life.name,
                    recentBytes: stage.shape.recentBytes, readersPerTurn: stage.shape.readersPerTurn,
                    sweepsPerLook: stage.shape.sweepsPerLook),
                world: world(life),
                log: Logger(label: "roost") { [stage] _ in TraceLog(stage.trace, life.name) },
                membership: life.bus.map { Hub.Membership(cluster: $0, storeID: "sim") })
            guard self.life === life else { return }
            life.hub = hub
            life.isAccepting = true
            stage.trace.note(name, "is up")
        } catch {
            // It was ended before it had begun.
            if self.life === life { stage.referee.blow(.finishes, "\(life.name) did not start: \(error)") }
        }
    }

    private func world(_ life: Life) -> World {
        let (stage, dice, skew) = (stage, stage.dice("world " + life.name), clockSkew)
        // Each process has a monotonic clock of its own.
        let start = stage.now / 1000 - dice.time(0...1_000_000)
        return World(
            monotonic: { Moment(milliseconds: stage.now / 1000 - start) },
            wall: { Timestamp(milliseconds: stage.wall.milliseconds + skew) },
            random: { dice.next() }, executor: stage.executor)
    }

    // MARK: Connections

    /// Takes a connection, if it is up.
    func take(_ link: Link) -> Bool {
        guard let life, life.isAccepting, life.hub != nil else { return false }
        let user = link.client.user
        let identity = Identity(user: user, name: user.text, client: link.name)
        life.links.append(link)
        onSomeLoop { [stage] shard, loop in
            let end = ServerEnd(stage, loop: loop, shard: shard, identity: identity, link: link)
            link.isServed(by: end, on: loop)
        }
        return true
    }

    /// Runs something on one of its loops, if it is up.
    func onSomeLoop(_ body: @escaping (Shard, SimLoop) -> Void) {
        guard let life, life.isAccepting, let hub = life.hub else { return }
        let loop = dice.pick(life.loops)
        loop.perform {
            if let shard = hub.shard(on: loop) { body(shard, loop) }
        }
    }

    /// Whether it has a connection that its client has given up.
    var holdsGhosts: Bool { life?.links.contains(where: \.isGhost) ?? false }

    /// The process stands still for so long; what comes meanwhile waits for it.
    func freeze(for time: Int64) {
        guard let life, life.isAccepting, !life.isFrozen else { return }
        stage.trace.note(name, "stands still")
        freeze(life, true)
        stage.scheduler.after(time) { [self] in
            stage.trace.note(life.name, "goes on")
            freeze(life, false)
        }
    }

    private func freeze(_ life: Life, _ isFrozen: Bool) {
        life.isFrozen = isFrozen
        for loop in life.loops { loop.freeze(isFrozen) }
        life.bus?.freeze(isFrozen)
    }

    // MARK: Down

    /// The process is killed.
    func crash() {
        guard let life else { return }
        stage.trace.note(name, "crashes")
        end(life)
    }

    private func end(_ life: Life) {
        self.life = nil
        life.store.isDead = true
        life.bus?.end()
        life.isAccepting = false
        for loop in life.loops { loop.die() }
        for link in life.links { link.nodeDied() }
        life.links = []
        let (vault, store) = (vault, life.store)
        stage.executor.task { [executor = stage.executor] in
            try? await executor.abroad { () async throws(StoreError) in await vault.close(store) }
        }
    }

    /// Stops as on a signal: what clients have sent is stored and acked first.
    func drain(then: @escaping @Sendable () -> Void = {}) {
        guard let life, let hub = life.hub, life.isAccepting else { return }
        stage.trace.note(name, "drains")
        life.isAccepting = false
        let windowMs = stage.isCalm ? 0 : dice.time(0...3000)
        stage.executor.task { [self] in
            await hub.drain(
                DrainPlan(.draining, reason: "The server is restarting; connect again.", windowMs: windowMs))
            stage.trace.note(name, "has drained")
            // As long as a client has to answer the close.
            stage.scheduler.after(.ms(2500)) { [self] in
                if self.life === life { end(life) }
                then()
            }
        }
    }
}

/// What the hub logs becomes part of the trace.
private struct TraceLog: LogHandler {
    private let trace: Trace
    private let name: String
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    init(_ trace: Trace, _ name: String) {
        self.trace = trace
        self.name = name
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        trace.note(name, "\(event.level): \(event.message) \(event.metadata ?? [:])")
    }
}
