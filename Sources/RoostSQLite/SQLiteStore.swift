internal import Dispatch
internal import GRDB
public import RoostCore
public import RoostEngine

/// A store in one SQLite file, which several processes of a host may share.
///
/// Its acks say `stored`: an append returns after the fsync of its one transaction (`synchronous=FULL`). `seq`, epochs,
/// members and duplicates are read and decided inside that transaction, so they hold across processes. Reads come from
/// a pool of connections and never wait for writers. Its folder must be on a local disk: the processes share memory
/// beside the file (`-shm`).
public final class SQLiteStore: Store {
    let connections: Connections
    let options: StoreOptions
    private let id: String
    /// Nil once its statements have been let go of, without which the connection could not be closed.
    private let appender: WriterLocal<Appender?>
    /// What the dedupe window covered at the last append.
    private let coverage: Locked<Coverage>
    private let sweeper: Sweeper
    /// The number of the last room that `retain` has seen to.
    private let retained = Locked<Int64>(0)

    /// Opens the store, creating the file and its folder if they are missing; brings an older file up to date. Blocks
    /// while it reads the ids of the dedupe window (some 0.2 s for a million).
    ///
    /// - Parameters:
    ///   - path: the file; relative to the working directory unless it begins with a slash.
    ///   - now: the time at which the standing rooms are said to have been created, if they are new.
    public convenience init(
        path: String, options: StoreOptions = StoreOptions(), at now: Timestamp
    ) throws(SQLiteOpeningError) {
        try self.init(path: path, options: options, at: now, tuning: Tuning())
    }

    package init(
        path: String, options: StoreOptions, at now: Timestamp, tuning: Tuning
    ) throws(SQLiteOpeningError) {
        let opened = try Opening(path: path, options: options, now: now, tuning: tuning).open()
        self.options = options
        id = opened.storeID
        connections = opened.connections
        appender = opened.appender
        coverage = opened.coverage
        sweeper = Sweeper(connections)
        sweeper.start()
    }

    public func durability(of room: RoomName) -> Durability { .stored }

    public func storeID() async throws(StoreError) -> String {
        guard connections.gate.enter() else { throw .closed }
        connections.gate.leave()
        return id
    }

    public func close() async {
        guard await connections.gate.close() else { return }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [connections, appender] in
                connections.pool.writeWithoutTransaction { _ in appender.value = nil }
                // The last connection moves the write-ahead log into the file; readers could not, so it goes last.
                try? connections.pool.close()
                try? connections.aside.close()
                continuation.resume()
            }
        }
    }

    public func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended {
        try await append(drafts, try await search(drafts, at: now), at: now)
    }

    /// The second half of an append.
    func append(
        _ drafts: [Draft], _ searches: [RetrySearch.Log: RetrySearch], at now: Timestamp
    ) async throws(StoreError) -> Appended {
        let appender = appender
        let confirm: @Sendable () -> Void = { appender.value?.confirm() }
        let appended = try await connections.write(committed: confirm) { db in
            guard let appender = appender.value else { throw StoreError.closed }
            return try appender.append(db, drafts, searches, at: now)
        }
        sweeper.resume()
        return appended
    }

    /// The first half of an append: searches the logs for messages that are sent again, so that the transaction is kept
    /// short.
    func search(
        _ drafts: [Draft], at now: Timestamp
    ) async throws(StoreError) -> [RetrySearch.Log: RetrySearch] {
        guard drafts.contains(where: { $0.since != nil }) else { return [:] }
        let coverage = coverage.withLock { $0 }
        return try await connections.read { [options] db in
            try Retries.search(drafts, at: now, options, coverage, db)
        }
    }

    public func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(StoreError) -> Message? {
        try await connections.read { [options] db in
            try Pages.find(room, id: id, sender: sender, reach: options.searchReach, db)
        }
    }

    public func retain(at now: Timestamp) async throws(StoreError) -> Bool {
        let passed = retained.withLock { $0 }
        let (options, tuning) = (options, connections.tuning)
        let finding = try await connections.read { db in
            try Retention.look(after: passed, at: now, options, tuning, db)
        }
        switch finding {
        case .due(let room):
            let isUnfinished = try await connections.write { db in
                try Retention.piece(of: room, at: now, options, tuning, db)
            }
            retained.withLock { $0 = isUnfinished ? room - 1 : room }
        case .passed(let room): retained.withLock { $0 = room }
        case .end: retained.withLock { $0 = 0 }
        }
        if case .end = finding { return false }
        return true
    }

    public func read(
        _ room: RoomName, after: UInt64, limit: Int, maxBytes: Int
    ) async throws(StoreError) -> LogPage? {
        try await connections.read { db in
            try Pages.page(room, after: after, limit: limit, maxBytes: maxBytes, db)
        }
    }

    public func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage?
    {
        try await connections.read { db in
            try Pages.page(room, before: before, limit: limit, maxBytes: maxBytes, db)
        }
    }

    public func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead] {
        try await connections.read { db in
            var heads: [RoomName: RoomHead] = [:]
            for room in rooms { heads[room] = try RoomRow.find(room, db)?.roomHead }
            return heads
        }
    }

    func startSweeping() { sweeper.start() }

    /// Returns when nothing is under way in the background.
    package func settle() async {
        await sweeper.settle()
        await connections.settle()
    }

    /// How many ids of the dedupe window are held in memory.
    package func indexedIDs() async throws(StoreError) -> Int {
        let appender = appender
        return try await connections.write { _ in appender.value?.indexed ?? 0 }
    }

    /// Lets the file grow to so many pages and no further, as a full disk would; nil: as before.
    package func limitPages(to count: Int?) async throws(StoreError) {
        try await connections.write { db in
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(count ?? 4_294_967_294)")
        }
    }
}
