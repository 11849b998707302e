import Testing

@testable import RoostHub

@Suite struct RoundsTests {
    @Test func eachHasItsTurnOncePerRound() {
        var rounds = Rounds<Int>(seconds: 5)
        for item in 0..<12 { rounds.insert(item) }
        let first = (0..<5).map { _ in rounds.take() }
        #expect(first.flatMap { $0 }.sorted() == Array(0..<12))
        #expect(first.allSatisfy { (2...3).contains($0.count) })
        #expect((0..<5).flatMap { _ in rounds.take() } == first.flatMap { $0 })
    }

    @Test func ofMoreThanMayBeAtOnceEachHasItsTurnLater() {
        var rounds = Rounds<Int>(seconds: 5)
        for item in 0..<100 { rounds.insert(item) }
        let taken = (0..<25).map { _ in rounds.take(atMost: 4) }
        #expect(taken.allSatisfy { $0.count == 4 })
        #expect(taken.flatMap { $0 }.sorted() == Array(0..<100))
        // What could not be taken is not made up for later.
        for item in 0..<95 { rounds.remove(item) }
        #expect((0..<5).flatMap { _ in rounds.take(atMost: 4) }.sorted() == Array(95..<100))
    }

    @Test func whatComesAndGoesIsForgottenThoughNobodyTakesATurn() {
        var rounds = Rounds<Int>(seconds: 5)
        for item in 0..<10_000 {
            rounds.insert(item)
            if item >= 10 { rounds.remove(item - 10) }
        }
        #expect(rounds.count == 10)
        #expect(rounds.places <= 2 * 10 + 65)
        #expect((0..<5).flatMap { _ in rounds.take() }.sorted() == Array(9990..<10_000))
    }

    @Test func whoIsGoneHasNoTurn() {
        var rounds = Rounds<Int>(seconds: 1)
        rounds.insert(1)
        rounds.insert(2)
        rounds.remove(1)
        #expect(rounds.take() == [2])
        rounds.insert(1)
        #expect(rounds.take().sorted() == [1, 2])
        #expect(rounds.count == 2)
    }
}
