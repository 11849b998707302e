import GRDB
import RoostCore
import RoostEngine

/// What retention drops: first the floor moves, which hides; the rows go after, in bounded pieces.
enum Retention {
    /// Where the floor belongs: O(log n) looks into the log where messages expire by age, one if none has.
    static func floor(
        of room: Int64, _ kind: RoomKind, head: Int64, floor: Int64, at now: Timestamp, _ db: Database
    ) throws -> Int64 {
        let lowest = max(floor, Int64(clamping: kind.floor(head: UInt64(head))))
        guard let cutoff = kind.cutoff(at: now) else { return lowest }
        func isExpired(_ seq: Int64) throws -> Bool {
            guard seq <= head, let at = try Retries.time(of: seq, in: room, db) else { return false }
            return at <= cutoff
        }
        // Times never go back within a log: in growing steps to one that stays, then halving.
        var dropped = lowest
        var step: Int64 = 1
        while try isExpired(dropped + step) {
            dropped += step
            step *= 2
        }
        var kept = dropped + step
        while kept - dropped > 1 {
            let middle = dropped + (kept - dropped) / 2
            if try isExpired(middle) { dropped = middle } else { kept = middle }
        }
        return dropped
    }

    /// What a look at some rooms has found.
    enum Finding {
        /// The room of this number has something to drop or to delete.
        case due(Int64)
        /// None up to this one has.
        case passed(Int64)
        /// There are no more rooms.
        case end
    }

    /// Looks at the rooms after `room` for one that is due.
    static func look(
        after room: Int64, at now: Timestamp, _ options: StoreOptions, _ tuning: Tuning, _ db: Database
    ) throws -> Finding {
        let rooms = try RoomRow.page(after: room, limit: tuning.retainRooms, db)
        for room in rooms {
            let kind = options.kinds.kind(of: room.name)
            if room.trimmed < room.floor { return .due(room.id) }
            if kind.retainsAll { continue }
            let floor = try floor(of: room.id, kind, head: room.head, floor: room.floor, at: now, db)
            if floor > room.floor { return .due(room.id) }
        }
        return rooms.last.map { .passed($0.id) } ?? .end
    }

    /// Moves the room's floor and deletes a piece of what is below. In a transaction.
    /// - Returns: whether there is more to delete.
    static func piece(
        of room: Int64, at now: Timestamp, _ options: StoreOptions, _ tuning: Tuning, _ db: Database
    ) throws -> Bool {
        guard let room = try RoomRow.find(id: room, db) else { return false }
        let kind = options.kinds.kind(of: room.name)
        let floor = try floor(of: room.id, kind, head: room.head, floor: room.floor, at: now, db)
        let trimmed = try Sweeper.messages(of: room.id, through: floor, db, tuning) ?? floor
        try db.cachedStatement(sql: "UPDATE rooms SET floor = ?, trimmed = ? WHERE id = ?")
            .execute(arguments: [floor, trimmed, room.id])
        return trimmed < floor
    }
}
