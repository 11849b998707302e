import RoostCore
import RoostEngine
import Testing

@testable import RoostRedis

@Suite struct LinkMachineTests {
    private typealias Machine = LinkMachine<String>

    private func at(_ ms: Int64) -> Moment { Moment(milliseconds: ms) }
    private let error = BusError.away("x")
    private let silence = BusError.away("silence")

    private func ready(at time: Int64 = 0) -> Machine {
        var machine = Machine(silence: silence)
        _ = machine.start()
        _ = machine.opened("a", at: at(time))
        _ = machine.greeted("a", at: at(time))
        return machine
    }

    @Test func opensAndGreets() {
        var machine = Machine(silence: silence)
        #expect(machine.tick(at: at(0), chance: 0) == [])
        #expect(machine.start() == [.connect])
        #expect(machine.start() == [])
        #expect(machine.isHopeful && !machine.isReady)
        #expect(machine.opened("a", at: at(5)) == [.greet("a")])
        #expect(machine.greeted("b", at: at(6)) == [])
        #expect(machine.greeted("a", at: at(6)) == [.ready("a")])
        #expect(machine.isReady)
    }

    @Test func waitsLongerEachTime() {
        var machine = Machine(silence: silence)
        _ = machine.start()
        var now: Int64 = 0
        for longest: Int64 in [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000] {
            // Any number is chance; the largest wait is what it leaves at most.
            #expect(machine.failed(nil, error, at: at(now), chance: UInt64(longest)) == [.lost(error)])
            #expect(!machine.isHopeful)
            #expect(machine.tick(at: at(now + longest - 1), chance: 0) == [])
            #expect(machine.tick(at: at(now + longest), chance: 0) == [.connect])
            now += longest
        }
        #expect(machine.failed(nil, error, at: at(now), chance: 2001) == [.lost(error)])
        #expect(machine.tick(at: at(now), chance: 0) == [.connect])
    }

    @Test func whoWasSteadyIsTriedAgainSoon() {
        var machine = ready()
        #expect(machine.failed("a", error, at: at(1999), chance: 50) == [.close("a"), .lost(error)])
        _ = machine.tick(at: at(2049), chance: 0)
        _ = machine.opened("b", at: at(2049))
        _ = machine.greeted("b", at: at(2049))
        // Not steady: the second failure in a row waits up to 100 ms.
        _ = machine.failed("b", error, at: at(2050), chance: 100)
        #expect(machine.tick(at: at(2149), chance: 0) == [])
        #expect(machine.tick(at: at(2150), chance: 0) == [.connect])
        _ = machine.opened("c", at: at(2150))
        _ = machine.greeted("c", at: at(2150))
        _ = machine.failed("c", error, at: at(4150), chance: 50)
        #expect(machine.tick(at: at(4200), chance: 0) == [.connect])
    }

    @Test func pingsWhileQuiet() {
        var machine = ready()
        #expect(machine.tick(at: at(999), chance: 0) == [])
        #expect(machine.tick(at: at(1000), chance: 0) == [.ping("a")])
        machine.tickThrough(1100...3800)
        machine.heard("a", at: at(3900))
        #expect(machine.tick(at: at(4899), chance: 0) == [])
        #expect(machine.tick(at: at(4900), chance: 0) == [.ping("a")])
        machine.tickThrough(5000...7800)
        #expect(machine.tick(at: at(7899), chance: 0) == [])
        #expect(machine.tick(at: at(7900), chance: 0) == [.close("a"), .lost(silence)])
        #expect(!machine.isReady)
    }

    @Test func greetingsAreNotWaitedForWithoutEnd() {
        var machine = Machine(silence: silence)
        _ = machine.start()
        _ = machine.opened("a", at: at(0))
        machine.tickThrough(0...2900)
        #expect(machine.tick(at: at(2999), chance: 0) == [])
        #expect(machine.tick(at: at(3000), chance: 0) == [.close("a"), .lost(silence)])
    }

    /// While this process stands still it can't hear the answer, which may be there.
    @Test func ownStandstillsAreForgiven() {
        var machine = ready()
        machine.tickThrough(0...900)
        #expect(machine.tick(at: at(1000), chance: 0) == [.ping("a")])
        #expect(machine.tick(at: at(60_000), chance: 0) == [])
        machine.tickThrough(60_100...62_400)
        #expect(machine.tick(at: at(62_499), chance: 0) == [])
        #expect(machine.tick(at: at(62_500), chance: 0) == [.close("a"), .lost(silence)])
    }

    /// News of a connection that has been given up changes nothing.
    @Test func staleNews() {
        var machine = ready()
        _ = machine.failed("a", error, at: at(1), chance: 0)
        #expect(machine.failed("a", error, at: at(1), chance: 0) == [])
        #expect(machine.failed(nil, error, at: at(1), chance: 0) == [])
        #expect(machine.tick(at: at(1), chance: 0) == [.connect])
        #expect(machine.failed("a", error, at: at(1), chance: 0) == [])
        #expect(machine.opened("b", at: at(2)) == [.greet("b")])
        #expect(machine.greeted("a", at: at(2)) == [])
        #expect(machine.greeted("b", at: at(2)) == [.ready("b")])
        machine.heard("a", at: at(500))
        #expect(machine.tick(at: at(1002), chance: 0) == [.ping("b")])
    }

    @Test func stops() {
        var machine = ready()
        #expect(machine.stop() == [.close("a")])
        #expect(machine.opened("b", at: at(1)) == [.close("b")])
        #expect(machine.tick(at: at(9999), chance: 0) == [])
        #expect(machine.start() == [])
        #expect(!machine.isHopeful && !machine.isReady)
        #expect(machine.stop() == [])
    }
}

extension LinkMachine {
    /// Lets time pass, ten times a second, in which nothing is to be done.
    fileprivate mutating func tickThrough(_ times: ClosedRange<Int64>) {
        for time in stride(from: times.lowerBound, through: times.upperBound, by: 100) {
            let actions = tick(at: Moment(milliseconds: time), chance: 0)
            #expect(actions == [])
        }
    }
}
