import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// Several nodes on the same tables, as several stores of this process.
@Suite struct ClusterTests {
    private func withStores(
        _ count: Int, _ options: StoreOptions = StoreOptions(), through proxy: FaultyProxy? = nil,
        _ body: ([DynamoDBStore], [VirtualWorld], DynamoDBPlace) async throws -> Void
    ) async throws {
        let place = try Emulator.shared.get().place(endpoint: proxy?.endpoint)
        let worlds = (1...count).map { VirtualWorld(seed: UInt64($0)) }
        var stores: [DynamoDBStore] = []
        for world in worlds { stores.append(try await open(place, world, options: options)) }
        let result = await Result { try await body(stores, worlds, place) }
        for store in stores { await store.close() }
        try result.get()
    }

    /// Two nodes append to the same rooms while one request in eight goes wrong. What a node could not store, it tries
    /// again, as clients do.
    @Test(arguments: [1, 2, 3] as [UInt64]) func twoWritersUnderFaults(_ seed: UInt64) async throws {
        let proxy = try await FaultyProxy(try Emulator.shared.get())
        try await withStores(2, through: proxy) { stores, _, _ in
            let dice = VirtualWorld(seed: seed)
            proxy.set { _ in
                dice.next() % 8 == 0 ? Fault.passing[Int(dice.next() % UInt64(Fault.passing.count))] : nil
            }
            let acks = Locked<[(room: String, id: String, seq: UInt64)]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, store) in stores.enumerated() {
                    group.addTask {
                        for round in 0..<15 {
                            // Both send some messages of the same author and id: stored once, whoever is first.
                            let drafts = try ["a", "b", "a"].enumerated().map { place, room in
                                try draft("\(place == 2 ? "both" : "\(index)").\(round).\(place)", to: room)
                            }
                            let verdicts = try await persistently(store, drafts)
                            acks.withLock { acks in
                                for (draft, verdict) in zip(drafts, verdicts) {
                                    acks.append((draft.room.text, draft.id.text, verdict.seq ?? 0))
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            proxy.set { _ in nil }
            for (room, count) in [("a", 45), ("b", 30)] {
                let logs = [try await stores[0].log(room), try await stores[1].log(room)]
                #expect(logs[0] == logs[1])
                #expect(logs[0].map(\.seq) == (1...UInt64(count)).map { $0 })
                #expect(Set(logs[0].map(\.id)).count == count)
                for ack in acks.withLock({ $0 }) where ack.room == room {
                    #expect(logs[0].first { $0.seq == ack.seq }?.id.text == ack.id)
                }
                let order = logs[0].map(\.id.text).filter { $0.hasPrefix("0.") }
                #expect(order.map { Int($0.split(separator: ".")[1]) } == (0..<15).map { $0 })
            }
        }
        await proxy.close()
    }

    /// Sends drafts until each is stored, those that were refused again and behind them nothing.
    private func persistently(_ store: DynamoDBStore, _ drafts: [Draft]) async throws -> [Verdict] {
        var verdicts = [Verdict?](repeating: nil, count: drafts.count)
        for _ in 0..<200 {
            let open = drafts.indices.filter { verdicts[$0]?.seq == nil }
            if open.isEmpty { return verdicts.compactMap { $0 } }
            do throws(StoreError) {
                let appended = try await store.append(open.map { drafts[$0] }, at: time(1000))
                for (index, verdict) in zip(open, appended.verdicts) { verdicts[index] = verdict }
            } catch {
                #expect(error != .closed)
            }
        }
        throw CancellationError()
    }

    @Test func aNodeThatLagsFindsTheEnd() async throws {
        try await withStores(2) { stores, _, _ in
            _ = try await stores[0].append([try draft("x")], at: time(1))
            for round in 0..<60 { _ = try await stores[1].append([try draft("m\(round)")], at: time(2)) }
            // It believes that the log ends at 1, and that m7 is new.
            let verdicts = try await stores[0].append([try draft("m7"), try draft("y")], at: time(3)).verdicts
            #expect(verdicts.map(\.seq) == [9, 62])
            #expect(verdicts.map(\.isDuplicate) == [true, false])
            #expect(try await stores[1].heads([.general])[.general]?.head == 62)
        }
    }

    /// A room is deleted by one node while another still believes in it: what that one stores is in the new room.
    @Test func nobodyWritesBehindADeletion() async throws {
        try await withStores(2) { stores, _, _ in
            let name = try #require(RoomName("short"))
            _ = try await stores[0].append([try draft("x", to: "short")], at: time(1))
            #expect(try await stores[1].deleteRoom(name))
            let appended = try await stores[0].append([try draft("y", to: "short")], at: time(2))
            #expect(appended.verdicts.map(\.seq) == [1])
            #expect(try await stores[1].log("short").map(\.id.text) == ["y"])
            let heads = [try await stores[0].heads([name]), try await stores[1].heads([name])]
            #expect(heads[0] == heads[1])
            #expect(appended.committed.first?.epoch == heads[0][name]?.epoch)
        }
    }

    /// The deleting node seals the log and can't remove the room any more: the next one finishes.
    @Test func aDeletionThatWasBegunIsFinished() async throws {
        let proxy = try await FaultyProxy(try Emulator.shared.get())
        try await withStores(2, through: proxy) { stores, _, _ in
            let name = try #require(RoomName("short"))
            _ = try await stores[0].append([try draft("x", to: "short")], at: time(1))
            proxy.set { $0.operation == "DeleteItem" ? .throttled : nil }
            #expect(try await stores[1].deleteRoom(name))
            proxy.set { _ in nil }
            #expect(try await stores[0].append([try draft("y", to: "short")], at: time(2)).verdicts.map(\.seq) == [1])
            #expect(try await stores[0].log("short").map(\.id.text) == ["y"])
        }
        await proxy.close()
    }

    /// What another node changes of a room's access holds after a moment.
    @Test func revocationsAreHeard() async throws {
        try await withStores(2) { stores, worlds, _ in
            let (name, bob) = (try #require(RoomName("team")), try #require(UserID("bob")))
            let plan = RoomPlan(name: name, visibility: .private, participants: [bob])
            _ = try await stores[0].createRoom(plan, at: time(1))
            func say(_ id: String) async throws -> ErrorCode? {
                try await stores[1].append([try draft(id, to: "team", from: "bob")], at: time(1)).verdicts[0].code
            }
            #expect(try await say("1") == nil)
            _ = try await stores[0].setMember(bob, of: name, to: false)
            worlds[1].advance(2000)
            #expect(try await say("2") == .forbidden)
            _ = try await stores[0].amendRoom(name, title: nil, visibility: .public)
            worlds[1].advance(2000)
            #expect(try await say("3") == nil)
        }
    }

    /// Everything is dropped and what is dropped is deleted, but for the newest chunk: the log goes on from it. A node
    /// that has slept all the while does not write where something was deleted.
    @Test func theEndOutlivesRetention() async throws {
        let day: Int64 = 86_400_000
        try await withStores(2, StoreOptions(kinds: kinds { $0.retainAgeMs = 1000 })) { stores, worlds, place in
            _ = try await stores[0].append([try draft("old")], at: time(0))
            for round in 0..<5 { _ = try await stores[1].append([try draft("m\(round)")], at: time(1)) }
            for _ in 0..<50 where try await !stores[1].retain(at: time(day)) { break }
            #expect(try await stores[1].log().isEmpty)
            #expect(try await chunks(of: .general, in: stores[1]) == [6])
            worlds[0].advance(day)
            let late = try await stores[0].append([try draft("new")], at: time(day))
            #expect(late.verdicts.map(\.seq) == [7])
            let cold = try await open(place, VirtualWorld(seed: 9))
            #expect(try await cold.heads([.general])[.general]?.head == 7)
            #expect(try await cold.log().map(\.id.text) == ["new"])
            await cold.close()
        }
    }

    /// A log goes on over the ends of its blocks, also for whoever finds it there.
    @Test func blocksFollowEachOther() async throws {
        try await withStores(2, StoreOptions(dedupeWindowMs: 0)) { stores, _, place in
            let last = Int(Blocks.length)
            for (from, to) in [(1, last - 3), (last - 2, last), (last + 1, last + 2), (last + 3, 2 * last + 5)] {
                let drafts = try (from...to).map { try draft("m\($0)") }
                let appended = try await stores[from % 2].append(drafts, at: time(1))
                #expect(appended.verdicts.map(\.seq) == (from...to).map { UInt64($0) })
                #expect(appended.committed.first?.messages.count == drafts.count)
                let cold = try await open(place, VirtualWorld(seed: 9))
                #expect(try await cold.heads([.general])[.general]?.head == UInt64(to))
                await cold.close()
            }
            #expect(try await stores[0].log().map(\.seq) == (1...UInt64(2 * last + 5)).map { $0 })
            let page = try await stores[1].read(.general, before: UInt64(last) + 2, limit: 4, maxBytes: .max)
            #expect(page?.messages.map(\.seq) == (UInt64(last) - 2...UInt64(last) + 1).map { $0 })
        }
    }

    /// The places of a log's chunks, as they are in the table.
    private func chunks(of room: RoomName, in store: DynamoDBStore) async throws -> [UInt64] {
        let epoch = try #require(try await store.heads([room])[room]).epoch
        let page = try await store.tables.query(
            Query(.messages, Blocks.collection(room, epoch, 0), .numbers(1, Blocks.length)))
        return page.items.compactMap { $0.number("first").map { UInt64($0) } }
    }
}
