import RoostCore
import Testing

/// What a session makes of joining, leaving and creating rooms.
@Suite struct SessionRoomTests {
    @Test func aJoinIsPassedOnAsAsked() {
        var desk = SessionDesk()
        let join = Command.Join(
            room: .random, after: Position(epoch: epoch("e"), seq: 4), history: 5, presence: false, alone: false)
        #expect(desk.handle(.join(join)) == .join(join))
    }

    @Test(arguments: [(nil, nil), (0, 0), (7, 7), (1000, 1000), (1001, 1000), (Int.max, 1000), (-1, 0), (Int.min, 0)])
    func theHistoryOfAJoinIsClamped(_ asked: Int?, _ given: Int?) {
        var desk = SessionDesk()
        #expect(
            desk.handle(.join(.init(room: .random, history: asked))) == .join(.init(room: .random, history: given)))
    }

    @Test func aConnectionIsInAtMostSoManyRooms() {
        var desk = SessionDesk(limits: limits { $0.maxRooms = 2 })
        desk.rooms = [.general]
        #expect(desk.handle(.join(.init(room: .random))) == .join(.init(room: .random)))
        desk.rooms = [.general, .random]
        let action = desk.handle(.join(.init(room: .support)))
        #expect(action.refusal == .conflict)
        #expect(action.refusedRoom == .support)
    }

    @Test func aRoomTheConnectionIsInMayBeJoinedAgainAtTheLimit() {
        var desk = SessionDesk(limits: limits { $0.maxRooms = 1 })
        desk.rooms = [.general]
        #expect(desk.handle(.join(.init(room: .general))).refusal == nil)
    }

    @Test func whoJoinsAloneLeavesTheOthersAndSoIsNeverOverTheLimit() {
        var desk = SessionDesk(limits: limits { $0.maxRooms = 1 })
        desk.rooms = [.general]
        let join = Command.Join(room: .random, alone: true)
        #expect(desk.handle(.join(join)) == .join(join))
        // Not before it has been let in.
        #expect(desk.session.room == nil)
        desk.session.settle(in: .random)
        #expect(desk.session.room == .random)
    }

    @Test func aPersonalRoomIsOpenToItsUserOnly() {
        for anonymous in [true, false] {
            var desk = SessionDesk("ann", anonymous: anonymous)
            #expect(desk.handle(.join(.init(room: room("user:ann")))).refusal == nil)
            let action = desk.handle(.join(.init(room: room("user:bob"), alone: true)))
            #expect(action.refusal == .forbidden)
            #expect(action.refusedRoom == room("user:bob"))
            #expect(desk.session.room == nil)
        }
    }

    @Test func onlyARoomTheConnectionIsInIsLeft() {
        var desk = SessionDesk()
        desk.rooms = [.general]
        #expect(desk.handle(.leave(.general)) == .leave(.general))
        let action = desk.handle(.leave(.random))
        #expect(action.refusal == .conflict)
        #expect(action.refusedRoom == .random)
    }

    @Test func theCreatorIsAParticipant() {
        var desk = SessionDesk("ann")
        let wish = Command.RoomWish(name: "tea", participants: [user("bob")], visibility: .private)
        #expect(
            desk.handle(.createRoom(wish))
                == .createRoom(
                    RoomPlan(
                        name: room("tea"), title: "tea", visibility: .private, participants: [user("bob"), user("ann")])
                ))
    }

    @Test func anIDMadeUpForOneConnectionIsNoParticipant() {
        var desk = SessionDesk("ann", lasting: false)
        let wish = Command.RoomWish(name: "tea", participants: [user("bob")], visibility: .public)
        guard case .createRoom(let plan) = desk.handle(.createRoom(wish)) else {
            Issue.record("not created")
            return
        }
        #expect(plan.participants == [user("bob")])
    }

    @Test func aWishThatCannotBeIsRefusedWithoutARoom() {
        var desk = SessionDesk()
        let action = desk.handle(.createRoom(.init(name: "", participants: [], visibility: .public)))
        #expect(action.refusal == .invalid)
        #expect(action.refusedRoom == nil)
    }
}

@Suite struct RoomPlanTests {
    private func plan(
        _ name: String?, _ participants: [String] = [], creator: String? = nil, fresh: String = "fresh1"
    ) -> Result<RoomPlan, Failure> {
        RoomPlan.from(
            .init(name: name, participants: participants.map { user($0) }, visibility: .public),
            creator: creator.map { user($0) }, freshID: { fresh })
    }

    private func code(_ result: Result<RoomPlan, Failure>) -> ErrorCode? {
        guard case .failure(let failure) = result else { return nil }
        return failure.code
    }

    @Test(arguments: [
        ("tea", "tea", "tea"), ("a:b", "a:b", "a:b"), ("Tea at five", "fresh1", "Tea at five"), ("茶", "fresh1", "茶"),
        (nil, "fresh1", nil), (String(repeating: "x", count: 128), String(repeating: "x", count: 128), nil),
    ])
    func aLegalNameNamesTheRoomAnyOtherTextIsItsTitle(_ wished: String?, _ name: String, _ title: String?) throws {
        let plan = try plan(wished).get()
        #expect(plan.name == room(name))
        #expect(plan.title == title ?? wished)
    }

    @Test(arguments: [
        "", String(repeating: "x", count: 129), String(repeating: "é", count: 65), "a\nb", "\u{7F}", "\0",
    ])
    func aNameIs1To128BytesOfPlainText(_ wished: String) {
        #expect(code(plan(wished)) == .invalid)
    }

    @Test func aTitleOf128BytesWillDo() throws {
        let title = String(repeating: "é", count: 64)
        #expect(try plan(title).get().title == title)
    }

    @Test(arguments: ["user:ann", "user:a:b"])
    func personalRoomsAreNotCreated(_ wished: String) {
        #expect(code(plan(wished, creator: "ann")) == .invalid)
    }

    @Test func noRoomIsNamedByAnIDThatIsNoRoomName() {
        #expect(code(plan(nil, fresh: "")) == .invalid)
        #expect(code(plan(nil, fresh: "user:ann")) == .invalid)
    }

    @Test func participantsAreListedOnceInOrderWithTheCreatorLast() throws {
        let names = try plan("tea", ["bob", "cat", "bob"], creator: "ann").get().participants.map(\.text)
        #expect(names == ["bob", "cat", "ann"])
        let own = try plan("tea", ["ann", "bob"], creator: "ann").get().participants.map(\.text)
        #expect(own == ["ann", "bob"])
        #expect(try plan("tea", [], creator: nil).get().participants.isEmpty)
    }

    @Test func aRoomIsCreatedWithAtMost1000Participants() {
        let many = (0..<1000).map { "u\($0)" }
        #expect(code(plan("tea", many)) == nil)
        #expect(code(plan("tea", many, creator: "u7")) == nil)
        #expect(code(plan("tea", many, creator: "ann")) == .invalid)
        #expect(code(plan("tea", many + ["u1"])) == nil)
        #expect(code(plan("tea", many + ["x"])) == .invalid)
    }
}
