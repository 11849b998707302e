import EngineConformance
import RoostCore
import RoostEngine
import RoostSQLite
import Testing

/// Every engine keeps every promise of the suite.
@Suite struct ConformanceTests {
    @Test(arguments: Case.all) func memory(_ promise: Case) async throws {
        try await promise.run(StoreFactory(make: { MemoryStore(options: $0, at: .start) }))
    }

    @Test(arguments: Case.all) func sqlite(_ promise: Case) async throws {
        try await withStores { stores in
            let factory = StoreFactory(
                make: { try await stores.open(fresh: true, options: $0) },
                reopen: { try await stores.open(options: $0) })
            try await promise.run(factory)
        }
    }
}
