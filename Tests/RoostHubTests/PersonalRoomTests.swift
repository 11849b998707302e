import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// A user's own room is heard without joining.
@Suite("Personal rooms")
struct PersonalRoomTests {
    private func publish(_ range: ClosedRange<Int>, to owner: String = "ann", _ hub: Hub) async {
        let drafts = range.map { number in
            var draft = draft("m\(number)", in: "user:\(owner)", by: "server")
            draft.authority = .server
            return draft
        }
        for verdict in await hub.publish(drafts) {
            if case .rejected(let failure) = verdict { Issue.record("\(failure)") }
        }
    }

    @Test("every connection of the owner hears it from the first message on, also of several in one batch")
    func heardFromTheFirst() async throws {
        try await withHub(loops: 2) { hub, loops in
            let first = try await TestClient(hub, on: loops[0], user: "ann")
            let second = try await TestClient(hub, on: loops[1], user: "ann")
            let other = try await TestClient(hub, on: loops[0], user: "bob")
            await publish(1...3, hub)
            for client in [first, second] { try await client.hear(#""seq":3,"#) }
            await publish(4...4, hub)
            for client in [first, second] {
                try await client.hear(#""seq":4,"#)
                #expect(try await client.seqs() == [1, 2, 3, 4])
                // It has not joined anything.
                #expect(try await client.heard("joined").isEmpty)
            }
            try await other.settle()
            #expect(try await other.seqs().isEmpty)
            #expect(hub.members(room("user:ann")).count == 0)
        }
    }

    @Test("what comes while the room is being opened is heard too, in order")
    func whileOpening() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "ann")
            store.holdOpens()
            await publish(1...2, hub)
            await store.isHolding()
            await publish(3...5, hub)
            store.release()
            try await client.hear(#""seq":5,"#)
            #expect(try await client.seqs() == [1, 2, 3, 4, 5])
        }
    }

    @Test("who connects later hears what comes from then on, or what it asks for")
    func later() async throws {
        try await withHub { hub, loops in
            await publish(1...3, hub)
            let live = try await TestClient(hub, on: loops[0], user: "ann")
            let asking = try await TestClient(hub, on: loops[0], user: "ann")
            try await asking.send(TestClient.join("user:ann", more: #","history":2"#))
            try await asking.hear(#""seq":3,"#)
            await publish(4...4, hub)
            for client in [live, asking] { try await client.hear(#""seq":4,"#) }
            #expect(try await live.seqs() == [4])
            #expect(try await asking.seqs() == [2, 3, 4])
        }
    }

    @Test("who has left its own room hears of it again with the next message, and misses none from there")
    func leftAndHeardAgain() async throws {
        try await withHub { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "ann")
            try await client.send(
                TestClient.join("user:ann"), #"{"type":"leave","messageId":"l","payload":{"room":"user:ann"}}"#)
            try await client.hear(#""type":"left""#)
            await publish(1...3, hub)
            try await client.hear(#""seq":3,"#)
            #expect(try await client.seqs() == [1, 2, 3])
        }
    }

    @Test("nobody else enters it")
    func closed() async throws {
        try await withHub { hub, loops in
            let owner = try await TestClient(hub, on: loops[0], user: "ann")
            await publish(1...1, hub)
            try await owner.hear(#""seq":1,"#)
            let other = try await TestClient(hub, on: loops[0], user: "bob")
            try await other.send(TestClient.join("user:ann"))
            #expect(try await other.hear(#""type":"error""#).contains(#""code":"forbidden""#))
            try await other.send(TestClient.message(9, room: "user:ann"))
            #expect(try await other.hear(#""messageId":"m9""#).contains(#""code":"forbidden""#))
        }
    }
}
