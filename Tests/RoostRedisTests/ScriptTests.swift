import Testing

@testable import RoostRedis

@Suite struct ScriptTests {
    /// The digests that are written down are the ones that Redis has, and every script is one that it understands.
    @Test func digests() async throws {
        try await RedisServer.with { server in
            for script in Script.all {
                let sha = try server.cli(["SCRIPT", "LOAD", script.text])
                #expect(sha == script.sha, "\(script.text)")
            }
        }
    }
}
