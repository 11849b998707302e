import RoostCore
import RoostEngine

extension Case {
    static let retention: [Case] = [
        Case("a count is kept right after each append") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainCount = 5 })])))
            for index in 1...12 as ClosedRange<UInt64> {
                let appended = try await store.append([try draft("m\(index)")], at: time(1000))
                let floor = index > 5 ? index - 5 : 0
                try expect(appended.committed.map(\.floor), is: [floor])
                try expect(try await store.head()?.floor, is: floor)
                try expect(try await store.log().map(\.seq), is: Array(floor + 1...index))
            }
            let appended = try await store.append(try (1...30).map { try draft("n\($0)") }, at: time(1000))
            try expect(appended.committed.map(\.floor), is: [37])
            // What is dropped at once has been committed all the same.
            try expect(appended.committed.first?.messages.count, is: 30)
            try expect(try await store.log().map(\.id.text), is: (26...30).map { "n\($0)" })
        },
        Case("nothing at or below the floor is read") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainCount = 3 })])))
            try await store.fill(10)
            for after in [0, 1, 6, 7] as [UInt64] {
                let page = try require(try await store.read(.general, after: after, limit: 9, maxBytes: .max))
                try expect(page.messages.map(\.seq), is: [8, 9, 10])
                try expect(page.head.floor, is: 7)
            }
            try expect(
                try await store.read(.general, after: 3, limit: 2, maxBytes: .max)?.messages.map(\.seq), is: [8, 9])
            for (before, seqs) in [(nil, [8, 9, 10]), (10, [8, 9]), (9, [8]), (8, []), (7, []), (1, []), (0, [])]
                as [(UInt64?, [UInt64])]
            {
                let page = try require(try await store.read(.general, before: before, limit: 9, maxBytes: .max))
                try expect(page.messages.map(\.seq), is: seqs)
            }
            let info = try require(try await store.room(.general))
            try expect([info.floor, info.head], is: [7, 10])
        },
        Case("messages expire by age, counting from their own time") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainAgeMs = 1000 })])))
            for step in 0..<5 { _ = try await store.say(try draft("m\(step)"), at: 1000 + Int64(step) * 400) }
            // Those of 1000 and 1400 are as old as that, or older.
            let appended = try await store.append([try draft("x")], at: time(2600))
            try expect(appended.committed.map(\.floor), is: [2])
            try expect(try await store.log().map(\.id.text), is: ["m2", "m3", "m4", "x"])
            try expect(try await store.head()?.head, is: 6)
        },
        Case("an idle room expires too, and its head and its time stay") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("r*", { $0.retainAgeMs = 1000 })])))
            for index in 0..<40 { try await store.fill(index + 1, to: "r\(index)", at: 5000) }
            try await store.fill(3, to: "kept", at: 5000)
            try await store.retainAll(at: 5999)
            try expect(try await store.head("r7")?.floor, is: 0)
            try await store.retainAll(at: 6000)
            for index in 0..<40 {
                let head = try require(try await store.head("r\(index)"))
                try expect([head.head, head.floor], is: [UInt64(index) + 1, UInt64(index) + 1])
                try expect(try await store.log("r\(index)"), is: [])
            }
            try expect(try await store.log("kept").count, is: 3)
            let info = try require(try await store.room(try room("r7")))
            try expect(info.lastMessage, is: nil)
            try expect(info.lastMessageAt, is: nil)
            // Seq goes on, and time does not go back though no message is left.
            try expect(try await store.say(try draft("next", to: "r7"), at: 4500), is: .new(9, at: 5000))
            try expect(try await store.log("r7").map(\.seq), is: [9])
        },
        Case("count and age hold together") { make in
            let options = StoreOptions(
                kinds: try kinds([
                    ("general", { ($0.retainCount, $0.retainAgeMs) = (4, 1000) })
                ]))
            let store = try await make(options)
            try await store.fill(10, at: 1000)
            try expect(try await store.log().map(\.seq), is: [7, 8, 9, 10])
            _ = try await store.say(try draft("a"), at: 1900)
            try expect(try await store.log().map(\.seq), is: [8, 9, 10, 11])
            try await store.retainAll(at: 2000)
            try expect(try await store.log().map(\.seq), is: [11])
        },
        Case("the first kind that matches counts, and other rooms keep everything") { make in
            let options = StoreOptions(
                kinds: try kinds([("a*", { $0.retainCount = 2 }), ("*b", { $0.retainCount = 1 })]))
            let store = try await make(options)
            for place in ["ab", "b", "c"] { try await store.fill(5, to: place) }
            try await store.retainAll(at: 1_000_000_000_000)
            for (place, count) in [("ab", 2), ("b", 1), ("c", 5)] {
                try expect(try await store.log(place).count, is: count)
            }
        },
        Case("a count of 0 keeps nothing, but seq and time go on") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainCount = 0 })])))
            try expect(try await store.say(try draft("a"), at: 2000), is: .new(1, at: 2000))
            try expect(try await store.say(try draft("b"), at: 1000), is: .new(2, at: 2000))
            try expect(try await store.log(), is: [])
            try expect(try await store.head()?.floor, is: 2)
        },
        Case("ids are remembered for the window though retention has dropped their messages") { make in
            let options = StoreOptions(
                dedupeWindowMs: 10_000, kinds: try kinds([("general", { $0.retainCount = 1 })]))
            let store = try await make(options)
            _ = try await store.say(try draft("a"), at: 1000)
            try await store.fill(200, at: 1000)
            try await store.retainAll(at: 1000)
            try expect(try await store.say(try draft("a"), at: 10_999), is: .old(1))
            try expect(try await store.say(try draft("a"), at: 11_000), is: .new(202, at: 11_000))
        },
        Case("a kind says whether its rooms are created on joining") { make in
            let options = StoreOptions(
                createOnJoin: false,
                kinds: try kinds([("yes*", { $0.createOnJoin = true }), ("no*", { $0.createOnJoin = false })]))
            let store = try await make(options)
            func opens(_ store: any Store, _ place: String) async throws -> Bool {
                let request = OpenRequest(room: try room(place), user: nil, create: true)
                return try await store.open([request], at: time(1))[0].code == nil
            }
            try expect(try await opens(store, "yes1"))
            try expect(try await opens(store, "no1"), is: false)
            try expect(try await opens(store, "other1"), is: false)
            try expect(try await store.say(try draft("a", to: "yes2")), is: .new(1))
            try expect(try await store.say(try draft("a", to: "other2")).code, is: .notFound)
            let other = try await make(StoreOptions(kinds: options.kinds))
            try expect(try await opens(other, "no1"), is: false)
            try expect(try await opens(other, "other1"))
            try expect(try await other.say(try draft("a", to: "no2")).code, is: .notFound)
        },
        Case("what was dropped stays dropped across a restart, also under a kind that keeps more") { make in
            guard let reopen = make.reopen else { return }
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainCount = 3 })])))
            try await store.fill(500)
            await store.close()
            let again = try await reopen(StoreOptions())
            try expect(try await again.head()?.floor, is: 497)
            try expect(try await again.log().map(\.seq), is: [498, 499, 500])
            try await again.retainAll(at: 1000)
            try expect(try await again.say(try draft("next")), is: .new(501))
            try expect(try await again.log().map(\.seq), is: [498, 499, 500, 501])
        },
        Case("a kind that keeps less holds after a restart: at once where somebody writes, soon where nobody does") {
            make in
            guard let reopen = make.reopen else { return }
            let store = try await make()
            for place in ["busy", "idle", "aged"] { try await store.fill(3000, to: place) }
            await store.close()
            let options = StoreOptions(
                kinds: try kinds([("aged", { $0.retainAgeMs = 10 }), ("*", { $0.retainCount = 2 })]))
            let again = try await reopen(options)
            try expect(try await again.say(try draft("x", to: "busy")), is: .new(3001))
            try expect(try await again.log("busy").map(\.seq), is: [3000, 3001])
            try await again.retainAll(at: 2000)
            try expect(try await again.log("idle").map(\.seq), is: [2999, 3000])
            try expect(try await again.log("aged"), is: [])
        },
    ]
}
