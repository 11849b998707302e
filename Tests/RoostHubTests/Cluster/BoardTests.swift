import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

@Suite("What is known of other nodes' boards")
struct BoardTests {
    private let node = NodeID(random: 2)

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

    @Test func aPartThatIsOlderThanWhatIsAppliedIsPassedOver() {
        var outlook = loaded(4)
        outlook.doubt([.general])
        _ = outlook.takeDue()
        let old = outlook.loaded(.general, BoardPage(parts: [node: BoardPage.Part(version: 3)]))
        #expect(old == Outlook.Reading(isWanted: true))
        let next = outlook.judge(news(4, 5))
        #expect(next == .apply)
    }

    @Test func whatWasAppliedWhileTheBoardWasReadIsNotGoneForNotBeingOnIt() {
        var outlook = loaded(4)
        let other = NodeID(random: 3)
        _ = outlook.judge(news(6, 7))
        let due = outlook.takeDue()
        #expect(due == [.general])
        let applied = outlook.judge(
            Bulletin.Attendance(room: .general, node: other, from: 0, to: 1, rows: [:]))
        #expect(applied == .apply)
        let read = outlook.loaded(.general, BoardPage(parts: [node: BoardPage.Part(version: 7)]))
        #expect(read == Outlook.Reading(isWanted: true, news: [node]))
    }

    @Test func whoIsNotKnownToLiveIsNotPlacedAndLookedAtAgainAfterARenewal() {
        var outlook = Outlook()
        outlook.begin(.general)
        _ = outlook.takeDue()
        let page = BoardPage(parts: [node: BoardPage.Part(version: 4)])
        let read = outlook.loaded(.general, page, lives: { _ in false })
        #expect(read == Outlook.Reading(isWanted: true, strays: [node]))
        #expect(outlook.isLoaded(.general))
        let none = outlook.takeDue()
        #expect(none.isEmpty)
        outlook.renewed()
        let due = outlook.takeDue()
        #expect(due == [.general])
        let again = outlook.loaded(.general, page)
        #expect(again.news == [node])
    }

    @Test func whoIsMissingInTheGraceIsWaitedForWithoutReadingOverAndOver() {
        var outlook = loaded(4)
        outlook.doubt([.general])
        _ = outlook.takeDue()
        let read = outlook.loaded(.general, BoardPage(), isGrace: true)
        #expect(read == Outlook.Reading(isWanted: true))
        #expect(outlook.isLoaded(.general))
        let none = outlook.takeDue()
        #expect(none.isEmpty)
        outlook.renewed()
        let due = outlook.takeDue()
        #expect(due == [.general])
        let late = outlook.loaded(.general, BoardPage())
        #expect(late.gone == [node])
    }

    @Test func aBoardThatDoesNotHaveWhatWasToldIsReadOnceMoreAndThenASecondLater() {
        var outlook = loaded(4)
        _ = outlook.judge(news(6, 7))
        for _ in 0..<2 {
            let due = outlook.takeDue()
            #expect(due == [.general])
            _ = outlook.loaded(.general, BoardPage(parts: [node: BoardPage.Part(version: 4)]))
        }
        let none = outlook.takeDue()
        #expect(none.isEmpty)
        outlook.lookAgain()
        let due = outlook.takeDue()
        #expect(due == [.general])
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
}
