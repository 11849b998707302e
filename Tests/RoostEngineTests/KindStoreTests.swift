import RoostCore
import RoostEngine
import RoostSQLite
import Testing

/// Two stores as one: what each room's kind decides, and what is put together again.
@Suite struct KindStoreTests {
    private let options: StoreOptions = {
        var memory = RoomKind()
        memory.log = .memory
        let rules = ["m*", "support"].compactMap { RoomPattern($0) }.map { Kinds.Rule(match: $0, kind: memory) }
        return StoreOptions(kinds: Kinds(rules))
    }()

    private func names(_ texts: [String]) throws -> [RoomName] { try texts.map { try #require(RoomName($0)) } }

    @Test func eachRoomIsWhereItsKindSays() async throws {
        try await withStores { stores in
            let main = try await stores.open(fresh: true, options: options)
            let store = KindStore(main: main, options: options, at: .start)
            let (stored, inMemory) = (RoomName.general, try #require(RoomName("m1")))
            #expect(store.durability(of: stored) == .stored)
            #expect(store.durability(of: inMemory) == .memory)
            _ = try await store.append([try draft("a"), try draft("a", to: "m1")], at: .start)
            #expect(try await main.room(inMemory) == nil)
            #expect(try await store.log(inMemory).count == 1)
            #expect(try await main.log() == store.log())
            #expect(try await store.storeID() == main.storeID())
            await store.close()
            // The next life has the one and not the other.
            let again = KindStore(
                main: try await stores.open(options: options), options: options, at: .start)
            #expect(try await again.room(inMemory) == nil)
            #expect(try await again.log().count == 1)
            await again.close()
        }
    }

    @Test func aBatchIsSplitAndItsAnswersComeBackInOrder() async throws {
        let main = MemoryStore(at: .start)
        let store = KindStore(main: main, options: options, at: .start)
        let rooms = ["m1", "b", "m2", "b", "m1", "a"]
        let drafts = try rooms.enumerated().map { try draft("\($0)", to: $1) }
        let appended = try await store.append(drafts, at: .start)
        #expect(appended.verdicts == [1, 1, 1, 2, 2, 1].map { .stored(seq: $0, at: .start, duplicate: false) })
        #expect(appended.committed.map(\.room) == (try names(["m1", "b", "m2", "a"])))
        #expect(appended.committed.map { $0.messages.map(\.id.text) } == [["0", "4"], ["1", "3"], ["2"], ["5"]])
    }

    @Test func oneSideThatFailsLeavesTheOtherItsAnswers() async throws {
        let main = MemoryStore(at: .start)
        let store = KindStore(main: main, options: options, at: .start)
        await main.close()
        let drafts = [try draft("a"), try draft("a", to: "m1"), try draft("b")]
        let appended = try await store.append(drafts, at: .start)
        let refused = Verdict.rejected(StoreError.closed.failure)
        #expect(appended.verdicts == [refused, .stored(seq: 1, at: .start, duplicate: false), refused])
        #expect(appended.committed.map(\.room.text) == ["m1"])
        let requests = try names(["m1", "general"]).map { OpenRequest(room: $0, user: nil, create: true) }
        let opened = try await store.open(requests, at: .start)
        #expect(try opened[0].get().head == 1)
        #expect(throws: StoreError.closed.failure) { try opened[1].get() }
        let stored = [drafts[0]]
        #expect(await failure { () async throws(StoreError) in try await store.append(stored, at: .start) } == .closed)
        await store.close()
        #expect(await failure { () async throws(StoreError) in try await store.append(drafts, at: .start) } == .closed)
    }

    @Test func listsArePutTogetherAndPaged() async throws {
        let main = MemoryStore(at: .start)
        let store = KindStore(main: main, options: options, at: .start)
        let alice = try #require(UserID("alice"))
        for (index, room) in try names(["z", "m1", "a", "m2", "x", "m0"]).enumerated() {
            let plan = RoomPlan(name: room, participants: [alice])
            _ = try await store.createRoom(plan, at: Timestamp(milliseconds: Int64(index)))
        }
        // Of another time, when its kind was another: it stays in the main store and is not shown.
        _ = try await main.createRoom(RoomPlan(name: try names(["m9"])[0], participants: [alice]), at: .start)
        for limit in 1...10 {
            var listed: [String] = []
            while true {
                let after = listed.last.flatMap { RoomName($0) }
                let page = try await store.rooms(visibleTo: nil, after: after, limit: limit)
                #expect(page.count <= limit)
                if page.isEmpty { break }
                listed += page.map(\.name.text)
            }
            #expect(listed == ["a", "general", "m0", "m1", "m2", "random", "support", "x", "z"])
            let theirs = try await store.rooms(of: alice, limit: limit).map(\.text)
            #expect(theirs == Array(["m0", "x", "m2", "a", "m1", "z"].prefix(limit)))
        }
    }

    @Test func roomsInMemoryKeepSoMuchUnlessTheirKindSaysSo() async throws {
        let store = KindStore(main: MemoryStore(at: .start), options: options, at: .start)
        let count = RoomKind.memoryRetainCount
        for room in ["m1", "a"] {
            _ = try await store.append(try (0..<count + 5).map { try draft("\($0)", to: room) }, at: .start)
        }
        let heads = try await store.heads(try names(["m1", "a"]))
        #expect(try heads[names(["m1"])[0]]?.floor == 5)
        #expect(try heads[names(["a"])[0]]?.floor == 0)
    }

    @Test func marksAreWhereTheirRoomsAre() async throws {
        let main = MemoryStore(at: .start)
        let store = KindStore(main: main, options: options, at: .start)
        let (rooms, alice) = (try names(["m1", "a"]), try #require(UserID("alice")))
        _ = try await store.append([try draft("x", to: "m1"), try draft("x", to: "a")], at: .start)
        try await store.mark(rooms.map { MemberMark(room: $0, user: alice, mark: Mark(received: 1)) })
        #expect(try await store.marks(of: alice, in: rooms).count == 2)
        #expect(try await main.marks(of: alice, in: rooms).keys.map(\.text) == ["a"])
    }
}
