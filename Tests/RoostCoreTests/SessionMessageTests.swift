import RoostCore
import Testing

/// What a session makes of messages.
@Suite struct SessionMessageTests {
    @Test func aMessageIsPublishedInTheNameOfTheUser() {
        var desk = SessionDesk()
        let content = json(#"{"a":[1, 2]}"#)
        let action = desk.handle(.message(room: .random, content: content, kind: .message, sender: nil), id: id("m1"))
        #expect(action == .publish(Draft(room: .random, sender: user("ann"), id: id("m1"), content: content)))
    }

    @Test(arguments: [MessageKind.message, .created])
    func theKindIsKept(_ kind: MessageKind) {
        var desk = SessionDesk()
        #expect(
            desk.say(.random, kind: kind)
                == .publish(Draft(room: .random, sender: user("ann"), id: id("m"), kind: kind, content: json("1"))))
    }

    @Test func aClientPublishesAsAMemberNeverAsAServer() {
        var desk = SessionDesk()
        guard case .publish(let draft) = desk.say(.random) else {
            Issue.record("not published")
            return
        }
        #expect(draft.authority == .member)
    }

    @Test func aMessageNeedsNoJoining() {
        var desk = SessionDesk()
        #expect(desk.say(room("elsewhere")).refusal == nil)
    }

    @Test func aMessageWithoutRoomGoesToTheRoomTheClientIsInElseToGeneral() {
        var desk = SessionDesk()
        func target() -> RoomName? {
            guard case .publish(let draft) = desk.say() else { return nil }
            return draft.room
        }
        #expect(target() == .general)
        desk.settle(in: .random)
        desk.rooms = [.random]
        #expect(target() == .random)
        desk.settle(in: .support)
        desk.rooms = [.support]
        #expect(target() == .support)
        _ = desk.handle(.leave(.support))
        #expect(target() == .general)
    }

    @Test func joiningSeveralRoomsDoesNotTurnMessagesWithoutRoom() {
        var desk = SessionDesk()
        _ = desk.handle(.join(.init(room: .random)))
        guard case .publish(let draft) = desk.say() else {
            Issue.record("not published")
            return
        }
        #expect(draft.room == .general)
        #expect(desk.session.room == nil)
    }

    @Test func leavingAnotherRoomKeepsTheOneTheClientIsIn() {
        var desk = SessionDesk()
        desk.settle(in: .random)
        desk.rooms = [.random, .support]
        _ = desk.handle(.leave(.support))
        #expect(desk.session.room == .random)
    }

    @Test func withoutSignInAClientSaysWhoSpeaks() {
        var desk = SessionDesk(anonymous: true)
        #expect(
            desk.say(.random, as: "bob")
                == .publish(Draft(room: .random, sender: user("bob"), id: id("m"), content: json("1"))))
    }

    @Test func whoIsSignedInSpeaksInTheirOwnNameOnly() {
        var desk = SessionDesk(anonymous: false)
        #expect(desk.say(.random, as: "bob").refusal == .forbidden)
        #expect(desk.say(.random, as: "bob").refusedRoom == .random)
        #expect(desk.say(as: "bob").refusedRoom == .general)
        #expect(desk.say(.random, as: "ann").refusal == nil)
        #expect(desk.say(.random).refusal == nil)
    }

    @Test(arguments: ["user:ann", "user:bob"])
    func onlyServersPublishToPersonalRooms(_ name: String) {
        for anonymous in [true, false] {
            var desk = SessionDesk(anonymous: anonymous)
            #expect(desk.say(room(name)).refusal == .forbidden)
            #expect(desk.say(room(name)).refusedRoom == room(name))
        }
    }

    @Test func aPersonalRoomTheClientIsInIsNotPublishedToEither() {
        var desk = SessionDesk()
        desk.settle(in: room("user:ann"))
        #expect(desk.say().refusal == .forbidden)
    }

    @Test func aMessageWithoutIDGetsAFreshOne() {
        var desk = SessionDesk()
        guard case .publish(let first) = desk.say(id: nil), case .publish(let second) = desk.say(id: nil) else {
            Issue.record("not published")
            return
        }
        #expect(first.id == id("fresh1"))
        #expect(second.id == id("fresh2"))
        _ = desk.say(id: id("own"))
        #expect(desk.freshIDs == 2)
    }

    @Test func anIDThatCannotBeMadeIsOurFault() {
        var desk = SessionDesk()
        desk.freshID = { _ in "" }
        #expect(desk.say(.random, id: nil).refusal == .internal)
        #expect(desk.say(.random, id: nil).refusedRoom == .random)
    }

    @Test func pingPresenceAndHistoryPassThrough() {
        var desk = SessionDesk()
        #expect(desk.handle(.ping) == .answer(.pong))
        #expect(
            desk.handle(.presence(room: .random, after: user("bob"))) == .presence(room: .random, after: user("bob")))
        let request = Command.HistoryRequest(room: .random, turn: .after(Cursor(epoch: nil, seq: 3)), limit: 7)
        #expect(desk.handle(.history(request)) == .history(request))
    }
}
