import GRDB
import RoostEngine

/// Deletes what deleted rooms have left: a bounded piece per transaction, commits of messages in between.
///
/// The rows without a name are its list of work, so that it goes on after a restart. Several processes may sweep the
/// same file. If a piece fails (no space, locked), the rest is `owed` and tried again after the next good append.
final class Sweeper: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isRunning = false
        /// There may be work that the running sweep has not seen.
        var isOwed = false
    }

    private let connections: Connections
    private let state = Locked(State())

    init(_ connections: Connections) { self.connections = connections }

    /// Begins sweeping unless it is under way.
    func start() {
        guard connections.tuning.sweeps else { return }
        state.withLock { state in
            state.isOwed = true
            guard !state.isRunning else { return }
            state.isRunning = true
            state.task = Task { await self.sweep() }
        }
    }

    /// Tries again what failed.
    func resume() {
        let isDue = state.withLock { $0.isOwed && !$0.isRunning }
        if isDue { start() }
    }

    /// Returns when nothing is being swept.
    func settle() async {
        while let task = state.withLock({ $0.isRunning ? $0.task : nil }) { await task.value }
    }

    private func sweep() async {
        while true {
            state.withLock { $0.isOwed = false }
            do throws(StoreError) {
                while try await connections.write({ [tuning = connections.tuning] db in
                    try Sweeper.piece(db, tuning)
                }) {}
            } catch {
                return state.withLock { state in
                    state.isOwed = true
                    state.isRunning = false
                }
            }
            let isDone = state.withLock { state in
                if !state.isOwed { state.isRunning = false }
                return !state.isOwed
            }
            if isDone { return }
        }
    }

    /// Deletes the next piece; false if nothing is left.
    private static func piece(_ db: Database, _ tuning: Tuning) throws -> Bool {
        let dead = try db.cachedStatement(sql: "SELECT id FROM rooms WHERE name IS NULL LIMIT 1")
        guard let room = try Int64.fetchOne(dead) else { return false }
        if try messages(of: room, through: Schema.maxSeq, db, tuning) != nil { return true }
        let members = try db.cachedStatement(
            sql: "DELETE FROM members WHERE id IN (SELECT id FROM members WHERE room = ? LIMIT ?)")
        try members.execute(arguments: [room, tuning.sweepRows])
        if db.changesCount > 0 { return true }
        let marks = try db.cachedStatement(
            sql:
                "DELETE FROM marks WHERE room = :room AND user IN (SELECT user FROM marks WHERE room = :room LIMIT :rows)"
        )
        try marks.execute(arguments: ["room": room, "rows": tuning.sweepRows])
        if db.changesCount > 0 { return true }
        try db.cachedStatement(sql: "DELETE FROM rooms WHERE id = ?").execute(arguments: [room])
        return true
    }

    /// Deletes a piece of the room's oldest messages, none beyond `last`: so many rows, or so many bytes.
    /// - Returns: the `seq` through which they are gone now; nil if there were none.
    static func messages(
        of room: Int64, through last: Int64, _ db: Database, _ tuning: Tuning
    ) throws -> Int64? {
        guard let end = try endOfPiece(of: room, through: last, db, tuning) else { return nil }
        try db.cachedStatement(sql: "DELETE FROM messages WHERE id BETWEEN ? AND ?")
            .execute(arguments: [Schema.row(room, 0), end])
        return Int64(Schema.seq(ofRow: end))
    }

    private static func endOfPiece(
        of room: Int64, through last: Int64, _ db: Database, _ tuning: Tuning
    ) throws -> Int64? {
        let statement = RawStatement(
            try db.cachedStatement(
                sql: "SELECT id, length(content) FROM messages WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"))
        defer { statement.reset() }
        statement.bind(Schema.row(room, 0), at: 1)
        statement.bind(Schema.row(room, last), at: 2)
        statement.bind(Int64(tuning.sweepRows), at: 3)
        var end: Int64?
        var bytes = 0
        while bytes < tuning.sweepBytes, try statement.step() {
            end = statement.int(0)
            bytes += Int(statement.int(1))
        }
        return end
    }
}
