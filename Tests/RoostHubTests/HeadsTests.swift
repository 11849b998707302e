import NIOCore
import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// The slow look at the store, while it can't say of some rooms where their logs end.
@Suite("Looking where logs end")
struct HeadsTests {
    @Test("a room that can't be looked at keeps no other from being heard, and is not taken for gone")
    func oneRoom() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            let names = (0..<70).map { "r\($0)" } + ["bad"]
            for name in names {
                try await client.send(TestClient.join(name, id: "j-\(name)"))
                try await client.hear(#""messageId":"j-\#(name)""#)
            }
            store.failHeads(of: [room("bad")])
            // As another process would.
            _ = try await store.inner.append(
                names.map { draft("elsewhere \($0).", in: $0) }, at: Timestamp(milliseconds: 1))
            hub.everywhere { $0.askForHeads() }
            // Of the rooms that were asked for together with it, there are fewer each time.
            for _ in 0..<3 {
                try await client.settle()
                hub.everywhere { $0.lookAgain() }
            }
            for name in names where name != "bad" { try await client.hear("elsewhere \(name).") }
            try await client.settle()
            #expect(try await !client.frames().contains { $0.contains("elsewhere bad.") })
            store.failHeads(of: [])
            hub.everywhere { $0.askForHeads() }
            try await client.hear("elsewhere bad.")
        }
    }

    @Test("many rooms are asked about a few at a time; those that there is a reason for don't wait for them")
    func aFewAtATime() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let names = (0..<230).map { "r\($0)" }
            let client = try await TestClient(hub, on: loops[0], user: "a")
            let other = try await TestClient(hub, on: loops[0], user: "b")
            for (number, name) in names.enumerated() {
                let member = number % 2 == 0 ? client : other
                try await member.send(TestClient.join(name, id: "j-\(name)"))
                try await member.hear(#""type":"joined","messageId":"j-\#(name)""#)
            }
            store.holdHeads()
            hub.everywhere { $0.askForHeads() }
            await store.isHolding()
            let first = store.asked.count - 1
            hub.everywhere { shard in
                shard.askForHeads(of: [room("r7"), room("r8"), room("nobodys")])
                shard.askForHeads()
            }
            await store.isHolding(2)
            #expect(Set(try #require(store.asked.last)) == [room("r7"), room("r8")])
            // The first ones as well, since nobody can say what they were asked before.
            for _ in 0..<3 {
                try await client.settle()
                store.step()
                await store.isHolding()
            }
            store.release()
            let asked = store.asked[first...]
            #expect(asked.allSatisfy { $0.count <= 100 })
            #expect(Set(asked.dropFirst(2).joined()) == Set(names.map { room($0) }))
        }
    }

    @Test("an old answer does not open a room that has been closed to the public since the store was asked")
    func closedMeanwhile() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            try await client.send(TestClient.join("r", id: "j"))
            try await client.hear(#""type":"joined","messageId":"j""#)
            store.holdHeads()
            hub.everywhere { $0.askForHeads() }
            await store.isHolding()
            _ = try await store.inner.setMember(user("a"), of: room("r"), to: true)
            _ = try await store.inner.amendRoom(room("r"), title: nil, visibility: .private)
            hub.recheck(room("r"))
            while try await client.run({ shard, _, _ in shard.rooms[room("r")]?.rechecks != 0 }) {
                try await client.settle()
            }
            store.step()
            try await client.settle()
            let visibility = try await client.run { shard, _, _ in shard.rooms[room("r")]?.visibility }
            #expect(visibility == .private)
            store.release()
        }
    }

    @Test("nobody is put out of a private room of which the store cannot say who is a member")
    func membersUnknown() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            try await client.send(TestClient.join("r", id: "j"))
            try await client.hear(#""type":"joined","messageId":"j""#)
            _ = try await store.inner.amendRoom(room("r"), title: nil, visibility: .private)
            func recheck() async throws {
                hub.recheck(room("r"))
                while try await client.run({ shard, _, _ in (shard.rooms[room("r")]?.rechecks ?? 0) != 0 }) {
                    try await client.settle()
                }
                try await client.settle()
            }
            store.answerOpens(with: Failure(.unavailable, "not now"))
            try await recheck()
            let isAskedAgain = try await client.run { shard, _, _ in shard.lookout.contains(room("r")) }
            #expect(isAskedAgain)
            #expect(try await client.heard("left").isEmpty)
            store.answerOpens(with: nil)
            try await recheck()
            try await client.hear(#""type":"left""#)
        }
    }

    @Test("a room that was made anew while the store was asked is not gone")
    func madeAnew() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            try await client.send(TestClient.join("r", id: "j"))
            try await client.hear(#""messageId":"j""#)
            _ = try await store.inner.deleteRoom(room("r"))
            store.holdHeads()
            hub.everywhere { $0.askForHeads() }
            await store.isHolding()
            try await client.send(#"{"type":"message","messageId":"m","payload":{"room":"r","content":1}}"#)
            try await client.hear(#""type":"ack""#)
            let reopened = Task { try await client.hear(#""recovered":false"#) }
            await store.isHolding(2)
            store.release()
            try await reopened.value
            try await client.settle()
            #expect(try await !client.frames().contains { $0.contains(#""type":"left""#) })
        }
    }

    @Test("heads come together, and in pieces only where that fails")
    func pieces() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, _ in
            let names = (0..<100).map { room("r\($0)") }
            #expect(await hub.heads(of: names).map(\.places) == [0..<100])
            store.failHeads(of: [names[50]])
            let answers = await hub.heads(of: names).sorted { $0.places.lowerBound < $1.places.lowerBound }
            #expect(answers.flatMap(\.places) == Array(0..<100))
            #expect(answers.filter { $0.heads == nil }.map(\.places) == [48..<52])
            #expect(await hub.heads(of: [names[50]]).map { $0.heads == nil } == [true])
        }
    }
}
