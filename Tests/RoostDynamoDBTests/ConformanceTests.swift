import EngineConformance
import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// This engine keeps every promise of the suite, too.
@Suite struct ConformanceTests {
    @Test(arguments: Case.all) func dynamoDB(_ promise: Case) async throws {
        let emulator = try Emulator.shared.get()
        let places = Locked((last: emulator.place(), open: [DynamoDBStore]()))
        let factory = StoreFactory(
            make: { options in
                let place = emulator.place()
                let store = try await open(place, options: options)
                places.withLock { $0 = (place, $0.open + [store]) }
                return store
            },
            reopen: { options in
                let store = try await open(places.withLock { $0.last }, options: options)
                places.withLock { $0.open.append(store) }
                return store
            }, steps: 80)
        let result = await Result { try await promise.run(factory) }
        for store in places.withLock({ $0.open }) { await store.close() }
        try result.get()
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
