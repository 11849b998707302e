import Foundation
import RoostCore
import RoostEngine
import RoostRedis
import Testing

/// A master with a replica and a Sentinel that watches them.
@Suite(.serialized) struct SentinelTests {
    private func withSentinel(
        password: String? = nil,
        _ body: (RedisAddress, _ master: RedisServer, _ replica: RedisServer) async throws -> Void
    ) async throws {
        let flags = password.map { ["--requirepass", $0, "--masterauth", $0] } ?? []
        let cli = password.map { ["-a", $0, "--no-auth-warning"] } ?? []
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await RedisServer.with(flags, cli: cli) { master in
            let replication = ["--replicaof", "127.0.0.1", "\(master.port)"]
            try await RedisServer.with(flags + replication, cli: cli) { replica in
                try await eventually("the replica follows") {
                    try replica.cli(["INFO", "replication"]).contains("master_link_status:up")
                }
                // Sentinels write to their file.
                let file = folder.appending(path: "sentinel.conf").path
                let monitor = [
                    "sentinel monitor main 127.0.0.1 \(master.port) 1", "sentinel down-after-milliseconds main 500",
                    "sentinel failover-timeout main 2000",
                ]
                let secrets = password.map { ["sentinel auth-pass main \($0)", "requirepass \($0)"] } ?? []
                try (monitor + secrets).joined(separator: "\n").appending("\n").write(
                    toFile: file, atomically: true, encoding: .utf8)
                try await RedisServer.with([file, "--sentinel"], cli: cli) { sentinel in
                    try await eventually("the Sentinel knows the replica") {
                        try sentinel.cli(["SENTINEL", "replicas", "main"]).contains("\(replica.port)")
                    }
                    // One that is not there is passed over.
                    let nobody = RedisEndpoint("127.0.0.1", try freePort())
                    var address = RedisAddress([nobody, sentinel.endpoint], topology: .sentinel(master: "main"))
                    address.credentials = password.map { RedisCredentials(password: $0) }
                    try await body(address, master, replica)
                }
            }
        }
    }

    @Test func failover() async throws {
        try await withSentinel { address, master, replica in
            try await BusProbe.with(address) { probe in
                try await probe.bus.check()
                try await probe.listen()
                try await probe.goesRound("before")
                master.kill()
                try await eventually("the loss is told") { !probe.losses.isEmpty }
                try await probe.isBack(times: 2)
                try await probe.goesRound("after")
                #expect(try await probe.bus.visit("s", begins: true, idleMs: 60_000)?.visits == 1)
                #expect(try replica.cli(["EXISTS", "roost:0:session:s"]) == "1")
            }
        }
    }

    /// The Sentinel asks for the password, too.
    @Test func passwords() async throws {
        try await withSentinel(password: "secret") { address, _, _ in
            try await BusProbe.with(address) { probe in
                try await probe.bus.check()
                try await probe.listen()
                try await probe.goesRound("hello")
            }
            var wrong = address
            wrong.credentials = RedisCredentials(password: "wrong")
            let error = await failure(of: try BusProbe(wrong).bus.check)
            #expect(
                error?.description.contains("refuses the user or password of --bus") == true,
                "\(error?.description ?? "")")
        }
    }

    @Test func unknownMaster() async throws {
        try await withSentinel { address, _, _ in
            var other = address
            other.topology = .sentinel(master: "other")
            let error = await failure(of: try BusProbe(other).bus.check)
            #expect(error?.description.contains("knows no master called other: name one of those that") == true)
        }
    }
}
