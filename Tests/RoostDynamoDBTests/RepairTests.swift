import DynamoDBModel
import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// What one room or one node leaves undone, and who is not concerned.
@Suite struct RepairTests {
    // MARK: A room that fails

    /// One room's log can't be read: the others are opened, and dropped from.
    @Test func aRoomThatFailsIsPassedOver() async throws {
        let shared = SharedTables()
        let node = try await Node(shared, options: StoreOptions(kinds: kinds { $0.retainAgeMs = 1000 }))
        let names = ["a", "b", "c", "d"]
        for name in names { _ = try await node.append([try draft("x", to: name)]) }
        let late = try await Node(shared, seed: 2, options: StoreOptions(kinds: kinds { $0.retainAgeMs = 1000 }))
        late.tables.set { $0.collection.hasPrefix("b#") ? .fails(.throttled) : .passes }
        let requests = try names.map {
            OpenRequest(room: try #require(RoomName($0)), user: UserID("alice"), create: true)
        }
        let answers = try await late.store.open(requests, at: time(2))
        #expect(answers.map { (try? $0.get())?.head } == [1, nil, 1, 1])
        if case .failure(let failure) = answers[1] { #expect(failure.code == .unavailable) }
        var errors: [StoreError] = []
        for _ in 0..<10 {
            let isUnfinished = await failure { () async throws(StoreError) in
                if try await late.store.retain(at: time(100_000)) { throw .full }
            }
            if isUnfinished == .full { continue }
            errors += isUnfinished.map { [$0] } ?? []
            break
        }
        #expect(errors == [.busy])
        late.tables.set { _ in .passes }
        for name in names { #expect(try await late.store.log(name).isEmpty == (name != "b")) }
        // It is no room that has been dissolved.
        late.tables.set { $0.collection.hasPrefix("b#") ? .fails(.throttled) : .passes }
        let rooms = requests.map(\.room)
        let error = await failure { () async throws(StoreError) in try await late.store.heads(rooms) }
        #expect(error == .busy)
    }

    /// More deleted rooms than are seen to at once, of which the first is not due, and one fails.
    @Test func everyGraveIsSeenTo() async throws {
        let shared = SharedTables()
        let node = try await Node(shared, options: StoreOptions(kinds: kinds { $0.retainCount = 1 }))
        for number in 10..<40 {
            let name = try #require(RoomName("r\(number)"))
            _ = try await node.append([try draft("x", to: "r\(number)")])
            _ = try await node.store.deleteRoom(name)
        }
        func round(_ now: Int64) async -> StoreError? {
            for _ in 0..<200 {
                let state = await failure { () async throws(StoreError) in
                    if try await node.store.retain(at: time(now)) { throw .full }
                }
                if state != .full { return state }
            }
            return .full
        }
        func graves() async throws -> Int {
            try await node.store.tables.query(Query(.rooms, "#graves", .prefix(""))).items.count
        }
        #expect(await round(0) == nil)
        #expect(try await graves() == 30)
        node.tables.set { $0.operation == .query && $0.collection.hasPrefix("r12#") ? .fails(.throttled) : .passes }
        #expect(await round(2_000_000) == .busy)
        #expect(try await graves() == 1)
        node.tables.set { _ in .passes }
        #expect(await round(2_000_000) == nil)
        #expect(try await graves() == 0)
    }

    // MARK: A node that dies

    /// A node dies between its tombstone and the deletion: whoever has learned of the one does the other, once that node
    /// has had its time.
    @Test(arguments: [true, false]) func aDeletionHalfDoneIsFinished(_ isKnown: Bool) async throws {
        let shared = SharedTables()
        let node = try await Node(shared, seed: 1)
        let known = try await Node(shared, seed: 2)
        _ = try await node.append([try draft("x"), try draft("y")])
        if isKnown { _ = try await known.append([try draft("z")]) }
        node.tables.set { $0.operation == .put && !$0.putsChunk ? .fails(.unreachable) : .passes }
        let stones = [try draft("stone", redacts: 1)]
        _ = await failure { () async throws(StoreError) in try await node.append(stones) }
        let other = isKnown ? known : try await Node(shared, seed: 3)
        func stored() async throws -> MessageKind? {
            let epoch = try #require(try await other.store.heads([.general])[.general]?.epoch)
            return try shared.chunks(of: .general, epoch)[0].entries[0].kind
        }
        _ = try await other.append([try draft("after")])
        #expect(try await other.store.log().map(\.kind).first == .redacted)
        #expect(try await stored() == .message)
        other.world.advance(10_000)
        #expect(try await other.store.log().map(\.kind).first == .redacted)
        #expect(try await stored() == .redacted)
        other.tables.set { _ in .passes }
        _ = try await other.store.log()
        #expect(other.tables.calls <= 4)
    }

    /// A node dies anywhere while it creates a room, or another one has the name already: who is a member of a room has
    /// it in the list of its rooms.
    @Test(arguments: [true, false]) func whoIsAMemberHasTheRoom(_ isTaken: Bool) async throws {
        var failing = 0
        var isOver = false
        while !isOver {
            let shared = SharedTables()
            let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
            let users = try ["a", "b"].map { try #require(UserID($0)) }
            let name = try #require(RoomName("secret"))
            let plan = RoomPlan(name: name, visibility: .private, participants: users)
            let (count, isOnTime) = (failing, Locked(true))
            one.tables.set { call in
                if isTaken, call.operation == .put,
                    isOnTime.withLock({ isOnTime in
                        defer { isOnTime = false }
                        return isOnTime
                    })
                {
                    _ = try? await other.store.createRoom(plan, at: time(1))
                }
                return call.number >= count ? .fails(.denied) : .passes
            }
            let error = await failure { () async throws(StoreError) in try await one.store.createRoom(plan, at: time(2))
            }
            isOver = error == nil
            let members = try await other.store.room(name)?.participants ?? []
            for user in users {
                #expect(try await other.store.rooms(of: user, limit: 9) == (members.contains(user) ? [name] : []))
            }
            #expect(!isTaken || isOnTime.withLock { $0 } || members == users)
            failing += 1
        }
        #expect(failing > 5)
    }

    // MARK: Retries

    /// A node whose clock is ahead does not forget what another one has just stored.
    @Test func clocksMayDiffer() async throws {
        let shared = SharedTables()
        let options = StoreOptions(dedupeWindowMs: 60_000)
        let one = try await Node(shared, seed: 1, options: options, skewMs: DynamoDBStore.skewMs)
        let other = try await Node(shared, seed: 2, options: options, skewMs: DynamoDBStore.skewMs)
        _ = try await one.append([try draft("x")], at: 0)
        let again = try await other.append([try draft("x")], at: 59_000 + DynamoDBStore.skewMs)
        #expect(again.verdicts.map(\.isDuplicate) == [true])
        let late = try await other.append([try draft("x")], at: 60_000 + DynamoDBStore.skewMs)
        #expect(late.verdicts.map(\.isDuplicate) == [false])
    }

    /// What a late retry is looked for in is deleted while it is: it can't be known whether it is new.
    @Test func aSearchThatEndsEarlyDoesNotStoreTwice() async throws {
        let shared = SharedTables()
        let options = StoreOptions(dedupeWindowMs: 1)
        let node = try await Node(shared, options: options)
        for number in 0..<6 { _ = try await node.append([try draft("m\(number)")], at: Int64(number) * 100) }
        let epoch = try #require(try await node.store.heads([.general])[.general]?.epoch)
        let late = try await Node(shared, seed: 2, options: options)
        late.tables.set { call in
            // Just before the log is searched, its chunks from 2 to 4 go.
            if call.operation == .query, call.table == .messages, call.number > 0 {
                for seq in 2...4 as ClosedRange<UInt64> {
                    _ = try? await node.tables.delete(
                        Chunk.key(seq, in: .general, epoch), from: .messages, if: .always)
                }
            }
            return .passes
        }
        var again = try draft("m2")
        again.since = Position(epoch: epoch, seq: 1)
        #expect(try await late.append([again], at: 10_000).verdicts.map(\.code) == [.retryExpired])
    }

    // MARK: What is asked

    /// Ids that look alike and differ in their bytes are two, in one question as well.
    @Test func idsAreBytes() async throws {
        let users = try ["\u{E9}", "e\u{301}"].map { try #require(UserID($0)) }
        let emulator = try Emulator.shared.get()
        let stores = [
            try await open(emulator.place(), VirtualWorld(seed: 1)), try await Node(SharedTables()).store,
        ]
        for store in stores {
            try await store.note(users.map { Sighting(user: $0) })
            #expect(try await store.users(users).count == 2)
            let drafts = try users.map { try draft("x", from: $0.text) }
            #expect(try await store.append(drafts, at: time(1)).verdicts.map(\.isDuplicate) == [false, false])
            await store.close()
        }
    }

    /// Members are asked for together, and of a list of rooms each once.
    @Test func membersAreAskedForTogether() async throws {
        let shared = SharedTables()
        let node = try await Node(shared)
        let users = try (0..<50).map { try #require(UserID("u\($0)")) }
        let name = try #require(RoomName("secret"))
        _ = try await node.store.createRoom(
            RoomPlan(name: name, visibility: .private, participants: Array(users.dropLast())), at: time(1))
        let other = try await Node(shared, seed: 2)
        let gets = Locked(0)
        other.tables.set { call in
            if call.operation == .get { gets.withLock { $0 += 1 } }
            return .passes
        }
        let drafts = try users.map { try draft("x", to: "secret", from: $0.text) }
        let verdicts = try await other.append(drafts).verdicts
        #expect(verdicts.filter { $0.seq != nil }.count == 49)
        #expect(verdicts.last?.code == .forbidden)
        #expect(gets.withLock { $0 } == 2)
        let listed = try await other.store.rooms(visibleTo: users[0], after: nil, limit: 9).map(\.name.text)
        #expect(listed == ["general", "random", "secret", "support"])
        #expect(try await other.store.rooms(visibleTo: users[49], after: nil, limit: 9).count == 3)
    }
}
