import RoostCore
import RoostEngine

extension Case {
    static let deduplicating: [Case] = [
        Case("a repeat within a batch is answered with the first one's place") { make in
            let store = try await make()
            let appended = try await store.append([try draft("a"), try draft("b"), try draft("a")], at: time(1000))
            try expect(appended.verdicts, is: [.new(1), .new(2), .old(1)])
            try expect(try await store.log().count, is: 2)
        },
        Case("a repeat in a later batch is answered with the place and time of the first") { make in
            let store = try await make()
            _ = try await store.say(try draft("a"))
            try await store.fill(10, prefix: "x", at: 1500)
            try expect(try await store.say(try draft("a", content: "\"changed\""), at: 2000), is: .old(1))
            try expect(try await store.log().first?.content, is: RawJSON(validated: Array("\"a\"".utf8)))
            try expect(try await store.head()?.head, is: 11)
        },
        Case("the same id of another sender or in another room is no repeat") { make in
            let store = try await make()
            let drafts = [
                try draft("a"), try draft("a", from: "bob"), try draft("a", to: "random"),
                try draft("aa", from: "alic"),
                try draft("ea", from: "alic"),
            ]
            let first = try await store.append(drafts, at: time(1000))
            try expect(first.verdicts, is: [.new(1), .new(2), .new(1), .new(3), .new(4)])
            let second = try await store.append(drafts, at: time(1001))
            try expect(second.verdicts, is: [.old(1), .old(2), .old(1), .old(3), .old(4)])
        },
        Case("an id is remembered for the window, and no longer") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 60_000))
            _ = try await store.say(try draft("a"), at: 1000)
            try expect(try await store.say(try draft("a"), at: 60_999), is: .old(1))
            try expect(try await store.say(try draft("a"), at: 61_000), is: .new(2, at: 61_000))
            // From now on the newer one counts.
            try expect(try await store.say(try draft("a"), at: 120_999), is: .old(2, at: 61_000))
            try expect(try await store.say(try draft("a"), at: 121_000), is: .new(3, at: 121_000))
        },
        Case("a window of 0 remembers nothing") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 0))
            let appended = try await store.append([try draft("a"), try draft("a")], at: time(1000))
            try expect(appended.verdicts, is: [.new(1), .new(2)])
            try expect(try await store.say(try draft("a")), is: .new(3))
        },
        Case("ids of the window are found among many that have left it") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 10_000))
            for step in 0..<60 {
                let now = Int64(step) * 1000
                try await store.fill(100, prefix: "\(step).", at: now)
                for age in [0, 5, 9, 10] where step >= age {
                    let verdict = try await store.say(try draft("\(step - age).7"), at: now)
                    let seq = try require(verdict.seq)
                    let isKnown = age < 10
                    try expect(verdict, is: isKnown ? .old(seq, at: now - Int64(age) * 1000) : .new(seq, at: now))
                }
            }
        },
        Case("a repeat is recognised though the clock stepped back") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 10_000))
            _ = try await store.say(try draft("a"), at: 50_000)
            try expect(try await store.say(try draft("a"), at: 20_000), is: .old(1, at: 50_000))
            try expect(try await store.say(try draft("a"), at: 59_999), is: .old(1, at: 50_000))
        },
        Case("a clock that was days ahead neither keeps ids for days nor loses those stored after it was set") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 10_000))
            let wrong: Int64 = 1_000_000_000
            _ = try await store.say(try draft("a"), at: wrong)
            try expect(try await store.say(try draft("a"), at: 1000), is: .new(2, at: wrong))
            try expect(try await store.say(try draft("a"), at: 2000), is: .old(2, at: wrong))
            // The room's time stands still, the window goes by the clock.
            try expect(try await store.say(try draft("a"), at: 11_000), is: .new(3, at: wrong))
        },
        Case("a rejected draft is not remembered") { make in
            let store = try await make(StoreOptions(createOnJoin: false))
            try expect(try await store.say(try draft("a", to: "later")).code, is: .notFound)
            _ = try await store.createRoom(RoomPlan(name: try room("later")), at: time(1000))
            try expect(try await store.say(try draft("a", to: "later")), is: .new(1))
        },
        Case("a room that is deleted and made again begins without a past") { make in
            let store = try await make()
            _ = try await store.say(try draft("a", to: "short"))
            _ = try await store.deleteRoom(try room("short"))
            try expect(try await store.say(try draft("a", to: "short")), is: .new(1))
        },
        Case("racing repeats are stored once") { make in
            let store = try await make()
            let verdicts = try await withThrowingTaskGroup(of: [Verdict].self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        let drafts = try (1...20).map { try draft("m\($0)") }
                        return try await store.append(drafts, at: time(1000)).verdicts
                    }
                }
                return try await group.reduce(into: [[Verdict]]()) { $0.append($1) }
            }
            for index in 0..<20 {
                let answers = verdicts.map { $0[index] }
                try expect(Set(answers.map(\.seq)).count, is: 1)
                try expect(answers.filter { $0 == .new($0.seq ?? 0) }.count, is: 1)
            }
            try expect(try await store.log().count, is: 20)
        },
    ]
}
