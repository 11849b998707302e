import RoostCore
import RoostEngine

/// Long past every window.
private let late: Int64 = 10_000_000

extension Case {
    static let retrying: [Case] = [
        Case("past the window a retry is found in the log, from where it was first sent") { make in
            let store = try await make()
            try await store.fill(3)
            let since = try await store.position(3)
            _ = try await store.say(try draft("a"), at: 2000)
            try await store.fill(300, prefix: "x", at: 3000)
            let appended = try await store.append([try draft("a", since: since)], at: time(late))
            try expect(appended, is: Appended(verdicts: [.old(4, at: 2000)], committed: []))
            // From there on it is remembered no better than before.
            try expect(try await store.say(try draft("a", since: since), at: late), is: .old(4, at: 2000))
            try expect(try await store.head()?.head, is: 304)
        },
        Case("a retry that was not stored is appended as usual") { make in
            let store = try await make()
            let since = try await store.position(0)
            try await store.fill(20)
            try expect(try await store.say(try draft("a", since: since), at: late), is: .new(21, at: late))
            try expect(try await store.say(try draft("a", since: since), at: late), is: .old(21, at: late))
            // What lies before `since` is another message; so is that of another sender or room.
            let after = try await store.position(5)
            try expect(try await store.say(try draft("m5", since: after), at: late), is: .new(22, at: late))
            try expect(try await store.say(try draft("m6", since: after), at: late), is: .old(6))
            try expect(
                try await store.say(try draft("m7", from: "bob", since: after), at: late), is: .new(23, at: late))
            let other = try await store.position(0, in: "random")
            try expect(
                try await store.say(try draft("m8", to: "random", since: other), at: late), is: .new(1, at: late))
        },
        Case("the newest of several is found, as long as it is after since") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 0))
            for step in 0..<6 { _ = try await store.say(try draft("m\(step % 2)"), at: Int64(step)) }
            for seq in 0...4 as ClosedRange<UInt64> {
                let since = try await store.position(seq)
                try expect(try await store.say(try draft("m0", since: since), at: late).seq, is: 5)
            }
            let since = try await store.position(5)
            try expect(try await store.say(try draft("m0", since: since), at: late), is: .new(7, at: late))
        },
        Case("the window is asked first") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainCount = 1 })])))
            try await store.fill(9)
            let foreign = Position(epoch: Epoch(random: 42), seq: 3)
            try expect(try await store.say(try draft("m2", since: foreign)), is: .old(2))
            let below = try await store.position(1)
            try expect(try await store.say(try draft("m2", since: below)), is: .old(2))
        },
        Case("a retry expires with its epoch, even in the window") { make in
            let store = try await make()
            let since = try await store.position(0)
            _ = try await store.deleteRoom(.general)
            try await store.fill(2)
            let foreign = Position(epoch: Epoch(random: 42), seq: 0)
            for position in [since, foreign] {
                let appended = try await store.append([try draft("a", since: position)], at: time(1000))
                try expect(appended.verdicts.map(\.code), is: [.retryExpired])
                try expect(appended.committed, is: [])
            }
            try expect(try await store.head()?.head, is: 2)
            // It was not remembered: under another id, or without `since`, it may be sent.
            try expect(try await store.say(try draft("a")), is: .new(3))
        },
        Case("a retry expires where the log no longer reaches back") { make in
            let store = try await make(StoreOptions(kinds: try kinds([("general", { $0.retainCount = 10 })])))
            try await store.fill(20)
            func say(_ id: String, since seq: UInt64) async throws -> Verdict {
                let since = try await store.position(seq)
                return try await store.say(try draft(id, since: since), at: late)
            }
            for seq in [0, 5, 9] as [UInt64] {
                try expect(try await say("a", since: seq).code, is: .retryExpired)
                try expect(try await say("m15", since: seq).code, is: .retryExpired)
            }
            try expect(try await say("m11", since: 10), is: .old(11))
            try expect(try await say("m20", since: 10), is: .old(20))
            try expect(try await say("a", since: 10), is: .new(21, at: late))
        },
        Case("a retry creates no room") { make in
            let store = try await make()
            let since = Position(epoch: Epoch(random: 42), seq: 0)
            try expect(try await store.say(try draft("a", to: "gone", since: since)).code, is: .retryExpired)
            try expect(try await store.room(try room("gone")), is: nil)
            // Who may not write there learns nothing.
            try expect(try await store.say(try draft("a", to: "user:bob", since: since)).code, is: .forbidden)
            let strict = try await make(StoreOptions(createOnJoin: false))
            try expect(try await strict.say(try draft("a", to: "gone", since: since)).code, is: .notFound)
            // Created by another draft of the batch, it is another log.
            let appended = try await store.append(
                [try draft("b", to: "gone"), try draft("a", to: "gone", since: since)], at: time(1000))
            try expect(appended.verdicts.map(\.code), is: [nil, .retryExpired])
        },
        Case("a retry needs access like any message") { make in
            let store = try await make()
            let plan = RoomPlan(name: try room("secret"), visibility: .private, participants: [try user("bob")])
            _ = try await store.createRoom(plan, at: time(1))
            let since = try await store.position(0, in: "secret")
            _ = try await store.say(try draft("a", from: "bob", to: "secret"))
            try expect(try await store.say(try draft("a", to: "secret", since: since), at: late).code, is: .forbidden)
            try expect(
                try await store.say(try draft("a", from: "bob", to: "secret", since: since), at: late), is: .old(1))
        },
        Case("since at the head or beyond it finds nothing") { make in
            let store = try await make()
            try await store.fill(3)
            for (index, seq) in [3, 90, 1 << 40, UInt64.max].enumerated() {
                let since = try await store.position(seq)
                let verdict = try await store.say(try draft("m2", from: "u\(index)", since: since), at: late)
                try expect(verdict, is: .new(4 + UInt64(index), at: late))
            }
        },
        Case("repeats within a batch of retries are stored once") { make in
            for window in [600_000, 0] as [Int64] {
                let store = try await make(StoreOptions(dedupeWindowMs: window))
                let since = try await store.position(0)
                _ = try await store.say(try draft("old"))
                let drafts = try ["a", "old", "a", "b", "old", "b"].map { try draft($0, since: since) }
                let appended = try await store.append(drafts, at: time(late))
                try expect(
                    appended.verdicts,
                    is: [.new(2, at: late), .old(1), .old(2, at: late), .new(3, at: late), .old(1), .old(3, at: late)])
                try expect(appended.committed.map { $0.messages.map(\.id.text) }, is: [["a", "b"]])
            }
        },
        Case("racing retries are stored once") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 1000))
            let since = try await store.position(0)
            try await store.fill(10, prefix: "old")
            let verdicts = try await withThrowingTaskGroup(of: [Verdict].self) { group in
                for task in 0..<8 {
                    group.addTask {
                        let names = (1...10).flatMap { ["old\($0)", "new\($0)"] }
                        let drafts = try names.map { try draft($0, since: since) }
                        return try await store.append(drafts, at: time(late + Int64(task) * 700)).verdicts
                    }
                }
                return try await group.reduce(into: [[Verdict]]()) { $0.append($1) }
            }
            for index in 0..<20 {
                try expect(Set(verdicts.map { $0[index].seq }).count, is: 1)
            }
            try expect(try await store.log().count, is: 20)
        },
        Case("a retry is recognised though the clock was set back") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 20_000))
            let since = try await store.position(0)
            _ = try await store.say(try draft("a"), at: 100_000)
            // The room's time stands still; the window goes by the clock.
            _ = try await store.say(try draft("b"), at: 10_000)
            try expect(try await store.say(try draft("b", since: since), at: 105_000), is: .old(2, at: 100_000))
            let after = try await store.position(1)
            try expect(try await store.say(try draft("b", since: after), at: 105_000), is: .old(2, at: 100_000))
        },
        Case("a retry is recognised though the clock was days ahead") { make in
            let store = try await make(StoreOptions(dedupeWindowMs: 20_000))
            let (since, wrong) = (try await store.position(0), Int64(1_000_000_000))
            _ = try await store.say(try draft("early"), at: 1000)
            _ = try await store.say(try draft("a"), at: wrong)
            _ = try await store.say(try draft("b"), at: 12_000)
            try expect(try await store.say(try draft("a", since: since), at: 13_000), is: .old(2, at: wrong))
            try expect(try await store.say(try draft("b", since: since), at: 60_000), is: .old(3, at: wrong))
        },
        Case("a retry is recognised after a restart, also under a larger window") { make in
            guard let reopen = make.reopen else { return }
            let store = try await make(StoreOptions(dedupeWindowMs: 5000))
            _ = try await store.say(try draft("early"), at: 0)
            let since = try await store.position(1)
            _ = try await store.say(try draft("a"), at: 20_000)
            for step in 0..<5 { try await store.fill(90, prefix: "\(step).", at: 26_000 + Int64(step)) }
            await store.close()
            let again = try await reopen(StoreOptions(dedupeWindowMs: 600_000))
            try expect(try await again.say(try draft("a", since: since), at: 30_000), is: .old(2, at: 20_000))
            try expect(try await again.say(try draft("0.9", since: since), at: late), is: .old(11, at: 26_000))
            await again.close()
            let none = try await reopen(StoreOptions(dedupeWindowMs: 0))
            try expect(try await none.say(try draft("a", since: since), at: late), is: .old(2, at: 20_000))
        },
        Case("a log is searched so far and no farther, but the window may reach farther") { make in
            var options = StoreOptions()
            options.searchReach = 500
            let store = try await make(options)
            _ = try await store.say(try draft("first", to: "random"), at: 0)
            try await store.fill(501, at: 100_000)
            func say(_ id: String, since seq: UInt64, at now: Int64) async throws -> Verdict {
                let since = try await store.position(seq)
                return try await store.say(try draft(id, since: since), at: now)
            }
            try expect(try await say("m1", since: 0, at: 110_000), is: .old(1, at: 100_000))
            try expect(try await say("a", since: 0, at: 110_000), is: .new(502, at: 110_000))
            // Has the ids forgotten that are past the window.
            try await store.fill(500, to: "random", at: late)
            try expect(try await say("m3", since: 1, at: late).code, is: .retryExpired)
            try expect(try await say("m3", since: 2, at: late), is: .old(3, at: 100_000))
            try expect(try await say("b", since: 2, at: late), is: .new(503, at: late))
            try expect(try await store.find(.general, id: try draft("m3").id, sender: nil), is: nil)
            try expect(try await store.find(.general, id: try draft("m4").id, sender: nil)?.seq, is: 4)
        },
    ]
}
