import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// What holds when DynamoDB throttles, fails and loses answers.
@Suite struct FaultTests {
    /// Without a window, nothing but the chain itself keeps a repeated write from being stored twice.
    private let options = StoreOptions(dedupeWindowMs: 0)

    /// Runs `body` with a proxy and a store behind it that has just been opened; nothing is known of any room.
    private func withStore(
        _ options: StoreOptions, _ body: (FaultyProxy, DynamoDBStore, DynamoDBPlace) async throws -> Void
    ) async throws {
        let emulator = try Emulator.shared.get()
        let proxy = try await FaultyProxy(emulator)
        let place = emulator.place(endpoint: proxy.endpoint)
        let store = try await open(place, VirtualWorld(seed: 1), options: options)
        let result = await Result { try await body(proxy, store, place) }
        proxy.set { _ in nil }
        await store.close()
        await proxy.close()
        try result.get()
    }

    private func batch(_ round: Int = 0) throws -> [Draft] {
        try [("a", "general"), ("b", "fresh"), ("c", "general"), ("d", "random"), ("e", "fresh")].map {
            try draft("\($0.0)\(round)", to: $0.1)
        }
    }

    /// One append to three rooms of which the store knows nothing, with a fault at its n-th request, for every n: one
    /// room has a past, of which it redacts something; one is private; one is created by it.
    @Test(arguments: Fault.passing) func anyRequestMayFail(_ fault: Fault) async throws {
        var total = Int.max
        var number = 0
        while number < total {
            let failing = number
            try await withStore(options) { proxy, first, place in
                let plan = RoomPlan(
                    name: try #require(RoomName("secret")), visibility: .private,
                    participants: [try #require(UserID("alice"))])
                _ = try await first.createRoom(plan, at: time(1))
                _ = try await first.append([try draft("old")], at: time(1))
                let store = try await open(place, VirtualWorld(seed: 2), options: options)
                proxy.set { $0.number == failing ? fault : nil }
                let stone = Draft(
                    room: .general, sender: try #require(UserID("alice")), id: try #require(MessageID("stone")),
                    kind: .deleted, content: .null, redacts: 1)
                let drafts =
                    try [("a", "general"), ("b", "fresh"), ("c", "general"), ("d", "secret"), ("e", "fresh")].map {
                        try draft($0.0, to: $0.1)
                    } + [stone]
                let appended = try await store.append(drafts, at: time(1000))
                total = proxy.calls - 1
                let at = time(1000)
                let expected = [2, 1, 3, 1, 2, 4].map { Verdict.stored(seq: $0, at: at, duplicate: false) }
                #expect(appended.verdicts == expected, "\(fault) at \(failing)")
                #expect(appended.committed.map(\.room.text) == ["general", "fresh", "secret"])
                for (room, ids) in [
                    ("general", ["old", "a", "c", "stone"]), ("fresh", ["b", "e"]), ("secret", ["d"]),
                ] {
                    let log = try await first.log(room)
                    #expect(log.map(\.id.text) == ids, "\(fault) at \(failing)")
                    let committed = appended.committed.first { $0.room.text == room }?.messages ?? []
                    #expect(committed == log.filter { $0.id.text != "old" })
                }
                #expect(try await first.log().map(\.kind) == [.redacted, .message, .message, .deleted])
                await store.close()
            }
            number += 1
        }
        #expect(number > 10)
    }

    @Test func aRoomThatFailsTakesOnlyItsOwnDraftsAlong() async throws {
        try await withStore(options) { proxy, store, _ in
            proxy.set { $0.operation == "PutItem" && $0.body.contains("\"fresh#") ? .throttled : nil }
            let appended = try await store.append(try batch(), at: time(1000))
            #expect(appended.verdicts.map(\.seq) == [1, nil, 2, 1, nil])
            #expect(appended.verdicts.map(\.code) == [nil, .unavailable, nil, nil, .unavailable])
            #expect(appended.committed.map(\.room.text) == ["general", "random"])
            proxy.set { _ in nil }
            let again = try await store.append([try draft("b1", to: "fresh")], at: time(1000))
            #expect(again.verdicts.map(\.seq) == [1])
        }
    }

    /// `busy` promises that nothing was kept, so only what surely came to nothing may be called so.
    @Test func whatIsKnownOfAFailureIsSaid() async throws {
        try await withStore(options) { proxy, store, _ in
            for (fault, isSure) in [(Fault.throttled, true), (.failed, false), (.requestLost, false)] {
                proxy.set { $0.operation == "PutItem" ? fault : nil }
                let one = [try draft("x")]
                let error = await failure { () async throws(StoreError) in try await store.append(one, at: time(1)) }
                #expect((error == .busy) == isSure, "\(fault): \(String(describing: error))")
                #expect(error != nil)
            }
            // Refused again and again, after one attempt of which nobody knows.
            let puts = Locked(0)
            proxy.set { call in
                guard call.operation == "PutItem" else { return nil }
                return puts.withLock { count in
                    count += 1
                    return count == 1 ? .requestLost : .throttled
                }
            }
            let one = [try draft("x")]
            let error = await failure { () async throws(StoreError) in try await store.append(one, at: time(1)) }
            #expect(error != nil && error != .busy)
            proxy.set { _ in nil }
            #expect(try await store.log().isEmpty)
        }
    }

    /// The write was carried out and nobody heard of it; the client sends the message again.
    @Test func whatWasStoredUnheardIsARepeat() async throws {
        try await withStore(StoreOptions()) { proxy, store, _ in
            proxy.set { $0.operation == "PutItem" ? .replyLost : nil }
            let one = [try draft("x")]
            let error = await failure { () async throws(StoreError) in try await store.append(one, at: time(1)) }
            #expect(error != nil && error != .busy)
            proxy.set { _ in nil }
            let again = try await store.append([try draft("x"), try draft("y")], at: time(2))
            #expect(again.verdicts.map(\.seq) == [1, 2])
            #expect(again.verdicts.map(\.isDuplicate) == [true, false])
            #expect(try await store.log().map(\.id.text) == ["x", "y"])
        }
    }

    /// A tombstone is in the log and its writer dies before the message is redacted; whoever sends it again finishes.
    @Test func aTombstoneIsFinishedByWhoeverSendsItAgain() async throws {
        try await withStore(StoreOptions()) { proxy, store, place in
            _ = try await store.append([try draft("x"), try draft("y")], at: time(1))
            var stone = try draft("stone")
            (stone.kind, stone.redacts) = (.deleted, 1)
            let stones = [stone]
            // The first write is the tombstone, the next would be the redaction.
            let puts = Locked(0)
            proxy.set { call in
                guard call.operation == "PutItem" else { return nil }
                return puts.withLock { count in
                    count += 1
                    return count > 1 ? .failed : nil
                }
            }
            let refused = await failure { () async throws(StoreError) in
                let appended = try await store.append(stones, at: time(2))
                if case .rejected? = appended.verdicts.first { throw .busy }
            }
            #expect(refused != nil)
            proxy.set { _ in nil }
            let other = try await open(place, VirtualWorld(seed: 2))
            let again = try await other.append(stones, at: time(3))
            #expect(again.verdicts == [.stored(seq: 3, at: time(2), duplicate: true)])
            let late = try await open(place, VirtualWorld(seed: 3), options: StoreOptions(dedupeWindowMs: 0))
            #expect(try await late.log().map(\.kind) == [.redacted, .message, .deleted])
            #expect(try await late.read(.general, after: 0, limit: 1, maxBytes: 1)?.messages.first?.content == .null)
            await other.close()
            await late.close()
        }
    }
}
