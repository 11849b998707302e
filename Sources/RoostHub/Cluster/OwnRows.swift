import RoostCore
import RoostEngine

/// What this node has to write on boards: the latest of each row, until it is written; and what others are reminded of.
struct OwnRows: Sendable {
    private struct Pending: Sendable {
        var rows: [UserID: Bulletin.Row] = [:]
        /// Whether they are all that this node has to say on the board.
        var isWhole = false
    }

    /// What others have been told of this node's part of a room's board.
    private struct Told: Sendable {
        var version: UInt64
        /// How many slow rounds it is still told for; nil: as long as somebody is there.
        var roundsLeft: Int?
    }

    private var pending: [BoardName: Pending] = [:]
    private var published: [RoomName: Told] = [:]
    private var rooms = Rounds<RoomName>(seconds: OwnRows.roundSeconds)
    /// This node's part of a user's board.
    private struct Written: Sendable {
        var version: UInt64
        /// Whether there is a row; if not, the part goes when its turn comes.
        var isHere: Bool
    }
    private var connected: [UserID: Written] = [:]
    private var users = Rounds<UserID>(seconds: OwnRows.userRoundSeconds)
    private var versions: UInt64 = 0
    /// In how many more seconds others are reminded of a room's version.
    private var reminders: [RoomName: Int] = [:]
    /// Whether somebody is writing.
    private(set) var isWriting = false

    /// So many rows are written in one call, or those of one board.
    static let mostRows = 1000
    static let remindTimes = 3
    /// Seconds until others are reminded of a room again, and until it is seen whether a user's board is still there.
    static let roundSeconds = 30
    static let userRoundSeconds = 600
    /// So many rooms, and so many users, have their turn in a second at most: of more, rounds take longer, up to four
    /// times as long, since what nobody is in any more is forgotten in them.
    static let mostTurns = 1000
    /// A room in which nobody is left is told of in so many rounds more.
    static let farewellRounds = 3

    var isEmpty: Bool { pending.isEmpty }

    mutating func note(_ board: BoardName, _ user: UserID, _ row: Bulletin.Row) {
        pending[board, default: Pending()].rows[user] = row
    }

    // MARK: Writing

    /// One thing to be written, and what others are to hear of it afterwards.
    struct Piece: Sendable {
        var change: BoardChange
        var rows: [UserID: Bulletin.Row]
        /// The version others know; 0: this is all there is.
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
        while count < OwnRows.mostRows, let board = pending.keys.first, let part = pending.removeValue(forKey: board) {
            count += part.rows.count
            versions += 1
            let change = BoardChange(
                board, version: versions, rows: part.rows.mapValues(\.bytes), isWhole: part.isWhole)
            let from = part.isWhole ? 0 : board.room.flatMap { published[$0]?.version } ?? 0
            pieces.append(Piece(change: change, rows: part.rows, from: from))
        }
        if pieces.isEmpty { isWriting = false }
        return pieces
    }

    /// Pieces are written; what others are to be told.
    /// - Parameter isAttended: whether this node still has somebody in a room.
    mutating func written(_ pieces: [Piece], by node: NodeID, isAttended: (RoomName) -> Bool) -> [Bulletin.Attendance] {
        pieces.compactMap { piece in
            let version = piece.change.version
            switch piece.change.board {
            case .connections(let user):
                connected[user] = Written(version: version, isHere: piece.rows[user]?.attendee != nil)
                users.insert(user)
                return nil
            case .members(let room):
                published[room] = Told(version: version, roundsLeft: isAttended(room) ? nil : OwnRows.farewellRounds)
                rooms.insert(room)
                reminders[room] = OwnRows.remindTimes
                return Bulletin.Attendance(room: room, node: node, from: piece.from, to: version, rows: piece.rows)
            }
        }
    }

    /// Pieces could not be written: they wait, under what is newer.
    mutating func putBack(_ pieces: [Piece]) {
        for piece in pieces {
            var part = Pending(rows: piece.rows, isWhole: piece.change.isWhole)
            if let newer = pending[piece.change.board] {
                part = newer.isWhole ? newer : part
                part.rows.merge(newer.rows) { _, newer in newer }
            }
            pending[piece.change.board] = part
        }
        isWriting = false
    }

    // MARK: Saying all

    /// Everything is to be told anew, since what was written may be lost.
    /// - Parameter all: everything that this node has to say. On boards that are not among it, it has nothing any more,
    ///   which is told as well: others may have missed that it had.
    mutating func beginAnew(_ all: [BoardName: [UserID: Bulletin.Row]]) {
        let known = published.keys.map { BoardName.members($0) } + connected.keys.map { BoardName.connections($0) }
        for board in known + Array(pending.keys) { pending[board] = Pending(isWhole: true) }
        for (board, rows) in all { pending[board] = Pending(rows: rows, isWhole: true) }
    }

    /// This is all that this node has to say on one board, which has lost it.
    mutating func beginAnew(_ board: BoardName, _ rows: [UserID: Bulletin.Row]) {
        pending[board] = Pending(rows: rows, isWhole: true)
    }

    /// Whether a part is the latest that was written, and nothing else is about to be.
    func isLatest(_ part: BoardPart) -> Bool {
        guard pending[part.board] == nil, !isWriting else { return false }
        switch part.board {
        case .members(let room): return published[room]?.version == part.version
        case .connections(let user): return connected[user]?.version == part.version
        }
    }

    /// Everything that this node has on boards, or has left an empty part on.
    func parts(of node: NodeID) -> [BoardPart] {
        published.map { BoardPart(.members($0.key), of: node, version: $0.value.version) }
            + connected.map { BoardPart(.connections($0.key), of: node, version: $0.value.version) }
    }

    // MARK: Every second

    /// What is to be done each second.
    struct Round: Sendable {
        /// Versions that others are reminded of, should they have missed the news: soon after them, and of each room now
        /// and then.
        var reminders: [Bulletin.Attendance] = []
        /// Parts of boards that are seen to be there still.
        var kept: [BoardPart] = []
        /// Empty parts of which others have been told often enough.
        var cleaned: [BoardPart] = []
    }

    mutating func takeRound(by node: NodeID) -> Round {
        var round = Round()
        var due: Set<RoomName> = []
        for (room, left) in reminders {
            reminders[room] = left > 1 ? left - 1 : nil
            due.insert(room)
        }
        for room in rooms.take(atMost: max(OwnRows.mostTurns, rooms.count / (4 * OwnRows.roundSeconds))) {
            guard let told = published[room] else { continue }
            let part = BoardPart(.members(room), of: node, version: told.version)
            due.insert(room)
            guard let left = told.roundsLeft else {
                round.kept.append(part)
                continue
            }
            published[room]?.roundsLeft = left - 1
            // From then on the next news are all there is to know.
            guard left <= 1 else { continue }
            published[room] = nil
            rooms.remove(room)
            round.cleaned.append(part)
        }
        takeUsers(by: node, into: &round)
        round.reminders = due.compactMap { room in
            published[room].map { told in
                Bulletin.Attendance(room: room, node: node, from: told.version, to: told.version, rows: [:])
            }
        }
        return round
    }

    private mutating func takeUsers(by node: NodeID, into round: inout Round) {
        for user in users.take(atMost: max(OwnRows.mostTurns, users.count / (4 * OwnRows.userRoundSeconds))) {
            guard let written = connected[user] else { continue }
            let part = BoardPart(.connections(user), of: node, version: written.version)
            if written.isHere {
                round.kept.append(part)
            } else {
                connected[user] = nil
                users.remove(user)
                round.cleaned.append(part)
            }
        }
    }
}

extension BoardName {
    /// The room whose members it has.
    var room: RoomName? {
        if case .members(let room) = self { room } else { nil }
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
