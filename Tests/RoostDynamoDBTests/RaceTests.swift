import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// Two nodes whose calls a test puts in order.
@Suite struct RaceTests {
    /// An append that takes two chunks, between which another node's comes: two stretches, each at its own places.
    @Test func anAppendWithAnothersChunkWithinIsTwoStretches() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        one.tables.beforeChunk(2) { _ = try? await other.append([try draft("between")]) }
        let drafts = try (1...4).map { try draft("m\($0)", bytes: 40_000) }
        let appended = try await one.append(drafts)
        #expect(appended.verdicts.map(\.seq) == [1, 2, 4, 5])
        #expect(appended.committed.map { $0.messages.map(\.seq) } == [[1, 2], [4, 5]])
        let log = try await other.store.log()
        #expect(log.map(\.id.text) == ["m1", "m2", "between", "m3", "m4"])
        for stretch in appended.committed { #expect(stretch.messages == log.filter { stretch.messages.contains($0) }) }
    }

    /// As above, and the second chunk deletes a message of the first and one of the other node's.
    @Test func whatIsDeletedInAnEarlierStretchIsSo() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        one.tables.beforeChunk(2) { _ = try? await other.append([try draft("between")]) }
        let messages = try (1...2).map { try draft("m\($0)", bytes: 40_000) }
        let stones = try [draft("m3", bytes: 40_000), draft("s1", redacts: 2), draft("s2", redacts: 3)]
        let appended = try await one.append(messages + stones)
        #expect(appended.verdicts.map(\.seq) == [1, 2, 4, 5, 6])
        #expect(
            appended.committed.map { $0.messages.map(\.kind) } == [
                [.message, .redacted], [.message, .deleted, .deleted],
            ])
        #expect(
            try await other.store.log().map(\.kind) == [.message, .redacted, .redacted, .message, .deleted, .deleted])
    }

    /// The room is deleted in the middle of an append: what comes after is in another log of the same name.
    @Test func anAppendOverADeletionIsInTwoLogs() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        let name = try #require(RoomName("short"))
        one.tables.beforeChunk(2) { _ = try? await other.store.deleteRoom(name) }
        let drafts = try (1...4).map { try draft("m\($0)", to: "short", bytes: 40_000) }
        let appended = try await one.append(drafts)
        #expect(appended.committed.map { $0.messages.map(\.seq) } == [[1, 2], [1, 2]])
        #expect(Set(appended.committed.map(\.epoch)).count == 2)
        #expect(appended.committed.last?.messages == (try await other.store.log("short")))
    }

    /// A node that comes to a room in which others say much: it reads on from what it knows, and appends at last.
    @Test(arguments: [0, 1, 40, 200, 900]) func aNodeThatLagsReadsOn(_ others: Int) async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        _ = try await one.append([try draft("first")])
        for number in 0..<others { _ = try await other.append([try draft("o\(number)")]) }
        one.tables.set { _ in .passes }
        let late = try await one.append([try draft("o0"), try draft("mine")])
        #expect(late.verdicts.map(\.seq) == (others == 0 ? [2, 3] : [2, UInt64(others) + 2]))
        #expect(late.verdicts[0].isDuplicate == (others > 0))
        // Some lost races, the pages of what it has missed, and the write.
        #expect(one.tables.calls <= 10 + others / 40)
    }

    /// More has come than a page holds: it is read on from what is known, and that is not read again.
    @Test func whatIsKnownIsNotReadAgain() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        for number in 0..<600 { _ = try await one.append([try draft("m\(number)")]) }
        for number in 0..<40 { _ = try await other.append([try draft("o\(number)")]) }
        one.world.advance(3000)
        one.tables.set { _ in .passes }
        let late = try await one.append([try draft("m0"), try draft("o39"), try draft("mine")])
        #expect(late.verdicts.map(\.seq) == [1, 640, 641])
        // The room, the race that is lost, a page, the newest chunk, another page, and the write.
        #expect(one.tables.calls == 6)
    }

    /// While a node reads its window, others go on; each of its appends loses some races and none begins anew.
    @Test func aNodeThatComesLateToABusyRoom() async throws {
        let shared = SharedTables()
        let (late, busy) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        for number in 0..<300 { _ = try await busy.append([try draft("o\(number)")]) }
        // With each of its calls to the log, twenty more chunks are written.
        let reads = Locked(0)
        late.tables.set { call in
            guard call.table == .messages else { return .passes }
            if call.operation == .query { reads.withLock { $0 += 1 } }
            guard call.number < 20 else { return .passes }
            for number in 0..<20 { _ = try? await busy.append([try draft("b\(call.number).\(number)")]) }
            return .passes
        }
        let appended = try await late.append([try draft("mine")])
        #expect(appended.verdicts[0].seq != nil)
        #expect(try await late.store.log().count == Int(appended.verdicts[0].seq ?? 0))
        #expect(reads.withLock { $0 } < 50)
    }

    /// What is known of a room stays known when a write is throttled, and is checked when nobody knows what came of it.
    @Test func aFailureForgetsNothing() async throws {
        let shared = SharedTables()
        let one = try await Node(shared)
        for number in 0..<100 { _ = try await one.append([try draft("m\(number)")]) }
        for (kind, most) in [(TableError.Kind.throttled, 1), (.unsure, 3)] {
            one.tables.set { $0.putsChunk ? .fails(kind) : .passes }
            let drafts = [try draft("x \(kind)")]
            let error = await failure { () async throws(StoreError) in try await one.append(drafts) }
            #expect(error != nil)
            one.tables.set { _ in .passes }
            #expect(try await one.append(drafts).verdicts.map(\.isDuplicate) == [false])
            #expect(one.tables.calls <= most + 1, "\(kind)")
        }
    }

    /// Who loses a race knows the end by the chunk that won, and writes behind it without a question.
    @Test func aLostRaceCostsOneWrite() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        _ = try await one.append([try draft("a")])
        _ = try await other.append([try draft("b")])
        let queries = Locked(0)
        one.tables.set { call in
            if call.operation == .query { queries.withLock { $0 += 1 } }
            if call.putsChunk, call.number < 2 { _ = try? await other.append([try draft("o\(call.number)")]) }
            return .passes
        }
        #expect(try await one.append([try draft("mine")]).verdicts.map(\.seq) == [5])
        #expect(queries.withLock { $0 } == 0)
        // After a while without a look there may be more.
        one.tables.set { call in
            if call.operation == .query { queries.withLock { $0 += 1 } }
            return .passes
        }
        for number in 0..<10 { _ = try await other.append([try draft("p\(number)")]) }
        one.world.advance(3000)
        #expect(try await one.append([try draft("last")]).verdicts.map(\.seq) == [16])
        #expect(queries.withLock { $0 } == 1)
    }

    /// A node that writes without end leaves a gap now and then.
    @Test func theWinnerPauses() async throws {
        let node = try await Node(SharedTables())
        let begin = node.world.world.monotonic()
        node.tables.set { _ in
            node.world.advance(7)
            return .passes
        }
        for number in 0..<15 { _ = try await node.append([try draft("m\(number)")]) }
        let calls = Int64(node.tables.calls)
        #expect(node.world.world.monotonic() - begin == calls * 7)
        _ = try await node.append([try draft("m15")])
        #expect(node.world.world.monotonic() - begin == Int64(node.tables.calls) * 7 + 7)
    }

    /// What is remembered for dedupe windows has a bound over all rooms; what was forgotten is read again.
    @Test func windowsAreBounded() async throws {
        let shared = SharedTables()
        let node = try await Node(shared, maxIDs: 100)
        for number in 0..<300 {
            node.world.advance(1)
            _ = try await node.append([try draft("m\(number)", to: "r\(number % 10)")])
        }
        for number in 0..<300 {
            let again = try await node.append([try draft("m\(number)", to: "r\(number % 10)")])
            #expect(again.verdicts.map(\.isDuplicate) == [true])
        }
        // Ten rooms of thirty are more than fit; the last three do.
        node.tables.set { _ in .passes }
        _ = try await node.append([try draft("m299", to: "r9")])
        #expect(node.tables.calls == 0)
        _ = try await node.append([try draft("m290", to: "r0")])
        #expect(node.tables.calls > 0)
    }
}
