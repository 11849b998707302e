public import RoostCore

/// What one seed's world is like: how large, how slow, and what goes wrong how often.
public struct Shape: Sendable {
    public var clients = 4
    public var rooms = 2
    public var operations = 60
    public var nodes = 1
    /// How long there are operations and faults, in milliseconds.
    public var activeMs: Int64 = 6000
    public var network = Network()
    public var store = Store()
    public var faults = Faults()
    public var limits = Limits()
    /// The first room may be of a kind that keeps little.
    public var kinds = Kinds()
    /// Clients say with each message where they were when they first sent it; the dedupe window is short then.
    public var sendsSince = false
    /// Bytes of recent messages that a node keeps in memory; without them everything is read from the store.
    public var recentBytes = 64 << 20
    public var readersPerTurn = 2048
    /// Whether frames for many go to the sockets at once, where nothing is queued.
    public var sendsDirectly = true
    /// Bytes of a message's content, at most.
    public var maxContent = 100
    /// A real file that is closed and opened again, instead of a store that outlives the node in memory.
    public var usesSQLite = false
    /// The DynamoDB store, opened by each node for itself upon the same tables.
    public var usesDynamoDB = false
    /// By how much the clocks of two nodes' hosts differ from the right time, at most, in milliseconds.
    public var clockSkewMs: Int64 = 0

    public struct Network: Sendable {
        /// Microseconds on the way.
        public var latency: ClosedRange<Int64> = 100...2000
        /// How often bytes that were sent together come apart.
        public var splits = 0.1
        /// Bytes that are taken from the server before the client has read them.
        public var window = 4096
    }

    public struct Store: Sendable {
        /// Microseconds before a call takes effect, and again before its answer is back.
        public var latency: ClosedRange<Int64> = 50...1000
        /// How often a call fails and has done nothing.
        public var fails = 0.0
        /// How often a call has done its work but is said to have failed.
        public var losesReply = 0.0
        /// How often it takes seconds.
        public var isLate = 0.0
    }

    /// What nodes share beside the store.
    public struct Bus: Sendable {
        /// Microseconds until a post or an answer arrives.
        public var latency: ClosedRange<Int64> = 100...2000
        public var loses = 0.0
        public var doubles = 0.0
        /// How often a question is not answered.
        public var fails = 0.0
    }

    /// How many of each.
    public struct Faults: Sendable {
        public var cuts = 0
        public var stalls = 0
        public var crashes = 0
        public var drains = 0
        public var clockSteps = 0
        public var outages = 0
        public var deletions = 0
        /// Of the bus, for all nodes or for one.
        public var busOutages = 0
        public var partitions = 0
        /// Of one node's way to the store, which others go on asking.
        public var storeCuts = 0
        /// Nodes that stand still for longer than their lease.
        public var freezes = 0

        /// Nothing goes wrong at all.
        public var isEmpty: Bool {
            cuts + stalls + crashes + drains + clockSteps + outages + deletions == 0
                && busOutages + partitions + storeCuts + freezes == 0
        }
    }

    /// Whether the nodes are a cluster; else several share a store without knowing of each other.
    public var hasBus = false
    public var bus = Bus()
    /// As `HubSettings.sweepsPerLook`.
    public var sweepsPerLook = 5

    public init() {}

    /// - Parameters:
    ///   - sqlite: whether the store is a file; nil leaves it to the seed.
    ///   - cluster: whether there are several nodes with a bus; nil leaves it to the seed.
    ///   - dynamoDB: whether the store of a cluster is DynamoDB's; nil leaves it to the seed.
    public init(seed: UInt64, sqlite: Bool? = nil, cluster wantsCluster: Bool? = nil, dynamoDB: Bool? = nil) {
        let dice = Dice(seed: seed, "shape")
        clients = dice.int(2...8)
        rooms = dice.int(1...3)
        operations = dice.int(20...120)
        activeMs = dice.time(2000...9000)
        maxContent = dice.pick([20, 60, 300, 1200])
        nodes = dice.chance(0.15) ? 2 : 1
        readersPerTurn = Dice(seed: seed, "turn").pick([1, 2, 4, 2048, 2048])
        sendsDirectly = Dice(seed: seed, "direct").chance(0.5)
        recentBytes = Dice(seed: seed, "ring").pick([0, 0, 3000, 30_000, 64 << 20])
        let isFile = dice.chance(0.04)
        usesSQLite = sqlite ?? isFile
        network = Network(dice)
        limits = Shape.limits(dice)
        (kinds, sendsSince) = (Shape.kinds(dice), dice.chance(0.2))
        if sendsSince { limits.dedupeWindowMs = dice.time(300...3000) }
        let cluster = Dice(seed: seed, "cluster")
        let isCluster = cluster.chance(0.4)
        hasBus = wantsCluster ?? isCluster
        if hasBus { nodes = cluster.int(2...4) }
        let tables = Dice(seed: seed, "tables")
        let isDynamo = tables.chance(0.3)
        if hasBus, !usesSQLite { usesDynamoDB = dynamoDB ?? isDynamo }
        guard !dice.chance(0.1) else { return }
        store = Store(dice)
        faults = Faults(dice)
        if usesDynamoDB {
            clockSkewMs = tables.pick([0, 5, 1000, 15_000])
            // For longer than a message is on its way, with retries: see below.
            if tables.chance(0.3) { keepForAWhile(tables.time(2000...5000)) }
            faults.storeCuts = tables.chance(0.4) ? tables.int(1...3) : 0
        }
        if hasBus {
            bus = Bus(cluster)
            // Where no post is lost but with a connection or a node, nobody need ask the store without a cause.
            if bus.loses == 0, cluster.chance(0.7) { sweepsPerLook = 0 }
            faults.busOutages = cluster.chance(0.4) ? cluster.int(1...3) : 0
            faults.partitions = cluster.chance(0.4) ? cluster.int(1...4) : 0
            let freezes = Dice(seed: seed, "freezes")
            faults.freezes = freezes.chance(0.2) ? freezes.int(1...2) : 0
            // What a node appends that has no lease, and ends before it has told of it, only a look finds; as it does what
            // the store comes to when others have found the node gone and have looked.
            let needsLooks = faults.busOutages + faults.partitions > 0 || bus.fails > 0 || store.isLate > 0
            if faults.freezes > 0 || (needsLooks && faults.crashes + faults.drains > 0) { sweepsPerLook = 5 }
            onlyNodesDie(Dice(seed: seed, "deaths"))
        }
        leaveOutWhatCannotBeTold()
    }

    /// In some worlds nothing but a node's death makes others ask what it had stored and not told.
    private mutating func onlyNodesDie(_ dice: Dice) {
        guard dice.chance(0.15) else { return }
        (bus.loses, bus.fails, store.isLate, sweepsPerLook) = (0, 0, 0, 0)
        faults = Faults()
        faults.crashes = dice.int(1...3)
        clients = max(4, clients)
    }

    /// Faults under which nobody could say whether a message was stored, so that a promise is not one.
    private mutating func leaveOutWhatCannotBeTold() {
        // A clock that steps makes the window shorter than anybody can say.
        if sendsSince { faults.clockSteps = 0 }
        // A message that is on its way for longer than the window may be stored after the copy that overtook it.
        if sendsSince { (faults.stalls, store.isLate, faults.freezes) = (0, 0, 0) }
        // On its way to the tables that is: what can't be reached is tried again for seconds.
        if sendsSince, usesDynamoDB { (faults.outages, faults.storeCuts) = (0, 0) }
        // Another node's copy may wait behind all that came over a slow line at once, which takes a second or two, or
        // before a node that reads nothing as long as its client takes nothing. A client comes again for half the window.
        let fullLine = Int64(32_768 / network.window) * network.latency.upperBound / 1000
        if sendsSince, hasBus { limits.dedupeWindowMs = max(3000, 2 * fullLine, limits.dedupeWindowMs) }
        // So may one that is on its way while a room drops what was said since it was first sent, or is deleted: its copy
        // is refused then, since nobody can tell any more whether it was stored.
        let forgets = kinds.rules.contains { !$0.kind.retainsAll } || faults.deletions > 0
        if hasBus, forgets { (store.isLate, faults.freezes) = (0, 0) }
        if hasBus, forgets, usesDynamoDB { (faults.outages, faults.storeCuts) = (0, 0) }
    }

    private static func kinds(_ dice: Dice) -> Kinds {
        var kind = RoomKind()
        if dice.chance(0.2) { kind.retainCount = dice.int(3...40) }
        kind.receipts = dice.chance(0.3)
        return Kinds(RoomPattern("r0").map { [Kinds.Rule(match: $0, kind: kind)] } ?? [])
    }

    /// Messages of the first room are dropped by their age.
    private mutating func keepForAWhile(_ milliseconds: Int64) {
        guard let match = RoomPattern("r0"), var kind = kinds.rules.first?.kind else { return }
        kind.retainAgeMs = milliseconds
        kinds = Kinds([Kinds.Rule(match: match, kind: kind)])
    }

    /// Whether retention may drop messages of a room.
    func drops(_ room: RoomName) -> Bool { !kinds.kind(of: room).retainsAll }

    private static func limits(_ dice: Dice) -> Limits {
        var limits = Limits()
        limits.maxUnsentBytes = dice.pick([1500, 4096, 16_384])
        limits.heartbeatMs = dice.pick([1500, 2500, 4000])
        limits.heartbeatTimeoutMs = dice.pick([1000, 1500])
        // Few seeds hurry so much that they are told to slow down.
        limits.rateMessages = dice.chance(0.2) ? dice.int(5...40) : 0
        limits.rateBurst = dice.int(5...30)
        return limits
    }
}

extension Shape.Network {
    init(_ dice: Dice) {
        latency = dice.pick([10...200, 100...2000, 1000...30_000, 100...150_000])
        splits = dice.pick([0, 0.05, 0.2, 0.6])
        window = dice.pick([700, 2048, 8192, 65_536])
    }
}

extension Shape.Store {
    init(_ dice: Dice) {
        latency = dice.pick([1...50, 50...1000, 500...8000, 100...60_000])
        if dice.chance(0.4) { fails = dice.pick([0.01, 0.05, 0.2]) }
        if dice.chance(0.4) { losesReply = dice.pick([0.01, 0.05, 0.2]) }
        if dice.chance(0.3) { isLate = dice.pick([0.01, 0.03]) }
    }
}

extension Shape.Bus {
    init(_ dice: Dice) {
        latency = dice.pick([50...300, 100...3000, 500...30_000, 100...120_000])
        if dice.chance(0.5) { loses = dice.pick([0.01, 0.1, 0.5]) }
        if dice.chance(0.4) { doubles = dice.pick([0.02, 0.2]) }
        if dice.chance(0.3) { fails = dice.pick([0.01, 0.1, 0.3]) }
    }
}

extension Shape.Faults {
    init(_ dice: Dice) {
        func some(_ probability: Double, _ most: Int) -> Int { dice.chance(probability) ? dice.int(1...most) : 0 }
        cuts = some(0.6, 10)
        stalls = some(0.4, 5)
        crashes = some(0.4, 3)
        drains = some(0.25, 2)
        clockSteps = some(0.3, 3)
        outages = some(0.2, 2)
        deletions = some(0.06, 2)
    }
}

extension Shape: CustomStringConvertible {
    public var description: String {
        """
        \(clients) clients, \(rooms) rooms, \(operations) operations in \(activeMs) ms, \(nodes) node\(nodes > 1 ? "s" : ""), \
        \(usesSQLite ? "SQLite" : usesDynamoDB ? "DynamoDB, clocks \(clockSkewMs) ms off" : "memory")
        network: \(network.latency) us, splits \(network.splits), window \(network.window); \
        unsent \(limits.maxUnsentBytes), rate \(limits.rateMessages)/s burst \(limits.rateBurst), \
        heartbeat \(limits.heartbeatMs)+\(limits.heartbeatTimeoutMs) ms
        dedupe window \(limits.dedupeWindowMs) ms\(sendsSince ? " with since" : ""); \
        r0 keeps \(kinds.rules.first?.kind.retainCount.map { "\($0)" } ?? "all") \
        for \(kinds.rules.first?.kind.retainAgeMs.map { "\($0) ms" } ?? "ever")
        store: \(store.latency) us, fails \(store.fails), loses replies \(store.losesReply), late \(store.isLate)
        faults: \(faults.cuts) cuts, \(faults.stalls) stalls, \(faults.crashes) crashes, \(faults.drains) drains, \
        \(faults.clockSteps) clock steps, \(faults.outages) outages, \(faults.deletions) deletions, \
        \(faults.busOutages) bus outages, \(faults.partitions) partitions, \(faults.storeCuts) store cuts, \
        \(faults.freezes) freezes
        bus: \(hasBus ? "\(bus.latency) us, loses \(bus.loses), doubles \(bus.doubles), fails \(bus.fails), sweeps \(sweepsPerLook)" : "none")
        """
    }
}
