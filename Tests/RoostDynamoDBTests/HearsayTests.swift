import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// What a node remembers of a room that others change.
@Suite struct HearsayTests {
    private let team = RoomName("team") ?? .general
    private let bob = UserID("bob")

    private func isOpen(_ node: Node) async throws -> Bool {
        let request = OpenRequest(room: team, user: bob, create: false)
        let answer = try await node.store.open([request], at: time(1)).first
        if case .failure(let failure) = answer { #expect(failure.code == .forbidden) }
        return (try? answer?.get()) != nil
    }

    /// What is believed for a moment is not once it is heard that it has changed.
    @Test func whoMayEnterIsAskedAnew() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        let bob = try #require(bob)
        _ = try await one.store.createRoom(RoomPlan(name: team), at: time(1))
        #expect(try await isOpen(other))
        _ = try await one.store.amendRoom(team, title: nil, visibility: .private)
        other.store.hearOfChange(to: team)
        #expect(try await !isOpen(other))
        for isMember in [true, false] {
            _ = try await one.store.setMember(bob, of: team, to: isMember)
            other.store.hearOfChange(to: team)
            #expect(try await isOpen(other) == isMember)
        }
    }

    /// However many want into a private room, it is looked at once, and its members are asked for together.
    @Test func manyReadersCostOneLook() async throws {
        let node = try await Node(SharedTables())
        let users = try (0..<300).map { try #require(UserID("u\($0)")) }
        let plan = RoomPlan(name: team, visibility: .private, participants: Array(users.prefix(200)))
        _ = try await node.store.createRoom(plan, at: time(1))
        node.tables.set { _ in .passes }
        let answers = try await node.store.open(
            users.map { OpenRequest(room: team, user: $0, create: false) }, at: time(2))
        #expect(answers.map { (try? $0.get()) != nil } == users.indices.map { $0 < 200 })
        #expect(node.tables.calls <= 1 + 3)
    }

    /// A node that stood still while its clock did, with the host: what it knew of the end of a log has been deleted
    /// since, so that nothing would refuse its write there.
    @Test func anEndThatIsBelowTheFloorIsNone() async throws {
        let shared = SharedTables()
        let options = StoreOptions(kinds: kinds { $0.retainCount = 2 })
        let (one, other) = (
            try await Node(shared, seed: 1, options: options), try await Node(shared, seed: 2, options: options)
        )
        for number in 1...3 { _ = try await one.append([try draft("m\(number)")]) }
        for number in 4...10 { _ = try await other.append([try draft("m\(number)")]) }
        let day: Int64 = 86_400_000
        for _ in 0..<50 where try await !other.store.retain(at: time(day)) { break }
        #expect(try await other.store.log().map(\.seq) == [9, 10])
        one.world.advance(beliefMs + 1)
        let late = try await one.append([try draft("late")], at: day)
        #expect(late.verdicts.map(\.seq) == [11])
        #expect(try await other.store.log().map(\.id.text) == ["m10", "late"])
    }

    /// A deletion that its writer could not finish is finished by the same node, not only by others.
    @Test func aDeletionThatFailsIsSeenToLater() async throws {
        let shared = SharedTables()
        let node = try await Node(shared)
        _ = try await node.append([try draft("m1"), try draft("m2"), try draft("m3")])
        node.tables.set {
            $0.operation == .put && $0.table == .messages && !$0.putsChunk ? .fails(.throttled) : .passes
        }
        let stones = [try draft("s1", redacts: 1), try draft("s3", redacts: 3)]
        let appended = try await node.append(stones)
        #expect(appended.verdicts.map(\.code) == [.unavailable, .unavailable])
        node.tables.set { _ in .passes }
        func stored() async throws -> [MessageKind] {
            let epoch = try #require(try await node.store.heads([.general])[.general]?.epoch)
            return try shared.chunks(of: .general, epoch).flatMap(\.entries).map(\.kind)
        }
        #expect(try await stored() == [.message, .message, .message, .deleted, .deleted])
        node.world.advance(11_000)
        #expect(try await stored() == [.redacted, .message, .redacted, .deleted, .deleted])
    }

    /// What was to be deleted of a log that is gone is not deleted of the next one of the room, whenever a node hears
    /// of that.
    @Test func deletionsAreOfOneLog() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        let name = try #require(RoomName("r"))
        _ = try await one.append([try draft("m1", to: "r"), try draft("m2", to: "r")])
        // Its writer dies over it.
        other.tables.set {
            $0.operation == .put && $0.table == .messages && !$0.putsChunk ? .fails(.throttled) : .passes
        }
        _ = try? await other.append([try draft("stone", to: "r", redacts: 1)])
        _ = try await one.store.heads([name])
        other.tables.set { _ in .passes }
        _ = try await other.store.deleteRoom(name)
        _ = try await other.append([try draft("n1", to: "r"), try draft("n2", to: "r")])
        one.world.advance(beliefMs + 1)
        let store = one.store
        one.tables.set { call in
            // It hears of the new room while it asks for it.
            if call.operation == .get { store.hearOfChange(to: name) }
            return .passes
        }
        for _ in 0..<3 {
            _ = try? await one.store.heads([name])
            one.world.advance(20_000)
        }
        #expect(try await other.store.log("r").map(\.kind) == [.message, .message])
    }

    /// Rooms whose ends can't be read keep no others' marks from being written.
    @Test func marksOfOtherRoomsAreWritten() async throws {
        let shared = SharedTables()
        let (one, other) = (try await Node(shared, seed: 1), try await Node(shared, seed: 2))
        let bob = try #require(bob)
        let rooms = try ["a", "b", "c"].map { try #require(RoomName($0)) }
        for room in rooms { _ = try await one.append([try draft("x", to: room.text)]) }
        other.tables.set { $0.collection.hasPrefix("b#") ? .fails(.throttled) : .passes }
        let marks = rooms.map { MemberMark(room: $0, user: bob, mark: Mark(received: 1, read: 1)) }
        let error = await failure { () async throws(StoreError) in try await other.store.mark(marks) }
        #expect(error == .busy)
        #expect(Set(try await one.store.marks(of: bob, in: rooms).keys) == [rooms[0], rooms[2]])
    }
}

/// As `RoomSlot.beliefMs`.
private let beliefMs: Int64 = 2000
