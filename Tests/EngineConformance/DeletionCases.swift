import RoostCore
import RoostEngine

extension Case {
    static let deletion: [Case] = [
        Case("a tombstone takes its own place and leaves of the message only its place") { make in
            let store = try await make()
            try await store.fill(3)
            let stone = try tombstone("t", of: 2, from: "bob")
            let appended = try await store.append([stone], at: time(2000))
            try expect(appended.verdicts, is: [.new(4, at: 2000)])
            let entry = Message(
                room: .general, seq: 4, id: stone.id, sender: stone.sender, kind: .deleted, at: time(2000),
                content: stone.content)
            try expect(appended.committed.map(\.messages), is: [[entry]])
            let log = try await store.log()
            try expect(log.map(\.kind), is: [.message, .redacted, .message, .deleted])
            try expect(log[1].content, is: .null)
            try expect(log[1].id.text, is: "m2")
            try expect(log[1].sender, is: try user("alice"))
            try expect(log[1].at, is: time(1000))
            try expect(log[0].content != .null)
            try expect(log[3], is: entry)
        },
        Case("what is not there can't be deleted, and then nothing is stored") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainCount = 4 })])))
            try await store.fill(6)
            _ = try await store.say(try tombstone("t", of: 5))
            // Dropped, before the log, beyond it, a tombstone, deleted already.
            for seq in [1, 3, 0, 8, 1 << 40, .max, 7, 5] as [UInt64] {
                let appended = try await store.append([try tombstone("again", of: seq)], at: time(1000))
                try expect(appended.verdicts.map(\.code), is: [.notFound])
                try expect(appended.committed, is: [])
            }
            // Its id was not used up.
            try expect(try await store.say(try tombstone("again", of: 6)), is: .new(8))
            try expect(try await store.log().map(\.kind), is: [.redacted, .redacted, .deleted, .deleted])
        },
        Case("a tombstone that is sent again is a repeat") { make in
            let store = try await make()
            try await store.fill(2)
            let stone = try tombstone("t", of: 1)
            try expect(try await store.append([stone, stone], at: time(1000)).verdicts, is: [.new(3), .old(3)])
            try expect(try await store.say(stone, at: 2000), is: .old(3))
            let other = try tombstone("u", of: 1)
            try expect(try await store.say(other).code, is: .notFound)
        },
        Case("a message may be deleted in the batch that brings it") { make in
            let store = try await make()
            let drafts = [try draft("a"), try draft("b"), try tombstone("t", of: 1), try tombstone("u", of: 1)]
            let appended = try await store.append(drafts, at: time(1000))
            try expect(appended.verdicts.map(\.seq), is: [1, 2, 3, nil])
            try expect(appended.committed.first?.messages.map(\.kind), is: [.redacted, .message, .deleted])
            try expect(appended.committed.first?.messages, is: try await store.log())
        },
        Case("deleting needs access and creates no room") { make in
            let store = try await make()
            let secret = RoomPlan(name: try room("secret"), visibility: .private, participants: [try user("bob")])
            _ = try await store.createRoom(secret, at: time(1))
            _ = try await store.say(try draft("a", from: "bob", to: "secret"))
            try expect(try await store.say(try tombstone("t", of: 1, to: "secret")).code, is: .forbidden)
            try expect(try await store.log("secret").map(\.kind), is: [.message])
            try expect(try await store.say(try tombstone("t", of: 1, to: "nowhere")).code, is: .notFound)
            try expect(try await store.room(try room("nowhere")), is: nil)
        },
        Case("a deleted message is recognised when it is sent again") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 10_000))
            let before = try await store.position(0)
            try await store.fill(2)
            _ = try await store.say(try tombstone("t", of: 1))
            try expect(try await store.say(try draft("m1"), at: 2000), is: .old(1))
            try expect(try await store.say(try draft("m1", since: before), at: 50_000), is: .old(1))
        },
        Case("the last message of a room is one that can be read") { make in
            let store = try await make()
            func last() async throws -> String? {
                let info = try require(try await store.room(.general))
                try expect((info.lastMessage == nil) == (info.lastMessageAt == nil))
                return info.lastMessage.map { String(decoding: $0.bytes, as: UTF8.self) }
            }
            var created = try draft("m1")
            created.kind = .created
            _ = try await store.append([created, try draft("m2")], at: time(1000))
            try expect(try await last(), is: "\"m2\"")
            _ = try await store.say(try tombstone("t2", of: 2))
            try expect(try await last(), is: "\"m1\"")
            _ = try await store.say(try tombstone("t1", of: 1))
            try expect(try await last(), is: nil)
            _ = try await store.say(try draft("m5"), at: 7000)
            try expect(try await store.room(.general)?.lastMessageAt, is: time(7000))
            let drafts = try (6...104).map { try draft("m\($0)") }
            _ = try await store.append(drafts, at: time(7000))
            for index in 6...104 { _ = try await store.say(try tombstone("t\(index)", of: UInt64(index)), at: 7000) }
            // It is looked for among the newest hundred entries.
            try expect(try await last(), is: nil)
            try expect(
                try await store.rooms(visibleTo: nil, after: nil, limit: 1).map(\.lastMessage), is: [nil])
        },
        Case("find gives the newest message of an id") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 0))
            let id = try draft("x").id
            func find(_ sender: String? = nil, in place: String = "general") async throws -> UInt64? {
                let sender = try sender.map { try user($0) }
                let name = try room(place)
                let found = try await store.find(name, id: id, sender: sender)
                return found?.seq
            }
            try expect(try await find(), is: nil)
            let drafts = [
                try draft("x"), try draft("x", from: "bob"), try draft("y"), try draft("x", to: "other"),
                try draft("x"), try draft("X"),
            ]
            _ = try await store.append(drafts, at: time(1000))
            try expect(try await find(), is: 4)
            try expect(try await find("alice"), is: 4)
            try expect(try await find("bob"), is: 2)
            try expect(try await find("carol"), is: nil)
            try expect(try await find(in: "other"), is: 1)
            try expect(try await find(in: "nowhere"), is: nil)
            try expect(
                try await store.find(.general, id: id, sender: try user("bob")), is: try await store.log()[1])
            // Neither what is deleted nor what deletes.
            _ = try await store.say(try tombstone("x", of: 4))
            try expect(try await find(), is: 2)
            try expect(try await find("alice"), is: 1)
        },
        Case("find does not look below the floor") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainCount = 2 })])))
            try await store.fill(4)
            for (id, seq) in [("m1", nil), ("m2", nil), ("m3", 3), ("m4", 4)] as [(String, UInt64?)] {
                try expect(try await store.find(.general, id: try draft(id).id, sender: nil)?.seq, is: seq)
            }
        },
        Case("what is deleted stays so across a restart") { make in
            guard let reopen = make.reopen else { return }
            let store = try await make()
            try await store.fill(3)
            _ = try await store.say(try tombstone("t", of: 3))
            let log = try await store.log()
            await store.close()
            let again = try await reopen(StoreOptions())
            try expect(try await again.log(), is: log)
            try expect(try await again.say(try tombstone("u", of: 3)).code, is: .notFound)
        },
    ]
}
