import NIOHTTP1
import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// DynamoDB says that credentials have ended which by their own date have not, as when they were withdrawn.
@Suite struct ExpiryTests {
    /// What gives credentials over HTTP: a container's metadata, at the endpoint itself, and an instance's.
    private final class Giver: Sendable {
        private let state = Locked((key: "ONE", times: 0))

        /// How often credentials were given.
        var times: Int { state.withLock { $0.times } }

        /// From now on these are given.
        func give(_ key: String) { state.withLock { $0.key = key } }

        func answer(_ call: FaultyProxy.Call) -> Fault {
            let role = "/latest/meta-data/iam/security-credentials/"
            switch (call.head.method.rawValue, call.head.uri) {
            case ("PUT", "/latest/api/token"): return .says("TOKEN")
            case ("GET", role): return .says("role")
            case ("GET", "/"), ("GET", role + "role"): return .says(next())
            default: return .refused("NoSuchThing")
            }
        }

        private func next() -> String {
            let key = state.withLock { state in
                state.times += 1
                return state.key
            }
            let end = "2100-01-01T00:00:00Z"
            return #"{"AccessKeyId":"\#(key)","SecretAccessKey":"s","Token":"\#(key)-token","Expiration":"\#(end)"}"#
        }
    }

    /// A store that was opened with the credentials `ONE`, which DynamoDB has refused since then.
    private struct Scene: Sendable {
        let store: DynamoDBStore
        let giver: Giver
        /// The credentials of each request since then, in the order of arrival.
        let sent = Locked<[String]>([])

        /// As `ONE ONE-token`.
        static func credentials(of call: FaultyProxy.Call) -> String {
            let headers = call.head.headers
            // `AWS4-HMAC-SHA256 Credential=ONE/20150830/…`
            let words = headers.first(name: "authorization")?.split(whereSeparator: { "=/".contains($0) }) ?? []
            let token = headers.first(name: "x-amz-security-token") ?? "no token"
            return "\(words.dropFirst().first ?? "nobody") \(token)"
        }
    }

    private func withScene(
        _ variable: String = "AWS_CONTAINER_CREDENTIALS_FULL_URI", _ body: (Scene) async throws -> Void
    ) async throws {
        let emulator = try Emulator.shared.get()
        let giver = Giver()
        let metadata = try await FaultyProxy(emulator) { giver.answer($0) }
        let proxy = try await FaultyProxy(emulator)
        let store = try await open(
            emulator.place(endpoint: proxy.endpoint), VirtualWorld(seed: 1), environment: [variable: metadata.endpoint])
        let scene = Scene(store: store, giver: giver)
        let sent = scene.sent
        proxy.set { call in
            let credentials = Scene.credentials(of: call)
            sent.withLock { $0.append(credentials) }
            return credentials.hasPrefix("ONE ") ? .refused("ExpiredTokenException") : nil
        }
        let result = await Result { try await body(scene) }
        await store.close()
        await proxy.close()
        await metadata.close()
        try result.get()
    }

    @Test(arguments: ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"])
    func othersAreFetched(_ variable: String) async throws {
        try await withScene(variable) { scene in
            scene.giver.give("TWO")
            let alice = try #require(UserID("alice"))
            try await scene.store.note([Sighting(user: alice, name: "Alice")])
            #expect(scene.sent.withLock { $0 } == ["ONE ONE-token", "TWO TWO-token"])
            // They are kept.
            let found = try await scene.store.users([alice])
            #expect(found[alice]?.name == "Alice")
            let verdicts = try await scene.store.append([try draft("x")], at: time(1)).verdicts
            #expect(verdicts.map(\.seq) == [1])
            let sent = scene.sent.withLock { $0 }
            #expect(Set(sent.dropFirst()) == ["TWO TWO-token"])
            #expect(scene.giver.times == 2)
        }
    }

    /// Of many requests that are refused at once, one fetches for all.
    @Test func theyAreFetchedOnce() async throws {
        try await withScene { scene in
            scene.giver.give("TWO")
            let sightings = try (1...20).map { Sighting(user: try #require(UserID("u\($0)"))) }
            try await scene.store.note(sightings)
            #expect(scene.giver.times == 2)
            let sent = scene.sent.withLock { $0 }
            let others = sent.filter { $0 == "TWO TWO-token" }
            #expect(others.count == sightings.count)
        }
    }

    /// Whoever gives credentials has none but those that have ended: that is said after the second try.
    @Test func noOthersAreThere() async throws {
        try await withScene { scene in
            let sightings = [Sighting(user: try #require(UserID("alice")))]
            let error = await failure { () async throws(StoreError) in try await scene.store.note(sightings) }
            #expect(error == .failed("ExpiredTokenException: no"))
            #expect(scene.sent.withLock { $0 } == ["ONE ONE-token", "ONE ONE-token"])
            #expect(scene.giver.times == 2)
            scene.giver.give("TWO")
            try await scene.store.note(sightings)
            #expect(scene.sent.withLock { $0.last } == "TWO TWO-token")
        }
    }
}
