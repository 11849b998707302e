import RoostCore
import RoostEngine

extension Case {
    static let rooms: [Case] = [
        Case("the standing rooms exist from the start") { make in
            let store = try await make(StoreOptions(createOnJoin: false))
            for name in RoomName.standing {
                let info = try require(try await store.room(name))
                try expect(info.title, is: name.text)
                try expect(info.visibility, is: .public)
                try expect(info.participants, is: [])
                try expect(info.head, is: 0)
                try expect(info.lastMessage, is: nil)
                try expect(info.lastMessageAt, is: nil)
            }
            try expect(try await store.say(try draft("a")), is: .new(1))
        },
        Case("createRoom keeps title, visibility and the participants in order") { make in
            let store = try await make()
            let names = ["zoe", "adam", "mia", "adam", "bob"]
            let plan = RoomPlan(
                name: try room("team"), title: "The Team", visibility: .private, participants: try names.map(user))
            let info = try (try await store.createRoom(plan, at: time(77))).get()
            try expect(info.participants.map(\.text), is: ["zoe", "adam", "mia", "bob"])
            try expect(info.title, is: "The Team")
            try expect(info.visibility, is: .private)
            try expect(info.createdAt, is: time(77))
            try expect(info.head, is: 0)
            try expect(try await store.room(plan.name), is: info)
            let plain = try (try await store.createRoom(RoomPlan(name: try room("plain")), at: time(78))).get()
            try expect(plain.title, is: "plain")
            try expect(plain.epoch != info.epoch)
        },
        Case("createRoom refuses a name that is taken") { make in
            let store = try await make()
            try await store.fill(2)
            let before = try await store.room(.general)
            let answer = try await store.createRoom(
                RoomPlan(name: .general, title: "Mine", participants: [try user("eve")]), at: time(5))
            try expect(answer.code, is: .conflict)
            try expect(try await store.room(.general), is: before)
        },
        Case("of racing createRooms one wins") { make in
            let store = try await make()
            let codes = try await withThrowingTaskGroup(of: ErrorCode?.self) { group in
                for index in 0..<10 {
                    group.addTask {
                        let plan = RoomPlan(name: try room("prize"), title: "\(index)")
                        return try await store.createRoom(plan, at: time(5)).code
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try expect(codes.filter { $0 == nil }.count, is: 1)
            try expect(codes.filter { $0 == .conflict }.count, is: 9)
        },
        Case("a room shows the end of its log") { make in
            let store = try await make()
            try await store.fill(3, at: 4000)
            let info = try require(try await store.room(.general))
            try expect(info.head, is: 3)
            try expect(info.lastMessage, is: RawJSON(validated: Array("\"m3\"".utf8)))
            try expect(info.lastMessageAt, is: time(4000))
            let listed = try await store.rooms(visibleTo: nil, after: nil, limit: 1)
            try expect(listed, is: [info])
        },
        Case("amendRoom changes what is given") { make in
            let store = try await make()
            _ = try await store.createRoom(RoomPlan(name: try room("x"), title: "One"), at: time(5))
            let titled = try await store.amendRoom(try room("x"), title: "Two", visibility: nil)
            try expect(titled?.title, is: "Two")
            try expect(titled?.visibility, is: .public)
            let hidden = try await store.amendRoom(try room("x"), title: nil, visibility: .private)
            try expect(hidden?.title, is: "Two")
            try expect(hidden?.visibility, is: .private)
            try expect(try await store.room(try room("x")), is: hidden)
            try expect(try await store.head("x")?.visibility, is: .private)
            try expect(try await store.amendRoom(try room("y"), title: "Z", visibility: nil), is: nil)
        },
        Case("a deleted room is gone, and the next of its name has a new epoch and an empty log") { make in
            let store = try await make()
            try await store.fill(30, to: "short")
            _ = try await store.setMember(try user("bob"), of: try room("short"), to: true)
            let epoch = try await store.head("short")?.epoch
            try expect(try await store.deleteRoom(try room("short")))
            try expect(try await store.deleteRoom(try room("short")), is: false)
            try expect(try await store.head("short"), is: nil)
            try expect(try await store.read(try room("short"), before: nil, limit: 9, maxBytes: .max), is: nil)
            try expect(try await store.rooms(of: try user("bob"), limit: 9), is: [])
            try expect(try await store.rooms(visibleTo: nil, after: .random, limit: 9).map(\.name), is: [.support])
            try expect(try await store.say(try draft("new", to: "short")), is: .new(1))
            let next = try await store.head("short")?.epoch
            try expect(next != epoch)
            try expect(try await store.log("short").map(\.id.text), is: ["new"])
            try expect(try await store.room(try room("short"))?.participants, is: [])
        },
        Case("a standing room that is deleted begins anew at once") { make in
            let store = try await make()
            try await store.fill(5)
            let epoch = try await store.head()?.epoch
            try expect(try await store.deleteRoom(.general))
            let head = try require(try await store.head())
            try expect(head.head, is: 0)
            try expect(head.epoch != epoch)
        },
    ]
}
