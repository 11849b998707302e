import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// How long stores wait from one attempt to the next while DynamoDB throttles them.
@Suite(.timeLimit(.minutes(2))) struct JitterTests {
    /// Runs `body` with stores on the same tables, one for each of the seeds, as nodes that are throttled together.
    private func withStores(
        _ seeds: [UInt64], _ body: (FaultyProxy, [(store: DynamoDBStore, world: VirtualWorld)]) async throws -> Void
    ) async throws {
        let emulator = try Emulator.shared.get()
        let proxy = try await FaultyProxy(emulator)
        let place = emulator.place(endpoint: proxy.endpoint)
        var nodes: [(store: DynamoDBStore, world: VirtualWorld)] = []
        for seed in seeds {
            let world = VirtualWorld(seed: seed)
            let store = try await open(place, world)
            nodes.append((store, world))
        }
        let result = await Result { try await body(proxy, nodes) }
        proxy.set { _ in nil }
        for node in nodes { await node.store.close() }
        await proxy.close()
        try result.get()
    }

    /// Each is drawn from the whole stretch up to a cap that doubles, from the first one's to the longest one's.
    private func checkGrowth(_ pauses: [Int64], atLeast count: Int, within patienceMs: Int64) {
        let caps = pauses.indices.map { min(PatientTables.firstPauseMs << $0, PatientTables.longestPauseMs) }
        let shares = zip(pauses, caps).map { Double($0) / Double($1) }
        let isWithin = shares.allSatisfy { $0 >= 0 && $0 <= 1 }
        let isSpread = shares.contains(where: { $0 < 0.5 }) && shares.contains(where: { $0 > 0.5 })
        let total: Int64 = pauses.reduce(0, +)
        #expect(pauses.count >= count)
        #expect(isWithin, "\(pauses)")
        #expect(isSpread, "\(pauses)")
        #expect(Set(pauses).count > 1)
        #expect(total < patienceMs)
    }

    /// Those whose random numbers differ don't come back together; those whose are the same do.
    @Test func chanceAloneKeepsNodesApart() async throws {
        let seeds: [UInt64] = [1, 2, 1]
        try await withStores(seeds) { proxy, nodes in
            let alice = try #require(UserID("alice"))
            proxy.set { _ in .throttled }
            var pauses: [[Int64]] = []
            for (node, seed) in zip(nodes, seeds) {
                // What was paused while it was opened, and drawn, does not count.
                node.world.restart(seed: seed)
                let error = await failure { () async throws(StoreError) in try await node.store.users([alice]) }
                #expect(error == .busy)
                pauses.append(node.world.pauses)
            }
            // So many that the caps have stopped growing.
            for one in pauses { checkGrowth(one, atLeast: 10, within: PatientTables.patienceMs) }
            #expect(pauses[0] != pauses[1])
            #expect(pauses[0] == pauses[2])
            // Each attempt is one request, the first one included.
            let attempts = pauses.map { $0.count + 1 }.reduce(0, +)
            #expect(proxy.calls == attempts)
        }
    }

    /// While a log is written, what is said in other rooms waits: patience is shorter, the pauses are of the same kind.
    @Test func aWriteToALogIsGivenUpSooner() async throws {
        try await withStores([1]) { proxy, nodes in
            let (store, world) = nodes[0]
            _ = try await store.append([try draft("x")], at: time(1))
            let next = [try draft("y")]
            world.restart(seed: 1)
            proxy.set { $0.operation == "PutItem" ? .throttled : nil }
            let error = await failure { () async throws(StoreError) in try await store.append(next, at: time(2)) }
            #expect(error == .busy)
            checkGrowth(world.pauses, atLeast: 5, within: PatientTables.logPatienceMs)
            proxy.set { _ in nil }
            let verdicts = try await store.append(next, at: time(3)).verdicts
            #expect(verdicts.map(\.seq) == [2])
        }
    }
}
