import Foundation
import RoostCore
import RoostEngine
import Testing

@testable import RoostSQLite

/// Messages that are sent again to a file which another process writes to.
@Suite struct RetryTests {
    private let late = Timestamp(milliseconds: 10_000_000)

    @Test func whatTheOtherStoreHasStoredIsFound() async throws {
        try await withStores { stores in
            let (one, two) = (try await stores.open(fresh: true), try await stores.open())
            let since = try await position(0, one)
            _ = try await one.append(try (0..<10).map { try draft("m\($0)") }, at: .start)
            for store in [two, one] {
                let again = try await store.append([try retry("m3", since)], at: late)
                #expect(again.verdicts == [.stored(seq: 4, at: .start, duplicate: true)])
            }
        }
    }

    /// The search ahead of the transaction ends before the other store's message, which the transaction then finds.
    @Test(arguments: [0, 600_000] as [Int64])
    func whatIsStoredBetweenSearchAndTransactionIsFound(_ windowMs: Int64) async throws {
        try await withStores { stores in
            let options = StoreOptions(dedupeWindowMs: windowMs)
            let one = try await stores.open(fresh: true, options: options)
            let two = try await stores.open(options: options)
            let since = try await position(0, one)
            _ = try await one.append(try (0..<10).map { try draft("m\($0)") }, at: .start)
            let drafts = [try retry("x", since), try retry("m9", since), try retry("y", since)]
            let searched = try await one.search(drafts, at: late)
            _ = try await two.append([try draft("x"), try draft("y")], at: .start)
            let appended = try await one.append(drafts, searched, at: late)
            #expect(
                appended.verdicts
                    == [11, 10, 12].map { .stored(seq: $0, at: .start, duplicate: true) })
            #expect(try await one.log().count == 12)
        }
    }

    @Test func aRoomMadeAnewBetweenSearchAndTransactionIsAnotherLog() async throws {
        try await withStores { stores in
            let (one, two) = (try await stores.open(fresh: true), try await stores.open())
            let since = try await position(0, one)
            _ = try await one.append([try draft("a")], at: .start)
            let drafts = [try retry("a", since)]
            let searched = try await one.search(drafts, at: late)
            _ = try await two.deleteRoom(.general)
            let appended = try await one.append(drafts, searched, at: late)
            #expect(isExpired(appended.verdicts[0]))
            #expect(try await one.log() == [])
        }
    }

    @Test func whatIsDroppedBetweenSearchAndTransactionExpires() async throws {
        try await withStores { stores in
            let one = try await stores.open(fresh: true)
            let two = try await stores.open(options: StoreOptions(kinds: try kinds { $0.retainCount = 2 }))
            let since = try await position(0, one)
            _ = try await one.append([try draft("a"), try draft("b")], at: .start)
            let drafts = [try retry("z", since)]
            let searched = try await one.search(drafts, at: late)
            _ = try await two.append([try draft("c")], at: .start)
            let appended = try await one.append(drafts, searched, at: late)
            #expect(isExpired(appended.verdicts[0]))
        }
    }

    @Test func twoStoresThatRaceWithRetriesStoreEachOnce() async throws {
        try await withStores { stores in
            let options = StoreOptions(dedupeWindowMs: 20)
            let pair = [try await stores.open(fresh: true, options: options), try await stores.open(options: options)]
            let since = try await position(0, pair[0])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for store in pair {
                    group.addTask {
                        for step in 0..<40 {
                            let drafts = try (0..<5).map { try retry("\(step).\($0)", since) }
                            // Every few steps the window has moved on.
                            _ = try await store.append(drafts, at: Timestamp(milliseconds: Int64(step) * 7))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let log = try await pair[0].log()
            #expect(log.count == 200)
            #expect(Set(log.map(\.id)).count == 200)
        }
    }

    @Test func twoProcessesThatRetryStoreEachOnce() async throws {
        try await withStores { stores in
            let store = try await stores.open(fresh: true)
            let (path, since) = (stores.path, try await position(0, store).description)
            async let one = #expect(processExitsWith: .success) { [path = path as String, since = since as String] in
                try await retryAsProcess(path, since)
            }
            async let two = #expect(processExitsWith: .success) { [path = path as String, since = since as String] in
                try await retryAsProcess(path, since)
            }
            _ = await (one, two)
            let log = try await store.log()
            #expect(log.count == 150)
            #expect(Set(log.map(\.id)).count == 150)
        }
    }
}

/// The window covers a message only where the order of clocks leaves no doubt.
@Suite struct CoverageTests {
    private let options = StoreOptions(dedupeWindowMs: 600_000)

    private func covers(_ at: Int64, _ now: Int64, after clocks: [Int64], oldest: Int64?) -> Bool {
        var coverage = Coverage()
        for clock in clocks { coverage.note(Timestamp(milliseconds: clock)) }
        coverage.oldest = oldest.map(Timestamp.init(milliseconds:))
        return coverage.covers(Timestamp(milliseconds: at), at: Timestamp(milliseconds: now), options)
    }

    @Test func aSteadyClockIsTrusted() {
        let clocks: [Int64] = [0, 100_000, 99_000, 300_000]
        #expect(covers(100_000, 300_000, after: clocks, oldest: 0))
        #expect(!covers(5000, 300_000, after: clocks, oldest: 0))
        #expect(covers(5001, 300_000, after: clocks, oldest: 0))
        #expect(!covers(100_000, 300_000, after: clocks, oldest: 95_000))
        #expect(!covers(100_000, 300_000, after: clocks, oldest: nil))
        #expect(covers(100_000, 694_999, after: clocks, oldest: 0))
        #expect(!covers(100_000, 695_000, after: clocks, oldest: 0))
        #expect(!covers(100_000, 300_000, after: [], oldest: 0))
    }

    @Test func whatWasStoredBeforeTheClockWasSetBackIsNotCovered() {
        let clocks: [Int64] = [0, 100_000, 50_000, 120_000]
        #expect(!covers(100_000, 120_000, after: clocks, oldest: 0))
        #expect(!covers(60_000, 120_000, after: clocks, oldest: 0))
        #expect(covers(100_001, 120_000, after: clocks, oldest: 0))
    }

    @Test func aClockThatIsDaysAheadCoversNothing() {
        #expect(!covers(100_000, 200_000, after: [0, 100_000, 90_000_000_000], oldest: 0))
    }
}

private func isExpired(_ verdict: Verdict) -> Bool {
    if case .rejected(let failure) = verdict { failure.code == .retryExpired } else { false }
}

private func position(_ seq: UInt64, _ store: SQLiteStore) async throws -> Position {
    Position(epoch: try #require(try await store.heads([.general])[.general]).epoch, seq: seq)
}

private func retry(_ id: String, _ since: Position) throws -> Draft {
    var draft = try draft(id)
    draft.since = since
    return draft
}

private func retryAsProcess(_ path: String, _ since: String) async throws {
    let store = try SQLiteStore(path: path, options: StoreOptions(dedupeWindowMs: 20), at: .start)
    let since = try #require(Position(since))
    for step in 0..<50 {
        let drafts = try (0..<3).map { try retry("\(step).\($0)", since) }
        _ = try await store.append(drafts, at: Timestamp(milliseconds: Int64(step) * 7))
    }
    await store.close()
}
