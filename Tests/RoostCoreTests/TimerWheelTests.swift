import RoostCore
import Testing

@Suite struct TimerWheelTests {
    @Test func aDeadlineIsServedInTheFirstTurnThatBeginsNotBeforeIt() {
        var wheel = TimerWheel<String>(width: 100, slots: 8, now: .at(0))
        wheel.add("a", due: .at(100))
        wheel.add("b", due: .at(101))
        wheel.add("c", due: .at(200))
        #expect(wheel.count == 3)
        #expect(wheel.advance(to: .at(99)) == [])
        #expect(wheel.advance(to: .at(100)) == ["a"])
        #expect(wheel.advance(to: .at(199)) == [])
        #expect(wheel.advance(to: .at(200)) == ["b", "c"])
        #expect(wheel.count == 0)
    }

    @Test func aDeadlineThatHasPassedIsServedInTheNextTurn() {
        var wheel = TimerWheel<String>(width: 100, slots: 8, now: .at(1000))
        wheel.add("late", due: .at(10))
        wheel.add("now", due: .at(1000))
        #expect(wheel.advance(to: .at(1099)) == [])
        #expect(wheel.advance(to: .at(1100)).sorted() == ["late", "now"])
    }

    @Test func aFarDeadlineIsPassedOverUntilItsTurn() {
        var wheel = TimerWheel<String>(width: 10, slots: 4, now: .at(0))
        wheel.add("far", due: .at(1000))
        for now in stride(from: Int64(10), to: 1000, by: 10) { #expect(wheel.advance(to: .at(now)) == []) }
        #expect(wheel.advance(to: .at(1000)) == ["far"])
    }

    @Test func aBigJumpServesEverythingOnce() {
        var wheel = TimerWheel<Int64>(width: 10, slots: 4, now: .at(0))
        for due in stride(from: Int64(1), to: 500, by: 7) { wheel.add(due, due: .at(due)) }
        let served = wheel.advance(to: .at(1_000_000))
        #expect(served.sorted() == Array(stride(from: Int64(1), to: 500, by: 7)))
        #expect(wheel.advance(to: .at(2_000_000)) == [])
    }

    @Test func aClockThatStepsBackServesNothing() {
        var wheel = TimerWheel<String>(width: 10, slots: 4, now: .at(1000))
        wheel.add("a", due: .at(1020))
        #expect(wheel.advance(to: .at(0)) == [])
        #expect(wheel.advance(to: .at(1010)) == [])
        #expect(wheel.advance(to: .at(1020)) == ["a"])
    }

    @Test func whoeverIsPutBackIsServedAgain() {
        var wheel = TimerWheel<Int>(width: 10, slots: 4, now: .at(0))
        wheel.add(0, due: .at(10))
        var beats: [Int64] = []
        for now in stride(from: Int64(10), through: 100, by: 10) {
            for handle in wheel.advance(to: .at(now)) {
                beats.append(now)
                wheel.add(handle, due: .at(now + 30))
            }
        }
        #expect(beats == [10, 40, 70, 100])
        #expect(wheel.count == 1)
    }

    @Test func anEmptyWheelMovesOn() {
        var wheel = TimerWheel<String>(width: 10, slots: 4, now: .at(0))
        #expect(wheel.advance(to: .at(10_000)) == [])
        wheel.add("a", due: .at(500))
        #expect(wheel.advance(to: .at(10_009)) == [])
        #expect(wheel.advance(to: .at(10_010)) == ["a"])
    }

    struct Pending {
        var due: Int64
        var added: Int64
    }

    /// Against a list: never early, at most one width late, nothing lost, nothing twice.
    @Test(arguments: 1...40)
    func itServesWhatAListWould(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let (width, slots) = (Int64(1 + generator.below(120)), 1 + generator.below(64))
        var now = Int64(generator.below(5000))
        var wheel = TimerWheel<Int>(width: width, slots: slots, now: .at(now))
        var pending: [Int: Pending] = [:]
        let span = Int(width) * slots
        for step in 0..<1500 {
            if generator.below(3) < 2 {
                let far = generator.oneIn(10) ? span * 20 : generator.oneIn(3) ? 3 : span
                let due = max(0, now - 5) + Int64(generator.below(far))
                wheel.add(step, due: .at(due))
                pending[step] = Pending(due: due, added: now)
            } else {
                now += Int64(generator.below(generator.oneIn(20) ? span * 3 : Int(width) * 2))
                for handle in wheel.advance(to: .at(now)) {
                    guard let entry = pending.removeValue(forKey: handle) else {
                        Issue.record("\(handle) was served twice, seed \(seed)")
                        return
                    }
                    if entry.due > now { Issue.record("\(handle) was served early, seed \(seed)") }
                }
                let late = pending.values.first { max($0.due, $0.added) + width <= now }
                #expect(late == nil, "seed \(seed)")
            }
            #expect(wheel.count == pending.count)
        }
        #expect(Set(wheel.advance(to: .at(now + Int64(span) * 40))) == Set(pending.keys))
        #expect(wheel.count == 0)
    }
}
