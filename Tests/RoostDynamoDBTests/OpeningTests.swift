import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// What stands in the way of opening is said in one sentence that says what to do.
@Suite struct OpeningTests {
    private func refusal(_ place: DynamoDBPlace, environment: [String: String] = credentials) async
        -> DynamoDBOpeningError?
    {
        do throws(DynamoDBOpeningError) {
            await (try open(place, environment: environment)).close()
            return nil
        } catch {
            return error
        }
    }

    @Test func missingTables() async throws {
        let emulator = try Emulator.shared.get()
        let place = emulator.place(creates: false)
        let error = try #require(await refusal(place))
        #expect(error.kind == .noTables)
        let names = Table.allCases.map { place.prefix + $0.rawValue }.joined(separator: ", ")
        #expect(
            error.reason
                == "Can't open the store dynamodb://us-east-1 (\(place.url), tables \(place.prefix)…): the tables \(names) "
                + "are missing; run `roost store create` with the same --store, or have them created with ?create=true."
        )
    }

    @Test func tablesAreCreatedOnce() async throws {
        let emulator = try Emulator.shared.get()
        let place = emulator.place(creates: false)
        let created = try await createTables(place)
        #expect(created == Table.allCases.map { place.prefix + $0.rawValue })
        #expect(try await createTables(place) == [])
        #expect(await refusal(place) == nil)
    }

    private func createTables(_ place: DynamoDBPlace) async throws -> [String] {
        try await DynamoDBStore.createTables(
            place, environment: credentials, readFile: { _ in throw CancellationError() }, wall: { time(0) })
    }

    @Test func noCredentials() async throws {
        let place = try Emulator.shared.get().place()
        let error = try #require(await refusal(place, environment: ["AWS_EC2_METADATA_DISABLED": "true"]))
        #expect(error.kind == .denied)
        #expect(error.reason.contains("no AWS credentials were found; set AWS_ACCESS_KEY_ID"))
    }

    /// The emulator takes any credentials, so the refusals are AWS's words from the proxy.
    @Test(arguments: [
        "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "AccessDeniedException",
        "MissingAuthenticationTokenException",
    ])
    func wrongCredentials(_ name: String) async throws {
        let emulator = try Emulator.shared.get()
        let proxy = try await FaultyProxy(emulator) { _ in .refused(name) }
        let error = try #require(await refusal(emulator.place(endpoint: proxy.endpoint)))
        #expect(error.kind == .denied)
        #expect(error.reason.hasSuffix("check the AWS credentials and what their policy allows."))
        #expect(error.reason.contains("(\(name): no)"))
        await proxy.close()
    }

    @Test func somethingElseInTheTables() async throws {
        let emulator = try Emulator.shared.get()
        let place = emulator.place()
        let store = try await open(place)
        let key = Key("#store", text: "info")
        _ = try await store.tables.put(key.item(in: .rooms), into: .rooms, if: .always)
        await store.close()
        #expect(await refusal(place)?.kind == .notAStore)
    }
}
