import RoostCore
import RoostEngine
import Testing

@testable import RoostSQLite

/// The index in memory of the ids that the dedupe window remembers.
@Suite struct RecentIndexTests {
    @Test func everyEntryIsFound() {
        var random = SplitMix(state: 1)
        let hashes = (0..<50_000).map { _ in random.next() }
        var index = RecentIndex(options: StoreOptions(dedupeWindowMs: 1000))
        for (row, hash) in hashes.enumerated() { index.insert(hash, row: Int64(row) + 7, clock: .start) }
        #expect(index.count == hashes.count)
        #expect(hashes.enumerated().allSatisfy { row, hash in index.rows(of: hash) == [Int64(row) + 7] })
        let strangers = (0..<50_000).count { _ in !index.rows(of: random.next()).isEmpty }
        #expect(strangers < 5)
    }

    @Test func theSameHashIsFoundNewestGenerationFirst() {
        var index = RecentIndex(options: StoreOptions(dedupeWindowMs: 400))
        for step in 0..<4 {
            index.insert(42 << 24, row: Int64(step), clock: Timestamp(milliseconds: Int64(step) * 101))
        }
        #expect(index.rows(of: 42 << 24) == [3, 2, 1, 0])
    }

    @Test func anEntryStaysForTheWindowAndGoesSoonAfter() {
        var random = SplitMix(state: 2)
        var index = RecentIndex(options: StoreOptions(dedupeWindowMs: 1000))
        let hashes = (0..<10_000).map { _ in random.next() }
        for (row, hash) in hashes.enumerated() {
            let now = Int64(row)
            index.forget(at: Timestamp(milliseconds: now))
            index.insert(hash, row: now + 1, clock: Timestamp(milliseconds: now))
            #expect(index.count <= 1300)
            if row >= 999 { #expect(index.rows(of: hashes[row - 999]) == [now + 1 - 999]) }
        }
        index.forget(at: Timestamp(milliseconds: 1_000_000))
        #expect(index.count == 0)
    }

    @Test func rowNumbersMayJumpOrBeginAnew() {
        var index = RecentIndex(options: StoreOptions(dedupeWindowMs: 1000))
        for row in [5, 1 << 40, (1 << 40) + 1, 3] as [Int64] {
            index.insert(UInt64(row) << 24, row: row, clock: .start)
        }
        for row in [5, 1 << 40, (1 << 40) + 1, 3] as [Int64] {
            #expect(index.rows(of: UInt64(row) << 24).contains(row))
        }
    }
}

private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
