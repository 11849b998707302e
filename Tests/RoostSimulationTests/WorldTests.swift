import NIOCore
import RoostCore
import Testing

@testable import RoostSimulation

@Suite("The parts of the simulated world")
struct WorldTests {
    @Test("bytes arrive in order, whatever pieces they come in, until the pipe is cut")
    func pipe() {
        let scheduler = Scheduler()
        var network = Shape.Network()
        network.splits = 0.7
        network.latency = 10...5000
        let pipe = Pipe(scheduler: scheduler, dice: Dice(seed: 1, "pipe"), network: network)
        var arrived: [UInt8] = []
        var pieces = 0
        var hasEnded = false
        pipe.deliver = { bytes in
            arrived += Array(buffer: bytes)
            pieces += 1
        }
        let sent = (0..<1000).map { UInt8($0 % 251) }
        for start in stride(from: 0, to: 1000, by: 100) {
            scheduler.after(Int64(start)) { pipe.send(ByteBuffer(bytes: sent[start..<(start + 100)])) }
        }
        scheduler.after(1000) { pipe.finish { hasEnded = arrived.count == 1000 } }
        scheduler.run(until: 1_000_000)
        #expect(arrived == sent)
        #expect(pieces > 10)
        #expect(hasEnded)
        pipe.send(ByteBuffer(bytes: sent))
        pipe.cut()
        scheduler.run(until: 2_000_000)
        #expect(arrived.count == 1000)
    }

    @Test("a loop keeps the order of what it is given, knows when it runs, and breaks its promises when it dies")
    func loop() {
        let scheduler = Scheduler()
        let loop = SimLoop(scheduler: scheduler, dice: Dice(seed: 1, "loop"))
        var seen: [Int] = []
        for number in 0..<50 {
            loop.perform {
                #expect(loop.inEventLoop)
                seen.append(number)
            }
        }
        #expect(!loop.inEventLoop)
        scheduler.run(until: 100_000)
        #expect(seen == Array(0..<50))
        let timer = loop.scheduleTask(in: .seconds(1)) { 1 }
        var failures = 0
        loop.perform {
            let step = loop.submit { 2 }
            for future in [timer.futureResult, step] { future.whenFailure { _ in failures += 1 } }
            loop.die()
        }
        scheduler.run(until: 200_000)
        #expect(failures == 2)
        loop.submit { 3 }.whenFailure { _ in failures += 1 }
        #expect(failures == 3)
        scheduler.run(until: 10_000_000)
        #expect(seen.count == 50)
    }

    @Test("a seed passes, and tells what has happened", arguments: [2, 3, 5, 8, 13] as [UInt64])
    func passes(seed: UInt64) {
        let outcome = Simulation.run(seed: seed, shape: Shape(seed: seed, sqlite: false), isTraced: true)
        #expect(outcome.violation == nil)
        #expect(!outcome.lines.isEmpty && outcome.messages > 0)
    }

    @Test("a store that forgets what it has acked is caught")
    func forgetful() {
        let scheduler = Scheduler()
        let trace = Trace(isOn: false, scheduler: scheduler)
        let referee = Referee(scheduler: scheduler, trace: trace)
        let ledger = Ledger(referee: referee, trace: trace)
        guard let room = RoomName("r"), let user = UserID("u"), let id = MessageID("m") else { return }
        ledger.acked(Ledger.Author(sender: user, id: id), room, 1)
        #expect(referee.violation?.rule == .durability)
    }
}
