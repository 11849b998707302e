import RoostCore
import RoostEngine

extension Case {
    static let appending: [Case] = [
        Case("seq is contiguous per room under concurrent appends") { make in
            let store = try await make()
            let verdicts = try await withThrowingTaskGroup(of: [Verdict].self) { group in
                for task in 0..<20 {
                    group.addTask {
                        var verdicts: [Verdict] = []
                        for batch in 0..<10 {
                            let drafts = try ["a", "b", "a"].enumerated().map { index, place in
                                try draft("\(task).\(batch).\(index)", from: "u\(task)", to: place)
                            }
                            verdicts += try await store.append(drafts, at: time(1000)).verdicts
                        }
                        return verdicts
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expect(verdicts.count, is: 600)
            for (place, count) in [("a", UInt64(400)), ("b", 200)] {
                try expect(try await store.log(place).map(\.seq), is: Array(1...count))
                try expect(try await store.head(place)?.head, is: count)
            }
            // What each task was told is where its message is.
            for message in try await store.log("b") {
                try expect(message.id.text.hasSuffix(".1"), "\(message.id) is in the wrong room")
            }
        },
        Case("a batch keeps its order, also where it comes back to a room") { make in
            let store = try await make()
            let drafts = try (1...50).map { try draft("m\($0)", to: $0 % 3 == 0 ? "other" : "general") }
            let appended = try await store.append(drafts, at: time(1000))
            for place in ["general", "other"] {
                let expected = drafts.filter { $0.room.text == place }.map(\.id)
                try expect(try await store.log(place).map(\.id), is: expected)
                let committed = try require(appended.committed.first { $0.room.text == place })
                try expect(committed.messages.map(\.id), is: expected)
                try expect(committed.messages, is: try await store.log(place))
                try expect(committed.epoch, is: try require(try await store.head(place)).epoch)
            }
            try expect(appended.committed.map(\.room.text), is: ["general", "other"])
        },
        Case("verdicts stand in the order of the drafts, whatever they say") { make in
            let store = try await make()
            let plan = RoomPlan(name: try room("secret"), visibility: .private, participants: [try user("bob")])
            _ = try await store.createRoom(plan, at: time(1))
            _ = try await store.say(try draft("old"))
            let appended = try await store.append(
                [
                    try draft("1", to: "secret"), try draft("2"), try draft("old"), try draft("3", to: "user:alice"),
                    try draft("4", from: "bob", to: "secret"), try draft("2"), try draft("5"),
                ], at: time(2000))
            try expect(appended.verdicts.map(\.code), is: [.forbidden, nil, nil, .forbidden, nil, nil, nil])
            try expect(appended.verdicts[1], is: .new(2, at: 2000))
            try expect(appended.verdicts[2], is: .old(1))
            try expect(appended.verdicts[4], is: .new(1, at: 2000))
            try expect(appended.verdicts[5], is: .old(2, at: 2000))
            try expect(appended.verdicts[6], is: .new(3, at: 2000))
            try expect(appended.committed.map(\.room.text), is: ["general", "secret"])
            try expect(appended.committed[0].messages.map(\.id.text), is: ["2", "5"])
        },
        Case("committed has only what is new") { make in
            let store = try await make()
            try await store.fill(3)
            let appended = try await store.append(try (2...4).map { try draft("m\($0)") }, at: time(2000))
            try expect(appended.committed.map { $0.messages.map(\.seq) }, is: [[4]])
            let again = try await store.append([try draft("m1"), try draft("m4")], at: time(2000))
            try expect(again.committed, is: [])
            let none = try await store.append([], at: time(2000))
            try expect(none, is: Appended(verdicts: [], committed: []))
        },
        Case("a message's time never goes back within its room") { make in
            let store = try await make()
            try expect(try await store.say(try draft("1"), at: 5000), is: .new(1, at: 5000))
            try expect(try await store.say(try draft("2"), at: 3000), is: .new(2, at: 5000))
            try expect(try await store.say(try draft("3", to: "random"), at: 3000), is: .new(1, at: 3000))
            try expect(try await store.say(try draft("4"), at: 5001), is: .new(3, at: 5001))
            try expect(try await store.log().map(\.at.milliseconds), is: [5000, 5000, 5001])
        },
        Case("every field of a message comes back as it was stored") { make in
            let store = try await make()
            var one = try draft("id with spaces, ümläut and \u{1F426}", from: "Zoë \"Z\" O'Hara", to: "a.b:c-d_E")
            one.kind = .created
            let appended = try await store.append([one], at: time(-5))
            let message = Message(
                room: one.room, seq: 1, id: one.id, sender: one.sender, kind: .created, at: time(-5),
                content: one.content)
            try expect(appended.committed.flatMap(\.messages), is: [message])
            try expect(try await store.log("a.b:c-d_E"), is: [message])
        },
        Case("content comes back byte for byte") { make in
            let store = try await make()
            let contents = [
                #"{"b": 1.50e+03 ,"a":[ ],"a":"twice"}"#, "\"nul \\u0000, lone \\ud800, slash \\/\"", "0", "\"\"",
                "null",
                "-0.0", "[[[[[[[[]]]]]]]]", "\"e\u{301} \u{E9} \u{FEFF} \u{10FFFF} \u{2028}\"",
                "123456789012345678901234567890",
                "\"" + String(repeating: "x", count: 65534) + "\"",
            ]
            let drafts = try contents.enumerated().map { try draft("m\($0)", content: $1) }
            _ = try await store.append(drafts, at: time(1000))
            try expect(try await store.log().map(\.content), is: drafts.map(\.content))
            let last = try require(try await store.read(.general, before: nil, limit: 1, maxBytes: .max))
            try expect(last.messages.first?.content.bytes.count, is: 65536)
            try expect(try await store.room(.general)?.lastMessage, is: drafts.last?.content)
        },
        Case("a batch may go to many rooms") { make in
            let store = try await make()
            let drafts = try (0..<1000).map { try draft("m\($0)", to: "room\($0 % 500)") }
            let appended = try await store.append(drafts, at: time(1000))
            try expect(appended.verdicts.map(\.seq), is: (0..<1000).map { $0 < 500 ? 1 : 2 })
            try expect(appended.committed.map(\.room), is: drafts.prefix(500).map(\.room))
            let heads = try await store.heads(drafts.map(\.room))
            try expect(heads.count, is: 500)
            try expect(heads.values.allSatisfy { $0.head == 2 })
            try expect(Set(heads.values.map(\.epoch)).count, is: 500)
        },
    ]
}
