import RoostCore
import RoostEngine

extension Case {
    static let marks: [Case] = [
        Case("a mark only grows, and what is read is received") { make in
            let store = try await make()
            try await store.fill(50)
            let alice = try user("alice")
            for (received, read, expected) in [
                (3, 0, Mark(received: 3)), (2, 1, Mark(received: 3, read: 1)), (10, 0, Mark(received: 10, read: 1)),
                (0, 20, Mark(received: 20, read: 20)), (5, 5, Mark(received: 20, read: 20)),
            ] as [(UInt64, UInt64, Mark)] {
                try await store.mark([
                    MemberMark(room: .general, user: alice, mark: Mark(received: received, read: read))
                ])
                try expect(try await store.marks(of: alice, in: [.general]), is: [.general: expected])
            }
        },
        Case("marks of one call are merged in order") { make in
            let store = try await make()
            try await store.fill(5)
            try await store.fill(5, to: "other")
            let (alice, other) = (try user("alice"), try room("other"))
            try await store.mark([
                MemberMark(room: .general, user: alice, mark: Mark(received: 4)),
                MemberMark(room: other, user: alice, mark: Mark(received: 5, read: 3)),
                MemberMark(room: .general, user: alice, mark: Mark(received: 2, read: 2)),
            ])
            try await store.mark([])
            try expect(
                try await store.marks(of: alice, in: [.general, other, .support, try room("nowhere")]),
                is: [.general: Mark(received: 4, read: 2), other: Mark(received: 5, read: 3)])
            try expect(try await store.marks(of: try user("bob"), in: [.general]), is: [:])
            try expect(try await store.marks(of: alice, in: []), is: [:])
        },
        Case("no mark is beyond the head, and one of nothing leaves no trace") { make in
            let store = try await make()
            try await store.fill(7)
            let (alice, bob, nowhere) = (try user("alice"), try user("bob"), try room("nowhere"))
            try await store.mark([
                MemberMark(room: .general, user: alice, mark: Mark(received: .max, read: 99)),
                MemberMark(room: .general, user: bob, mark: Mark()),
                MemberMark(room: .support, user: bob, mark: Mark(received: 9, read: 9)),
                MemberMark(room: nowhere, user: bob, mark: Mark(received: 9)),
            ])
            try expect(
                try await store.marks(in: .general, limit: 9),
                is: [MemberMark(room: .general, user: alice, mark: Mark(received: 7, read: 7))])
            try expect(try await store.marks(of: bob, in: [.general, .support, nowhere]), is: [:])
            try expect(try await store.room(nowhere), is: nil)
        },
        Case("a room's marks are listed by user id, by its bytes") { make in
            let store = try await make()
            try await store.fill(9)
            let names = ["b", "a", "Z", "\u{E9}", "e\u{301}", "aa", "10", "9"]
            try await store.mark(
                try names.enumerated().map { index, name in
                    MemberMark(room: .general, user: try user(name), mark: Mark(received: UInt64(index) + 1))
                })
            let marks = try await store.marks(in: .general, limit: 99)
            let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            try expect(marks.map(\.user), is: try sorted.map(user))
            try expect(marks.map(\.mark.received), is: [7, 8, 3, 2, 6, 1, 5, 4])
            try expect(try await store.marks(in: .general, limit: 3), is: Array(marks.prefix(3)))
            try expect(try await store.marks(in: .general, limit: 0), is: [])
            try expect(try await store.marks(in: try room("nowhere"), limit: 9), is: [])
        },
        Case("marks go with their room") { make in
            let store = try await make()
            let (alice, short) = (try user("alice"), try room("short"))
            for place in [short, .general] {
                try await store.fill(3, to: place.text)
                try await store.mark([MemberMark(room: place, user: alice, mark: Mark(received: 3))])
                _ = try await store.deleteRoom(place)
                try await store.fill(3, to: place.text, prefix: "new")
                try expect(try await store.marks(of: alice, in: [place]), is: [:])
                try expect(try await store.marks(in: place, limit: 9), is: [])
            }
        },
        Case("marks outlive retention and a restart") { make in
            let options = StoreOptions(kinds: try kinds([("general", { $0.retainCount = 1 })]))
            let store = try await make(options)
            try await store.fill(9)
            let mark = MemberMark(room: .general, user: try user("alice"), mark: Mark(received: 4, read: 2))
            try await store.mark([mark])
            try await store.retainAll(at: 1000)
            try expect(try await store.marks(in: .general, limit: 9), is: [mark])
            guard let reopen = make.reopen else { return }
            await store.close()
            try expect(try await reopen(options).marks(in: .general, limit: 9), is: [mark])
        },
    ]
}
