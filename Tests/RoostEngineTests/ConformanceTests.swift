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

    /// Three stores on one file, as processes that share it have them.
    @Test(arguments: Case.all) func sharedSQLite(_ promise: Case) async throws {
        try await withStores { stores in
            @Sendable func rotating(fresh: Bool, _ options: StoreOptions) async throws -> RotatingStore {
                var all = [try await stores.open(fresh: fresh, options: options)]
                for _ in 0..<2 { all.append(try await stores.open(options: options)) }
                return RotatingStore(all)
            }
            let factory = StoreFactory(
                make: { try await rotating(fresh: true, $0) }, reopen: { try await rotating(fresh: false, $0) })
            try await promise.run(factory)
        }
    }

    /// Two stores as one, where every room is in the main one.
    @Test(arguments: Case.all) func kindsOverSQLite(_ promise: Case) async throws {
        try await withStores { stores in
            let factory = StoreFactory(
                make: { KindStore(main: try await stores.open(fresh: true, options: $0), options: $0, at: .start) },
                reopen: { KindStore(main: try await stores.open(options: $0), options: $0, at: .start) })
            try await promise.run(factory)
        }
    }

    /// Two stores as one, where every room is in memory.
    @Test(arguments: Case.all) func kindsInMemory(_ promise: Case) async throws {
        try await withStores { stores in
            let factory = StoreFactory(make: { options in
                let options = options.withLogs { _ in .memory }
                let main = try await stores.open(fresh: true, options: options)
                return KindStore(main: main, options: options, at: .start)
            })
            try await promise.run(factory)
        }
    }

    /// Two stores as one, where the rooms of most cases are on both sides.
    @Test(arguments: Case.all) func kindsMixed(_ promise: Case) async throws {
        try await withStores { stores in
            let factory = StoreFactory(make: { options in
                let options = options.withMixedLogs()
                let main = try await stores.open(fresh: true, options: options)
                return KindStore(main: main, options: options, at: .start)
            })
            try await promise.run(factory)
        }
    }
}

extension StoreOptions {
    /// The same kinds with other places for their logs.
    fileprivate func withLogs(_ place: (RoomPattern?) -> RoomKind.Log) -> StoreOptions {
        var options = self
        options.kinds.usual.log = place(nil)
        for index in kinds.rules.indices { options.kinds.rules[index].kind.log = place(kinds.rules[index].match) }
        return options
    }

    /// Without rules of their own, rooms with an `a` in their name are in memory; else those of every second rule.
    fileprivate func withMixedLogs() -> StoreOptions {
        guard kinds.rules.isEmpty, let pattern = RoomPattern("*a*") else {
            return withLogs { pattern in (pattern?.text.utf8.reduce(0, &+) ?? 0) % 2 == 0 ? .stored : .memory }
        }
        var options = self
        var kind = RoomKind()
        kind.log = .memory
        options.kinds.rules = [Kinds.Rule(match: pattern, kind: kind)]
        return options
    }
}
