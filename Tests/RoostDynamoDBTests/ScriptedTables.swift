import DynamoDBModel
import RoostCore
import RoostDynamoDB
import RoostEngine

/// What several nodes share, in memory.
final class SharedTables: Sendable {
    fileprivate let model = Locked(TableModel())

    func item(_ key: Key, in table: Table) -> Item? { model.withLock { $0.item(key, in: table) } }

    /// The chunks of a room's first block.
    func chunks(of room: RoomName, _ epoch: Epoch) throws -> [Chunk] {
        let query = Query(.messages, Blocks.collection(room, epoch, 0), .numbers(0, .max))
        return try model.withLock { $0.query(query) }.items.map { try Chunk($0) }
    }
}

/// The tables as one node sees them: a test decides what becomes of each call, and what others do before it.
final class ScriptedTables: Tables {
    enum Operation { case get, put, update, delete, query }

    struct Call: Sendable {
        var operation: Operation
        var table: Table
        /// What the call is about: the item's collection, as `general#1#0`.
        var collection: String
        /// Of a write: what is written.
        var item: Item = [:]
        /// Its place among the calls since the script was set, from 0 on.
        var number = 0

        /// Whether a chunk is written that was not there.
        var putsChunk: Bool { operation == .put && table == .messages && item.number("revision") == 0 }
    }

    enum Fate: Sendable {
        case passes
        /// Not carried out, and this is the answer.
        case fails(TableError.Kind)
        /// Carried out, and nobody hears of it.
        case loses
    }

    typealias Script = @Sendable (Call) async -> Fate

    private let shared: SharedTables
    private let state: Locked<(script: Script, calls: Int)>
    /// Items of a page, at most.
    private let pageItems: Int

    init(_ shared: SharedTables, pageItems: Int = .max) {
        self.shared = shared
        self.pageItems = pageItems
        state = Locked(({ _ in .passes }, 0))
    }

    /// From now on, calls are counted from 0 and meet this.
    func set(_ script: @escaping Script) { state.withLock { $0 = (script, 0) } }

    /// Something happens just before the n-th new chunk, from 1 on, is put.
    func beforeChunk(_ number: Int, _ happen: @escaping @Sendable () async -> Void) {
        let puts = Locked(0)
        set { call in
            guard call.putsChunk else { return .passes }
            let count = puts.withLock { count in
                count += 1
                return count
            }
            if count == number { await happen() }
            return .passes
        }
    }

    /// Since the script was set.
    var calls: Int { state.withLock { $0.calls } }

    private func meet<Answer: Sendable>(
        _ call: Call, _ body: @Sendable (inout TableModel) -> Answer
    ) async throws(TableError) -> Answer {
        let (script, number) = state.withLock { state in
            defer { state.calls += 1 }
            return (state.script, state.calls)
        }
        var call = call
        call.number = number
        switch await script(call) {
        case .passes: return shared.model.withLock { body(&$0) }
        case .fails(let kind): throw TableError(kind, "as the script says")
        case .loses:
            _ = shared.model.withLock { body(&$0) }
            throw TableError(.unsure, "as the script says")
        }
    }

    func get(_ keys: [Key], from table: Table) async throws(TableError) -> [Item] {
        try await meet(Call(operation: .get, table: table, collection: keys.first?.partition ?? "")) { model in
            keys.compactMap { model.item($0, in: table) }
        }
    }

    func put(_ item: Item, into table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        let collection = item.text(table.partition) ?? ""
        return try await meet(Call(operation: .put, table: table, collection: collection, item: item)) {
            $0.put(item, into: table, if: condition)
        }
    }

    func update(_ change: Change, in table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await meet(
            Call(operation: .update, table: table, collection: change.key.partition, item: change.set)
        ) { $0.update(change, in: table, if: condition) }
    }

    func delete(_ key: Key, from table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await meet(Call(operation: .delete, table: table, collection: key.partition)) {
            $0.delete(key, from: table, if: condition)
        }
    }

    func query(_ query: Query) async throws(TableError) -> Page {
        try await meet(Call(operation: .query, table: query.table, collection: query.collection)) { [pageItems] in
            $0.query(query, most: pageItems)
        }
    }
}

/// A node over scripted tables.
struct Node {
    let store: DynamoDBStore
    let tables: ScriptedTables
    let world: VirtualWorld

    init(
        _ shared: SharedTables, seed: UInt64 = 1, options: StoreOptions = StoreOptions(), pageItems: Int = .max,
        skewMs: Int64 = 0, maxIDs: Int = .max
    ) async throws {
        tables = ScriptedTables(shared, pageItems: pageItems)
        world = VirtualWorld(seed: seed)
        store = try await DynamoDBStore(
            over: tables, options: options, world: world.world, at: time(0), skewMs: skewMs, maxIDs: maxIDs)
    }

    func append(_ drafts: [Draft], at now: Int64 = 1) async throws(StoreError) -> Appended {
        try await store.append(drafts, at: time(now))
    }
}
