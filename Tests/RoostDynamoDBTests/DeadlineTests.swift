import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// How long one room's trouble holds up what is said in others.
@Suite struct DeadlineTests {
    private func spent(_ node: Node, _ body: () async throws -> Void) async throws -> Int64 {
        let begin = node.world.world.monotonic()
        try await body()
        return node.world.world.monotonic() - begin
    }

    /// A log that can't be looked at: its drafts are refused in time, those of another room are stored.
    @Test func aLogThatCannotBeRead() async throws {
        let node = try await Node(SharedTables())
        node.tables.set { $0.operation == .query && $0.collection.hasPrefix("b#") ? .fails(.unsure) : .passes }
        let time = try await spent(node) {
            _ = try await node.append([try draft("x", to: "b")])
            node.tables.set { $0.collection.hasPrefix("b#") ? .fails(.unsure) : .passes }
            for number in 1...3 {
                let appended = try await node.append([
                    try draft("a\(number)", to: "a"), try draft("b\(number)", to: "b"),
                ])
                #expect(appended.verdicts.map(\.seq) == [UInt64(number), nil])
                #expect(appended.verdicts[1].code == .unavailable)
            }
        }
        #expect(time <= 4 * PatientTables.logPatienceMs)
    }

    /// Many chunks, each of which takes its time: what comes too late is refused, from there on, and can be sent again.
    @Test func aLogThatIsSlow() async throws {
        let node = try await Node(SharedTables())
        let world = node.world
        node.tables.set { call in
            if call.putsChunk { world.advance(900) }
            return .passes
        }
        let drafts = try (1...20).map { try draft("m\($0)", bytes: 60_000) }
        let first = try await node.append(drafts)
        let stored = first.verdicts.prefix { $0.seq != nil }.count
        #expect((1..<drafts.count).contains(stored))
        #expect(first.verdicts.dropFirst(stored).allSatisfy { $0.code == .unavailable })
        #expect(world.world.monotonic() - Moment(milliseconds: 0) <= PatientTables.logPatienceMs + 1000)
        var seqs: [UInt64?] = []
        for _ in 0..<20 where seqs.count < 20 || seqs.contains(nil) {
            seqs = try await node.append(drafts).verdicts.map(\.seq)
        }
        #expect(seqs == (1...20).map { $0 })
    }
}
