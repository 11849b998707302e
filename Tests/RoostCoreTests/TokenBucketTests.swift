import RoostCore
import Testing

@Suite struct TokenBucketTests {
    private func drained(_ burst: Int, at now: Moment = .at(0)) -> TokenBucket {
        var bucket = TokenBucket(burst: burst, now: now)
        for _ in 0..<burst { _ = bucket.take(rate: 1, burst: burst, now: now) }
        return bucket
    }

    @Test(arguments: [1, 2, 16, 1000])
    func aNewBucketHoldsItsBurstAndNoMore(_ burst: Int) {
        var bucket = TokenBucket(burst: burst, now: .at(0))
        for _ in 0..<burst { #expect(bucket.take(rate: 10, burst: burst, now: .at(0)) == nil) }
        #expect(bucket.take(rate: 10, burst: burst, now: .at(0)) == 100)
    }

    @Test(arguments: [1, 3, 7, 30, 200, 999, 1000, 1001, 5000])
    func inTheLongRunTheRateIsExact(_ rate: Int) {
        var bucket = drained(rate)
        var taken = 0
        for now in Int64(1)...7000 {
            while bucket.take(rate: rate, burst: rate, now: .at(now)) == nil { taken += 1 }
        }
        #expect(taken == rate * 7)
    }

    @Test(arguments: [1, 3, 7, 30, 200, 999, 1000, 1001, 5000])
    func theWaitIsJustLongEnough(_ rate: Int) throws {
        var bucket = drained(5)
        var now: Int64 = 0
        for _ in 0..<50 {
            guard let wait = bucket.take(rate: rate, burst: 5, now: .at(now)) else { continue }
            #expect(wait >= 1)
            if wait > 1 {
                var early = bucket
                #expect(early.take(rate: rate, burst: 5, now: .at(now + wait - 1)) != nil)
            }
            now += wait
            #expect(bucket.take(rate: rate, burst: 5, now: .at(now)) == nil)
        }
        #expect(now > 0)
    }

    @Test func whatIsNotTakenDoesNotPileUpBeyondTheBurst() {
        var bucket = drained(5)
        #expect(bucket.fill(rate: 10, burst: 5, now: .at(400)) == 4)
        #expect(bucket.fill(rate: 10, burst: 5, now: .at(500)) == 5)
        #expect(bucket.fill(rate: 10, burst: 5, now: .at(3_000_000)) == 5)
    }

    @Test func aSmallerBurstTakesAwayWhatIsAboveIt() {
        var bucket = TokenBucket(burst: 100, now: .at(0))
        #expect(bucket.fill(rate: 1, burst: 10, now: .at(0)) == 10)
    }

    @Test func aClockThatStepsBackGivesAndTakesNothing() {
        var bucket = drained(5, at: .at(1000))
        #expect(bucket.fill(rate: 10, burst: 5, now: .at(1100)) == 1)
        #expect(bucket.fill(rate: 10, burst: 5, now: .at(0)) == 1)
        // The time between was credited already.
        #expect(bucket.fill(rate: 10, burst: 5, now: .at(1100)) == 1)
        #expect(bucket.fill(rate: 10, burst: 5, now: .at(1200)) == 2)
    }

    @Test func aClockThatLeapsDoesNotOverflow() {
        var bucket = drained(1_000_000)
        #expect(bucket.fill(rate: 1_000_000, burst: 1_000_000, now: .at(.max / 2)) == 1_000_000)
    }

    @Test func aLeaseIsAsManyTokensAsThereAreUpToTheCount() {
        var bucket = TokenBucket(burst: 20, now: .at(0))
        #expect(bucket.lease(16, rate: 10, burst: 20, now: .at(0)) == .tokens(16))
        #expect(bucket.lease(16, rate: 10, burst: 20, now: .at(0)) == .tokens(4))
        #expect(bucket.lease(16, rate: 10, burst: 20, now: .at(0)) == .wait(milliseconds: 100))
        #expect(bucket.lease(16, rate: 10, burst: 20, now: .at(100)) == .tokens(1))
        #expect(bucket.lease(1, rate: 10, burst: 20, now: .at(300)) == .tokens(1))
        #expect(bucket.lease(16, rate: 10, burst: 20, now: .at(300)) == .tokens(1))
    }

    @Test(arguments: 1...20)
    func leasesNeverGiveMoreThanTheRate(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let (rate, burst) = (1 + generator.below(300), 1 + generator.below(50))
        var bucket = TokenBucket(burst: burst, now: .at(0))
        var (now, given): (Int64, Int) = (0, 0)
        for _ in 0..<2000 {
            now += Int64(generator.below(20))
            let count = 1 + generator.below(20)
            if case .tokens(let some) = bucket.lease(count, rate: rate, burst: burst, now: .at(now)) {
                #expect((1...count).contains(some))
                given += some
            }
            #expect(given * 1000 <= burst * 1000 + rate * Int(now))
        }
        #expect(given > burst)
    }
}
