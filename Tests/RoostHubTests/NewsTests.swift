import NIOCore
import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// What is told and not kept: presence, typing, receipts.
@Suite("Passing news")
struct NewsTests {
    private static func members(_ names: [String], _ hub: Hub, _ loops: [any EventLoop]) async throws -> [TestClient] {
        var clients: [TestClient] = []
        for (number, name) in names.enumerated() {
            let client = try await TestClient(hub, on: loops[number % loops.count], user: name)
            try await client.send(TestClient.join())
            try await client.hear(#""type":"joined""#)
            clients.append(client)
        }
        for client in clients { try await client.settle() }
        return clients
    }

    private static let leave = #"{"type":"leave","messageId":"l","payload":{"room":"r"}}"#

    private static func typing(_ isActive: Bool) -> String {
        #"{"type":"typing","payload":{"room":"r","active":\#(isActive)}}"#
    }

    // MARK: Presence

    @Test("who joins is heard of by the others and not by itself; so is who leaves")
    func comingAndGoing() async throws {
        try await withHub(loops: 2) { hub, loops in
            let clients = try await Self.members(["a", "b", "c"], hub, loops)
            for (client, others) in zip(clients, [["b", "c"], ["c"], []]) {
                for other in others { try await client.hear(#""room":"r","user":"\#(other)","name""#) }
                let joined = try await client.heard("user_joined")
                #expect(joined.count == others.count)
                for (frame, other) in zip(joined, others) { #expect(frame.contains(#""user":"\#(other)""#)) }
            }
            try await clients[1].send(Self.leave)
            for other in [0, 2] { #expect(try await clients[other].hear("user_left").contains(#""user":"b""#)) }
            try await clients[1].settle()
            #expect(try await clients[1].heard("user_left").isEmpty)
        }
    }

    @Test("who leaves and comes back in one go, or comes and leaves, is no news")
    func coalesced() async throws {
        try await withHub { hub, loops in
            let clients = try await Self.members(["a", "b"], hub, loops)
            let passer = try await TestClient(hub, on: loops[0], user: "c")
            try await clients[1].send(Self.leave, TestClient.join(id: "again"))
            try await passer.send(TestClient.join(), Self.leave)
            try await clients[1].hear(#""type":"joined","messageId":"again""#)
            try await passer.hear(#""type":"left""#)
            try await clients[0].settle()
            let news = try await clients[0].heard("user_joined", "user_left")
            #expect(news.count == 1 && news[0].contains(#""user":"b""#))
            #expect(hub.members(room("r")).members.map(\.user.text) == ["a", "b"])
        }
    }

    @Test("of one who is sent away by a drain the others hear only if it does not come back")
    func lingering() async throws {
        let clock = TestClock()
        try await withHub(clock: clock) { hub, loops in
            let clients = try await Self.members(["a", "b", "c"], hub, loops)
            for client in clients[1...] {
                try await client.run { shard, connection, _ in shard.end(connection, .draining, "") }
            }
            clock.advance(by: 4999)
            hub.tellCounts()
            let back = try await TestClient(hub, on: loops[0], user: "b")
            try await back.send(TestClient.join())
            try await back.hear(#""type":"joined""#)
            try await clients[0].settle()
            #expect(try await clients[0].heard("user_left").isEmpty)
            clock.advance(by: 1)
            hub.tellCounts()
            try await clients[0].hear("user_left")
            try await clients[0].settle()
            let left = try await clients[0].heard("user_left")
            #expect(left.count == 1 && left[0].contains(#""user":"c""#))
            // The one that came back was never away.
            #expect(try await clients[0].heard("user_joined").count == 2)
        }
    }

    @Test("where only counts are told, nobody is named, whether leaving, lingering or listed")
    func countsOnly() async throws {
        let clock = TestClock()
        try await withHub(kinds: kinds { $0.presence = .count }, clock: clock) { hub, loops in
            let clients = try await Self.members(["a", "b", "c"], hub, loops)
            hub.tellCounts()
            try await clients[0].hear(#""type":"presence""#)
            try await clients[1].run { shard, connection, _ in shard.end(connection, .draining, "") }
            clock.advance(by: 5000)
            let before = try await clients[0].frames().count
            hub.tellCounts()
            let told = try await clients[0].hear(#""room":"r""#, from: before)
            #expect(told.contains(#""type":"presence""#) && told.contains(#""count":2}"#))
            try await clients[2].send(Self.leave)
            try await clients[2].hear(#""type":"left""#)
            // A room of two rests for a millisecond after it was told its count.
            clock.advance(by: 1)
            hub.tellCounts()
            try await clients[0].hear(#""count":1}"#)
            for frame in try await clients[0].frames() {
                #expect(!frame.contains(#""user":"b""#) && !frame.contains(#""user":"c""#))
            }
        }
    }

    // MARK: Typing

    @Test("typing is relayed to the others, until it is taken back, lapses, or its author leaves")
    func typing() async throws {
        let clock = TestClock()
        try await withHub(loops: 2, clock: clock) { hub, loops in
            let clients = try await Self.members(["a", "b", "c"], hub, loops)
            for ending in 0..<3 {
                let before = try await clients[1].frames().count
                try await clients[0].send(Self.typing(true))
                try await clients[1].hear(#""user":"a","active":true"#, from: before)
                switch ending {
                case 0: try await clients[0].send(Self.typing(false))
                case 1:
                    clock.advance(by: 4999)
                    hub.lapseTyping()
                    clock.advance(by: 1)
                    hub.lapseTyping()
                default: try await clients[0].send(Self.leave)
                }
                try await clients[1].hear(#""user":"a","active":false"#, from: before)
            }
            try await clients[0].settle()
            try await clients[1].settle()
            #expect(try await clients[1].heard("typing").count == 6)
            #expect(try await clients[0].heard("typing").allSatisfy { $0.contains(#""active":false"#) })
        }
    }

    // MARK: Receipts

    @Test("how far members have got is told to those who are there and to who comes, never beyond the log's end")
    func receipts() async throws {
        let store = FaultyStore()
        try await withHub(store: store, kinds: kinds { $0.receipts = true }) { hub, loops in
            let clients = try await Self.members(["a", "b"], hub, loops)
            _ = await hub.publish((1...5).map { draft("m\($0)") })
            try await clients[0].hear(#""seq":5,"#)
            try await clients[0].send(
                #"{"type":"read","payload":{"room":"r","seq":3}}"#,
                #"{"type":"received","payload":{"room":"r","seq":99}}"#)
            try await clients[0].settle()
            while try await clients[1].heard("receipts").isEmpty { hub.tellReceipts() }
            #expect(try await clients[1].hear("receipts").contains(#"{"user":"a","received":5,"read":3}"#))
            hub.tellReceipts()
            try await clients[1].settle()
            #expect(try await clients[1].heard("receipts").count == 1)
            let late = try await Self.members(["c"], hub, loops)
            #expect(try await late[0].hear("receipts").contains(#"{"user":"a","received":5,"read":3}"#))
            store.failMarks(with: .busy)
            await hub.flushMarks()
            store.failMarks(with: nil)
            await hub.flushMarks()
            #expect(
                try await store.inner.marks(of: user("a"), in: [room("r")]) == [room("r"): Mark(received: 5, read: 3)])
        }
    }

    // MARK: Slow clients

    @Test("a client too slow for the news is told the latest of it, once it takes something again")
    func madeUp() async throws {
        let clock = TestClock()
        try await withHub(kinds: kinds { $0.receipts = true }, clock: clock) { hub, loops in
            let clients = try await Self.members(["slow", "b", "c"], hub, loops)
            _ = await hub.publish([draft("m1")])
            for client in clients { try await client.hear(#""seq":1,"#) }
            try await clients[0].isReading(false)
            let before = try await clients[0].frames().count
            try await clients[1].send(Self.typing(true), #"{"type":"read","payload":{"room":"r","seq":1}}"#)
            try await clients[2].send(Self.typing(true), Self.typing(false), Self.leave)
            _ = try await Self.members(["d"], hub, loops)
            while try await clients[1].heard("receipts").isEmpty { hub.tellReceipts() }
            #expect(try await clients[0].frames().count == before)
            #expect(await hub.counters().transientDropped > 0)
            try await clients[0].isReading(true)
            try await clients[0].hear(#""type":"presence""#, from: before)
            try await clients[0].hear(#""type":"receipts""#, from: before)
            try await clients[0].settle()
            let told = Array(try await clients[0].frames()[before...])
            let presence = told.filter { $0.contains(#""type":"presence""#) }
            #expect(
                presence.count == 1 && presence[0].contains(#""count":3,"#) && !presence[0].contains(#""user":"c""#))
            #expect(told.filter { $0.contains(#""type":"receipts""#) }.count == 1)
            let typing = told.filter { $0.contains(#""type":"typing""#) }
            #expect(typing.filter { $0.contains(#""user":"b","active":true"#) }.count == 1)
            #expect(typing.filter { $0.contains(#""user":"c","active":false"#) }.count == 1)
            #expect(typing.count == 2)
        }
    }

    @Test("a socket that takes one thing at a time is given one at a time, and in the end all of it")
    func oneAtATime() async throws {
        try await withHub { hub, loops in
            let client = try await Self.members(["slow"], hub, loops)[0]
            let before = try await client.frameCount()
            try await client.run { shard, connection, wire in
                (wire.isStuck, wire.capacity) = (true, 0)
                // One of them is its own doing, so that they can't be written together.
                shard.hear(
                    ["b", "c", "d", "e"].map { name in
                        let event = Event.typing(room: room("r"), user: user(name), isActive: true)
                        return PresenceNews.Item(event: event, except: name == "b" ? connection.id : 0)
                    }, in: room("r"))
            }
            for told in 1...3 {
                try await client.hear(#""type":"typing""#, from: before + told - 1)
                #expect(try await client.frameCount() == before + told)
                try await client.run { _, _, wire in wire.drain() }
            }
            try await client.settle()
            let typing = try await client.heard("typing")
            #expect(typing.count == 3)
            #expect(["c", "d", "e"].allSatisfy { name in typing.contains { $0.contains(#""user":"\#(name)""#) } })
        }
    }

    @Test("what was missed in a room that has been left is not told in the next stay")
    func leftMeanwhile() async throws {
        try await withHub { hub, loops in
            let client = try await Self.members(["slow"], hub, loops)[0]
            try await client.run { shard, connection, _ in
                shard.writability(of: connection, isNow: false)
                let event = Event.typing(room: room("r"), user: user("b"), isActive: true)
                shard.hear([PresenceNews.Item(event: event, except: 0)], in: room("r"))
                shard.eject(connection, try #require(shard.rooms[room("r")]))
            }
            try await client.send(TestClient.join("r", id: "again"))
            try await client.isReading(true)
            try await client.hear(#""type":"joined","messageId":"again""#)
            try await client.settle()
            #expect(try await client.heard("typing").isEmpty)
        }
    }

    @Test("what it has missed is told before what is new then")
    func madeUpInOrder() async throws {
        try await withHub { hub, loops in
            let client = try await Self.members(["slow"], hub, loops)[0]
            let said = try await client.run { shard, connection, wire in
                func type(_ isActive: Bool) {
                    let event = Event.typing(room: room("r"), user: user("b"), isActive: isActive)
                    shard.hear([PresenceNews.Item(event: event, except: 0)], in: room("r"))
                }
                shard.writability(of: connection, isNow: false)
                type(true)
                shard.writability(of: connection, isNow: true)
                type(false)
                return wire.frames.count
            }
            try await client.hear(#""type":"typing""#, from: said)
            try await client.settle()
            let typing = try await client.heard("typing")
            #expect(typing.count == 1)
            #expect(typing.allSatisfy { $0.contains(#""user":"b","active":false"#) })
        }
    }
}
