import RoostCore
import RoostEngine

extension Case {
    static let access: [Case] = [
        Case("open answers each request in order") { make in
            let store = try await make()
            try await store.fill(4)
            let secret = RoomPlan(name: try room("secret"), visibility: .private, participants: [try user("bob")])
            _ = try await store.createRoom(secret, at: time(1))
            let alice = try user("alice")
            let answers = try await store.open(
                [
                    OpenRequest(room: .general, user: alice, create: false),
                    OpenRequest(room: try room("nowhere"), user: alice, create: false),
                    OpenRequest(room: secret.name, user: alice, create: true),
                    OpenRequest(room: try room("fresh"), user: alice, create: true),
                    OpenRequest(room: secret.name, user: try user("bob"), create: false),
                    OpenRequest(room: try room("fresh"), user: nil, create: true),
                ], at: time(9))
            try expect(answers.map(\.code), is: [nil, .notFound, .forbidden, nil, nil, nil])
            try expect(try answers[0].get().head, is: 4)
            try expect(try answers[3].get(), is: try answers[5].get())
            try expect(try answers[3].get(), is: try require(try await store.head("fresh")))
            try expect(try await store.room(try room("fresh"))?.createdAt, is: time(9))
            try expect(try await store.room(try room("nowhere")), is: nil)
        },
        Case("with createOnJoin off, unknown rooms are not found") { make in
            let store = try await make(StoreOptions(createOnJoin: false))
            let request = OpenRequest(room: try room("x"), user: try user("alice"), create: true)
            try expect(try await store.open([request], at: time(1)).map(\.code), is: [.notFound])
            try expect(try await store.say(try draft("a", to: "x")).code, is: .notFound)
            try expect(try await store.say(try draft("a", to: "x", by: .server)).code, is: .notFound)
            try expect(try await store.room(try room("x")), is: nil)
        },
        Case("an append creates an unknown room as a public one") { make in
            let store = try await make()
            try expect(try await store.say(try draft("a", to: "x"), at: 55), is: .new(1, at: 55))
            let info = try require(try await store.room(try room("x")))
            try expect(info.visibility, is: .public)
            try expect(info.createdAt, is: time(55))
            try expect(info.participants, is: [])
        },
        Case("a private room is for its members, as they are at the moment") { make in
            let store = try await make()
            let (name, bob) = (try room("secret"), try user("bob"))
            _ = try await store.createRoom(RoomPlan(name: name, visibility: .private), at: time(1))
            let request = OpenRequest(room: name, user: bob, create: true)
            func mayEnter() async throws -> Bool {
                try await store.open([request], at: time(2))[0].code == nil
            }
            func maySay(_ id: String) async throws -> Bool {
                try await store.say(try draft(id, from: "bob", to: "secret")).code == nil
            }
            try expect(try await mayEnter(), is: false)
            try expect(try await maySay("1"), is: false)
            try expect(try await store.setMember(bob, of: name, to: true))
            try expect(try await mayEnter())
            try expect(try await maySay("1"))
            try expect(try await store.setMember(bob, of: name, to: false))
            try expect(try await mayEnter(), is: false)
            try expect(try await maySay("2"), is: false)
            _ = try await store.amendRoom(name, title: nil, visibility: .public)
            try expect(try await mayEnter())
            try expect(try await maySay("2"))
            try expect(try await store.head("secret")?.head, is: 2)
        },
        Case("nobody without a name enters a private room, a server enters and writes everywhere") { make in
            let store = try await make()
            let name = try room("secret")
            _ = try await store.createRoom(RoomPlan(name: name, visibility: .private), at: time(1))
            let answers = try await store.open(
                [
                    OpenRequest(room: name, user: nil, create: true),
                    OpenRequest(room: name, user: nil, create: true, authority: .server),
                ], at: time(2))
            try expect(answers.map(\.code), is: [.forbidden, nil])
            try expect(try await store.say(try draft("a", to: "secret", by: .server)), is: .new(1))
        },
        Case("members come and go in order") { make in
            let store = try await make()
            let name = try room("team")
            _ = try await store.createRoom(RoomPlan(name: name, participants: [try user("c")]), at: time(1))
            for (who, isMember) in [("a", true), ("b", true), ("c", true), ("a", false), ("x", false), ("a", true)] {
                try expect(try await store.setMember(try user(who), of: name, to: isMember))
            }
            try expect(try await store.room(name)?.participants.map(\.text), is: ["c", "b", "a"])
            try expect(try await store.setMember(try user("a"), of: try room("nowhere"), to: true), is: false)
        },
        Case("a personal room is entered by its owner and written to by servers") { make in
            let store = try await make()
            let name = try room("user:alice")
            func enter(
                _ who: String?, create: Bool = true, by authority: Authority = .member
            ) async throws -> ErrorCode? {
                let request = OpenRequest(room: name, user: try who.map(user), create: create, authority: authority)
                let answers = try await store.open([request], at: time(1))
                return answers.first?.code
            }
            // Others neither create it nor learn whether it exists.
            try expect(try await enter("bob"), is: .forbidden)
            try expect(try await enter(nil), is: .forbidden)
            try expect(try await store.say(try draft("a", to: "user:alice")).code, is: .forbidden)
            try expect(try await store.room(name), is: nil)
            try expect(try await enter("alice", create: false), is: .notFound)
            try expect(try await enter("alice"), is: nil)
            try expect(try await store.room(name)?.visibility, is: .private)
            try expect(try await store.room(name)?.participants, is: [])
            try expect(try await enter("bob"), is: .forbidden)
            try expect(try await enter(nil, by: .server), is: nil)
            try expect(try await store.say(try draft("a", to: "user:alice")).code, is: .forbidden)
            try expect(try await store.say(try draft("b", to: "user:alice", by: .server)), is: .new(1))
            try expect(try await store.say(try draft("c", to: "user:bob", by: .server)), is: .new(1))
            try expect(try await store.room(try room("user:bob"))?.visibility, is: .private)
        },
        Case("a personal room stays one, whatever is asked for") { make in
            let store = try await make()
            let name = try room("user:alice")
            let plan = RoomPlan(name: name, visibility: .public, participants: [try user("bob")])
            try expect(try (try await store.createRoom(plan, at: time(1))).get().visibility, is: .private)
            try expect(try await store.amendRoom(name, title: nil, visibility: .public)?.visibility, is: .private)
            let request = OpenRequest(room: name, user: try user("bob"), create: false)
            try expect(try await store.open([request], at: time(1)).map(\.code), is: [.forbidden])
            try expect(try await store.say(try draft("a", from: "bob", to: "user:alice")).code, is: .forbidden)
        },
    ]
}
