import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// Answers that begin and never end.
@Suite(.timeLimit(.minutes(2))) struct TimeoutTests {
    /// Long enough for the emulator, whoever else asks it.
    private let timeoutMs: Int64 = 10_000

    private func withStore(_ body: (FaultyProxy, DynamoDBStore, VirtualWorld) async throws -> Void) async throws {
        let emulator = try Emulator.shared.get()
        let proxy = try await FaultyProxy(emulator)
        let world = VirtualWorld(seed: 1, timeoutMs: timeoutMs)
        let store = try await open(emulator.place(endpoint: proxy.endpoint), world)
        let result = await Result { try await body(proxy, store, world) }
        proxy.set { _ in nil }
        await store.close()
        await proxy.close()
        try result.get()
    }

    /// It has been carried out, and is asked for again: the chunk that is in the way is its own.
    @Test func anAppendGoesOn() async throws {
        try await withStore { proxy, store, _ in
            let puts = Locked(0)
            proxy.set { call in
                guard call.operation == "PutItem" else { return nil }
                return puts.withLock { count in
                    count += 1
                    return count == 1 ? .bodyLost : nil
                }
            }
            let appended = try await store.append([try draft("x")], at: time(1))
            #expect(appended.verdicts.map(\.seq) == [1])
            #expect(try await store.log().map(\.id.text) == ["x"])
        }
    }

    @Test func itIsNotKnownWhatCameOfIt() async throws {
        try await withStore { proxy, store, world in
            proxy.set { call in
                guard call.operation == "PutItem" else { return nil }
                world.advance(PatientTables.patienceMs)
                return .bodyLost
            }
            let one = [try draft("x")]
            let error = await failure { () async throws(StoreError) in try await store.append(one, at: time(1)) }
            guard case .failed(let reason)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("no whole answer within 10000 ms"))
            proxy.set { _ in nil }
            #expect(try await store.append(one, at: time(2)).verdicts.map(\.isDuplicate) == [true])
        }
    }

    @Test func credentialsAreNotWaitedFor() async throws {
        let emulator = try Emulator.shared.get()
        let world = VirtualWorld(seed: 1, timeoutMs: timeoutMs)
        let proxy = try await FaultyProxy(emulator) { _ in
            world.advance(PatientTables.patienceMs)
            return .bodyLost
        }
        do throws(DynamoDBOpeningError) {
            let store = try await DynamoDBStore.open(
                emulator.place(), options: StoreOptions(), at: .start,
                environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": proxy.endpoint],
                readFile: { _ in throw CancellationError() }, wall: { time(0) },
                world: world.world, skewMs: 0)
            await store.close()
            Issue.record("it was opened without credentials")
        } catch {
            #expect(error.kind == .unreachable)
            #expect(error.reason.contains("no whole answer within 1500 ms"))
        }
        await proxy.close()
    }
}
