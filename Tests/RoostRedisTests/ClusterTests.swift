import ClusterConformance
import Foundation
import NIOCore
import NIOPosix
import RoostCore
import RoostEngine
import RoostRedis
import Testing

@testable import struct RoostRedis.Keys
@testable import struct RoostRedis.Slot

/// Redis Cluster of three masters.
@Suite(.serialized) struct ClusterTests {
    private func withCluster(_ body: (RedisAddress, [RedisServer]) async throws -> Void) async throws {
        var servers: [RedisServer] = []
        defer { for server in servers { server.kill() } }
        for _ in 0..<3 {
            let flags = [
                "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port",
                "\(try freePort())",
                "--cluster-node-timeout", "2000",
            ]
            servers.append(try RedisServer(flags))
            try await servers[servers.count - 1].start()
        }
        for (index, server) in servers.enumerated() {
            let (first, last) = (16_384 * index / 3, 16_384 * (index + 1) / 3 - 1)
            try server.cli(["CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(last)"])
            try server.cli(["CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)"])
        }
        for server in servers.dropFirst() {
            let info = try servers[0].cli(["CONFIG", "GET", "cluster-port"])
            let bus = try #require(info.split(separator: "\n").last)
            try server.cli(["CLUSTER", "MEET", "127.0.0.1", "\(servers[0].port)", String(bus)])
        }
        try await eventually("the cluster is whole") {
            try servers.allSatisfy {
                let info = try $0.cli(["CLUSTER", "INFO"])
                return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
                    && info.contains("cluster_slots_assigned:16384")
            }
        }
        let nobody = RedisEndpoint("127.0.0.1", try freePort())
        try await body(RedisAddress([nobody, servers[1].endpoint], topology: .cluster), servers)
    }

    @Test func conformance() async throws {
        try await withCluster { address, _ in
            for (number, promise) in ClusterCase.all.enumerated() {
                // Databases are a part of the names only, which keeps the cases apart.
                var address = address
                address.database = number
                let own = address
                do {
                    try await promise.run(
                        ClusterFactory { try RedisBus(own, on: MultiThreadedEventLoopGroup.singleton.next()) })
                } catch {
                    Issue.record("\(promise): \(error)")
                }
            }
        }
    }

    /// Slots go from server to server while posts go on: each move is followed by `inForce`, and what is posted behind
    /// that is heard.
    @Test func slotsMove() async throws {
        try await withCluster { address, servers in
            let rooms = try (0..<30).map { try channel("r\($0)") }
            try await BusProbe.with(address) { reader in
                try await BusProbe.with(address) { author in
                    try await author.listen()
                    try await reader.listen([.everyone] + rooms)
                    try await reader.bus.check()
                    let moved = Slot(of: Keys(database: 0).channel(rooms[0])).number
                    let counted = Slot(of: Keys(database: 0).session("s")).number
                    #expect(try await author.bus.visit("s", begins: true, idleMs: 60_000)?.visits == 1)
                    for round in 1...4 {
                        let before = reader.timesInForce(rooms[0])
                        try move(moved, in: servers)
                        try move(counted, in: servers)
                        for room in rooms { author.publish("\(round)", to: room) }
                        try await eventually("the room is in force again") { reader.timesInForce(rooms[0]) > before }
                        author.publish("behind \(round)", to: rooms[0])
                        try await eventually("it is heard") { reader.texts(rooms[0]).contains("behind \(round)") }
                        #expect(
                            try await author.bus.visit("s", begins: true, idleMs: 60_000)?.visits == UInt64(round + 1))
                    }
                    // Rooms that stayed where they were have missed nothing.
                    for room in rooms where Slot(of: Keys(database: 0).channel(room)).number != moved {
                        try await eventually("all is heard") { reader.texts(room).count == 4 }
                    }
                    #expect(reader.losses + author.losses == [])
                }
            }
        }
    }

    /// A server of the cluster goes away and comes back: that is told also to who listens to nothing there.
    @Test func halfIsNotThere() async throws {
        try await withCluster { address, servers in
            try await BusProbe.with(address) { probe in
                try await probe.listen()
                let slot = Slot(of: Keys(database: 0).channel(.everyone)).number
                let other = try #require(servers.first { try !owns($0, slot) })
                let before = probe.timesInForce(.everyone)
                other.kill()
                try await eventually("the loss is told") { !probe.losses.isEmpty && !probe.bus.isConnected }
                try await other.start()
                try await eventually("what is in force is told") { probe.timesInForce(.everyone) > before }
                #expect(probe.bus.isConnected)
            }
        }
    }

    /// In the middle of a move keys are on either side, and Redis sends for them: ASK, TRYAGAIN.
    @Test func halfMoved() async throws {
        try await withCluster { address, servers in
            try await BusProbe.with(address) { probe in
                try await probe.listen()
                let (old, new) = (
                    Slot(of: Keys(database: 0).session("old")), Slot(of: Keys(database: 0).session("new"))
                )
                #expect(try await probe.bus.visit("old", begins: true, idleMs: 60_000)?.visits == 1)
                for slot in [old, new] {
                    let source = try #require(servers.first { try owns($0, slot.number) })
                    let target = try #require(servers.first { $0.port != source.port })
                    try target.cli(["CLUSTER", "SETSLOT", "\(slot.number)", "IMPORTING", try id(of: source)])
                    try source.cli(["CLUSTER", "SETSLOT", "\(slot.number)", "MIGRATING", try id(of: target)])
                }
                #expect(try await probe.bus.visit("old", begins: true, idleMs: 60_000)?.visits == 2)
                for visit in 1...3 {
                    #expect(try await probe.bus.visit("new", begins: true, idleMs: 60_000)?.visits == UInt64(visit))
                }
            }
        }
    }

    /// One of the three goes: the others' channels go on, its own come back with it.
    @Test func oneIsKilled() async throws {
        try await withCluster { address, servers in
            let rooms = try (0..<30).map { try channel("r\($0)") }
            try await BusProbe.with(address) { probe in
                try await probe.listen([.everyone] + rooms)
                servers[0].kill()
                try await eventually("the loss is told") { !probe.losses.isEmpty }
                #expect(!probe.bus.isConnected)
                // It forgets nothing that makes it a part of the cluster.
                try await servers[0].start()
                try await eventually("the bus is back") { probe.bus.isConnected }
                let gone = try rooms.filter { try owns(servers[0], Slot(of: Keys(database: 0).channel($0)).number) }
                try #require(!gone.isEmpty)
                for room in gone { try await eventually("it is in force again") { probe.timesInForce(room) > 1 } }
                for room in rooms {
                    // Until the servers agree that it is back, some posts are refused.
                    try await eventually("a post comes") {
                        probe.publish("x", to: room)
                        return !probe.texts(room).isEmpty
                    }
                }
            }
        }
    }

    // MARK: Slots

    private func id(of server: RedisServer) throws -> String { try server.cli(["CLUSTER", "MYID"]) }

    private func owns(_ server: RedisServer, _ slot: Int) throws -> Bool {
        let id = try id(of: server)
        let line = try server.cli(["CLUSTER", "NODES"]).split(separator: "\n").first { $0.hasPrefix(id) } ?? ""
        return line.split(separator: " ").dropFirst(8).contains { range in
            let ends = range.split(separator: "-").compactMap { Int($0) }
            return ends.first.map { $0 <= slot && slot <= ends[ends.count - 1] } ?? false
        }
    }

    /// Moves a slot to the next server, as `redis-cli --cluster reshard` does it.
    private func move(_ slot: Int, in servers: [RedisServer]) throws {
        let owner = try #require(try servers.firstIndex { try owns($0, slot) })
        let (source, target) = (servers[owner], servers[(owner + 1) % servers.count])
        try target.cli(["CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", try id(of: source)])
        try source.cli(["CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", try id(of: target)])
        for key in try source.cli(["CLUSTER", "GETKEYSINSLOT", "\(slot)", "100"]).split(separator: "\n") {
            try source.cli(["MIGRATE", "127.0.0.1", "\(target.port)", String(key), "0", "5000"])
        }
        for server in [target, source] + servers.filter({ $0.port != target.port && $0.port != source.port }) {
            try server.cli(["CLUSTER", "SETSLOT", "\(slot)", "NODE", try id(of: target)])
        }
    }
}
