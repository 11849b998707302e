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

    /// What has to be read first takes its time, and one page of it is throttled: it would have to be begun anew.
    @Test func aWindowThatIsLong() async throws {
        let shared = SharedTables()
        let (one, late) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2, pageItems: 1))
        for number in 0..<100 { _ = try await one.append([try draft("m\(number)")]) }
        let world = late.world
        late.tables.set { call in
            guard call.operation == .query else { return .passes }
            world.advance(100)
            return call.number == 70 ? .fails(.throttled) : .passes
        }
        let appended = try await late.append([try draft("m99"), try draft("late")])
        #expect(appended.verdicts.map(\.seq) == [100, 101])
        #expect(world.world.monotonic() - Moment(milliseconds: 0) > PatientTables.logPatienceMs)
    }

    /// Sealed, a room is gone, though what is left of it can't be cleared away yet: who deletes it is told that it has.
    @Test func aDeletionThatIsSlow() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        let name = try #require(RoomName("r"))
        _ = try await one.append([try draft("m1", to: "r")])
        one.tables.set { $0.operation == .delete ? .fails(.throttled) : .passes }
        let isDone = try await one.store.deleteRoom(name)
        #expect(isDone)
        #expect(one.world.world.monotonic() - Moment(milliseconds: 0) <= PatientTables.logPatienceMs)
        #expect(try await other.store.heads([name]).isEmpty)
    }

    /// Others are always first, and each write takes its time: the races have an end, too.
    @Test func aLogThatOthersFill() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        let world = one.world
        let count = Locked(0)
        one.tables.set { call in
            guard call.putsChunk else { return .passes }
            world.advance(400)
            let number = count.withLock { count in
                count += 1
                return count
            }
            _ = try? await other.append([try draft("o\(number)")])
            return .passes
        }
        let error = await failure { () async throws(StoreError) in
            try await one.append([(try? draft("mine"))].compactMap { $0 })
        }
        #expect(error == .busy)
        #expect(world.world.monotonic() - Moment(milliseconds: 0) <= PatientTables.logPatienceMs + 1000)
    }
}
