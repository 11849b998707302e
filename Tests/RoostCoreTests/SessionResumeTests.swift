import RoostCore
import Testing

/// Going on in several rooms at once, and signing in.
@Suite struct SessionResumeTests {
    private func joins(_ names: String...) -> [Command.Join] {
        names.map { Command.Join(room: room($0), after: Position(epoch: epoch("e"), seq: 7)) }
    }

    private func around(_ kinds: Kinds = Kinds()) -> Session.Surroundings {
        Session.Surroundings(
            limits: Limits(), kinds: kinds, rooms: 0, isIn: { _ in false }, now: .at(0), lease: { .tokens($0) },
            freshID: { "x" })
    }

    @Test func allOfThemArePassedOn() {
        var desk = SessionDesk()
        #expect(desk.handle(.resume(joins("a", "b", "user:bob"))) == .resume(joins("a", "b", "user:bob")))
    }

    @Test func roomsTheConnectionIsInDoNotCountTwice() {
        var desk = SessionDesk(limits: limits { $0.maxRooms = 3 })
        desk.rooms = [room("a"), room("z")]
        #expect(desk.handle(.resume(joins("a", "b"))).refusal == nil)
        let action = desk.handle(.resume(joins("b", "c")))
        #expect(action.refusal == .conflict)
        #expect(action.refusedRoom == nil)
    }

    @Test func itCostsAsMuchAsOneFrame() {
        var desk = SessionDesk(limits: limits { ($0.rateMessages, $0.rateBurst) = (10, 1) })
        #expect(desk.handle(.resume(joins("a", "b", "c"))).refusal == nil)
        #expect(desk.handle(.resume(joins("a"))).refusal == .rateLimited)
    }

    @Test func eachIsJudgedByItself() throws {
        let desk = SessionDesk("ann")
        for join in joins("a", "user:ann") {
            #expect(try desk.session.resumed(join, around()).get() == join)
        }
        guard case .failure(let failure) = desk.session.resumed(joins("user:bob")[0], around()) else {
            Issue.record("let in")
            return
        }
        #expect(failure.code == .forbidden)
    }

    @Test func whereThePastIsNotReadableOneGoesOnLive() throws {
        var kind = RoomKind()
        kind.history = .none
        let kinds = Kinds(usual: kind)
        var expected = joins("a")[0]
        expected.isLiveOnly = true
        #expect(try SessionDesk().session.resumed(joins("a")[0], around(kinds)).get() == expected)
    }
}

@Suite struct CredentialsTests {
    @Test func aTokenThatWasGoodOnceIsToBeRenewedABadOneNot() {
        #expect(TokenObjection.expired("x").closeCode == .tokenExpired)
        #expect(TokenObjection.bad("x").closeCode == .unauthenticated)
        for objection in [TokenObjection.expired("Why."), .bad("Why.")] {
            #expect(objection.failure == Failure(.unauthenticated, "Why."))
        }
    }

    @Test func whoIsOnlyNamedMayDoTheUsual() {
        let credentials = Credentials(user: user("ann"))
        #expect(credentials.grants == .all && credentials.expiresAt == nil && credentials.name == nil)
    }
}
