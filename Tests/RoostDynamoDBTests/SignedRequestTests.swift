import NIOHTTP1
import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// What is on the wire bears the signature that AWS finds when it computes it from what has arrived. The emulator takes
/// any, so this is computed here; that the computing is AWS's, `SigningTests` sees.
@Suite struct SignedRequestTests {
    @Test func everyRequestIsSentAsItWasSigned() async throws {
        try await checkRequests(credentials)
    }

    /// The characters are those of AWS's tokens.
    @Test func theTokenOfTemporaryCredentialsIsSentAndSigned() async throws {
        try await checkRequests(credentials.merging(["AWS_SESSION_TOKEN": "IQoJb3JpZ2lu/X2Vj+EJr=="]) { one, _ in one })
    }

    private func checkRequests(_ environment: [String: String]) async throws {
        let emulator = try Emulator.shared.get()
        let seen = Locked<[FaultyProxy.Call]>([])
        let proxy = try await FaultyProxy(emulator) { call in
            seen.withLock { $0.append(call) }
            return nil
        }
        let host = String(proxy.endpoint.dropFirst("http://".count))
        let store = try await open(emulator.place(endpoint: proxy.endpoint), environment: environment)
        let result = await Result { try await use(store) }
        await store.close()
        await proxy.close()
        try result.get()
        let identity = AWSCredentials(
            accessKeyID: try #require(environment["AWS_ACCESS_KEY_ID"]),
            secretAccessKey: try #require(environment["AWS_SECRET_ACCESS_KEY"]),
            sessionToken: environment["AWS_SESSION_TOKEN"])
        let calls = seen.withLock { $0 }
        for call in calls { try check(call, identity, host: host) }
        let operations = Set(calls.map(\.operation))
        #expect(
            operations.isSuperset(of: [
                "DescribeTable", "CreateTable", "PutItem", "UpdateItem", "GetItem", "BatchGetItem", "Query",
            ]))
    }

    /// Asks something of every kind, and not only in ASCII.
    private func use(_ store: DynamoDBStore) async throws {
        let (alice, bob) = (try #require(UserID("alice")), try #require(UserID("bob")))
        _ = try await store.append([try draft("x")], at: time(1))
        try await store.note([Sighting(user: alice, name: "\u{C4}lice \u{1F426} \"+/\\")])
        _ = try await store.users([alice])
        _ = try await store.users([alice, bob])
        _ = try await store.users(after: nil, limit: 5)
    }

    private func check(_ call: FaultyProxy.Call, _ identity: AWSCredentials, host: String) throws {
        let headers = call.head.headers
        let given = try #require(headers.first(name: "authorization"))
        let date = try #require(headers.first(name: "x-amz-date"))
        // `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=a;b;c, Signature=…`
        let prefix = "SignedHeaders="
        let parts = given.split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
        let part = try #require(parts.first(where: { $0.hasPrefix(prefix) }))
        let names = part.dropFirst(prefix.count).split(separator: ";").map(String.init)
        var signed: [(String, String)] = []
        for name in names { signed += headers[name].map { (name, $0) } }
        let request = SigningRequest(
            method: call.head.method.rawValue, path: call.head.uri, headers: signed, body: Array(call.body.utf8))
        let signer = Signer(region: "us-east-1", service: "dynamodb")
        let expected = signer.authorization(request, identity, date: date)
        #expect(given == expected, "\(call.operation)")
        #expect(headers["host"] == [host])
        let tokens = identity.sessionToken.map { [$0] } ?? []
        #expect(headers["x-amz-security-token"] == tokens)
        // What AWS wants to be signed wherever it is sent.
        let sent = headers.map { $0.name.lowercased() }
        let wanted = sent.filter { $0 == "host" || $0 == "content-type" || $0.hasPrefix("x-amz-") }
        #expect(Set(names).isSuperset(of: wanted), "\(names)")
    }
}
