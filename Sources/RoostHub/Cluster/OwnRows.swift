import DequeModule
import RoostCore
import RoostEngine

/// What this node has to write on boards: the latest of each row, until it is written.
struct OwnRows: Sendable {
    private var pending: [BoardName: [UserID: Bulletin.Row]] = [:]
    /// What others have been told of this node's part of a room's board.
    private struct Told: Sendable {
        var version: UInt64
        /// How many slow rounds it is still told for; nil: as long as somebody is there.
        var roundsLeft: Int?
    }
    private var published: [RoomName: Told] = [:]
    /// All of those, in the order in which others are reminded of them.
    private var rounds: Deque<RoomName> = []
    /// What is due of a round, in rooms times its seconds.
    private var share = 0
    private var versions: UInt64 = 0
    /// In how many more seconds others are reminded of a room's version.
    private var reminders: [RoomName: Int] = [:]
    /// Whether somebody is writing.
    private(set) var isWriting = false

    /// So many rows are written in one call, or those of one board.
    static let mostRows = 1000
    static let remindTimes = 3
    /// Seconds until others are reminded of a room again.
    static let roundSeconds = 30
    /// A room in which nobody is left is told of in so many rounds more.
    static let farewellRounds = 3

    var isEmpty: Bool { pending.isEmpty }

    mutating func note(_ board: BoardName, _ user: UserID, _ row: Bulletin.Row) {
        pending[board, default: [:]][user] = row
    }

    /// One thing to be written, and what others are to hear of it afterwards.
    struct Piece: Sendable {
        var change: BoardChange
        var rows: [UserID: Bulletin.Row]
        /// The version others know.
        var from: UInt64
    }

    /// Whether the caller is the one to write now: there is something, and nobody is at it.
    mutating func begin() -> Bool {
        guard !isWriting, !pending.isEmpty else { return false }
        isWriting = true
        return true
    }

    /// What is to be written next; empty, and the writing is over, if there is nothing.
    mutating func take() -> [Piece] {
        var pieces: [Piece] = []
        var count = 0
        while count < OwnRows.mostRows, let board = pending.keys.first, let rows = pending.removeValue(forKey: board) {
            count += rows.count
            versions += 1
            var from: UInt64 = 0
            if case .members(let room) = board { from = published[room]?.version ?? 0 }
            let change = BoardChange(board, version: versions, rows: rows.mapValues(\.bytes))
            pieces.append(Piece(change: change, rows: rows, from: from))
        }
        if pieces.isEmpty { isWriting = false }
        return pieces
    }

    /// Pieces are written; what others are to be told.
    /// - Parameter isAttended: whether this node still has somebody in a room.
    mutating func written(_ pieces: [Piece], by node: NodeID, isAttended: (RoomName) -> Bool) -> [Bulletin] {
        pieces.compactMap { piece in
            guard case .members(let room) = piece.change.board else { return nil }
            let roundsLeft = isAttended(room) ? nil : OwnRows.farewellRounds
            if published.updateValue(Told(version: piece.change.version, roundsLeft: roundsLeft), forKey: room) == nil {
                rounds.append(room)
            }
            reminders[room] = OwnRows.remindTimes
            return .attendance(
                Bulletin.Attendance(
                    room: room, node: node, from: piece.from, to: piece.change.version, rows: piece.rows))
        }
    }

    /// Pieces could not be written: they wait, under what is newer.
    mutating func putBack(_ pieces: [Piece]) {
        for piece in pieces {
            pending[piece.change.board] = piece.rows.merging(pending[piece.change.board] ?? [:]) { _, newer in newer }
        }
        isWriting = false
    }

    /// Everything is to be told anew, since what was written may be lost.
    mutating func beginAnew() {
        published = [:]
        rounds = []
        share = 0
    }

    /// Versions that others are reminded of each second, should they have missed the news: soon after them, and of each
    /// room now and then.
    mutating func takeReminders(by node: NodeID) -> [Bulletin] {
        var due: Set<RoomName> = []
        for (room, left) in reminders {
            reminders[room] = left > 1 ? left - 1 : nil
            due.insert(room)
        }
        share += rounds.count
        while share >= OwnRows.roundSeconds, let room = rounds.popFirst() {
            share -= OwnRows.roundSeconds
            due.insert(room)
            if let left = published[room]?.roundsLeft {
                published[room]?.roundsLeft = left - 1
                // From now on the next news are all there is to know.
                guard left > 1 else {
                    published[room] = nil
                    continue
                }
            }
            rounds.append(room)
        }
        return due.compactMap { room in
            published[room].map { told in
                .attendance(
                    Bulletin.Attendance(room: room, node: node, from: told.version, to: told.version, rows: [:]))
            }
        }
    }
}

extension Bulletin.Row {
    /// As it stands on the board; nil: not at all.
    var bytes: [UInt8]? {
        guard case .here(let attendee) = self else { return nil }
        var writer = ByteWriter()
        writer.put(attendee)
        return writer.bytes
    }
}
