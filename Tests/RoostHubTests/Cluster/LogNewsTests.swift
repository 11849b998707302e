import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

@Suite("What is told again of logs")
struct LogNewsTests {
    private let r = room("r")
    private func end(_ seq: UInt64, _ log: String = "e") -> Position { Position(epoch: epoch(log), seq: seq) }
    private func head(_ seq: UInt64, _ log: String = "e") -> Bulletin { .head(r, epoch(log), seq) }

    /// What is told of the room in so many seconds.
    private func told(_ news: inout LogNews, _ seconds: Int = 4) -> [[Bulletin]] {
        (0..<seconds).map { _ in news.takeRound().posts.flatMap(\.bulletins) }
    }

    @Test("each three times")
    func times() {
        var news = LogNews()
        news.grew(r, to: end(7))
        news.mayHaveGrown(r)
        let both = told(&news)
        #expect(both == [[head(7), .doubt(r)], [head(7), .doubt(r)], [head(7), .doubt(r)], []])
        #expect(news.count == 0)
        news.has(r, atLeast: 3)
        news.has(r, atLeast: 2)
        let least = told(&news)
        #expect(least == [[.atLeast(r, 3)], [.atLeast(r, 3)], [.atLeast(r, 3)], []])
    }

    @Test("a room that goes on growing is not in doubt for ever")
    func busy() {
        var news = LogNews()
        news.mayHaveGrown(r)
        news.has(r, atLeast: 9)
        var rounds: [[Bulletin]] = []
        for seq in 1...5 as ClosedRange<UInt64> {
            news.grew(r, to: end(seq))
            rounds += told(&news, 1)
        }
        #expect(rounds.map(\.count) == [3, 3, 3, 1, 1])
        #expect(rounds.last == [head(5)])
    }

    @Test("what the end says already is not said twice, and what was found in another log not at all")
    func leasts() {
        var news = LogNews()
        news.grew(r, to: end(5))
        news.has(r, atLeast: 5)
        let known = told(&news, 1)
        #expect(known == [[head(5)]])
        news.has(r, atLeast: 100)
        let new = told(&news, 1)
        #expect(new == [[head(5), .atLeast(r, 100)]])
        news.grew(r, to: end(1, "f"))
        let other = told(&news, 1)
        #expect(other == [[head(1, "f")]])
    }

    @Test("of a room that is gone that alone, beside what is new in the next one of its name")
    func gone() {
        var news = LogNews()
        news.grew(r, to: end(5))
        news.mayHaveGrown(r)
        news.isGone(r)
        let gone = told(&news, 1)
        #expect(gone == [[.dissolved(r)]])
        news.grew(r, to: end(1, "f"))
        let rest = told(&news)
        #expect(rest == [[head(1, "f"), .dissolved(r)], [head(1, "f"), .dissolved(r)], [head(1, "f")], []])
    }

    @Test("of more rooms than it remembers none is put out")
    func most() {
        var news = LogNews()
        for number in 0..<LogNews.mostRooms { news.mayHaveGrown(room("r\(number)")) }
        news.mayHaveGrown(r)
        #expect(news.count == LogNews.mostRooms)
        news.grew(room("r1"), to: end(1))
        let round = news.takeRound().posts
        #expect(round.first { $0.room == room("r1") }?.bulletins.count == 2)
    }
}
