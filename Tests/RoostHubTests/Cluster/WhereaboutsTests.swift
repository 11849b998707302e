import NIOCore
import RoostCore
import RoostEngine
import RoostWire
import Testing

@testable import RoostHub

/// Who is where over several nodes, as boards, leases and news say.
@Suite("Whereabouts over several nodes")
struct WhereaboutsTests {
    private let ghost = NodeID(random: 99)
    private let here = room("r")

    private func row(_ name: String) -> [UInt8] {
        Bulletin.Row.here(Attendee(name: name, since: Timestamp(milliseconds: 1), connections: 1)).bytes ?? []
    }

    private func part(_ version: UInt64, _ names: String...) -> BoardPage.Part {
        BoardPage.Part(
            version: version, rows: Dictionary(uniqueKeysWithValues: names.map { (user($0), row($0)) }))
    }

    private func members(_ node: TestCluster.Node) -> [String] { node.hub.members(here).members.map(\.user.text) }

    @Test("who opens a room does not see those who were on a dead node, and their part of the board is cleaned")
    func dead() async throws {
        try await withCluster { cluster in
            cluster.bus.put(part(7, "zoe"), of: ghost, on: .members(here))
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r", more: #","presence":true"#))
            let joined = try await ann.hear(#""type":"joined""#)
            #expect(!joined.contains("zoe"))
            try await eventually("the board is cleaned") {
                cluster.bus.board(.members(here))[ghost] == nil
            }
            #expect(members(cluster.nodes[0]) == ["ann"])
            #expect(try await ann.heard("user_joined", "user_left").isEmpty)
        }
    }

    @Test("a node that has only just come is asked for, and its users are seen by who joins")
    func new() async throws {
        try await withCluster { cluster in
            cluster.bus.put(part(7, "zoe"), of: ghost, on: .members(here))
            cluster.bus.grant(NodeCard(node: ghost, name: "ghost", storeID: "s"))
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r", more: #","presence":true"#))
            #expect(try await ann.hear(#""type":"joined""#).contains("zoe"))
            #expect(cluster.bus.board(.members(here))[ghost] != nil)
        }
    }

    @Test("who asks where a user is removes what a dead node has left behind, and nothing of a node with another store")
    func leftBehind() async throws {
        try await withCluster { cluster in
            let (hub, board, stranger) = (cluster.nodes[0].hub, BoardName.connections(user("zoe")), NodeID(random: 98))
            cluster.bus.put(part(3, "zoe"), of: ghost, on: board)
            cluster.bus.put(part(4, "zoe"), of: stranger, on: board)
            cluster.bus.grant(NodeCard(node: stranger, name: "stranger", storeID: "another"))
            await hub.renewLease()
            #expect(await !hub.isOnlineAnywhere(user("zoe")))
            #expect(cluster.bus.board(board)[ghost] == nil && cluster.bus.board(board)[stranger] != nil)
        }
    }

    @Test("a node with another store is not listened to, whatever it said before that was known")
    func stranger() async throws {
        try await withCluster { cluster in
            let (hub, board) = (cluster.nodes[0].hub, BoardName.members(here))
            func say(_ name: String, from: UInt64) {
                let row = Bulletin.Row.here(Attendee(name: name, since: Timestamp(milliseconds: 1), connections: 1))
                let news = Bulletin.Attendance(
                    room: here, node: ghost, from: from, to: from + 1, rows: [user(name): row])
                cluster.bus.say([.attendance(news)], to: here, from: ghost)
            }
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            say("zoe", from: 0)
            try await ann.hear(#""user":"zoe""#)
            cluster.bus.put(part(1, "zoe"), of: ghost, on: board)
            cluster.bus.grant(NodeCard(node: ghost, name: "ghost", storeID: "another"))
            await hub.renewLease()
            try await ann.hear(#""type":"user_left""#)
            #expect(hub.nodes == 2)
            say("yan", from: 1)
            let bob = try await cluster.nodes[1].connect("bob")
            try await bob.send(TestClient.join("r"))
            try await ann.hear(#""user":"bob""#)
            #expect(members(cluster.nodes[0]) == ["ann", "bob"] && hub.nodes == 2)
            #expect(cluster.bus.board(board)[ghost] != nil)
        }
    }

    @Test("a board that was read before news were applied does not undo them")
    func overtaken() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            let bob = try await cluster.nodes[1].connect("bob")
            try await bob.send(TestClient.join("r"))
            try await ann.hear(#""type":"user_joined""#)
            // Both read the board again for the sake of another node, and the answers take their time.
            cluster.bus.holdReads()
            cluster.bus.grant(NodeCard(node: ghost, name: "ghost", storeID: "s"))
            cluster.bus.say(
                [.attendance(Bulletin.Attendance(room: here, node: ghost, from: 3, to: 4, rows: [:]))], to: here,
                from: ghost)
            try await eventually("the board is being read") { cluster.bus.heldReads == 2 }
            let cem = try await cluster.nodes[1].connect("cem")
            try await cem.send(TestClient.join("r"))
            try await ann.hear(#""user":"cem""#)
            cluster.bus.releaseReads()
            try await bob.send(#"{"type":"leave","messageId":"l","payload":{"room":"r"}}"#)
            try await ann.hear(#""type":"user_left""#)
            let left = try await ann.heard("user_left")
            #expect(left.count == 1 && left[0].contains("bob"))
            #expect(members(cluster.nodes[0]) == ["ann", "cem"])
        }
    }

    @Test("a board that Redis has lost is written again, and others are told all of it")
    func lostBoard() async throws {
        try await withCluster { cluster in
            let bob = try await cluster.nodes[1].connect("bob")
            try await bob.send(TestClient.join("r"))
            try await bob.hear(#""type":"joined""#)
            let (node, bus) = (cluster.nodes[1], cluster.bus)
            for board in [BoardName.members(here), .connections(user("bob"))] {
                try await eventually("it is written") { bus.board(board)[node.id]?.rows.count == 1 }
                bus.forget(board)
                try await eventually("it is written again") {
                    let parts = node.hub.relay?.state.withLock { $0.own.parts(of: node.id) } ?? []
                    await node.hub.keep(parts.filter { $0.board == board })
                    return bus.board(board)[node.id]?.rows.count == 1
                }
            }
        }
    }

    @Test("while the bus is back and not everybody has written again, boards are not read over and over")
    func grace() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            let bob = try await cluster.nodes[1].connect("bob")
            try await bob.send(TestClient.join("r"))
            try await ann.hear(#""type":"user_joined""#)
            cluster.bus.goAway()
            // The other node is as good as dead: it does not write again.
            cluster.bus.lose { _ in true }
            let before = cluster.bus.boardReads
            cluster.bus.comeBack(isEmpty: true)
            try await eventually("it is back") { cluster.nodes[0].hub.isBusThere == true }
            for _ in 0..<200 { cluster.nodes[0].hub.readBoards() }
            try await eventually("the board was read") { cluster.bus.boardReads > before }
            #expect(cluster.bus.boardReads < before + 20)
            #expect(try await ann.heard("user_left").isEmpty)
        }
    }

    @Test("the bus is not taken for there where channels are in force and it can't be reached as a whole")
    func half() async throws {
        try await withCluster { cluster in
            let hub = cluster.nodes[0].hub
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            cluster.bus.goAway()
            try await eventually("it is lost") { hub.relay?.isLost == true }
            cluster.bus.inForce([room("r")])
            try await cluster.bus.loop.submit {}.get()
            #expect(hub.relay?.isLost == true)
            cluster.bus.comeBack()
            try await eventually("it is back") { hub.relay?.isLost == false }
        }
    }

    @Test("a node that drains takes its parts of boards with it")
    func drained() async throws {
        try await withCluster(nodes: 3) { cluster in
            let (node, bus) = (cluster.nodes[2], cluster.bus)
            let bob = try await node.connect("bob")
            try await bob.send(TestClient.join("r"))
            try await eventually("it is written") { bus.board(.members(here))[node.id]?.rows.count == 1 }
            await node.hub.drain(DrainPlan(.draining, reason: "over"))
            #expect(bus.board(.members(here))[node.id] == nil)
            #expect(bus.board(.connections(user("bob")))[node.id] == nil)
        }
    }

    @Test("a room's participants are told of it in one go")
    func created() async throws {
        try await withCluster { cluster in
            var clients: [TestClient] = []
            for number in 0..<20 { clients.append(try await cluster.nodes[0].connect("u\(number)")) }
            for number in 0..<20 { try await cluster.knowsOwnEnd(of: "u\(number)", on: 0) }
            let before = cluster.bus.publications
            let plan = RoomPlan(
                name: room("club"), participants: (0..<20).map { user("u\($0)") })
            _ = try await cluster.nodes[1].hub.createRoom(plan)
            for client in clients { try await client.hear(#""type":"room_created""#) }
            // Reminders of the seconds that pass are some more.
            #expect(cluster.bus.publications < before + 10)
        }
    }
}
