import Crypto
import GRDB
import RoostCore
import RoostEngine

/// The ids of the dedupe window: the table `recent` with its index in memory. Used on the writing connection only.
///
/// Other processes may append to the same file: what they added is read at the start of each transaction, before
/// anything is looked up. Row numbers grow by one and the newest row is never pruned, so that "after the last row I
/// know" never misses one.
struct Recent {
    private let options: StoreOptions
    private var index: RecentIndex
    /// The newest row that is in the index and in the file, and the newest that this transaction has added.
    private var confirmed: Int64 = 0
    private var newest: Int64 = 0
    /// What the window covers, but for the table's oldest row as long as nobody has asked in this transaction.
    private(set) var coverage = Coverage()
    private var scratch: [UInt8] = []

    private let additions: RawStatement
    private let lookup: RawStatement
    private let insertion: RawStatement
    private let oldest: RawStatement
    private let deletion: RawStatement

    struct Hash {
        var a: UInt64
        var b: UInt64
    }

    init(_ db: Database, options: StoreOptions) throws {
        self.options = options
        index = RecentIndex(options: options)
        additions = try RawStatement(db, "SELECT id, a, clock FROM recent WHERE id > ? ORDER BY id")
        lookup = try RawStatement(db, "SELECT a, b, seq, clock, ahead FROM recent WHERE id = ?")
        insertion = try RawStatement(
            db, "INSERT INTO recent (id, a, b, seq, clock, ahead) VALUES (?, ?, ?, ?, ?, ?)")
        oldest = try RawStatement(db, "SELECT id, clock FROM recent ORDER BY id LIMIT ?")
        deletion = try RawStatement(db, "DELETE FROM recent WHERE id <= ?")
        try catchUp()
        try learnOldest()
    }

    var indexed: Int { index.count }

    /// Begins a transaction: forgets what the last one added if it was not confirmed, learns what others added.
    mutating func begin(at now: Timestamp) throws {
        newest = confirmed
        coverage.oldest = nil
        index.forget(at: now)
        try catchUp()
    }

    /// The transaction is on disk.
    mutating func confirm() { confirmed = newest }

    private mutating func catchUp() throws {
        defer { additions.reset() }
        additions.bind(newest, at: 1)
        while try additions.step() {
            newest = additions.int(0)
            let clock = Timestamp(milliseconds: additions.int(2))
            coverage.note(clock)
            guard options.dedupeWindowMs > 0 else { continue }
            index.insert(UInt64(bitPattern: additions.int(1)), row: newest, clock: clock)
        }
        confirmed = newest
    }

    /// 128 bits of SHA-256: ids come from clients, who must not be able to make two of them meet.
    mutating func hash(room: Int64, sender: UserID, id: MessageID) -> Hash {
        scratch.removeAll(keepingCapacity: true)
        withUnsafeBytes(of: room.bigEndian) { scratch.append(contentsOf: $0) }
        // With its length before it (at most 128), no sender runs into the id.
        scratch.append(UInt8(truncatingIfNeeded: sender.text.utf8.count))
        scratch.append(contentsOf: sender.text.utf8)
        scratch.append(contentsOf: id.text.utf8)
        var sha = SHA256()
        scratch.withUnsafeBytes { sha.update(bufferPointer: $0) }
        return sha.finalize().withUnsafeBytes { digest in
            Hash(a: digest.loadUnaligned(as: UInt64.self), b: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }

    /// Where and when a message of this hash was stored, if that was within the window.
    func find(_ hash: Hash, at now: Timestamp) throws -> (seq: UInt64, at: Timestamp)? {
        for row in index.rows(of: hash.a) {
            defer { lookup.reset() }
            lookup.bind(row, at: 1)
            guard try lookup.step(), UInt64(bitPattern: lookup.int(0)) == hash.a,
                UInt64(bitPattern: lookup.int(1)) == hash.b,
                options.remembers(Timestamp(milliseconds: lookup.int(3)), at: now)
            else { continue }
            return (UInt64(lookup.int(2)), Timestamp(milliseconds: lookup.int(3) + lookup.int(4)))
        }
        return nil
    }

    /// Whether the window still knows of a message of time `at` and of every later one in its room.
    mutating func covers(_ at: Timestamp, at now: Timestamp) throws -> Bool {
        if coverage.oldest == nil { try learnOldest() }
        return coverage.covers(at, at: now, options)
    }

    private mutating func learnOldest() throws {
        defer { oldest.reset() }
        oldest.bind(1, at: 1)
        coverage.oldest = try oldest.step() ? Timestamp(milliseconds: oldest.int(1)) : nil
    }

    /// Every message gets its row, though with a window of 0 it lasts only until the next append: the rows are those of
    /// the newest messages without a gap, whatever the window was under which they were stored.
    /// - Parameter at: the message's time, which may be ahead of the clock.
    mutating func remember(_ hash: Hash, seq: UInt64, at: Timestamp, clock: Timestamp) throws {
        let row = newest + 1
        insertion.bind(row, at: 1)
        insertion.bind(Int64(bitPattern: hash.a), at: 2)
        insertion.bind(Int64(bitPattern: hash.b), at: 3)
        insertion.bind(Int64(seq), at: 4)
        insertion.bind(clock.milliseconds, at: 5)
        insertion.bind(at.milliseconds - clock.milliseconds, at: 6)
        try insertion.run()
        newest = row
        coverage.note(clock)
        if options.dedupeWindowMs > 0 { index.insert(hash.a, row: row, clock: clock) }
    }

    /// Deletes the oldest rows that are past the window, at most `limit`, never the newest row.
    mutating func prune(at now: Timestamp, atMost limit: Int) throws {
        var last: Int64 = 0
        coverage.oldest = nil
        defer { oldest.reset() }
        oldest.bind(Int64(limit), at: 1)
        while try oldest.step() {
            let clock = Timestamp(milliseconds: oldest.int(1))
            if oldest.int(0) >= newest || options.remembers(clock, at: now) {
                coverage.oldest = clock
                break
            }
            last = oldest.int(0)
        }
        guard last > 0 else { return }
        deletion.bind(last, at: 1)
        try deletion.run()
    }
}
