import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

@Suite("What other nodes are told of this one's boards")
struct OwnRowsTests {
    private let node = NodeID(random: 2)
    private let ann = UserID("ann")!
    private let bob = UserID("bob")!
    private let here = Bulletin.Row.here(Attendee(name: "x", since: Timestamp(milliseconds: 1), connections: 1))

    private func writeAll(_ own: inout OwnRows, isAttended: Bool = true) -> [Bulletin.Attendance] {
        _ = own.begin()
        let told = own.written(own.take(), by: node) { _ in isAttended }
        _ = own.take()
        return told
    }

    private func reminders(_ own: inout OwnRows, _ seconds: Int) -> [Int] {
        var counts: [Int] = []
        for _ in 0..<seconds { counts.append(own.takeRound(by: node).reminders.count) }
        return counts
    }

    private func versions(_ news: [Bulletin.Attendance]) -> [[UInt64]] { news.map { [$0.from, $0.to] } }

    @Test func versionsFollowEachOther() {
        var own = OwnRows()
        own.note(.members(.general), ann, here)
        let (begun, again) = (own.begin(), own.begin())
        #expect(begun && !again)
        let first = own.take()
        let told = own.written(first, by: node) { _ in true }
        #expect(versions(told) == [[0, 1]])
        let rest = own.take()
        #expect(rest.isEmpty)
        own.note(.members(.general), bob, here)
        #expect(versions(writeAll(&own)) == [[1, 2]])
    }

    @Test func whatCouldNotBeWrittenWaitsUnderWhatIsNewer() {
        var own = OwnRows()
        own.note(.members(.general), ann, here)
        own.note(.members(.general), bob, here)
        _ = own.begin()
        let failed = own.take()
        own.note(.members(.general), ann, .gone)
        own.putBack(failed)
        _ = own.begin()
        let again = own.take()
        #expect(again.first?.rows == [ann: .gone, bob: here])
    }

    @Test func afterTheBusWasAwayEverythingIsToldAnew() {
        var own = OwnRows()
        own.note(.members(.general), ann, here)
        _ = writeAll(&own)
        own.beginAnew([.members(.general): [ann: here]])
        #expect(versions(writeAll(&own)) == [[0, 2]])
    }

    @Test func othersAreRemindedSoonAndNowAndThenOfRoomsWithoutMembersNotForEver() {
        var own = OwnRows()
        own.note(.members(.general), ann, here)
        _ = writeAll(&own)
        let told = reminders(&own, 120)
        #expect(told.reduce(0, +) >= 3 + 3)
        #expect(told.allSatisfy { $0 <= 1 })
        own.note(.members(.general), ann, .gone)
        _ = writeAll(&own, isAttended: false)
        let farewell = reminders(&own, 200)
        #expect(farewell.prefix(3).allSatisfy { $0 == 1 })
        #expect(farewell.suffix(50).allSatisfy { $0 == 0 })
        own.note(.members(.general), bob, here)
        #expect(versions(writeAll(&own)) == [[0, 3]])
    }

    @Test func whoSaysAllSaysOfOtherBoardsThatNothingIsThere() {
        var own = OwnRows()
        let (left, full) = (BoardName.members(.general), BoardName.members(RoomName("full")!))
        own.note(left, ann, here)
        own.note(.connections(bob), bob, here)
        _ = writeAll(&own)
        own.note(left, ann, .gone)
        _ = writeAll(&own, isAttended: false)
        own.note(full, ann, here)
        own.beginAnew([full: [bob: here]])
        _ = own.begin()
        let pieces = own.take()
        let rows = Dictionary(uniqueKeysWithValues: pieces.map { ($0.change.board, $0.rows) })
        #expect(rows == [left: [:], full: [bob: here], .connections(bob): [:]])
        #expect(pieces.allSatisfy { $0.change.isWhole && $0.from == 0 })
        let told = own.written(pieces, by: node) { $0 != .general }
        #expect(Set(told.map(\.room)) == [.general, RoomName("full")!])
        // The farewell goes on.
        #expect(reminders(&own, 200).reduce(0, +) > 3)
    }

    @Test func whatCouldNotBeWrittenDoesNotComeBackUnderAllThereIs() {
        var own = OwnRows()
        own.note(.members(.general), ann, here)
        _ = own.begin()
        let failed = own.take()
        own.note(.members(.general), ann, .gone)
        own.beginAnew([.members(.general): [bob: here]])
        own.putBack(failed)
        _ = own.begin()
        let again = own.take()
        #expect(again.first?.rows == [bob: here])
        #expect(again.first?.change.isWhole == true)
        own.note(.members(.general), ann, here)
        own.putBack(again)
        _ = own.begin()
        let whole = own.take()
        #expect(whole.first?.rows == [ann: here, bob: here])
        #expect(whole.first?.change.isWhole == true)
    }

    @Test func partsAreKeptForAsLongAsSomebodyIsThereAndCleanedAfterwards() {
        var own = OwnRows()
        own.note(.members(.general), ann, here)
        own.note(.connections(ann), ann, here)
        _ = writeAll(&own)
        let parts = Set(own.parts(of: node))
        #expect(parts.count == 2)
        func kept(_ seconds: Int) -> (kept: [BoardPart], cleaned: [BoardPart]) {
            let rounds = (0..<seconds).map { _ in own.takeRound(by: node) }
            return (rounds.flatMap(\.kept), rounds.flatMap(\.cleaned))
        }
        let first = kept(600)
        #expect(first.cleaned.isEmpty)
        #expect(first.kept.count { $0.board == .members(.general) } == 20)
        #expect(first.kept.count { $0.board == .connections(ann) } == 1)
        #expect(Set(first.kept) == parts)
        #expect(parts.allSatisfy { own.isLatest($0) })
        own.note(.members(.general), ann, .gone)
        own.note(.connections(ann), ann, .gone)
        #expect(parts.allSatisfy { !own.isLatest($0) })
        _ = writeAll(&own, isAttended: false)
        let rest = Set(own.parts(of: node))
        let last = kept(1200)
        #expect(last.kept.isEmpty)
        #expect(Set(last.cleaned) == rest)
        #expect(own.parts(of: node).isEmpty)
    }
}
