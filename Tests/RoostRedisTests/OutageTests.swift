import RoostCore
import RoostEngine
import RoostRedis
import Testing

/// Redis goes and comes back: what is posted meanwhile may be lost, and all that is listened to is in force again.
@Suite(.serialized) struct OutageTests {
    @Test func killedAndRestarted() async throws {
        try await RedisServer.with { server in
            try await BusProbe.with(server.address) { probe in
                let rooms = try (0..<2500).map { try channel("r\($0)") }
                try await probe.listen([.everyone] + rooms)
                try await probe.goesRound("before")
                #expect(probe.losses.isEmpty)

                server.kill()
                try await eventually("the loss is told") { !probe.losses.isEmpty }
                #expect(!probe.bus.isConnected)
                let sentence = try #require(probe.losses.first)
                #expect(
                    sentence.contains("Redis at 127.0.0.1:\(server.port)") && sentence.hasSuffix("It is tried again"))
                probe.publish("lost")
                let error = await failure { () async throws(BusError) in
                    _ = try await probe.bus.read([.members(.general)])
                }
                guard case .away? = error else { return #expect(error == .away("")) }
                #expect(await probe.bus.counters().dropped == 1)

                let told = rooms.map(probe.timesInForce)
                #expect(told.allSatisfy { $0 == 1 })
                try await server.start()
                try await probe.isBack(times: 2)
                try await eventually("every room is in force again") {
                    rooms.allSatisfy { probe.timesInForce($0) == 2 }
                }
                try await probe.goesRound("after")
                try await probe.goesRound("in a room", on: rooms[2499])
                #expect(!probe.texts(.everyone).contains("lost"))
                let most = probe.events.map { if case .inForce(let channels) = $0 { channels.count } else { 0 } }.max()
                #expect(most ?? 0 <= 1000)
                #expect(await probe.bus.counters().reconnects == 2)
            }
        }
    }

    @Test func notThereAtFirst() async throws {
        let server = try RedisServer()
        try await BusProbe.with(server.address) { probe in
            probe.bus.listen(to: [.everyone])
            try await eventually("the loss is told") { !probe.losses.isEmpty }
            let sentence =
                "Redis at 127.0.0.1:\(server.port) can't be reached: connection refused. See that it runs and that --bus "
                + "names its host and port"
            #expect(probe.losses == [sentence])
            #expect(await failure(of: probe.bus.check) == .away(sentence))
            try await server.start()
            defer { server.kill() }
            try await probe.isBack(times: 1)
            try await probe.goesRound("hello")
            try await probe.bus.check()
        }
    }

    /// The connection stays and nothing comes: only the pings show it.
    @Test func frozen() async throws {
        try await RedisServer.with { server in
            try await BusProbe.with(server.address) { probe in
                try await probe.listen()
                server.freeze()
                defer { server.thaw() }
                let start = ContinuousClock.now
                let error = await failure { () async throws(BusError) in
                    _ = try await probe.bus.visit("s", begins: true, idleMs: 1000)
                }
                guard case .away? = error else { return #expect(error == .away("")) }
                #expect(ContinuousClock.now - start < .seconds(10))
                try await eventually("the loss is told") { !probe.losses.isEmpty }
                #expect(probe.losses.first?.contains("does not answer: it is stopped, paused or overloaded") == true)
                server.thaw()
                try await probe.isBack(times: 2)
                try await probe.goesRound("after")
            }
        }
    }

    /// What a node wrote before it gave a connection up must not undo what it wrote on the next.
    @Test func lateWritesChangeNothing() async throws {
        try await RedisServer.with { server in
            try await BusProbe.with(server.address) { probe in
                let board = BoardName.members(.general)
                let (node, alice) = (NodeID(random: 1), try #require(UserID("alice")))
                for (version, row): (UInt64, UInt8) in [(2, 2), (1, 1), (2, 7)] {
                    let change = BoardChange(board, version: version, rows: [alice: [row]])
                    try await probe.bus.write([change], by: node)
                }
                let page = try await probe.bus.read([board])[0]
                #expect(page.parts == [node: .init(version: 2, rows: [alice: [2]])])
            }
        }
    }

    @Test func pausedForLong() async throws {
        try await RedisServer.with { server in
            try await BusProbe.with(server.address) { probe in
                try await probe.listen()
                try server.cli(["CLIENT", "PAUSE", "6000", "ALL"])
                try await eventually("the loss is told") { !probe.losses.isEmpty }
                try await probe.isBack(times: 2)
                try await probe.goesRound("after")
            }
        }
    }

    /// A pause that is shorter than anybody's patience is none.
    @Test func pausedForShort() async throws {
        try await RedisServer.with { server in
            try await BusProbe.with(server.address) { probe in
                try await probe.listen()
                try server.cli(["CLIENT", "PAUSE", "1500", "ALL"])
                try await probe.goesRound("late")
                #expect(try await probe.bus.visit("s", begins: true, idleMs: 60_000)?.visits == 1)
                #expect(probe.losses.isEmpty)
                #expect(await probe.bus.counters().reconnects == 0)
            }
        }
    }

    /// Each of the two connections by itself.
    @Test(arguments: ["normal", "pubsub"]) func connectionKilled(_ kind: String) async throws {
        try await RedisServer.with { server in
            try await BusProbe.with(server.address) { probe in
                try await probe.listen()
                try #require(Int(try server.cli(["CLIENT", "KILL", "TYPE", kind])) == 1)
                try await probe.isBack(times: 2)
                try await probe.goesRound("after")
                #expect(probe.losses.count == 1)
                #expect(await probe.bus.counters().reconnects == 1)
            }
        }
    }

    /// What was in the scripts' cache is sent again.
    @Test func scriptsForgotten() async throws {
        try await RedisServer.with { server in
            try await BusProbe.with(server.address) { probe in
                #expect(try await probe.bus.visit("s", begins: true, idleMs: 60_000)?.visits == 1)
                try server.cli(["SCRIPT", "FLUSH"])
                #expect(try await probe.bus.visit("s", begins: true, idleMs: 60_000)?.visits == 2)
                #expect(try await probe.bus.visit("s", begins: true, idleMs: 60_000)?.visits == 3)
            }
        }
    }
}
