import DynamoDBModel
import RoostCore
import RoostDynamoDB
import RoostEngine

/// DynamoDB as it is for everybody: what the tables hold. The ledger hears of each chunk at the moment it is written.
final class SimDynamo: @unchecked Sendable {
    fileprivate var model = TableModel()
    private let ledger: Ledger
    private let referee: Referee

    init(_ stage: Stage) {
        ledger = stage.ledger
        referee = stage.referee
    }

    fileprivate func put(_ item: Item, into table: Table, if condition: Condition) -> Outcome {
        let outcome = model.put(item, into: table, if: condition)
        // What rewrites a chunk in place says nothing new.
        if case .done = outcome, table == .messages, item.number("revision") == 0 { note(item) }
        return outcome
    }

    fileprivate func update(_ change: Change, in table: Table, if condition: Condition) -> Outcome {
        let outcome = model.update(change, in: table, if: condition)
        if table == .rooms, let floor = change.set.number("floor"), case .done(let item?) = outcome,
            let room = RoomName(change.key.partition), let epoch = item.text("epoch")
        {
            ledger.dropped(room, epoch, upTo: UInt64(clamping: floor))
        }
        return outcome
    }

    fileprivate func delete(_ key: Key, from table: Table, if condition: Condition) -> Outcome {
        let isRoom = table == .rooms && key.sort == .text("info") && model.item(key, in: table) != nil
        let outcome = model.delete(key, from: table, if: condition)
        if isRoom, case .done = outcome, let room = RoomName(key.partition) { ledger.deleted(room) }
        return outcome
    }

    private func note(_ item: Item) {
        let parts = item.text("log")?.split(separator: "#") ?? []
        guard parts.count == 3, let room = RoomName(String(parts[0])), let epoch = Epoch(String(parts[1])),
            let chunk = try? Chunk(item)
        else { return referee.blow(.ackedIsKept, "a chunk was written that can't be read: \(item)") }
        if chunk.isSeal { return }
        ledger.committed(
            [Committed(room: room, epoch: epoch, floor: chunk.floor, messages: chunk.messages(of: room))])
    }
}

/// The tables as one node sees them: throttled, late, and sometimes wrong about having failed.
///
/// A request is on its way, takes effect, and its answer is on its way. Whoever asks waits for a limited time only; what
/// was asked may take effect later, also after the node's end.
final class SimTables: Tables, @unchecked Sendable {
    /// The node is gone: nobody hears answers any more, and nothing is asked.
    var isDead = false
    /// Neither what is asked nor what is answered arrives.
    var isCutOff = false
    private let dynamo: SimDynamo
    private let stage: Stage
    private let name: String
    private let dice: Dice
    private let startedAt: Int64

    init(_ dynamo: SimDynamo, _ stage: Stage, name: String) {
        self.dynamo = dynamo
        self.stage = stage
        self.name = name
        dice = stage.dice(name)
        startedAt = stage.now
    }

    /// The store's time, chance and waiting.
    func world() -> StoreWorld {
        let (stage, dice, start) = (stage, stage.dice("world of " + name), startedAt)
        return StoreWorld(
            monotonic: { Moment(milliseconds: (stage.now - start) / 1000) }, random: { dice.next() },
            pause: { milliseconds in
                await withCheckedContinuation { continuation in
                    stage.scheduler.after(.ms(milliseconds)) { continuation.resume() }
                }
            })
    }

    // MARK: What may go wrong

    private struct Fate {
        var before: Int64
        var after: Int64
        var error: TableError?
        var losesReply = false
    }

    private func fate() -> Fate {
        if stage.isCalm { return Fate(before: dice.time(20...300), after: dice.time(20...300)) }
        let weather = stage.shape.store
        var fate = Fate(before: dice.time(weather.latency), after: dice.time(weather.latency))
        if dice.chance(weather.isLate) { fate.before += dice.time(.ms(300) ... .ms(8000)) }
        if dice.chance(weather.isLate) { fate.after += dice.time(.ms(300) ... .ms(8000)) }
        if stage.isStoreOut || dice.chance(weather.fails) {
            fate.error = TableError(dice.pick([.throttled, .throttled, .unreachable, .unsure]), "simulated")
        }
        fate.losesReply = dice.chance(weather.losesReply)
        return fate
    }

    private static let timeoutMs: Int64 = 5000
    private static let gone = TableError(.denied, "the node is gone")

    /// What whoever asks is told, once.
    private final class Asking<Answer: Sendable>: @unchecked Sendable {
        private var continuation: CheckedContinuation<Result<Answer, TableError>, Never>?

        init(_ continuation: CheckedContinuation<Result<Answer, TableError>, Never>) {
            self.continuation = continuation
        }

        func tell(_ answer: Result<Answer, TableError>) {
            continuation?.resume(returning: answer)
            continuation = nil
        }
    }

    /// One call: `body` is its effect.
    private func call<Answer: Sendable>(
        _ what: String, _ body: @escaping (SimDynamo) -> Answer
    ) async throws(TableError) -> Answer {
        if isDead { throw SimTables.gone }
        let fate = fate()
        stage.appendsUnderWay += 1
        let answer = await withCheckedContinuation { continuation in
            let asking = Asking<Answer>(continuation)
            stage.scheduler.after(.ms(SimTables.timeoutMs)) { asking.tell(.failure(TableError(.unsure, "no answer"))) }
            stage.scheduler.after(fate.before) { [self] in
                stage.appendsUnderWay -= 1
                // Whoever asks waits for its time.
                if isCutOff { return stage.trace.note(name, "\(what) does not arrive") }
                if let error = fate.error {
                    stage.trace.note(name, "\(what) fails: \(error.kind)")
                    return asking.tell(.failure(error))
                }
                let answer = body(dynamo)
                stage.scheduler.after(fate.after) { [self] in
                    if isCutOff { return stage.trace.note(name, "the answer to \(what) does not arrive") }
                    guard fate.losesReply else { return asking.tell(.success(answer)) }
                    stage.trace.note(name, "the reply to \(what) is lost")
                    asking.tell(.failure(TableError(.unsure, "the reply was lost")))
                }
            }
        }
        if isDead { throw SimTables.gone }
        return try answer.get()
    }

    // MARK: The tables

    func get(_ keys: [Key], from table: Table) async throws(TableError) -> [Item] {
        try await call("get \(keys.first?.partition ?? "")") { dynamo in
            keys.compactMap { dynamo.model.item($0, in: table) }
        }
    }

    func put(_ item: Item, into table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await call("put \(item.text(table.partition) ?? "")") { $0.put(item, into: table, if: condition) }
    }

    func update(_ change: Change, in table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await call("update \(change.key.partition)") { $0.update(change, in: table, if: condition) }
    }

    func delete(_ key: Key, from table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await call("delete \(key.partition)") { $0.delete(key, from: table, if: condition) }
    }

    func query(_ query: Query) async throws(TableError) -> Page {
        // Large items make pages short.
        let most = dice.chance(0.2) ? dice.int(1...3) : .max
        return try await call("query \(query.collection)") { $0.model.query(query, most: most) }
    }
}
