import RoostCore
import Testing

/// How far members have got.
@Suite struct MarkTests {
    @Test func whatWasReadWasReceived() {
        #expect(Mark(received: 3, read: 5) == Mark(received: 5, read: 5))
        #expect(Mark(received: 5, read: 3).received == 5)
        #expect(Mark() == Mark(received: 0, read: 0))
    }

    @Test func marksOnlyGrowAndSayWhetherTheyDid() {
        for received in UInt64(0)...4 {
            for read in UInt64(0)...4 {
                for other in (UInt64(0)...4).flatMap({ a in (UInt64(0)...4).map { Mark(received: a, read: $0) } }) {
                    var mark = Mark(received: received, read: read)
                    let before = mark
                    let hasChanged = mark.merge(other)
                    #expect(mark.received == max(before.received, other.received))
                    #expect(mark.read == max(before.read, other.read))
                    #expect(hasChanged == (mark != before))
                }
            }
        }
    }
}

/// Between what members say and what is kept.
@Suite struct MarkBoardTests {
    private let ann = user("ann")
    private let bob = user("bob")

    private func mark(_ name: RoomName, _ user: UserID, _ received: UInt64, _ read: UInt64 = 0) -> MemberMark {
        MemberMark(room: name, user: user, mark: Mark(received: received, read: read))
    }

    @Test func theHighestIsWrittenDownOnce() {
        var board = MarkBoard()
        #expect(!board.hasDirty)
        board.note(.general, ann, Mark(received: 5))
        board.note(.general, ann, Mark(received: 3, read: 2))
        #expect(board.hasDirty)
        #expect(board.takeDirty() == [mark(.general, ann, 5, 2)])
        #expect(!board.hasDirty)
        #expect(board.takeDirty().isEmpty)
    }

    @Test func whatTheStoreDidNotTakeIsWrittenDownLaterWithWhatCameMeanwhile() {
        var board = MarkBoard()
        board.note(.general, ann, Mark(received: 5))
        let taken = board.takeDirty()
        board.note(.general, ann, Mark(received: 4, read: 4))
        board.putBack(taken)
        #expect(board.takeDirty() == [mark(.general, ann, 5, 4)])
    }

    @Test func receiptsWaitForWhatIsKept() {
        var board = MarkBoard()
        let answers = [board.watch(.general), board.watch(.general)]
        #expect(answers == [true, false])
        board.note(.general, ann, Mark(received: 5))
        #expect(board.takeReceipts().isEmpty)
        #expect(board.receipts(of: .general) == nil)
        board.load(.general, [mark(.general, ann, 3, 3), mark(.general, bob, 9)])
        #expect(board.receipts(of: .general) == [mark(.general, ann, 5, 3), mark(.general, bob, 9)])
        #expect(board.takeReceipts().map(\.marks) == [[mark(.general, ann, 5, 3), mark(.general, bob, 9)]])
        #expect(board.takeReceipts().isEmpty)
    }

    @Test func onlyWhatIsNewIsReceiptedAndOnlyWhereSomebodyWatches() {
        var board = MarkBoard()
        _ = board.watch(.general)
        board.load(.general, [mark(.general, ann, 5)])
        _ = board.takeReceipts()
        board.note(.general, ann, Mark(received: 5))
        #expect(!board.hasDirty)
        board.note(.random, bob, Mark(received: 1))
        #expect(board.takeReceipts().isEmpty)
        board.note(.general, bob, Mark(received: 1))
        board.note(.general, ann, Mark(received: 6))
        let receipts = board.takeReceipts()
        #expect(receipts.map(\.room) == [.general])
        #expect(receipts.first?.marks == [mark(.general, ann, 6), mark(.general, bob, 1)])
    }

    @Test func aRoomNobodyWatchesAnyMoreIsForgottenButNotWhatIsToBeWrittenDown() {
        var board = MarkBoard()
        _ = board.watch(.general)
        board.load(.general, [])
        board.note(.general, ann, Mark(received: 5))
        board.unwatch(.general)
        #expect(board.receipts(of: .general) == nil)
        #expect(board.takeReceipts().isEmpty)
        #expect(board.takeDirty() == [mark(.general, ann, 5)])
        // An answer that comes too late is of no use.
        board.load(.general, [mark(.general, bob, 1)])
        #expect(board.receipts(of: .general) == nil)
    }

    /// Whatever fails and however often: in the end the store has everyone's highest mark.
    @Test(arguments: 1...10)
    func inTheEndTheStoreHasTheHighestOfAll(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var board = MarkBoard()
        var (said, kept): ([String: Mark], [String: Mark]) = ([:], [:])
        let (rooms, users) = ([RoomName.general, .random], ["a", "b", "c"])
        func write(_ marks: [MemberMark]) {
            for mark in marks { kept["\(mark.room) \(mark.user)", default: Mark()].merge(mark.mark) }
        }
        for _ in 0..<1000 {
            let (name, who) = (rooms[generator.below(2)], users[generator.below(3)])
            switch generator.below(6) {
            case 0:
                let taken = board.takeDirty()
                if generator.oneIn(2) { board.putBack(taken) } else { write(taken) }
            case 1 where board.watch(name):
                let stored = users.compactMap { other in
                    kept["\(name) \(other)"].map { MemberMark(room: name, user: user(other), mark: $0) }
                }
                board.load(name, stored)
            case 2 where generator.oneIn(3): board.unwatch(name)
            default:
                let mark = Mark(received: UInt64(generator.below(500)), read: UInt64(generator.below(500)))
                board.note(name, user(who), mark)
                said["\(name) \(who)", default: Mark()].merge(mark)
            }
        }
        write(board.takeDirty())
        #expect(kept == said)
    }
}
