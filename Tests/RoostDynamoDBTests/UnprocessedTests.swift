import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// DynamoDB gives some of the items that were asked for at once, and of the others only the keys.
@Suite(.timeLimit(.minutes(2))) struct UnprocessedTests {
    private func withStore(_ body: (FaultyProxy, DynamoDBStore, VirtualWorld) async throws -> Void) async throws {
        let emulator = try Emulator.shared.get()
        let proxy = try await FaultyProxy(emulator)
        let world = VirtualWorld(seed: 1)
        let store = try await open(emulator.place(endpoint: proxy.endpoint), world)
        let result = await Result { try await body(proxy, store, world) }
        proxy.set { _ in nil }
        await store.close()
        await proxy.close()
        try result.get()
    }

    /// Users that the store knows.
    private func note(_ count: Int, in store: DynamoDBStore) async throws -> [UserID] {
        let ids = try (1...count).map { try #require(UserID("u\($0)")) }
        try await store.note(ids.map { Sighting(user: $0) })
        return ids
    }

    /// Of more keys than go into one request, some or all of the first one come back once.
    @Test func theOthersAreAskedForAgain() async throws {
        try await withStore { proxy, store, _ in
            let ids = try await note(105, in: store)
            let keys = ids.map { Key($0.text) }
            let expected = ids.map(\.text).sorted()
            // With nothing of the first hundred, everything is asked for again.
            for (withheld, calls) in [(1, 2), (30, 2), (100, 3)] {
                proxy.set { $0.number == 0 ? .withheld(withheld) : nil }
                let items = try await store.tables.get(keys, from: .users)
                let given = items.compactMap { $0.text("id") }.sorted()
                #expect(given == expected, "\(withheld) withheld")
                #expect(proxy.calls == calls, "\(withheld) withheld")
            }
        }
    }

    /// One key, or all of them, come back for ever: that is throttling, and patience with it ends.
    @Test(arguments: [1, 100]) func patienceEnds(_ withheld: Int) async throws {
        try await withStore { proxy, store, world in
            let ids = try await note(5, in: store)
            world.restart(seed: 1)
            proxy.set { $0.operation == "BatchGetItem" ? .withheld(withheld) : nil }
            let error = await failure { () async throws(StoreError) in try await store.users(ids) }
            #expect(error == .busy)
            let pauses = world.pauses
            let total: Int64 = pauses.reduce(0, +)
            #expect(pauses.count > 5)
            #expect(total < PatientTables.patienceMs)
            // Each time all five were asked for, and then the one that was left, if it was only one.
            let calls = (pauses.count + 1) * (withheld == 1 ? 2 : 1)
            #expect(proxy.calls == calls)
            proxy.set { _ in nil }
            let found = try await store.users(ids)
            #expect(Set(found.keys) == Set(ids))
        }
    }
}
