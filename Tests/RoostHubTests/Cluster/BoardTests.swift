import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

@Suite("What is known of other nodes' boards, and what they are told")
struct BoardTests {
    private let node = NodeID(random: 2)
    private let ann = UserID("ann")!
    private let bob = UserID("bob")!
    private let here = Bulletin.Row.here(Attendee(name: "x", since: Timestamp(milliseconds: 1), connections: 1))

    private func news(_ from: UInt64, _ to: UInt64) -> Bulletin.Attendance {
        Bulletin.Attendance(room: .general, node: node, from: from, to: to, rows: [:])
    }

    private func loaded(_ version: UInt64) -> Outlook {
        var outlook = Outlook()
        outlook.begin(.general)
        let result1 = outlook.takeDue()
        #expect(result1 == [.general])
        let result2 = outlook.loaded(.general, BoardPage(parts: [node: BoardPage.Part(version: version)]))
        #expect(result2.isWanted)
        return outlook
    }

    // MARK: Hearing

    @Test func whatFollowsIsAppliedWhatIsOldIsNot() {
        var outlook = loaded(4)
        let result3 = outlook.judge(news(4, 5))
        #expect(result3 == .apply)
        let result4 = outlook.judge(news(4, 5))
        #expect(result4 == .ignore)
        let result5 = outlook.judge(news(3, 4))
        #expect(result5 == .ignore)
        let result6 = outlook.takeDue()
        #expect(result6.isEmpty)
    }

    @Test func aHoleMakesTheBoardBeReadAgain() {
        var outlook = loaded(4)
        let result7 = outlook.judge(news(6, 7))
        #expect(result7 == .ignore)
        let result8 = outlook.takeDue()
        #expect(result8 == [.general])
        let result9 = outlook.takeDue()
        #expect(result9.isEmpty)
    }

    @Test func aReminderOfWhatIsKnownCostsNothingOfWhatIsNotARead() {
        var outlook = loaded(4)
        let result10 = outlook.judge(news(4, 4))
        #expect(result10 == .ignore)
        let result11 = outlook.takeDue()
        #expect(result11.isEmpty)
        let result12 = outlook.judge(news(9, 9))
        #expect(result12 == .ignore)
        let result13 = outlook.takeDue()
        #expect(result13 == [.general])
    }

    @Test func fromTheBeginningReplacesEverything() {
        var outlook = loaded(4)
        let result14 = outlook.judge(news(0, 9))
        #expect(result14 == .replace)
        let result15 = outlook.judge(news(9, 10))
        #expect(result15 == .apply)
    }

    @Test func newsBeforeTheBoardIsReadMakeItBeReadAgainIfItIsOlder() {
        var outlook = Outlook()
        outlook.begin(.general)
        _ = outlook.takeDue()
        let result16 = outlook.judge(news(4, 5))
        #expect(result16 == .ignore)
        _ = outlook.loaded(.general, BoardPage(parts: [node: BoardPage.Part(version: 4)]))
        let result17 = outlook.takeDue()
        #expect(result17 == [.general])
        _ = outlook.loaded(.general, BoardPage(parts: [node: BoardPage.Part(version: 5)]))
        let result18 = outlook.takeDue()
        #expect(result18.isEmpty)
    }

    @Test func aReadThatBeganBeforeADoubtDoesNotEndIt() {
        var outlook = Outlook()
        outlook.begin(.general)
        _ = outlook.takeDue()
        outlook.doubt([.general])
        _ = outlook.loaded(.general, BoardPage())
        #expect(!outlook.isLoaded(.general))
        let result19 = outlook.takeDue()
        #expect(result19 == [.general])
        _ = outlook.loaded(.general, BoardPage())
        #expect(outlook.isLoaded(.general))
    }

    @Test func aNodeOfWhichTheBoardSaysNothingAnyMoreIsGone() {
        var outlook = loaded(4)
        outlook.doubt([.general])
        _ = outlook.takeDue()
        let result20 = outlook.loaded(.general, BoardPage())
        #expect(result20.gone == [node])
    }

    @Test func roomsOfNoInterestAreNotHeardOf() {
        var outlook = loaded(4)
        outlook.end(.general)
        let result21 = outlook.judge(news(4, 5))
        #expect(result21 == .ignore)
        let result22 = outlook.loaded(.general, BoardPage())
        #expect(!result22.isWanted)
        let result23 = outlook.takeDue()
        #expect(result23.isEmpty)
    }

    // MARK: Telling

    private func writeAll(_ own: inout OwnRows, isAttended: Bool = true) -> [Bulletin] {
        _ = own.begin()
        let told = own.written(own.take(), by: node) { _ in isAttended }
        _ = own.take()
        return told
    }

    private func reminders(_ own: inout OwnRows, _ seconds: Int) -> [Int] {
        var counts: [Int] = []
        for _ in 0..<seconds { counts.append(own.takeReminders(by: node).count) }
        return counts
    }

    private func versions(_ bulletins: [Bulletin]) -> [[UInt64]] {
        bulletins.compactMap { bulletin in
            guard case .attendance(let news) = bulletin else { return nil }
            return [news.from, news.to]
        }
    }

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
        own.beginAnew()
        own.note(.members(.general), ann, here)
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
}
