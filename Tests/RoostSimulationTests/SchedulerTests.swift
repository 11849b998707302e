import Testing

@testable import RoostSimulation

@Suite("Virtual time and chance")
struct SchedulerTests {
    @Test("what is due first happens first, and at the same time in the order of scheduling")
    func order() {
        let scheduler = Scheduler()
        var happened: [String] = []
        scheduler.at(30) { happened.append("late") }
        for number in 0..<20 { scheduler.at(20) { happened.append("\(number)") } }
        scheduler.at(10) {
            happened.append("first")
            scheduler.after(5) { happened.append("added") }
        }
        scheduler.run(until: 25)
        #expect(happened == ["first", "added"] + (0..<20).map { "\($0)" })
        #expect(scheduler.now == 25)
        scheduler.run(until: 100)
        #expect(happened.last == "late")
    }

    @Test("many events in any order come out sorted")
    func heap() {
        let (scheduler, dice) = (Scheduler(), Dice(seed: 7, "test"))
        var times: [Int64] = []
        for _ in 0..<2000 {
            scheduler.at(dice.time(0...500)) {
                times.append(scheduler.now)
                if dice.chance(0.3) { scheduler.after(dice.time(0...50)) { times.append(scheduler.now) } }
            }
        }
        scheduler.run(until: 10_000)
        #expect(times == times.sorted())
        #expect(times.count > 2000)
    }

    @Test("a run stops when it is done, and time with it")
    func stops() {
        let scheduler = Scheduler()
        var count = 0
        for time in 1...10 { scheduler.at(Int64(time)) { count += 1 } }
        scheduler.run(until: 100) { count == 4 }
        #expect(count == 4 && scheduler.now == 4)
    }

    @Test("the same seed and concern give the same numbers, another concern others")
    func dice() {
        func numbers(_ seed: UInt64, _ concern: String) -> [UInt64] {
            let dice = Dice(seed: seed, concern)
            return (0..<100).map { _ in dice.next() }
        }
        #expect(numbers(1, "a") == numbers(1, "a"))
        #expect(numbers(1, "a") != numbers(1, "b"))
        #expect(numbers(1, "a") != numbers(2, "a"))
        let dice = Dice(seed: 3, "range")
        let rolls = (0..<1000).map { _ in dice.int(3...5) }
        #expect(Set(rolls) == [3, 4, 5])
        #expect((300...700).contains((0..<1000).count { _ in dice.chance(0.5) }))
    }
}
