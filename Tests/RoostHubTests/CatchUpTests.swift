import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

@Suite("Readers that are behind")
struct CatchUpTests {
    private static func head(_ hub: Hub) async throws -> RoomHead {
        let heads = try await hub.store.heads([room("r")])
        return try #require(heads.values.first)
    }

    private static func publish(_ range: ClosedRange<Int>, by author: TestClient) async throws {
        for number in range { try await author.send(TestClient.message(number)) }
        // Acks come in order.
        try await author.hear(#""type":"ack","messageId":"m\#(range.upperBound)""#)
    }

    @Test("a reader whose socket takes nothing is not pushed to, and then hears everything from the log, in order")
    func slowReader() async throws {
        try await withHub { hub, loops in
            let (reader, author) = (
                try await TestClient(hub, on: loops[0], user: "slow"),
                try await TestClient(hub, on: loops[0], user: "a")
            )
            try await reader.send(TestClient.join())
            try await reader.hear(#""type":"joined""#)
            try await CatchUpTests.publish(1...3, by: author)
            try await reader.hear(#""seq":3,"#)
            try await reader.isReading(false)
            try await CatchUpTests.publish(4...1500, by: author)
            #expect(try await reader.seqs() == [1, 2, 3])
            try await reader.isReading(true)
            try await reader.hear(#""seq":1500,"#)
            try await CatchUpTests.publish(1501...1502, by: author)
            try await reader.hear(#""seq":1502,"#)
            #expect(try await reader.seqs() == Array(1...1502))
        }
    }

    @Test("a slow reader is not asked for more than it takes answers to")
    func slowReaderIsNotRead() async throws {
        try await withHub { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "slow")
            try await client.isReading(false)
            // The change takes effect one tick later.
            _ = try await client.frames()
            #expect(try await client.isRead() == false)
            try await client.isReading(true)
            _ = try await client.frames()
            #expect(try await client.isRead())
        }
    }

    @Test("a join with `after` replays exactly what was missed, over page after page, then goes live")
    func replay() async throws {
        try await withHub { hub, loops in
            let author = try await TestClient(hub, on: loops[0], user: "a")
            try await CatchUpTests.publish(1...2000, by: author)
            let head = try await CatchUpTests.head(hub)
            let reader = try await TestClient(hub, on: loops[0], user: "b")
            try await reader.send(TestClient.join(more: #","after":{"epoch":"\#(head.epoch)","seq":7}"#))
            let joined = try await reader.hear(#""type":"joined""#)
            #expect(joined.contains(#""recovered":true"#) && joined.contains(#""head":2000"#))
            try await reader.hear(#""seq":2000,"#)
            try await CatchUpTests.publish(2001...2001, by: author)
            try await reader.hear(#""seq":2001,"#)
            #expect(try await reader.seqs() == Array(8...2001))
        }
    }

    @Test("a position of another epoch, or beyond the head, is not recovered and nothing is replayed")
    func foreignPosition() async throws {
        try await withHub { hub, loops in
            let author = try await TestClient(hub, on: loops[0], user: "a")
            try await CatchUpTests.publish(1...3, by: author)
            let head = try await CatchUpTests.head(hub)
            let foreign = [#"{"epoch":"nope","seq":1}"#, #"{"epoch":"\#(head.epoch)","seq":4}"#]
            for (number, position) in foreign.enumerated() {
                let reader = try await TestClient(hub, on: loops[0], user: "b\(number)")
                try await reader.send(TestClient.join(more: #","after":\#(position)"#))
                #expect(try await reader.hear(#""type":"joined""#).contains(#""recovered":false"#))
                try await reader.send(#"{"type":"ping","messageId":"p","payload":{}}"#)
                try await reader.hear(#""type":"pong""#)
                #expect(try await reader.seqs().isEmpty)
            }
        }
    }

    @Test("a thousand readers who come back together cost a bounded number of reads at a time, and all hear everything")
    func herd() async throws {
        try await withHub { hub, loops in
            let author = try await TestClient(hub, on: loops[0], user: "a")
            try await CatchUpTests.publish(1...20, by: author)
            var readers: [TestClient] = []
            for number in 0..<1000 {
                let reader = try await TestClient(hub, on: loops[0], user: "b\(number)")
                try await reader.send(TestClient.join(more: #","history":20,"presence":false"#))
                readers.append(reader)
            }
            for reader in readers {
                try await reader.hear(#""seq":20,"#)
                #expect(try await reader.seqs() == Array(1...20))
            }
        }
    }

    @Test("of a room's readers as many as a turn may have are sent a message at once, the others in turns to come")
    func manyReaders() async throws {
        for recentBytes in [64 << 20, 0] {
            try await withHub(recentBytes: recentBytes, readersPerTurn: 10) { hub, loops in
                let author = try await TestClient(hub, on: loops[0], user: "a")
                var readers: [TestClient] = []
                for number in 0..<300 {
                    let reader = try await TestClient(hub, on: loops[0], user: "b\(number)")
                    try await reader.send(TestClient.join(more: #","presence":false"#))
                    try await reader.hear(#""type":"joined""#)
                    readers.append(reader)
                }
                try await CatchUpTests.publish(1...50, by: author)
                for reader in readers {
                    try await reader.hear(#""seq":50,"#)
                    #expect(try await reader.seqs() == Array(1...50))
                }
            }
        }
    }

    @Test("a room that was deleted and made anew tells its readers so; the new log begins at 1")
    func newEpoch() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            try await client.send(TestClient.join())
            try await client.hear(#""type":"joined""#)
            try await CatchUpTests.publish(1...2, by: client)
            let before = try await client.frames().count
            // A sweep in between would find the room gone, and there would be no reader to be told.
            store.deleteBeforeAppend(room("r"))
            try await client.send(#"{"type":"message","messageId":"new","payload":{"room":"r","content":0}}"#)
            #expect(try await client.hear(#""type":"ack","messageId":"new""#).contains(#""seq":1,"#))
            let joined = try await client.hear(#""type":"joined""#, from: before)
            #expect(joined.contains(#""recovered":false"#))
        }
    }

    @Test("a page of history is of the log that it was asked of, though the room is made anew while it is read")
    func historyOfTheOldLog() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            try await CatchUpTests.publish(1...2, by: client)
            let old = try #require(try await store.inner.heads([room("r")])[room("r")])
            store.holdOpens()
            let turn = Command.HistoryRequest.Turn.after(Cursor(epoch: old.epoch, seq: 0))
            async let answer = hub.history(.init(room: room("r"), turn: turn, limit: 10), user: nil)
            await store.isHolding()
            _ = try await store.inner.deleteRoom(room("r"))
            try await CatchUpTests.publish(3...3, by: client)
            store.release()
            guard case .failure(let failure) = try await answer else {
                Issue.record("a page of another log")
                return
            }
            #expect(failure.code == .conflict)
        }
    }

    @Test("history that is asked of a public room is not that of a private one that has taken its place meanwhile")
    func historyOfAPrivateRoom() async throws {
        let store = FaultyStore()
        try await withHub(store: store) { hub, loops in
            let client = try await TestClient(hub, on: loops[0], user: "a")
            try await CatchUpTests.publish(1...1, by: client)
            store.holdOpens()
            async let answer = hub.history(.init(room: room("r"), turn: .latest, limit: 10), user: user("a"))
            await store.isHolding()
            _ = try await store.inner.deleteRoom(room("r"))
            let plan = RoomPlan(name: room("r"), title: nil, visibility: .private, participants: [user("b")])
            _ = try await store.inner.createRoom(plan, at: Timestamp(milliseconds: 1))
            store.release()
            guard case .failure(let failure) = try await answer else {
                Issue.record("a page of a room that is not for everyone")
                return
            }
            #expect(failure.code == .forbidden)
        }
    }

    @Test("rooms and connections are forgotten when nobody is left")
    func nothingIsLeft() async throws {
        try await withHub { hub, loops in
            var clients: [TestClient] = []
            for number in 0..<20 {
                let client = try await TestClient(hub, on: loops[0], user: "u\(number)")
                for room in 0..<10 { try await client.send(TestClient.join("room\(room)", id: "j\(room)")) }
                for room in 0..<10 { try await client.hear(#""type":"joined","messageId":"j\#(room)""#) }
                clients.append(client)
            }
            #expect(await hub.counters().rooms == 10)
            for client in clients { try await client.drop() }
            let counters = await hub.counters()
            #expect(counters.rooms == 0)
            #expect(await hub.clients(limit: 10).isEmpty)
            #expect(hub.members(room("room1")).count == 0)
            let first = try #require(UserID("u1"))
            #expect(!hub.isOnline(first))
        }
    }
}
