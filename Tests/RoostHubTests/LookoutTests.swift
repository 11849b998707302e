import RoostCore
import Testing

@testable import RoostHub

@Suite("The rooms to be asked about")
struct LookoutTests {
    private let rooms = (0..<650).map { room("r\($0)") }

    /// What is asked about until nothing is left, if each batch is answered at once.
    private func drain(_ lookout: inout Lookout, _ line: Lookout.Line) -> [[RoomName]] {
        var taken: [[RoomName]] = []
        while case let rooms = lookout.take(line), !rooms.isEmpty { taken.append(rooms) }
        return taken
    }

    @Test("each once, in order, so many together", arguments: Lookout.Line.allCases)
    func order(_ line: Lookout.Line) {
        var lookout = Lookout()
        for room in rooms[..<250] + rooms[..<250] { lookout.ask(room, in: line) }
        let taken = drain(&lookout, line)
        #expect(taken == [Array(rooms[..<100]), Array(rooms[100..<200]), Array(rooms[200..<250])])
    }

    @Test("no line waits for another, nor those in doubt, up to a bound, for each other")
    func lines() {
        var lookout = Lookout()
        var counts: [Lookout.Line: [Int]] = [:]
        for room in rooms { for line in Lookout.Line.allCases { lookout.ask(room, in: line) } }
        for line in Lookout.Line.allCases {
            while case let rooms = lookout.take(line), !rooms.isEmpty {
                lookout.isAsking(line)
                counts[line, default: []].append(rooms.count)
            }
        }
        #expect(counts == [.doubted: [100, 100, 100, 100], .unheard: [100], .other: [100]])
        lookout.isAnswered(.other)
        let (doubted, other) = (lookout.take(.doubted), lookout.take(.other))
        #expect(doubted.isEmpty && other == Array(rooms[100..<200]))
    }

    @Test("a room that was asked about is asked about again: what was said before says nothing about now")
    func again() {
        var lookout = Lookout()
        var taken: [[RoomName]] = []
        for _ in 0..<2 {
            lookout.ask(rooms[0], in: .other)
            taken += drain(&lookout, .other)
        }
        #expect(taken == [[rooms[0]], [rooms[0]]])
    }

    @Test("what failed waits for the next sweep, unless there is a reason")
    func later() {
        var lookout = Lookout()
        for _ in 0..<2 { lookout.askLater(rooms[0], in: .other) }
        var taken = [drain(&lookout, .other)]
        lookout.ask(rooms[0], in: .doubted)
        taken.append(drain(&lookout, .doubted))
        for _ in 0..<2 {
            lookout.sweep()
            taken.append(drain(&lookout, .other))
        }
        #expect(taken == [[], [[rooms[0]]], [[rooms[0]]], []])
    }

    @Test("a room is forgotten wherever it waits")
    func forget() {
        for line in Lookout.Line.allCases {
            var lookout = Lookout()
            lookout.ask(rooms[0], in: line)
            lookout.askLater(rooms[1], in: line)
            let wereDue = (0..<3).map { lookout.forget(rooms[$0]) }
            #expect(wereDue == [true, true, false])
            lookout.sweep()
            let taken = drain(&lookout, line)
            #expect(taken.isEmpty)
        }
    }
}
