import Foundation
import NIOSSL
import RoostClient
import Testing

/// The SDK against a real node, over a real socket.
@Suite(.serialized) struct ClientTests {
    /// The first messages of a room, as texts.
    private func texts(_ room: Room, _ count: Int) async throws -> [String] {
        try await within("\(count) messages") {
            var texts: [String] = []
            for await message in room.messages {
                texts.append(message.content.text ?? "")
                if texts.count == count { break }
            }
            return texts
        }
    }

    @Test func twoTalk() async throws {
        let node = try RealNode()
        try node.start()
        try await Roost.connected(to: node.url, user: "ada", name: "Ada") { ada in
            let hers = ada.join("team", presence: true)
            let first = try await hers.send("hello")
            #expect(first.seq == 1)
            #expect(first.durability == "stored")
            try await Roost.connected(to: node.url, user: "ben") { ben in
                let his = ben.join("team", history: 10)
                // What was said before it read, and before it joined.
                let early = try await texts(his, 1)
                #expect(early == ["hello"])
                let second = try await his.send("hello, Ada").seq
                #expect(second == 2)
                let both = try await texts(hers, 2)
                #expect(both == ["hello", "hello, Ada"])
                let users = try await his.members().members?.map(\.user).sorted()
                #expect(users == ["ada", "ben"])
                let page = try await his.history(.before(.seq(2)), limit: 10)
                #expect(page.entries.map(\.seq) == [1])
                #expect(!page.hasMore)
            }
        }
    }

    @Test func anyJSONComesOutAsItWentIn() async throws {
        struct Move: Codable, Equatable, Sendable { var x: Int, y: Int, note: String }
        let node = try RealNode()
        try node.start()
        try await Roost.connected(to: node.url, user: "ada") { roost in
            let room = roost.join("game")
            let move = Move(x: 3, y: -4, note: "\"quoted\" / ünïcode 🐦")
            try await room.send(encoding: move)
            let heard = try await within("the move") { () -> RoostMessage? in
                for await message in room.messages { return message }
                return nil
            }
            #expect(try heard?.content.decode(Move.self) == move)
            #expect(heard?.isOwn == true)
            #expect(abs(heard?.date?.timeIntervalSinceNow ?? 1000) < 60)
        }
    }

    @Test func whatIsWrittenWhileThereIsNoServerArrivesOnceInOrder() async throws {
        let node = try RealNode()
        try node.start()
        node.kill()
        try await Roost.connected(to: node.url, user: "ada") { ada in
            let room = ada.join("team")
            for number in 1...1000 { room.post(RoostContent(text: "\(number)")) }
            try node.start()
            ada.hurry()
            let heard = try await texts(room, 1000)
            #expect(heard == (1...1000).map(String.init))
            let page = try await room.history(.after(.seq(0)), limit: 1000)
            #expect(page.entries.count == 1000)
        }
    }

    @Test func killedAndRestartedNothingIsLostDoubledOrOutOfOrder() async throws {
        let node = try RealNode(["--rate-limit-messages", "0"])
        try node.start()
        let reader = try Roost(node.url, user: "ben")
        let heard = reader.join("team")
        let writer = try Roost(node.url, user: "ada")
        let written = writer.room("team")
        _ = try await heard.members()
        let total = 600
        let sending = Task {
            try await withThrowingTaskGroup(of: UInt64?.self) { group in
                // In this order: `post` reaches the client before the next is written.
                var acked: [UInt64] = []
                for number in 1...total {
                    group.addTask { try await written.send(RoostContent(text: "\(number)"), id: "m-\(number)").seq }
                    if number % 20 == 0 { while let seq = try await group.next() { acked.append(seq ?? 0) } }
                }
                while let seq = try await group.next() { acked.append(seq ?? 0) }
                return acked
            }
        }
        var seqs: [UInt64] = []
        var ids: Set<String> = []
        var messages = heard.messages.makeAsyncIterator()
        while seqs.count < total {
            let message = try #require(await messages.next())
            seqs.append(message.seq)
            ids.insert(message.id)
            if seqs.count == 150 || seqs.count == 350 {
                node.kill()
                try node.start()
            }
        }
        let acked = try await within("every ack") { try await sending.value }
        #expect(seqs == Array(1...UInt64(total)))
        #expect(ids.count == total)
        #expect(Set(acked) == Set(seqs))
        await writer.close()
        await reader.close()
    }

    @Test func aDrainIsNoMoreThanAReconnect() async throws {
        let node = try RealNode(["--drain-window", "0"])
        try node.start()
        try await Roost.connected(to: node.url, user: "ada") { ada in
            let room = ada.join("team")
            try await room.send("before")
            node.stop()
            room.post("meanwhile")
            try node.start()
            try await room.send("after")
            let heard = try await texts(room, 3)
            #expect(heard == ["before", "meanwhile", "after"])
        }
    }

    @Test func aSlowReaderMissesNothing() async throws {
        let node = try RealNode(["--rate-limit-messages", "0"])
        try node.start()
        try await Roost.connected(to: node.url, user: "ada") { ada in
            let room = ada.join("team")
            let total = 4000
            for number in 1..<total { room.post(RoostContent(text: "\(number)")) }
            // Nobody has read yet, and more was said than is held for who does not.
            try await room.send(RoostContent(text: "\(total)"))
            let heard = try await texts(room, total)
            #expect(heard == (1...total).map(String.init))
        }
    }

    @Test func whoReadsLateHearsNothingFromBeforeTheJoin() async throws {
        let node = try RealNode(["--rate-limit-messages", "0"])
        try node.start()
        try await Roost.connected(to: node.url, user: "ada") { ada in
            _ = try await ada.room("team").send("old")
        }
        try await Roost.connected(to: node.url, user: "ben") { ben in
            let room = ben.join("team")
            _ = try await room.members()
            // Each of them comes with news of its own, so that these alone are more than is held.
            let total = 1500
            for number in 1..<total { room.post(RoostContent(text: "\(number)")) }
            try await room.send(RoostContent(text: "\(total)"))
            let heard = try await texts(room, total)
            #expect(heard == (1...total).map(String.init))
        }
    }

    @Test func aJoinFromAPositionGoesOnFromThere() async throws {
        let node = try RealNode()
        try node.start()
        try await Roost.connected(to: node.url, user: "ada") { ada in
            let room = ada.room("team")
            for text in ["one", "two", "three"] { try await room.send(RoostContent(text: text)) }
            let epoch = try await room.history().epoch
            let again = ada.join("team", after: RoostPosition(epoch: epoch, seq: 1))
            let heard = try await texts(again, 2)
            #expect(heard == ["two", "three"])
        }
    }

    @Test func overTLSTheServersNameIsChecked() async throws {
        let node = try RealNode()
        let (certificate, key) = (node.file("cert.pem"), node.file("key.pem"))
        try RealNode.shell([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "1",
            "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ])
        let server = try RealNode(["--tls-cert", certificate, "--tls-key", key])
        try server.start()
        var options = RoostOptions()
        options.trust = .makeClientConfiguration()
        options.trust?.trustRoots = .file(certificate)
        try await Roost.connected(to: "wss://localhost:\(server.port)", user: "ada", options: options) { ada in
            let seq = try await ada.room("team").send("secret").seq
            #expect(seq == 1)
        }
        // By another name, and by whom nobody vouches for.
        for (url, options) in [
            ("wss://127.0.0.1:\(server.port)", options), ("wss://localhost:\(server.port)", RoostOptions()),
        ] {
            let roost = try Roost(url, user: "ada", options: options)
            let loss = try await within("the refusal") {
                for await state in roost.states { if case .connecting(let loss?) = state { return loss.code } }
                return 0
            }
            #expect(loss == 1006)
            await roost.close()
        }
    }

    @Test func whatWasNotSentOutlivesTheProcess() async throws {
        let node = try RealNode()
        try node.start()
        node.kill()
        var options = RoostOptions()
        options.file = node.file("client.jsonl")
        let first = try Roost(node.url, user: "ada", options: options)
        let room = first.room("team")
        for number in 1...5 { room.post(RoostContent(text: "\(number)"), id: "m-\(number)") }
        await first.close()
        try node.start()
        for _ in 1...2 {
            // The second time there is nothing left to be sent.
            try await Roost.connected(to: node.url, user: "ada", options: options) { second in
                let room = second.join("team", history: 100)
                let heard = try await texts(room, 5)
                #expect(heard == ["1", "2", "3", "4", "5"])
                let kept = try await room.history().entries.count
                #expect(kept == 5)
            }
        }
    }
}
