import ClusterConformance
import NIOCore
import NIOPosix
import RoostCore
import RoostEngine
import RoostRedis
import Testing

@Suite(.serialized) struct ConformanceTests {
    @Test func resp3() async throws { try await keepsAllPromises([]) }

    /// A server from before RESP3.
    @Test func resp2() async throws { try await keepsAllPromises(["--rename-command", "HELLO", ""]) }

    /// Each case has a database of its own on one server.
    private func keepsAllPromises(_ flags: [String]) async throws {
        try await RedisServer.with(flags + ["--databases", "100"]) { server in
            for (number, promise) in ClusterCase.all.enumerated() {
                var address = server.address
                address.database = number
                do {
                    try await promise.run(factory(address))
                } catch {
                    Issue.record("\(promise): \(error)")
                }
            }
        }
    }

    private func factory(_ address: RedisAddress) -> ClusterFactory {
        ClusterFactory { try RedisBus(address, on: MultiThreadedEventLoopGroup.singleton.next()) }
    }
}
