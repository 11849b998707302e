import RoostCore
import Testing

/// How fast a client may go: its own bucket, its user's, and what happens to who does not listen.
@Suite struct SessionRateTests {
    private static let slow = limits {
        $0.rateMessages = 10
        $0.rateBurst = 5
    }

    @Test func theBurstPassesAndTheNextIsToldHowLongToWait() {
        var desk = SessionDesk(limits: Self.slow)
        for _ in 0..<5 { #expect(desk.say(.random).refusal == nil) }
        guard case .refuseAndPing(let failure, let refused) = desk.say(.random) else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == .rateLimited)
        #expect(failure.retryAfterMs == 100)
        #expect(failure.reason.contains("100 ms"))
        #expect(refused == .random)
        desk.now = .at(100)
        #expect(desk.say(.random).refusal == nil)
        #expect(desk.say(.random).refusal == .rateLimited)
    }

    @Test func everyFrameCountsNotOnlyMessages() {
        var desk = SessionDesk(limits: Self.slow)
        desk.rooms = [.general]
        _ = desk.handle(.ping)
        _ = desk.handle(.join(.init(room: .general)))
        _ = desk.handle(.presence(room: .general, after: nil))
        _ = desk.handle(.history(.init(room: .general, turn: .latest, limit: nil)))
        _ = desk.handle(.leave(.general))
        #expect(desk.handle(.ping).refusal == .rateLimited)
    }

    @Test func aRefusedMessageNamesItsRoomOtherFramesNone() {
        var desk = SessionDesk(limits: Self.slow)
        desk.settle(in: .support)
        for _ in 0..<4 { _ = desk.handle(.ping) }
        #expect(desk.say(.random).refusedRoom == .random)
        #expect(desk.say(nil).refusedRoom == .support)
        let ping = desk.handle(.ping)
        #expect(ping.refusal == .rateLimited)
        #expect(ping.refusedRoom == nil)
        let join = desk.handle(.join(.init(room: .random)))
        #expect(join.refusal == .rateLimited)
        #expect(join.refusedRoom == nil)
    }

    @Test func aRefusedFrameHasNoEffect() {
        var desk = SessionDesk(limits: Self.slow)
        for _ in 0..<5 { _ = desk.handle(.ping) }
        desk.settle(in: .random)
        #expect(desk.session.room == nil)
    }

    @Test func aRateOfZeroIsUnlimited() {
        var desk = SessionDesk(
            limits: limits {
                $0.rateMessages = 0
                $0.rateBurst = 1
            })
        desk.lease = .wait(milliseconds: 5)
        for _ in 0..<10_000 { #expect(desk.handle(.ping) == .answer(.pong)) }
        #expect(desk.asked.isEmpty)
    }

    @Test func whoGoesOnRegardlessIsDisconnected() {
        var desk = SessionDesk(limits: Self.slow)
        for _ in 0..<5 { _ = desk.handle(.ping) }
        for _ in 0..<200 { #expect(desk.handle(.ping).refusal == .rateLimited) }
        guard case .close(let code, let reason) = desk.handle(.ping) else {
            Issue.record("not closed")
            return
        }
        #expect(code == .rateLimited)
        #expect(!reason.isEmpty)
    }

    @Test func strikesAreForgivenTenASecond() {
        var desk = SessionDesk(limits: limits { ($0.rateMessages, $0.rateBurst) = (1, 1) })
        _ = desk.handle(.ping)
        // Nine refusals a second forever are annoying, not an attack; a thousand are.
        for second in 0..<60 {
            desk.now = .at(Int64(second) * 1000 + 500)
            for _ in 0..<9 { #expect(!desk.handle(.ping).isClose) }
        }
        let closed = (0..<1000).contains { _ in desk.handle(.ping).isClose }
        #expect(closed)
    }

    @Test func theUsersTokensAreLeasedSixteenAtATime() {
        var desk = SessionDesk()
        for _ in 0..<33 { _ = desk.handle(.ping) }
        #expect(desk.asked == [16, 16, 16])
    }

    @Test(arguments: [(1, 1), (16, 1), (31, 1), (32, 2), (160, 10), (256, 16), (1000, 16)])
    func aLeaseIsNoMoreThanASixteenthOfTheBurst(_ burst: Int, _ size: Int) {
        var desk = SessionDesk(limits: limits { $0.rateBurst = burst })
        _ = desk.handle(.ping)
        #expect(desk.asked == [size])
    }

    @Test func aSmallerLeaseIsSpentBeforeTheNext() {
        var desk = SessionDesk()
        desk.lease = .tokens(2)
        for _ in 0..<5 { #expect(desk.handle(.ping) == .answer(.pong)) }
        #expect(desk.asked == [16, 16, 16])
    }

    @Test func whoseOtherConnectionsHaveSpentEverythingWaits() {
        var desk = SessionDesk()
        desk.lease = .wait(milliseconds: 40)
        guard case .refuseAndPing(let failure, _) = desk.say(.random) else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == .rateLimited)
        #expect(failure.retryAfterMs == 40)
        desk.lease = .tokens(1)
        #expect(desk.say(.random).refusal == nil)
    }

    @Test func theConnectionsOwnBucketIsAskedFirst() {
        var desk = SessionDesk(limits: Self.slow)
        for _ in 0..<6 { _ = desk.handle(.ping) }
        #expect(desk.asked.count == 5)
    }
}

@Suite struct HeartbeatTests {
    private static let limits = RoostCoreTests.limits {
        $0.heartbeatMs = 1000
        $0.heartbeatTimeoutMs = 300
    }

    private func beat(_ desk: inout SessionDesk, _ now: Int64) -> Session.Beat {
        desk.session.beat(limits: desk.limits, now: .at(now))
    }

    @Test func whoIsSilentIsPingedAndThenClosed() {
        var desk = SessionDesk(limits: Self.limits, now: .at(50))
        #expect(beat(&desk, 50) == .wait(until: .at(1050)))
        #expect(beat(&desk, 1049) == .wait(until: .at(1050)))
        #expect(beat(&desk, 1050) == .ping(nextCheck: .at(1350)))
        #expect(beat(&desk, 1349) == .wait(until: .at(1350)))
        guard case .close(let code, let reason) = beat(&desk, 1350) else {
            Issue.record("not closed")
            return
        }
        #expect(code == .heartbeatMissed)
        #expect(!reason.isEmpty)
    }

    @Test func whoeverIsHeardNeedsNoPing() {
        var desk = SessionDesk(limits: Self.limits)
        for now in stride(from: Int64(900), to: 20_000, by: 900) {
            desk.session.hear(now: .at(now))
            #expect(beat(&desk, now + 50) == .wait(until: .at(now + 1000)))
        }
    }

    @Test func anAnswerInTimeStartsTheSilenceAnew() {
        var desk = SessionDesk(limits: Self.limits)
        #expect(beat(&desk, 1000) == .ping(nextCheck: .at(1300)))
        desk.session.hear(now: .at(1299))
        #expect(beat(&desk, 1300) == .wait(until: .at(2299)))
        #expect(beat(&desk, 2299) == .ping(nextCheck: .at(2599)))
    }

    @Test func aLateAnswerBeforeTheCheckStillCounts() {
        var desk = SessionDesk(limits: Self.limits)
        #expect(beat(&desk, 1000) == .ping(nextCheck: .at(1300)))
        desk.session.hear(now: .at(1400))
        #expect(beat(&desk, 1400) == .wait(until: .at(2400)))
    }

    @Test func withoutATimeoutThePingsGoOnAndNobodyIsClosed() {
        var desk = SessionDesk(limits: RoostCoreTests.limits { ($0.heartbeatMs, $0.heartbeatTimeoutMs) = (1000, 0) })
        for now in stride(from: Int64(1000), through: 50_000, by: 1000) {
            #expect(beat(&desk, now) == .ping(nextCheck: .at(now + 1000)))
        }
    }

    @Test func aCommandByItselfIsNotHearing() {
        var desk = SessionDesk(limits: Self.limits)
        desk.now = .at(999)
        _ = desk.handle(.ping)
        #expect(beat(&desk, 1000) == .ping(nextCheck: .at(1300)))
    }
}
