import Foundation
import GRDB
import GRDBSQLite
import RoostEngine
import Synchronization

/// Moves committed pages from the write-ahead log into the file, away from the path of commits.
///
/// A passive checkpoint runs on its own connection while commits go on; it never blocks them. Under steady load it never
/// catches up entirely, so the log would never begin anew and grow without end: from `restartPages` on, right after a
/// passive one, the little that is left is moved on the writing connection, between two commits.
final class Checkpoints: Sendable {
    private struct State {
        var isRunning = false
        /// Pages of the log that are in the file already.
        var done = 0
    }

    private let pool: DatabasePool
    private let aside: DatabaseQueue
    private let patience: Patience
    private let gate: Gate
    private let tuning: Tuning
    private let state = Locked(State())
    /// Pages in the write-ahead log as of the last commit.
    private let size = WriterLocal(0)

    init(pool: DatabasePool, aside: DatabaseQueue, patience: Patience, gate: Gate, tuning: Tuning) {
        self.pool = pool
        self.aside = aside
        self.patience = patience
        self.gate = gate
        self.tuning = tuning
    }

    /// Has SQLite tell the log's size at each commit of the writing connection.
    func watch(_ db: Database) {
        let size = Unmanaged.passUnretained(size).toOpaque()
        sqlite3_wal_hook(
            db.sqliteConnection,
            { size, _, _, pages in
                if let size { Unmanaged<WriterLocal<Int>>.fromOpaque(size).takeUnretainedValue().value = Int(pages) }
                return SQLITE_OK
            }, size)
    }

    /// Called on the writing connection after each commit; starts a checkpoint if one is due.
    func committed() {
        let pages = size.value
        let isDue = state.withLock { state in
            if pages < state.done { state.done = 0 }
            guard !state.isRunning, pages - state.done >= tuning.checkpointPages else { return false }
            state.isRunning = true
            return true
        }
        guard isDue else { return }
        guard gate.enter() else { return finish(done: 0) }
        aside.asyncWriteWithoutTransaction { [self] db in
            // If it fails, or another process is at it, it is tried again once the log has grown as much again.
            let result = try? db.checkpoint(.passive)
            let done = result?.checkpointedFrameCount ?? pages
            if let result, result.walFrameCount >= tuning.restartPages {
                pool.asyncWriteWithoutTransaction { [self] db in
                    restart(db)
                    finish(done: done)
                    gate.leave()
                }
            } else {
                finish(done: done)
                gate.leave()
            }
        }
    }

    /// Makes the next commit write to the start of the log again, unless somebody reads or writes just now.
    private func restart(_ db: Database) {
        patience.withNone { _ = try? db.checkpoint(.restart) }
    }

    private func finish(done: Int) {
        state.withLock { state in
            state.isRunning = false
            state.done = done
        }
    }
}

/// Something that is only touched on the writing connection's queue, hence unchecked.
final class WriterLocal<Value>: @unchecked Sendable {
    var value: Value

    init(_ value: Value) { self.value = value }
}

/// How long a connection waits for a lock that another one holds. SQLite's own handler sleeps up to 100 ms at a time;
/// where two processes share a file that would be the latency of a message.
final class Patience: Sendable {
    private let timeoutMs: Int
    private let hasNone = Atomic(false)

    init(timeoutMs: Int) { self.timeoutMs = timeoutMs }

    /// SQLite's busy handler: sleeps a little; false once the time is up. `attempt` counts from 0.
    func wait(_ attempt: Int) -> Bool {
        // 20 times half a millisecond, then two at a time.
        let waitedMs = attempt < 20 ? attempt / 2 : 10 + (attempt - 20) * 2
        if hasNone.load(ordering: .relaxed) || waitedMs >= timeoutMs { return false }
        usleep(attempt < 20 ? 500 : 2000)
        return true
    }

    /// While `body` runs, a lock that is held is given up on at once.
    func withNone(_ body: () -> Void) {
        hasNone.store(true, ordering: .relaxed)
        body()
        hasNone.store(false, ordering: .relaxed)
    }
}
