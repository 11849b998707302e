import Foundation
import GRDB
import GRDBSQLite
import RoostCore
import RoostEngine

/// The connections to one file: one that writes, a pool that reads, and one aside that checkpoints.
///
/// Work is queued to them as plain blocks: a cancelled task neither interrupts a commit nor leaves its outcome unknown.
final class Connections: Sendable {
    let pool: DatabasePool
    let aside: DatabaseQueue
    let gate = Gate()
    let tuning: Tuning
    let checkpoints: Checkpoints

    init(pool: DatabasePool, aside: DatabaseQueue, patience: Patience, tuning: Tuning) {
        self.pool = pool
        self.aside = aside
        self.tuning = tuning
        checkpoints = Checkpoints(pool: pool, aside: aside, patience: patience, gate: gate, tuning: tuning)
    }

    /// Runs `body` in one `BEGIN IMMEDIATE` transaction, in the order of calls; returns once it is on disk.
    /// - Parameter committed: called after the commit, before the next transaction begins.
    /// - Throws: nothing of the transaction has been kept, unless the error is `failed`: then the disk may have it.
    func write<T: Sendable>(
        committed: @escaping @Sendable () -> Void = {}, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        guard gate.enter() else { throw .closed }
        let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
            pool.asyncWriteWithoutTransaction { [self] db in
                let result = Result { () throws -> T in try transact(db, body) }.mapError { StoreError($0, db) }
                if case .success = result {
                    committed()
                    checkpoints.committed()
                }
                gate.leave()
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }

    /// Runs `body` on a reader, in a snapshot that has everything committed before the call. Keep it short: as long as
    /// it lasts the write-ahead log can't begin anew.
    func read<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        guard gate.enter() else { throw .closed }
        let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
            pool.asyncRead { [gate] reader in
                let result: Result<T, StoreError>
                do {
                    let db = try reader.get()
                    result = Result { () throws -> T in try body(db) }.mapError { StoreError($0, db) }
                } catch {
                    result = .failure(StoreError(error, nil))
                }
                gate.leave()
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }

    /// Returns when everything that was queued before has been done, checkpoints included.
    func settle() async {
        await withCheckedContinuation { continuation in
            aside.asyncWriteWithoutTransaction { [pool] _ in
                pool.asyncWriteWithoutTransaction { _ in continuation.resume() }
            }
        }
    }

    private func transact<T>(_ db: Database, _ body: (Database) throws -> T) throws -> T {
        // Left over if the disk failed even the rollback of the last transaction.
        if db.isInsideTransaction { try db.rollback() }
        var value: T?
        try db.inTransaction(.immediate) {
            value = try body(db)
            return .commit
        }
        guard let value else { throw DatabaseError(message: "the transaction was not run") }
        return value
    }
}

extension StoreError {
    init(_ error: any Error, _ db: Database?) {
        guard let error = error as? DatabaseError else {
            self = error as? StoreError ?? .failed("\(error)")
            return
        }
        switch error.resultCode {
        case .SQLITE_FULL: self = .full
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy
        // Not where the disk failed to confirm: what was written may come back after a crash.
        case .SQLITE_IOERR where error.extendedResultCode != .SQLITE_IOERR_FSYNC && db.map(Self.isOutOfSpace) == true:
            self = .full
        default:
            let code = error.extendedResultCode.rawValue
            self = .failed("SQLite error \(code): \(error.message ?? String(cString: sqlite3_errstr(code)))")
        }
    }

    /// A quota and the file of the shared memory run out as I/O errors.
    private static func isOutOfSpace(_ db: Database) -> Bool {
        guard let connection = db.sqliteConnection else { return false }
        let number = sqlite3_system_errno(connection)
        return number == ENOSPC || number == EDQUOT
    }
}
