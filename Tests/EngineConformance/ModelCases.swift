import RoostCore
import RoostEngine

extension Case {
    static let model: [Case] =
        (1...4 as ClosedRange<UInt64>).map { seed in
            Case("random appends, retries, deletions and retention agree with the model, seed \(seed)") { make in
                var run = try await ModelRun(make, seed: seed)
                for _ in 0..<make.steps { try await run.step() }
            }
        }
}

/// Some rooms of different kinds, each beside its model; the clock goes on, stands, and is set back at times.
private struct ModelRun {
    private static let windowMs: Int64 = 30_000
    private let make: StoreFactory
    private let options: StoreOptions
    private var store: any Store
    private var random: SeededRandom
    private var now: Int64 = 1_000_000
    private var models: [LogModel] = []

    init(_ make: StoreFactory, seed: UInt64) async throws {
        self.make = make
        random = SeededRandom(state: seed)
        options = StoreOptions(
            dedupeWindowMs: ModelRun.windowMs,
            kinds: try kinds([
                ("count", { $0.retainCount = 20 }), ("age", { $0.retainAgeMs = 20_000 }),
                ("both", { ($0.retainCount, $0.retainAgeMs) = (35, 50_000) }),
            ]))
        store = try await make(options)
        for place in ["count", "age", "both", "all"] {
            let name = try room(place)
            _ = try await store.createRoom(RoomPlan(name: name), at: time(now))
            let epoch = try require(try await store.head(place)).epoch
            models.append(
                LogModel(place: name, kind: options.kinds.kind(of: name), windowMs: ModelRun.windowMs, epoch: epoch))
        }
    }

    mutating func step() async throws {
        now += random.next() % 4 == 0 ? Int64.random(in: 0...20_000, using: &random) : 50
        if random.next() % 40 == 0 { now -= Int64.random(in: 0...60_000, using: &random) }
        switch random.next() % 20 {
        case 0:
            try await store.retainAll(at: now)
            for index in models.indices { models[index].retain(at: now) }
        case 1:
            guard let reopen = make.reopen else { break }
            await store.close()
            store = try await reopen(options)
        default: try await append()
        }
        try await check(models[Int.random(in: models.indices, using: &random)])
    }

    private mutating func append() async throws {
        for index in models.indices { models[index].begin(at: now) }
        var drafts: [Draft] = []
        var expected: [Verdict] = []
        var grown: Set<Int> = []
        for _ in 0...random.next() % 12 {
            let index = Int.random(in: models.indices, using: &random)
            let draft = try self.draft(for: models[index])
            if models[index].isDoubtful(draft, at: now) { continue }
            let verdict = models[index].append(draft, at: now)
            if case .stored(_, _, duplicate: false) = verdict { grown.insert(index) }
            drafts.append(draft)
            expected.append(verdict)
        }
        for index in grown { models[index].retain(at: now) }
        let appended = try await store.append(drafts, at: time(now))
        for (draft, (verdict, wanted)) in zip(drafts, zip(appended.verdicts, expected)) {
            let isAlike = wanted.code == nil ? verdict == wanted : verdict.code == wanted.code
            try expect(isAlike, "got \(verdict), expected \(wanted) for \(draft) at \(now)")
        }
        for committed in appended.committed {
            let model = try require(models.first { $0.place == committed.room })
            try expect(committed.floor, is: model.floor)
            try expect(committed.messages, is: Array(model.entries.suffix(committed.messages.count)))
        }
        try expect(appended.committed.count, is: grown.count)
    }

    /// New ones, repeats, retries from anywhere and tombstones for anything.
    private mutating func draft(for model: LogModel) throws -> Draft {
        let id = "m\(UInt64.random(in: 0...60, using: &random))"
        let sender = random.next() % 2 == 0 ? "alice" : "bob"
        let seq = UInt64.random(in: 0...(model.head + 1), using: &random)
        switch random.next() % 8 {
        case 0: return try tombstone("t" + id, of: seq, from: sender, to: model.place.text)
        case 1...5:
            // Mostly near the end, where the window may cover what follows.
            let near = random.next() % 2 == 0 ? seq : model.head - min(model.head, random.next() % 15)
            let epoch = random.next() % 30 == 0 ? Epoch(random: 7) : model.epoch
            let since = Position(epoch: epoch, seq: near)
            return try EngineConformance.draft(id, from: sender, to: model.place.text, since: since)
        default: return try EngineConformance.draft(id, from: sender, to: model.place.text)
        }
    }

    private mutating func check(_ model: LogModel) async throws {
        let info = try require(try await store.room(model.place))
        try expect([info.head, info.floor], is: [model.head, model.floor])
        try expect(info.lastMessage, is: model.last?.content)
        try expect(info.lastMessageAt, is: model.last?.at)
        let after = UInt64.random(in: 0...(model.head + 2), using: &random)
        let limit = Int.random(in: 0...30, using: &random)
        try expect(
            try await store.read(model.place, after: after, limit: limit, maxBytes: .max)?.messages,
            is: Array(model.log.drop { $0.seq <= after }.prefix(limit)))
        try expect(
            try await store.read(model.place, before: after, limit: limit, maxBytes: .max)?.messages,
            is: Array(model.log.prefix { $0.seq < after }.suffix(limit)))
        let id = try EngineConformance.draft("m\(random.next() % 61)").id
        let sender = random.next() % 2 == 0 ? try user("bob") : nil
        try expect(try await store.find(model.place, id: id, sender: sender)?.seq, is: model.newest(id, of: sender))
    }
}
