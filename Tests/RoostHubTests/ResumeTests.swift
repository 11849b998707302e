import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// Going on in many rooms at once.
@Suite("Resuming")
struct ResumeTests {
    private func resume(_ positions: [(String, String, Int)]) -> String {
        let rooms = positions.map { #""\#($0)":{"epoch":"\#($1)","seq":\#($2)}"# }.joined(separator: ",")
        return #"{"type":"resume","messageId":"again","payload":{"rooms":{\#(rooms)}}}"#
    }

    private func epochs(_ names: [String], _ hub: Hub) async throws -> [String: String] {
        let heads = try await hub.store.heads(names.map { room($0) })
        return Dictionary(uniqueKeysWithValues: heads.map { ($0.text, $1.epoch.text) })
    }

    /// The `seq`s heard of one room.
    private func seqs(_ client: TestClient, _ name: String) async throws -> [Int] {
        try await client.heard("message").filter { $0.contains(#""room":"\#(name)""#) }.compactMap { frame in
            Int(frame.split(separator: #""seq":"#)[1].prefix { $0.isNumber })
        }
    }

    @Test("each of a hundred rooms is joined and gives what was missed, then goes on live")
    func manyRooms() async throws {
        try await withHub { hub, loops in
            let names = (0..<100).map { "room\($0)" }
            for name in names { _ = await hub.publish((1...5).map { draft("m\($0)", in: name) }) }
            let lives = try await epochs(names, hub)
            let client = try await TestClient(hub, on: loops[0], user: "b")
            try await client.send(resume(names.enumerated().map { ($1, lives[$1] ?? "", $0 % 6) }))
            for name in names { try await client.hear(#""payload":{"room":"\#(name)","epoch""#) }
            _ = await hub.publish(names.map { draft("m6", in: $0) })
            for (number, name) in names.enumerated() {
                try await client.hear(#""room":"\#(name)","seq":6,"#)
                #expect(try await seqs(client, name) == Array(number % 6 + 1...6))
            }
            let joined = try await client.heard("joined")
            #expect(joined.count == 100)
            #expect(joined.allSatisfy { $0.contains(#""messageId":"again""#) && $0.contains(#""recovered":true"#) })
        }
    }

    @Test("a room that may not be entered, or whose log is another one, does not hold up the others")
    func each() async throws {
        try await withHub { hub, loops in
            for name in ["a", "b"] { _ = await hub.publish((1...3).map { draft("m\($0)", in: name) }) }
            let lives = try await epochs(["a", "b"], hub)
            let client = try await TestClient(hub, on: loops[0], user: "ann")
            try await client.send(resume([("a", lives["a"] ?? "", 1), ("b", "foreign", 1), ("user:bob", "e", 1)]))
            try await client.hear(#""room":"a","seq":3,"#)
            let refusal = try await client.hear(#""type":"error","messageId":"again""#)
            #expect(refusal.contains(#""code":"forbidden""#) && refusal.contains(#""room":"user:bob""#))
            let joined = try await client.heard("joined")
            #expect(joined.count == 2)
            for frame in joined {
                #expect(frame.contains(#""recovered":true"#) == frame.contains(#""room":"a""#))
            }
            try await client.settle()
            #expect(try await seqs(client, "a") == [2, 3])
            #expect(try await seqs(client, "b").isEmpty)
        }
    }

    @Test("what is sent behind a resume takes effect behind it")
    func order() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            store.holdOpens()
            try await client.send(
                resume([("a", "e", 0), ("b", "e", 0)]), #"{"type":"leave","messageId":"l","payload":{"room":"a"}}"#)
            await store.isHolding()
            #expect(try await client.heard("left", "error").isEmpty)
            store.release()
            try await client.hear(#""type":"left""#)
            #expect(try await client.heard("joined").count == 2)
        }
    }
}
