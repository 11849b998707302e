import RoostCore
import Testing

/// Who was told to come back is shown for a while.
@Suite struct PresenceLingeringTests {
    private let start = Timestamp(milliseconds: 1000)
    private let ann = user("ann")

    private func presence() -> Presence {
        var presence = Presence()
        _ = presence.join(.general, ann, name: "Ann", at: start)
        return presence
    }

    @Test func whoIsExpectedBackHasNotLeftYet() {
        var presence = presence()
        #expect(presence.leave(.general, ann, lingeringUntil: .at(5000)) == .none)
        #expect(presence.count(.general) == 1)
        #expect(presence.page(.general, after: nil, limit: 1).members.map(\.connections) == [0])
        #expect(presence.expire(at: .at(4999)).isEmpty)
        let gone = presence.expire(at: .at(5000))
        #expect(gone.map(\.user) == [ann] && gone.map(\.room) == [.general] && gone.map(\.name) == ["Ann"])
        #expect(presence.count(.general) == 0)
        #expect(presence.expire(at: .at(6000)).isEmpty)
    }

    @Test func whoComesBackInTimeNeverLeft() {
        var presence = presence()
        _ = presence.leave(.general, ann, lingeringUntil: .at(5000))
        #expect(presence.join(.general, ann, name: "Ann", at: Timestamp(milliseconds: 9)) == .none)
        #expect(presence.expire(at: .at(9000)).isEmpty)
        let shown = presence.page(.general, after: nil, limit: 1).members
        #expect(shown == [.init(user: ann, name: "Ann", since: start, connections: 1)])
        #expect(presence.leave(.general, ann) == .left)
    }

    @Test func oneOfTwoConnectionsIsNotMissed() {
        var presence = presence()
        _ = presence.join(.general, ann, name: "Ann", at: start)
        #expect(presence.leave(.general, ann, lingeringUntil: .at(5000)) == .none)
        #expect(presence.expire(at: .at(9000)).isEmpty)
        #expect(presence.count(.general) == 1)
        #expect(presence.leave(.general, ann) == .left)
    }

    @Test func aLargeRoomHearsTheCountWhenTheTimeIsOver() {
        var presence = Presence()
        for number in 0...Presence.namesUpTo + 1 {
            _ = presence.join(.general, user("u\(number)"), name: "", at: start)
        }
        _ = presence.takeCounts(at: .at(1000))
        #expect(presence.leave(.general, user("u1"), lingeringUntil: .at(5000)) == .none)
        #expect(presence.takeCounts(at: .at(2000)).isEmpty)
        #expect(presence.expire(at: .at(5000)).isEmpty)
        #expect(presence.takeCounts(at: .at(3000)).map(\.count) == [Presence.namesUpTo + 1])
    }

    @Test func aRoomThatHearsCountsOnlyIsTakenNoteOfOnce() {
        var presence = presence()
        presence.countChanged(.general)
        presence.countChanged(.general)
        #expect(presence.takeCounts(at: .at(1000)).map(\.count) == [1])
        #expect(presence.takeCounts(at: .at(2000)).isEmpty)
    }

    /// Against a list of connections and of those who are waited for.
    @Test(arguments: 1...10)
    func itShowsWhoIsThereOrExpected(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var presence = Presence()
        var (here, expected): ([String: Int], [String: Int64]) = ([:], [:])
        var now: Int64 = 0
        for _ in 0..<3000 {
            now += Int64(generator.below(300))
            let name = "u\(generator.below(6))"
            switch generator.below(3) {
            case 0:
                let isNew = here[name] == nil && expected[name] == nil
                #expect(presence.join(.general, user(name), name: "", at: start) == (isNew ? .joined : .none))
                here[name, default: 0] += 1
                expected[name] = nil
            case 1 where here[name] != nil:
                let until: Int64? = generator.oneIn(2) ? now + 1000 : nil
                here[name, default: 0] -= 1
                let isLast = here[name] == 0
                if isLast { here[name] = nil }
                if isLast, let until { expected[name] = until }
                let change = presence.leave(.general, user(name), lingeringUntil: until.map { .at($0) })
                #expect(change == (isLast && until == nil ? .left : .none))
            case 1: break
            default:
                let gone = presence.expire(at: .at(now)).map(\.user.text)
                #expect(gone.sorted() == expected.filter { $0.value <= now }.keys.sorted())
                expected = expected.filter { $0.value > now }
            }
            let shown = presence.page(.general, after: nil, limit: 100).members
            #expect(shown.map(\.user.text) == Set(here.keys).union(expected.keys).sorted())
            #expect(shown.map(\.connections) == shown.map { here[$0.user.text] ?? 0 })
        }
    }
}
