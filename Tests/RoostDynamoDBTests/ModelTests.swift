import DynamoDBModel
import EngineConformance
import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// The tables in memory that other tests and the simulation stand on.
@Suite struct ModelTests {
    /// The store keeps every promise on them, with pages that are cut short.
    @Test(arguments: Case.all) func conformance(_ promise: Case) async throws {
        let last = Locked(SharedTables())
        let factory = StoreFactory(
            make: { options in
                let shared = SharedTables()
                last.withLock { $0 = shared }
                return try await Node(shared, options: options, pageItems: 7).store
            },
            reopen: { options in
                try await Node(last.withLock { $0 }, options: options).store
            }, steps: 300)
        try await promise.run(factory)
    }

    /// Random calls, of which each must have the same answer in memory as from the emulator.
    @Test(arguments: [1, 2, 3] as [UInt64]) func theySayWhatDynamoDBSays(_ seed: UInt64) async throws {
        let emulator = try Emulator.shared.get()
        let store = try await open(emulator.place(), VirtualWorld(seed: seed))
        let (real, dice) = (store.tables, VirtualWorld(seed: seed))
        let world = StoreWorld(monotonic: { Moment(milliseconds: 0) }, random: { 0 }, pause: { _ in })
        let model: any Tables = PatientTables(ScriptedTables(SharedTables()), world: world)
        for step in 0..<150 {
            let call = RandomCall { Int(dice.next() % UInt64($0)) }
            let answers = (try await call.carryOut(on: real), try await call.carryOut(on: model))
            #expect(answers.0 == answers.1, "step \(step): \(call)")
        }
        await store.close()
    }
}

/// A call about few items, so that conditions meet something.
private struct RandomCall: CustomStringConvertible {
    private enum Kind { case get, put, update, delete, query }

    private let kind: Kind
    private let key: Key
    private let number: Int64
    private let condition: Condition
    private let query: Query

    init(_ pick: (Int) -> Int) {
        kind = [.get, .put, .put, .update, .delete, .query][pick(6)]
        let collection = ["p", "q"][pick(2)]
        key = Key(collection, .number(Int64(pick(4))))
        number = Int64(pick(3))
        let other = Int64(pick(3))
        condition =
            [
                .always, .absent, .present(), .present(["n": .number(other)]), .presentAtMost([:], ["n": other]),
                .presentAtMost(["t": .text("\(other)")], ["m": 1]), .absentOrAtMost(["n": other, "m": 0]),
            ][pick(7)]
        query = Query(
            .messages, collection, .numbers(UInt64(pick(3)), UInt64(pick(4))), isAscending: pick(2) == 0,
            limit: 1 + pick(4))
    }

    var description: String { "\(kind) \(key) \(number) if \(condition), \(query)" }

    /// What comes of it, as text.
    func carryOut(on tables: any Tables) async throws(TableError) -> String {
        switch kind {
        case .get: return text(try await tables.get([key], from: .messages))
        case .put:
            var item = key.item(in: .messages)
            item["n"] = .number(number)
            item["t"] = .text("\(number)")
            item["b"] = .bytes([0, 255, UInt8(number)])
            return text(try await tables.put(item, into: .messages, if: condition))
        case .update:
            let change = Change(key, set: ["n": .number(number)], add: ["m": 1], remove: number == 0 ? ["t"] : [])
            return text(try await tables.update(change, in: .messages, if: condition))
        case .delete: return text(try await tables.delete(key, from: .messages, if: condition))
        case .query:
            let page = try await tables.query(query)
            return text(page.items) + (page.items.count < query.limit ? " more: \(page.hasMore)" : "")
        }
    }

    private func text(_ items: [Item]) -> String {
        items.map { item in item.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ") }
            .joined(separator: "; ")
    }

    private func text(_ outcome: Outcome) -> String {
        switch outcome {
        case .done(let item): "done " + text(item.map { [$0] } ?? [])
        case .refused(let item): "refused " + text(item.map { [$0] } ?? [])
        }
    }
}
