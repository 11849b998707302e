import RoostCore
import Testing

/// Inputs at the far edge of what a type allows.
@Suite struct EdgeTests {
    @Test func usersAndMessageIDsAreTheirBytes() {
        #expect(user("\u{E9}") != user("e\u{301}"))
        #expect(id("\u{E9}") != id("e\u{301}"))
        var desk = SessionDesk("\u{E9}", anonymous: false)
        #expect(desk.say(.general, as: "e\u{301}").refusal == .forbidden)
    }

    @Test func nobodyCreatesARoomThatBeginsLikeAPersonalOne() {
        for name in ["user:", "user:ann"] {
            let wish = Command.RoomWish(name: name, participants: [], visibility: .public)
            #expect((try? RoomPlan.from(wish, creator: nil, freshID: { "x" }).get()) == nil)
        }
    }

    @Test func aBucketThatHasBeenIdleForHoursIsFull() {
        var bucket = TokenBucket(burst: 10_000, now: .at(0))
        for _ in 0..<10_000 { _ = bucket.take(rate: 1, burst: 10_000, now: .at(0)) }
        let tokens = bucket.fill(rate: 1, burst: 10_000, now: .at(10_000_000))
        #expect(tokens == 10_000)
    }

    @Test func aLeaseOfNothingIsNoLicence() {
        var desk = SessionDesk()
        desk.lease = .tokens(0)
        _ = desk.handle(.ping)
        desk.lease = .wait(milliseconds: 5)
        #expect(desk.handle(.ping).refusal == .rateLimited)
    }
}
