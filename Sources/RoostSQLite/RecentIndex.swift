import RoostCore
import RoostEngine

/// Where in the table `recent` an id may be: a hint in memory, so that a new id costs no look into the file.
///
/// An entry takes 8 bytes (some 13 with the free places between): 40 bits of the id's hash and the row's number
/// relative to its generation. What is found is always checked against the row itself, so an entry may be stale (its
/// transaction was rolled back, its row pruned) without harm; only a missing one would be wrong.
/// Entries are dropped a generation at a time, once all of it is older than the window.
struct RecentIndex {
    /// Bounds the time that growing takes: a generation is rehashed at most at this size.
    static let maxGeneration = 1 << 20
    private static let maxOffset: Int64 = (1 << 24) - 2

    private let options: StoreOptions
    private var generations: [Generation] = []

    init(options: StoreOptions) { self.options = options }

    var count: Int { generations.reduce(0) { $0 + $1.count } }

    /// The rows in which `hash` may be, newest first.
    func rows(of hash: UInt64) -> [Int64] {
        var rows: [Int64] = []
        for generation in generations.reversed() { generation.find(hash, into: &rows) }
        return rows
    }

    mutating func insert(_ hash: UInt64, row: Int64, clock: Timestamp) {
        let spanMs = options.dedupeWindowMs / 4
        if let last = generations.indices.last, generations[last].takes(row: row, clock: clock, spanMs: spanMs) {
            generations[last].insert(hash, row: row, clock: clock)
        } else {
            var fresh = Generation(base: row, clock: clock)
            fresh.insert(hash, row: row, clock: clock)
            generations.append(fresh)
        }
    }

    /// Drops what is wholly past the window.
    mutating func forget(at now: Timestamp) {
        while let oldest = generations.first, !options.remembers(oldest.latest, at: now) { generations.removeFirst() }
    }

    /// An open-addressing table with linear probing; nothing is ever removed from it.
    private struct Generation {
        let base: Int64
        let first: Timestamp
        private(set) var latest: Timestamp
        private(set) var count = 0
        /// 0 is free; else 40 bits of hash, then 24 bits of `row - base + 1`.
        private var slots = [UInt64](repeating: 0, count: 256)

        init(base: Int64, clock: Timestamp) {
            self.base = base
            first = clock
            latest = clock
        }

        func takes(row: Int64, clock: Timestamp, spanMs: Int64) -> Bool {
            count < RecentIndex.maxGeneration && row >= base && row - base <= RecentIndex.maxOffset
                && abs(clock.milliseconds - first.milliseconds) <= spanMs
        }

        func find(_ hash: UInt64, into rows: inout [Int64]) {
            let mask = slots.count - 1
            var place = Int(hash >> 24) & mask
            while slots[place] != 0 {
                if slots[place] >> 24 == hash >> 24 { rows.append(base + Int64(slots[place] & 0xFF_FFFF) - 1) }
                place = (place + 1) & mask
            }
        }

        mutating func insert(_ hash: UInt64, row: Int64, clock: Timestamp) {
            if count * 8 >= slots.count * 5 { grow() }
            Generation.put((hash & ~0xFF_FFFF) | UInt64(row - base + 1), into: &slots)
            count += 1
            latest = max(latest, clock)
        }

        private mutating func grow() {
            var larger = [UInt64](repeating: 0, count: slots.count * 2)
            for entry in slots where entry != 0 { Generation.put(entry, into: &larger) }
            slots = larger
        }

        private static func put(_ entry: UInt64, into slots: inout [UInt64]) {
            let mask = slots.count - 1
            var place = Int(entry >> 24) & mask
            while slots[place] != 0 { place = (place + 1) & mask }
            slots[place] = entry
        }
    }
}
