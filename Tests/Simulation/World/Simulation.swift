import RoostCore
import RoostEngine
import RoostHub

/// One seed's world from beginning to end: clients, nodes and store on one thread, in virtual time.
///
/// First there is life and trouble; then nothing goes wrong any more, and everything must come right by itself; then
/// everybody goes home, and nothing may be left.
public final class Simulation {
    /// What came of it.
    public struct Outcome: Sendable {
        public var violation: Violation?
        public var shape: Shape
        /// Microseconds of virtual time.
        public var time: Int64
        public var events: Int
        /// Messages in the logs.
        public var messages: Int
        /// Empty unless it was traced.
        public var lines: [Trace.Line]
        public var fingerprint: UInt64
    }

    let stage: Stage
    let vault: Vault
    let nodes: [SimNode]
    let redis: SimRedis?
    private(set) var clients: [any SimGuest]
    /// Those that are gone for good; events of theirs may still be due.
    private var lost: [any SimGuest] = []
    let rooms: [RoomName]
    let dice: Dice

    /// - Parameter onLine: called with each line of the trace as it is written.
    public static func run(
        seed: UInt64, shape: Shape, isTraced: Bool = false, onLine: ((Trace.Line) -> Void)? = nil
    ) -> Outcome {
        let simulation = Simulation(seed: seed, shape: shape, isTraced: isTraced)
        simulation.stage.trace.onLine = onLine
        return simulation.run()
    }

    private init(seed: UInt64, shape: Shape, isTraced: Bool) {
        let stage = Stage(seed: seed, shape: shape, isTraced: isTraced)
        self.stage = stage
        dice = stage.dice("world")
        let vault = Vault(stage)
        self.vault = vault
        rooms = (0..<shape.rooms).compactMap { RoomName("r\($0)") }
        let redis = shape.hasBus ? SimRedis(stage) : nil
        self.redis = redis
        let nodes = (0..<shape.nodes).map { SimNode(stage, vault: vault, redis: redis, name: "n\($0)") }
        self.nodes = nodes
        let rooms = rooms
        clients = (0..<shape.clients).map { number -> any SimGuest in
            // Every third is the SDK's machine, in place of one that looks at each frame.
            if stage.dice("kind/\(number)").chance(0.35) {
                return SDKClient(stage, number: number, nodes: nodes, rooms: rooms)
            }
            return SimClient(stage, number: number, nodes: nodes, rooms: rooms)
        }
    }

    private func run() -> Outcome {
        for node in nodes { node.start() }
        planConnections()
        planOperations()
        planOwnTalk()
        planFaults()
        advance(by: .ms(stage.shape.activeMs))
        comeRight()
        goHome()
        vault.discard()
        return Outcome(
            violation: stage.referee.violation, shape: stage.shape, time: stage.now,
            events: stage.scheduler.happened, messages: stage.ledger.all.reduce(0) { $0 + $1.messages.count },
            lines: stage.trace.lines, fingerprint: stage.trace.fingerprint)
    }

    func advance(by time: Int64, unless isDone: () -> Bool = { false }) {
        let referee = stage.referee
        stage.scheduler.run(until: stage.now + time) { referee.isOver || isDone() }
    }

    // MARK: Life

    private func planConnections() {
        for client in clients {
            let isLate = dice.chance(0.2)
            let start = isLate ? dice.time(0 ... .ms(stage.shape.activeMs)) : dice.time(0 ... .ms(300))
            stage.scheduler.after(start) { client.connect() }
        }
    }

    private func planOperations() {
        for _ in 0..<stage.shape.operations {
            let client = dice.pick(clients)
            stage.scheduler.after(dice.time(0 ... .ms(stage.shape.activeMs))) { client.act() }
        }
    }

    /// Something is said in own rooms, on nodes that need not be their users'.
    private func planOwnTalk() {
        guard redis != nil || nodes.count == 1 else { return }
        let (stage, dice) = (stage, stage.dice("own talk"))
        for _ in 0..<dice.int(0...stage.shape.operations / 4) {
            stage.scheduler.after(dice.time(0 ... .ms(stage.shape.activeMs))) { [self] in
                guard !clients.isEmpty else { return }
                let user = dice.pick(clients).user
                for _ in 0..<dice.int(1...2) { stage.ownTalk.say(to: user, by: dice.pick(nodes)) }
            }
        }
    }

    // MARK: Trouble

    private func plan(_ count: Int, _ happen: @escaping () -> Void) {
        for _ in 0..<count { stage.scheduler.after(dice.time(.ms(50) ... .ms(stage.shape.activeMs)), happen) }
    }

    private func planFaults() {
        let (faults, dice) = (stage.shape.faults, stage.dice("faults"))
        plan(faults.cuts) { [self] in dice.pick(clients).link?.end(dice.pick(Link.End.allCases)) }
        plan(faults.stalls) { [self] in
            guard let link = dice.pick(clients).link else { return }
            stage.trace.note(link.name, "stops reading")
            link.stall(true)
            stage.scheduler.after(dice.time(.ms(200) ... .ms(6000))) { link.stall(false) }
        }
        plan(faults.crashes) { [self] in
            let node = dice.pick(nodes)
            guard mayEnd(node) else { return }
            let isSaid = redis != nil && sayLastWords(on: node, dice)
            if !isSaid { crash(node, dice) }
        }
        plan(faults.drains) { [self] in
            let node = dice.pick(nodes)
            let pause = dice.time(.ms(1) ... .ms(1000))
            guard mayEnd(node) else { return }
            node.drain { [scheduler = stage.scheduler] in scheduler.after(pause) { node.start() } }
        }
        plan(faults.clockSteps) { [stage] in stage.stepClock(by: dice.time(-200_000...200_000)) }
        plan(faults.outages) { [stage] in
            stage.isStoreOut = true
            stage.trace.note("store", "is away")
            stage.scheduler.after(dice.time(.ms(100) ... .ms(3000))) {
                stage.isStoreOut = false
                stage.trace.note("store", "is back")
            }
        }
        planBusFaults()
        plan(faults.deletions) { [self] in
            delete(dice.pick(rooms), onNode: dice.pick(nodes), isAnnounced: dice.chance(0.5))
        }
        planStoreCuts()
    }

    /// What a node appends that has no lease yet, and ends before it has told of it, only a look at the store finds.
    private func mayEnd(_ node: SimNode) -> Bool { redis == nil || stage.shape.sweepsPerLook > 0 || hasLease(node) }

    private func hasLease(_ node: SimNode) -> Bool {
        redis?.living.contains(where: { $0.name == node.lifeName }) ?? false
    }

    private func crash(_ node: SimNode, _ dice: Dice) {
        node.crash()
        stage.scheduler.after(dice.time(.ms(1) ... .ms(2000))) { node.start() }
    }

    /// Somebody sends something and is gone for good, never to send it again, just before its node is: it may be in the
    /// log, and nobody may have told. At some time, or when it is in the log and the node does not know yet.
    /// - Returns: whether somebody does.
    private func sayLastWords(on node: SimNode, _ dice: Dice) -> Bool {
        guard clients.count > 2, dice.chance(0.6), hasLease(node),
            let author = clients.first(where: { $0.link?.node === node && !$0.isSilent })
        else { return false }
        var isOver = false
        func end() {
            // Nothing goes wrong any more once that has been said.
            guard !isOver, !stage.isCalm else { return }
            isOver = true
            lose(author)
            crash(node, dice)
        }
        if dice.chance(0.5) {
            stage.scheduler.after(dice.time(1...(4 * stage.shape.network.latency.upperBound))) { end() }
        } else {
            stage.ledger.onNext(of: author.user) { [stage] in
                stage.scheduler.after(dice.time(0...stage.shape.store.latency.upperBound)) { end() }
            }
            // It may not come to that.
            stage.scheduler.after(.ms(1000)) { end() }
        }
        author.say(2, in: dice.int(0...(rooms.count - 1)))
        return true
    }

    private func lose(_ client: any SimGuest) {
        stage.trace.note(client.name, "is gone for good")
        client.goHome()
        clients.removeAll { $0 === client }
        lost.append(client)
    }

    private func planBusFaults() {
        guard let redis else { return }
        let (faults, dice) = (stage.shape.faults, stage.dice("bus faults"))
        plan(faults.busOutages) { [stage] in
            redis.goAway()
            stage.scheduler.after(dice.time(.ms(10) ... .ms(3000))) { redis.comeBack() }
        }
        plan(faults.partitions) { [self] in
            let node = dice.pick(nodes)
            guard let bus = node.bus else { return }
            stage.trace.note(node.name, "can't reach the bus")
            bus.isCutOff("simulated")
            stage.scheduler.after(dice.time(.ms(10) ... .ms(4000))) { bus.findsItAgain() }
        }
        let freezes = stage.dice("freezes")
        plan(faults.freezes) { [self] in
            freezes.pick(nodes).freeze(for: freezes.time(.ms(7000) ... .ms(15_000)))
        }
    }

    private func planStoreCuts() {
        let dice = stage.dice("store cuts")
        plan(stage.shape.faults.storeCuts) { [self] in
            let node = dice.pick(nodes)
            guard let store = node.store else { return }
            stage.trace.note(node.name, "can't reach the store")
            store.isCutOff = true
            stage.scheduler.after(dice.time(.ms(10) ... .ms(6000))) { store.isCutOff = false }
        }
    }

    /// Deletes a room: as the API does, or as another process would, of which the node is not told.
    private func delete(_ room: RoomName, onNode node: SimNode, isAnnounced: Bool) {
        guard let hub = node.hub else { return }
        stage.executor.task {
            let isDone = try? await hub.store.deleteRoom(room)
            if isDone == true, isAnnounced { hub.dissolve(room) }
        }
    }
}
