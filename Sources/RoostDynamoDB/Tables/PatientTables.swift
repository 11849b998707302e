package import RoostCore

/// Asks again after what passes: throttling, failures of the service, lost answers.
///
/// The pauses grow and are drawn at random between nothing and their cap ("full jitter"), so that nodes that were
/// throttled together don't come back together. As every write is conditional or idempotent, asking again is safe; a
/// repeat that is refused is answered with the item that is there, from which the caller sees whether it was its own.
package struct PatientTables: Tables {
    /// The first pause is at most this, and each next one at most twice the one before.
    package static let firstPauseMs: Int64 = 25
    /// No pause is longer.
    package static let longestPauseMs: Int64 = 2000
    /// After this, nothing is asked again. What the caller waits at most is this and one request's timeout.
    package static let patienceMs: Int64 = 15_000
    /// As `patienceMs`, for all that belongs to an append to one log together: while it is under way, everything that is
    /// said in other rooms waits with it.
    package static let logPatienceMs: Int64 = 4000

    private let tables: any Tables
    private let world: StoreWorld

    package init(_ tables: any Tables, world: StoreWorld) {
        self.tables = tables
        self.world = world
    }

    package func get(_ keys: [Key], from table: Table) async throws(TableError) -> [Item] {
        try await world.patiently { () async throws(TableError) in try await tables.get(keys, from: table) }
    }

    package func put(_ item: Item, into table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await world.patiently { () async throws(TableError) in
            try await tables.put(item, into: table, if: condition)
        }
    }

    package func update(_ change: Change, in table: Table, if condition: Condition) async throws(TableError) -> Outcome
    {
        try await world.patiently { () async throws(TableError) in
            try await tables.update(change, in: table, if: condition)
        }
    }

    package func delete(_ key: Key, from table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await world.patiently { () async throws(TableError) in
            try await tables.delete(key, from: table, if: condition)
        }
    }

    package func query(_ query: Query) async throws(TableError) -> Page {
        try await world.patiently { () async throws(TableError) in try await tables.query(query) }
    }
}

/// What the store takes from outside: time, chance and waiting.
package struct StoreWorld: Sendable {
    package var monotonic: @Sendable () -> Moment
    /// 64 random bits.
    package var random: @Sendable () -> UInt64
    /// Returns after so many milliseconds.
    package var pause: @Sendable (_ milliseconds: Int64) async -> Void
    /// After this, the answer to one request is not waited for any longer, in milliseconds.
    package var timeoutMs: Int64

    package init(
        monotonic: @escaping @Sendable () -> Moment, random: @escaping @Sendable () -> UInt64,
        pause: @escaping @Sendable (_ milliseconds: Int64) async -> Void, timeoutMs: Int64 = 5000
    ) {
        self.monotonic = monotonic
        self.random = random
        self.pause = pause
        self.timeoutMs = timeoutMs
    }
}

extension StoreWorld {
    /// When patience is over for what the current task does, if that is sooner.
    @TaskLocal static var deadline: Moment?

    /// Whether nothing more is to be begun that can as well be done another time.
    var isLate: Bool { StoreWorld.deadline.map { monotonic() >= $0 } ?? false }

    /// Runs `body` with all the patience there is: it would have to begin again from nothing.
    static func unhurried<T: Sendable>(_ body: () async throws(TableError) -> T) async throws(TableError) -> T {
        let result = await $deadline.withValue(nil) { await caught(body) }
        return try result.get()
    }

    /// Runs `body` until it succeeds, fails for good, or patience is over.
    func patiently<T: Sendable>(_ body: () async throws(TableError) -> T) async throws(TableError) -> T {
        let longest = monotonic() + PatientTables.patienceMs
        let end = min(longest, StoreWorld.deadline ?? longest)
        var cap = PatientTables.firstPauseMs
        var isUnsure = false
        while true {
            do throws(TableError) {
                return try await body()
            } catch {
                isUnsure = isUnsure || error.kind == .unsure
                // What an earlier attempt may have done is not undone by a later refusal.
                let said = isUnsure ? TableError(.unsure, error.detail) : error
                guard error.isPassing else { throw said }
                let wait = Int64(random() % UInt64(cap + 1))
                guard monotonic() + wait < end else { throw said }
                await pause(wait)
                // Pauses of a task that was cancelled take no time any more.
                if Task.isCancelled { throw said }
                cap = min(cap * 2, PatientTables.longestPauseMs)
            }
        }
    }
}
