import Foundation
import GRDB
import RoostCore
import RoostEngine

/// From a path to open connections: looks before it touches, creates, migrates.
struct Opening {
    struct Opened {
        var connections: Connections
        var appender: WriterLocal<Appender?>
        var coverage: Locked<Coverage>
        var storeID: String
    }

    private let path: String
    private let options: StoreOptions
    private let now: Timestamp
    private let tuning: Tuning
    private let patience: Patience

    init(path: String, options: StoreOptions, now: Timestamp, tuning: Tuning) {
        self.path = URL(fileURLWithPath: path).path
        self.options = options
        self.now = now
        self.tuning = tuning
        patience = Patience(timeoutMs: tuning.busyTimeoutMs)
    }

    func open() throws(SQLiteOpeningError) -> Opened {
        try prepareFolder()
        let deadline = ContinuousClock.now + .milliseconds(tuning.busyTimeoutMs)
        while true {
            do {
                try inspect()
                return try connect()
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && .now < deadline {
                // Two processes that switch a new file to its write-ahead log together are told so without waiting.
                usleep(2000)
            } catch {
                throw SQLiteOpeningError(error, path)
            }
        }
    }

    private func prepareFolder() throws(SQLiteOpeningError) {
        let files = FileManager.default
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        if files.fileExists(atPath: path, isDirectory: &isFolder) {
            if isFolder.boolValue { throw SQLiteOpeningError(.isFolder, path) }
            guard files.isReadableFile(atPath: path), files.isWritableFile(atPath: path) else {
                throw SQLiteOpeningError(.denied, path, "the file")
            }
        }
        if !files.fileExists(atPath: folder) { try createFolder(folder) }
        guard files.isWritableFile(atPath: folder) else { throw SQLiteOpeningError(.denied, path, "its folder") }
    }

    private func createFolder(_ folder: String) throws(SQLiteOpeningError) {
        let parent = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        if parent != folder, !FileManager.default.fileExists(atPath: parent) { try createFolder(parent) }
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw SQLiteOpeningError(.noFolder, path, String(cString: strerror(errno)).lowercased())
        }
        // SQLite sees to the files; without this a power cut could take the folder with them.
        let descriptor = Foundation.open(parent, O_RDONLY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        Foundation.close(descriptor)
    }

    /// Makes sure that an existing file is ours and not from the future, before anything in it is changed.
    private func inspect() throws {
        guard FileManager.default.fileExists(atPath: path),
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int, size > 0
        else { return }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .callback { [patience] attempt in patience.wait(attempt) }
        let file = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? file.close() }
        try file.read { db in
            guard try Opening.isOurs(db) else { throw SQLiteOpeningError(.notAStore, path) }
            if try Schema.migrator.hasBeenSuperseded(db) { throw SQLiteOpeningError(.newer, path) }
        }
    }

    /// Our mark is there, or nothing at all.
    private static func isOurs(_ db: Database) throws -> Bool {
        if try Int32.fetchOne(db, sql: "PRAGMA application_id") == Schema.applicationID { return true }
        return try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
    }

    private func connect() throws -> Opened {
        let pool = try DatabasePool(path: path, configuration: configuration())
        try pool.writeWithoutTransaction { db in
            // GRDB has set NORMAL, with which a commit does not wait for the disk.
            try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA cache_size = -16000")
            // What the log's file is cut to when it begins anew after a long reader kept it from that.
            _ = try Int.fetchOne(db, sql: "PRAGMA journal_size_limit = \(tuning.restartPages * 4096)")
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
        }
        try migrate(pool)
        let storeID = try furnish(pool)
        let aside = try DatabaseQueue(path: path, configuration: configuration())
        let connections = Connections(pool: pool, aside: aside, patience: patience, tuning: tuning)
        let coverage = Locked(Coverage())
        let appender = try pool.writeWithoutTransaction { db in
            connections.checkpoints.watch(db)
            return WriterLocal<Appender?>(try Appender(db, options: options, coverage: coverage))
        }
        return Opened(connections: connections, appender: appender, coverage: coverage, storeID: storeID)
    }

    private func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.label = "roost.store"
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .callback { [patience] attempt in patience.wait(attempt) }
        // Else GRDB ends the process if the disk fails a rollback; we roll back before the next transaction.
        configuration.allowsUnsafeTransactions = true
        // The plain fsync of macOS does not wait for the disk, `fullfsync` does. `secure_delete` is on in some systems'
        // SQLite and would write every page that is deleted.
        configuration.prepareDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA synchronous = FULL;
                    PRAGMA fullfsync = 1;
                    PRAGMA checkpoint_fullfsync = 1;
                    PRAGMA wal_autocheckpoint = 0;
                    PRAGMA secure_delete = FAST;
                    """)
        }
        return configuration
    }

    private func migrate(_ pool: DatabasePool) throws {
        func applied() throws -> Int { try pool.read { db in try Schema.migrator.appliedIdentifiers(db).count } }
        var known = try applied()
        while true {
            do {
                return try Schema.migrator.migrate(pool)
            } catch {
                // Another process that opened the file together with us may have taken this step: on with the next.
                let now = try applied()
                guard now > known else { throw error }
                known = now
            }
        }
    }

    /// Puts into a new store what every store has; returns the store's id.
    private func furnish(_ pool: DatabasePool) throws -> String {
        try pool.writeWithoutTransaction { db in
            var id = ""
            try db.inTransaction(.immediate) {
                if let known = try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'store_id'") {
                    id = known
                    return .commit
                }
                id = String(options.random(), radix: 36) + String(options.random(), radix: 36)
                try db.execute(sql: "INSERT INTO meta (key, value) VALUES ('store_id', ?)", arguments: [id])
                for name in RoomName.standing {
                    let epoch = Epoch(random: options.random())
                    _ = try RoomRow.create(RoomPlan(name: name), epoch: epoch, at: now, db)
                }
                return .commit
            }
            return id
        }
    }
}
