import NIOCore
import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// What a node asks of the bus: no more than its own readers need, and for each room at once.
@Suite("Interest")
struct InterestTests {
    @Test("a node listens to a room while somebody there reads it, and no longer")
    func listens() async throws {
        try await withCluster { cluster in
            let r = room("r")
            func listeners() -> [Bool] { cluster.nodes.map { cluster.bus.isHeard(r, by: $0.id) } }
            let ann = try await cluster.nodes[0].connect("ann")
            let amy = try await cluster.nodes[0].connect("amy")
            // Who says something there need not read.
            await cluster.publish(["m1"], in: "r", on: 1)
            #expect(listeners() == [false, false])
            for client in [ann, amy] {
                try await client.send(TestClient.join("r"))
                try await client.hear(#""type":"joined""#)
            }
            #expect(listeners() == [true, false])
            try await ann.send(#"{"type":"leave","messageId":"l","payload":{"room":"r"}}"#)
            try await ann.hear(#""messageId":"l""#)
            #expect(listeners() == [true, false])
            try await amy.drop()
            try await eventually("nobody listens any more") { listeners() == [false, false] }
        }
    }

    @Test("messages of a room that are stored together go over the bus as one post")
    func onePost() async throws {
        try await withCluster { cluster in
            let bob = try await cluster.nodes[1].connect("bob")
            try await bob.hear(#""type":"welcome""#)
            cluster.bus.holdPosts()
            cluster.store.holdAppends()
            try await bob.send(TestClient.message(1))
            await cluster.store.isHolding()
            try await bob.run { shard, connection, _ in
                for number in 2...31 { shard.receive(.init(string: TestClient.message(number)), from: connection) }
            }
            cluster.store.release()
            try await bob.hear(#""type":"ack","messageId":"m31""#)
            func stretches() -> [[Int]] {
                cluster.bus.held.map { post in
                    post.bulletins.compactMap { bulletin in
                        if case .committed(let committed) = bulletin { committed.messages.count } else { nil }
                    }
                }.filter { !$0.isEmpty }
            }
            try await eventually("all is told") { stretches().joined().reduce(0, +) == 31 }
            #expect(stretches() == [[1], [30]])
            _ = cluster.bus.takeHeld()
        }
    }

    @Test("a store is told what others have changed, so that it does not answer from memory")
    func changes() async throws {
        try await withCluster { cluster in
            let ann = try await cluster.nodes[0].connect("ann")
            try await ann.send(TestClient.join("r"))
            try await ann.hear(#""type":"joined""#)
            #expect(cluster.store.changed.isEmpty)
            let news: [Bulletin] = [
                .recheck(room("r")), .dissolved(room("r")), .membership(user("ann"), room("r"), isNow: true),
                .created(user("ann"), room("r")),
            ]
            for (count, bulletin) in news.enumerated() {
                cluster.bus.say([bulletin], to: room("r"))
                try await eventually("it is told") {
                    cluster.store.changed == [RoomName](repeating: room("r"), count: count + 1)
                }
            }
        }
    }
}
