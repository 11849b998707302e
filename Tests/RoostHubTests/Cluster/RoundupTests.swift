import NIOCore
import NIOPosix
import RoostCore
import Testing

@testable import RoostHub

@Suite("Questions to all nodes")
struct RoundupTests {
    private let one = NodeID(random: 1)
    private let two = NodeID(random: 2)
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test func itEndsOnceAllHaveAnswered() async {
        let roundup = Roundup()
        roundup.begin(7, of: [one: "a", two: "b"])
        async let answers = roundup.end(7, after: .hours(1), on: loop)
        roundup.hear(7, from: one, connections: 2)
        // Of another question, and twice the same: neither counts.
        roundup.hear(8, from: two, connections: 50)
        roundup.hear(7, from: one, connections: 50)
        roundup.hear(7, from: two, connections: 0)
        #expect(await answers.connections == [one: 2, two: 0])
        #expect(await answers.silent.isEmpty)
    }

    @Test func whoDoesNotAnswerInTimeIsNamed() async {
        let roundup = Roundup()
        roundup.begin(7, of: [one: "a", two: "b"])
        roundup.hear(7, from: two, connections: 1)
        let answers = await roundup.end(7, after: .nanoseconds(1), on: loop)
        #expect(answers.silent == [one: "a"])
        #expect(answers.connections == [two: 1])
        // Too late.
        roundup.hear(7, from: one, connections: 1)
    }

    @Test func nodesThatWereNotKnownCountAndAreNotWaitedFor() async {
        let roundup = Roundup()
        roundup.begin(7, of: [:])
        roundup.hear(7, from: one, connections: 3)
        #expect(await roundup.end(7, after: .hours(1), on: loop).connections == [one: 3])
    }
}
