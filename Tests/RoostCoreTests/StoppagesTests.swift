import RoostCore
import Testing

/// After a message was refused for a passing cause, those behind it don't overtake it.
@Suite struct StoppagesTests {
    private static let busy = Failure(.unavailable, "Busy.", retryAfterMs: 1000)

    /// A session whose message `m1` was refused by the log at time 0.
    private func stopped(_ failure: Failure = busy) -> SessionDesk {
        var desk = SessionDesk(limits: limits { $0.rateMessages = 0 })
        #expect(desk.refuse("m1", for: failure) == .refuseAndPing(failure, room: .random))
        return desk
    }

    @Test func whatIsOnItsWayBehindIsRefusedForTheSameCauseAndNamesTheFirst() {
        var desk = stopped()
        desk.now = .at(400)
        guard case .refuse(let failure, .random) = desk.say(.random, id: id("m2")) else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == .unavailable)
        #expect(failure.retryAfterMs == 600)
        #expect(failure.reason.contains("m1"))
        #expect(desk.say(.support, id: id("m3")).refusal == nil)
    }

    @Test func theRefusedMessageMayComeAgainAtAnyTimeAndOpensTheWay() {
        var desk = stopped()
        #expect(desk.say(.random, id: id("m1")).refusal == nil)
        #expect(desk.say(.random, id: id("m2")).refusal == nil)
    }

    /// Over all combinations of what a fresh message waits for.
    @Test(arguments: [false, true], [false, true])
    func aFreshOneIsTakenOnceTheClientHasHeardAndTheWaitIsOver(_ hasHeard: Bool, _ isOver: Bool) {
        var desk = stopped()
        let ping = desk.session.numberPing()
        if hasHeard { desk.session.hear(pong: ping) }
        desk.now = .at(isOver ? 1000 : 999)
        let isTaken = desk.say(.random, id: id("fresh")).refusal == nil
        #expect(isTaken == (hasHeard && isOver))
        // With it the stoppage is over for good.
        if isTaken { #expect(desk.say(.random, id: id("next")).refusal == nil) }
    }

    @Test func anEarlierPingProvesNothingALaterOneDoes() {
        for (answered, counts) in [(0, false), (1, false), (2, true), (3, true)] {
            var desk = SessionDesk(limits: limits { $0.rateMessages = 0 })
            #expect(desk.session.numberPing() == 1)
            _ = desk.refuse("m1", for: Self.busy)
            #expect(desk.session.numberPing() == 2)
            desk.session.hear(pong: UInt64(answered))
            desk.now = .at(5000)
            #expect((desk.say(.random, id: id("fresh")).refusal == nil) == counts)
        }
    }

    @Test func whatWasRefusedBehindDoesNotGoBefore() {
        var desk = stopped()
        #expect(desk.say(.random, id: id("m2")).refusal != nil)
        desk.session.hear(pong: desk.session.numberPing())
        desk.now = .at(5000)
        #expect(desk.say(.random, id: id("m2")).refusal == .unavailable)
        #expect(desk.say(.random, id: id("m1")).refusal == nil)
        #expect(desk.say(.random, id: id("m2")).refusal == nil)
    }

    @Test func whatWasRefusedBehindOneThatIsGivenUpMayComeWithoutIt() {
        var desk = stopped()
        #expect(desk.say(.random, id: id("m2")).refusal != nil)
        desk.session.hear(pong: desk.session.numberPing())
        desk.now = .at(1000 + Stoppages.givenUpAfterMs - 1)
        guard case .refuse(let failure, _) = desk.say(.random, id: id("m2")) else {
            Issue.record("not refused")
            return
        }
        #expect(failure.retryAfterMs == 1)
        desk.now = .at(1000 + Stoppages.givenUpAfterMs)
        #expect(desk.say(.random, id: id("m2")).refusal == nil)
        #expect(desk.say(.random, id: id("m3")).refusal == nil)
    }

    @Test func aMessageThatGoesTooFastStaysBehindToo() {
        var desk = stopped()
        #expect(desk.say(.random, id: id("m2")).refusal != nil)
        desk.session.hear(pong: desk.session.numberPing())
        desk.now = .at(5000)
        desk.limits.rateMessages = 10
        desk.lease = .wait(milliseconds: 50)
        #expect(desk.say(.random, id: id("m2")).refusal == .rateLimited)
        desk.lease = nil
        #expect(desk.say(.random, id: id("m2")).refusal == .unavailable)
        #expect(desk.say(.random, id: id("m1")).refusal == nil)
    }

    @Test func whatTheLogRefusesWasSentBeforeWhatTheDoorRefused() {
        var desk = SessionDesk(limits: limits { $0.rateMessages = 0 })
        #expect(desk.refuse("m2", for: Self.busy, isOnTheWay: true) == .refuseAndPing(Self.busy, room: .random))
        #expect(desk.refuse("m1", for: Self.busy) == .refuseAndPing(Self.busy, room: .random))
        #expect(desk.say(.random, id: id("m2")).refusal == .unavailable)
        #expect(desk.say(.random, id: id("m1")).refusal == nil)
        #expect(desk.say(.random, id: id("m2")).refusal == nil)
    }

    @Test func whatTheDoorRefusedStaysBehindItWithoutComingAgain() {
        var desk = SessionDesk(limits: limits { $0.rateMessages = 0 })
        _ = desk.refuse("m2", for: Self.busy, isOnTheWay: true)
        _ = desk.session.numberPing()
        _ = desk.refuse("m1", for: Self.busy)
        desk.session.hear(pong: desk.session.numberPing())
        desk.now = .at(5000)
        #expect(desk.say(.random, id: id("m2")).refusal == .unavailable)
        #expect(desk.say(.random, id: id("m1")).refusal == nil)
    }

    @Test func whatIsRefusedOnTheWayWasSentBeforeWhatIsRefusedAtTheDoor() {
        var desk = SessionDesk(limits: limits { $0.rateBurst = 16 })
        // In one go: the first is taken, the second is too fast, and then there is no way for the first.
        #expect(desk.say(.random, id: id("m1")).refusal == nil)
        desk.lease = .wait(milliseconds: 50)
        #expect(desk.say(.random, id: id("m2")).refusal == .rateLimited)
        desk.lease = nil
        #expect(desk.refuse("m1", for: Self.busy, isOnTheWay: true) == .refuseAndPing(Self.busy, room: .random))
        desk.now = .at(5000)
        #expect(desk.say(.random, id: id("m2")).refusal == .unavailable)
        #expect(desk.say(.random, id: id("m1")).refusal == nil)
        #expect(desk.say(.random, id: id("m2")).refusal == nil)
    }

    @Test func theFirstThatTheLogRefusedIsTheOneThatMustCome() {
        var desk = stopped()
        for (name, isOnTheWay) in [("m2", false), ("m3", true)] {
            #expect(desk.refuse(name, for: Self.busy, isOnTheWay: isOnTheWay) == .refuse(Self.busy, room: .random))
        }
        for name in ["m2", "m3"] { #expect(desk.say(.random, id: id(name)).refusal == .unavailable) }
        #expect(desk.say(.random, id: id("m1")).refusal == nil)
    }

    @Test func theSameOneRefusedAgainWaitsAnew() {
        var desk = stopped()
        desk.session.hear(pong: desk.session.numberPing())
        desk.now = .at(1000)
        #expect(desk.refuse("m1", for: Self.busy) == .refuseAndPing(Self.busy, room: .random))
        desk.now = .at(5000)
        #expect(desk.say(.random, id: id("fresh")).refusal == .unavailable)
        desk.session.hear(pong: desk.session.numberPing())
        #expect(desk.say(.random, id: id("other")).refusal == nil)
    }

    @Test func toTooManyRoomsAtOnceNothingIsRefusedAnyMore() {
        var desk = SessionDesk(limits: limits { $0.rateMessages = 0 })
        let answers = (1...129).map { desk.refuse("m", in: "r\($0)", for: Self.busy) }
        #expect(answers.dropLast().allSatisfy { !$0.isClose })
        #expect(answers.last?.isClose == true)
    }
}

extension SessionDesk {
    /// The log, or the way to it, refuses a message that was taken.
    mutating func refuse(
        _ name: String, in target: String = "random", for failure: Failure, isOnTheWay: Bool = false
    ) -> Session.Action {
        session.refused(id(name), in: room(target), failure, isOnTheWay: isOnTheWay, now: now)
    }
}
