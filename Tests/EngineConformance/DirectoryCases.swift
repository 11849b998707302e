import RoostCore
import RoostEngine

extension Case {
    static let directory: [Case] = [
        Case("rooms lists by name, in pages") { make in
            let store = try await make()
            for name in ["b", "B", "a.1", "a-1", "a", "z", "_", "9"] {
                _ = try await store.createRoom(RoomPlan(name: try room(name)), at: time(1))
            }
            var names: [String] = []
            var sizes: [Int] = []
            var cursor: RoomName?
            while true {
                let page = try await store.rooms(visibleTo: nil, after: cursor, limit: 4)
                guard let last = page.last else { break }
                sizes.append(page.count)
                names += page.map(\.name.text)
                cursor = last.name
            }
            try expect(names, is: ["9", "B", "_", "a", "a-1", "a.1", "b", "general", "random", "support", "z"])
            try expect(sizes, is: [4, 4, 3])
            let between = try await store.rooms(visibleTo: nil, after: try room("c"), limit: 1)
            try expect(between.map(\.name), is: [.general])
            try expect(try await store.rooms(visibleTo: nil, after: nil, limit: 0), is: [])
        },
        Case("rooms lists public rooms and one's own private ones, but nobody's personal room") { make in
            let store = try await make()
            let alice = try user("alice")
            for (name, members) in [("p1", ["alice"]), ("p2", ["bob"]), ("p3", ["bob", "alice"])] {
                let plan = RoomPlan(
                    name: try room(name), visibility: .private, participants: try members.map(user))
                _ = try await store.createRoom(plan, at: time(1))
            }
            _ = try await store.say(try draft("a", to: "user:alice", by: .server))
            _ = try await store.setMember(alice, of: try room("user:alice"), to: true)
            _ = try await store.createRoom(RoomPlan(name: try room("user:")), at: time(1))
            func names(_ user: UserID?) async throws -> [String] {
                try await store.rooms(visibleTo: user, after: nil, limit: 99).map(\.name.text)
            }
            try expect(try await names(nil), is: ["general", "random", "support", "user:"])
            try expect(try await names(alice), is: ["general", "p1", "p3", "random", "support", "user:"])
            try expect(try await names(try user("carol")), is: ["general", "random", "support", "user:"])
            _ = try await store.setMember(alice, of: try room("p1"), to: false)
            try expect(try await names(alice), is: ["general", "p3", "random", "support", "user:"])
        },
        Case("rooms(of:) lists where a user participates, newest first") { make in
            let store = try await make()
            let (alice, bob) = (try user("alice"), try user("bob"))
            for (at, (name, members)) in [("x", [alice]), ("a", [bob, alice]), ("m", [bob])].enumerated() {
                let plan = RoomPlan(name: try room(name), participants: members)
                _ = try await store.createRoom(plan, at: time(Int64(at) + 1))
            }
            try expect(try await store.rooms(of: alice, limit: 9).map(\.text), is: ["a", "x"])
            try expect(try await store.rooms(of: bob, limit: 1).map(\.text), is: ["m"])
            _ = try await store.setMember(alice, of: .general, to: true)
            _ = try await store.setMember(alice, of: try room("a"), to: false)
            try expect(try await store.rooms(of: alice, limit: 9).map(\.text), is: ["x", "general"])
            try expect(try await store.rooms(of: try user("nobody"), limit: 9), is: [])
            try expect(try await store.rooms(of: alice, limit: 0), is: [])
        },
        Case("note adds users and changes what is given") { make in
            let store = try await make()
            let (alice, bob) = (try user("alice"), try user("bob"))
            try await store.note([Sighting(user: alice), Sighting(user: bob, name: "Bob", avatar: "b.png")])
            try expect(
                try await store.users([alice, bob, try user("nobody")]),
                is: [
                    alice: User(id: alice, name: "alice"), bob: User(id: bob, name: "Bob", avatar: "b.png"),
                ])
            try await store.note([
                Sighting(user: bob, lastSeen: time(7)), Sighting(user: alice, name: "Alice"), Sighting(user: bob),
                Sighting(user: alice, avatar: ""),
            ])
            try expect(
                try await store.users([alice, bob]),
                is: [
                    alice: User(id: alice, name: "Alice", avatar: ""),
                    bob: User(id: bob, name: "Bob", avatar: "b.png", lastSeen: time(7)),
                ])
            try await store.note([])
            try expect(try await store.users([]).isEmpty)
        },
        Case("users lists by id, in pages") { make in
            let store = try await make()
            let ids = ["b", "a", "Z", "ä", "aa", "\u{1F426}", "1"]
            try await store.note(try ids.map { Sighting(user: try user($0)) })
            let first = try await store.users(after: nil, limit: 4)
            try expect(first.map(\.id.text), is: ["1", "Z", "a", "aa"])
            let second = try await store.users(after: first.last?.id, limit: 4)
            try expect(second.map(\.id.text), is: ["b", "ä", "\u{1F426}"])
            try expect(try await store.users(after: second.last?.id, limit: 4), is: [])
            try expect(try await store.users(after: try user("aaa"), limit: 1).map(\.id.text), is: ["b"])
        },
    ]
}
