import RoostCore
import RoostEngine

extension Case {
    static let living: [Case] = [
        Case("a store has an id of its own") { make in
            let (one, two) = (try await make(), try await make())
            let id = try await one.storeID()
            try expect(!id.isEmpty)
            try expect(try await one.storeID(), is: id)
            let other = try await two.storeID()
            try expect(other != id)
        },
        Case("a new store has new epochs") { make in
            let (one, two) = (try await make(), try await make())
            let heads = [try await one.head(), try await two.head(), try await one.head("random")]
            try expect(Set(heads.map { $0?.epoch }).count, is: 3)
        },
        Case("after close everything throws closed") { make in
            let store = try await make()
            try await store.fill(2)
            await store.close()
            await store.close()
            let (alice, one) = (try user("alice"), try draft("a"))
            try await expectClosed { () async throws(StoreError) in try await store.append([one], at: time(1)) }
            try await expectClosed { () async throws(StoreError) in
                try await store.read(.general, after: 0, limit: 1, maxBytes: 1)
            }
            try await expectClosed { () async throws(StoreError) in
                try await store.read(.general, before: nil, limit: 1, maxBytes: .max)
            }
            try await expectClosed { () async throws(StoreError) in try await store.heads([.general]) }
            try await expectClosed { () async throws(StoreError) in try await store.storeID() }
            try await expectClosed { () async throws(StoreError) in
                try await store.open([OpenRequest(room: .general, user: alice, create: true)], at: time(1))
            }
            try await expectClosed { () async throws(StoreError) in
                try await store.createRoom(RoomPlan(name: .general), at: time(1))
            }
            try await expectClosed { () async throws(StoreError) in try await store.room(.general) }
            try await expectClosed { () async throws(StoreError) in
                try await store.rooms(visibleTo: nil, after: nil, limit: 1)
            }
            try await expectClosed { () async throws(StoreError) in try await store.rooms(of: alice, limit: 1) }
            try await expectClosed { () async throws(StoreError) in
                try await store.amendRoom(.general, title: "x", visibility: nil)
            }
            try await expectClosed { () async throws(StoreError) in try await store.deleteRoom(.general) }
            try await expectClosed { () async throws(StoreError) in
                try await store.setMember(alice, of: .general, to: true)
            }
            try await expectClosed { () async throws(StoreError) in
                try await store.find(.general, id: one.id, sender: nil)
            }
            try await expectClosed { () async throws(StoreError) in try await store.retain(at: time(1)) }
            let mark = MemberMark(room: .general, user: alice, mark: Mark(received: 1))
            try await expectClosed { () async throws(StoreError) in try await store.mark([mark]) }
            try await expectClosed { () async throws(StoreError) in
                try await store.marks(of: alice, in: [.general])
            }
            try await expectClosed { () async throws(StoreError) in try await store.marks(in: .general, limit: 1) }
            try await expectClosed { () async throws(StoreError) in try await store.note([Sighting(user: alice)]) }
            try await expectClosed { () async throws(StoreError) in try await store.users([alice]) }
            try await expectClosed { () async throws(StoreError) in try await store.users(after: nil, limit: 1) }
        },
        Case("close lets finish what is under way") { make in
            let store = try await make()
            let acked = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        let draft = try draft("m\(index)")
                        do throws(StoreError) {
                            return try await store.append([draft], at: time(1)).verdicts.count
                        } catch {
                            try expect(error, is: .closed)
                            return 0
                        }
                    }
                }
                group.addTask {
                    await store.close()
                    return 0
                }
                return try await group.reduce(0, +)
            }
            guard let reopen = make.reopen else { return }
            try expect(try await reopen(StoreOptions()).log().count, is: acked)
        },
        Case("a restart keeps everything") { make in
            guard let reopen = make.reopen else { return }
            let store = try await make()
            try await store.fill(40, at: 3000)
            let plan = RoomPlan(
                name: try room("team"), title: "T", visibility: .private, participants: [try user("z"), try user("a")])
            _ = try await store.createRoom(plan, at: time(8))
            try await store.note([Sighting(user: try user("z"), name: "Z", avatar: "z.png", lastSeen: time(9))])
            let (id, log, heads) = (
                try await store.storeID(), try await store.log(), try await store.heads(RoomName.standing + [plan.name])
            )
            let (team, users) = (try await store.room(plan.name), try await store.users(after: nil, limit: 9))
            await store.close()
            let again = try await reopen(StoreOptions())
            try expect(try await again.storeID(), is: id)
            try expect(try await again.log(), is: log)
            try expect(try await again.heads(RoomName.standing + [plan.name]), is: heads)
            try expect(try await again.room(plan.name), is: team)
            try expect(try await again.users(after: nil, limit: 9), is: users)
            try expect(try await again.rooms(of: try user("a"), limit: 9), is: [plan.name])
            // Neither seq nor time begins anew.
            try expect(try await again.say(try draft("next"), at: 10), is: .new(41, at: 3000))
        },
        Case("repeats are recognised across a restart, for the window") { make in
            guard let reopen = make.reopen else { return }
            let options = StoreOptions(dedupeWindowMs: 60_000)
            let store = try await make(options)
            _ = try await store.say(try draft("old"), at: 1000)
            _ = try await store.say(try draft("young"), at: 31_000)
            await store.close()
            let again = try await reopen(options)
            try expect(try await again.say(try draft("young"), at: 61_000), is: .old(2, at: 31_000))
            try expect(try await again.say(try draft("old"), at: 61_000), is: .new(3, at: 61_000))
        },
        Case("a deleted room stays deleted across a restart") { make in
            guard let reopen = make.reopen else { return }
            let store = try await make()
            try await store.fill(20, to: "short")
            let epoch = try await store.head("short")?.epoch
            _ = try await store.deleteRoom(try room("short"))
            await store.close()
            let again = try await reopen(StoreOptions())
            try expect(try await again.head("short"), is: nil)
            try expect(try await again.say(try draft("m1", to: "short")), is: .new(1))
            let next = try await again.head("short")?.epoch
            try expect(next != epoch)
        },
    ]
}
