import NIOSSL
import RoostCore
import RoostEngine
import RoostRedis
import Testing

/// A Redis that does not let us do what we must: one sentence that says what happened and what to do.
@Suite(.serialized) struct RefusalTests {
    private func check(_ address: RedisAddress) async throws -> String {
        let bus = try BusProbe(address)
        guard case .refused(let reason)? = await failure(of: bus.bus.check) else { return "nothing is refused" }
        return reason
    }

    @Test func passwords() async throws {
        try await RedisServer.with(["--requirepass", "secret"], cli: ["-a", "secret", "--no-auth-warning"]) { server in
            let name = "Redis at 127.0.0.1:\(server.port)"
            var address = server.address
            #expect(
                try await check(address)
                    == "\(name) asks for a password: put it into --bus, as in redis://user:password@HOST:PORT")
            address.credentials = RedisCredentials(password: "wrong")
            let sentence =
                "\(name) refuses the user or password of --bus: give it those that `ACL LIST` or `requirepass` there has"
            #expect(try await check(address) == sentence)
            try await BusProbe.with(address) { probe in
                try await eventually("the refusal is told") { probe.losses == [sentence] }
                let error = await failure { () async throws(BusError) in
                    _ = try await probe.bus.visit("s", begins: true, idleMs: 1)
                }
                #expect(error == .refused(sentence))
                #expect(!probe.bus.isConnected)
            }
            for user in [nil, "default"] {
                address.credentials = RedisCredentials(user: user, password: "secret")
                try await BusProbe.with(address) { probe in
                    try await probe.bus.check()
                    try await probe.listen()
                    try await probe.goesRound("hello")
                }
            }
        }
    }

    /// A server that knows no AUTH says what was given to it; the password is not said on.
    @Test func passwordsAreNotRepeated() async throws {
        try await RedisServer.with(["--rename-command", "HELLO", "", "--rename-command", "AUTH", ""]) { server in
            var address = server.address
            address.credentials = RedisCredentials(password: "hunter2")
            let sentence = try await check(address)
            #expect(
                sentence == "Redis at 127.0.0.1:\(server.port) refuses what the bus needs: ERR unknown command 'AUTH'")
        }
    }

    /// Before RESP3, by AUTH.
    @Test func passwordsOfOld() async throws {
        let flags = ["--rename-command", "HELLO", "", "--requirepass", "secret"]
        try await RedisServer.with(flags, cli: ["-a", "secret", "--no-auth-warning"]) { server in
            var address = server.address
            address.database = 3
            #expect(try await check(address).contains("asks for a password"))
            address.credentials = RedisCredentials(password: "wrong")
            #expect(try await check(address).contains("refuses the user or password of --bus"))
            address.credentials = RedisCredentials(password: "secret")
            try await BusProbe.with(address) { probe in
                try await probe.bus.check()
                try await probe.listen()
                try await probe.goesRound("hello")
                #expect(try await probe.bus.visit("s", begins: true, idleMs: 60_000)?.visits == 1)
            }
            #expect(try server.cli(["-n", "3", "EXISTS", "roost:3:session:s"]) == "1")
        }
    }

    @Test func rights() async throws {
        try await RedisServer.with { server in
            var address = server.address
            address.credentials = RedisCredentials(user: "roost", password: "p")
            // As the sentence for missing rights advises.
            try server.cli(["ACL", "SETUSER", "roost", "on", ">p", "~roost:*", "&roost:*", "+@all", "-@admin"])
            try await BusProbe.with(address) { probe in
                try await probe.bus.check()
                try await probe.listen()
                try await probe.goesRound("hello")
                _ = try await probe.bus.renew(
                    NodeCard(node: NodeID(random: 1), name: "n", storeID: "s"), forMs: 1000)
            }
            for missing in [["resetchannels"], ["resetkeys"], ["-eval"], ["-publish"], ["-subscribe"]] {
                try server.cli(["ACL", "SETUSER", "roost", "allkeys", "&roost:*", "+@all", "-@admin"])
                try server.cli(["ACL", "SETUSER", "roost"] + missing)
                let reason = try await check(address)
                #expect(reason.contains("does not let the user roost do what the bus needs (NOPERM"), "\(missing)")
            }
        }
    }

    @Test func replicas() async throws {
        try await RedisServer.with { master in
            try await RedisServer.with(["--replicaof", "127.0.0.1", "\(master.port)"]) { replica in
                let sentence =
                    "Redis at 127.0.0.1:\(replica.port) is a replica and refuses writes: name its master in --bus, or its "
                    + "Sentinels"
                #expect(try await check(replica.address) == sentence)
                try await BusProbe.with(replica.address) { probe in
                    try await eventually("the refusal is told") { probe.losses.contains(sentence) }
                    #expect(!probe.bus.isConnected)
                }
            }
        }
    }

    /// A master that becomes a replica while we are connected, and a master again.
    @Test func demoted() async throws {
        try await RedisServer.with { master in
            try await RedisServer.with { server in
                try await BusProbe.with(server.address) { probe in
                    try await probe.listen()
                    try server.cli(["REPLICAOF", "127.0.0.1", "\(master.port)"])
                    try await eventually("the refusal is told") {
                        _ = await failure { () async throws(BusError) in
                            _ = try await probe.bus.visit("s", begins: true, idleMs: 9)
                        }
                        return probe.losses.contains { $0.contains("is a replica and refuses writes") }
                    }
                    #expect(!probe.bus.isConnected)
                    try server.cli(["REPLICAOF", "NO", "ONE"])
                    try await probe.isBack(times: 2)
                    #expect(try await probe.bus.visit("t", begins: true, idleMs: 60_000)?.visits == 1)
                }
            }
        }
    }

    @Test func memory() async throws {
        try await RedisServer.with(["--maxmemory", "1", "--maxmemory-policy", "noeviction"]) { server in
            let reason = try await check(server.address)
            #expect(reason.contains("is out of memory and refuses writes: raise its maxmemory"))
        }
    }

    @Test func wrongDatabase() async throws {
        try await RedisServer.with(["--databases", "2"]) { server in
            var address = server.address
            address.database = 2
            let reason = try await check(address)
            #expect(reason.contains("has no database of the number in --bus"))
        }
    }

    @Test func wrongKinds() async throws {
        try await RedisServer.with { server in
            var address = server.address
            address.topology = .cluster
            let cluster = try await check(address)
            #expect(cluster.hasSuffix("is no node of a cluster: write redis:// instead of redis+cluster://"))
            address.topology = .sentinel(master: "x")
            let sentinel = try await check(address)
            #expect(sentinel.hasSuffix("is no Sentinel: write redis:// instead of redis+sentinel://"))
        }
    }
}
