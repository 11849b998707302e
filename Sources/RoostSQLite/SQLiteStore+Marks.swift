internal import GRDB
public import RoostCore
public import RoostEngine

extension SQLiteStore {
    public func mark(_ marks: [MemberMark]) async throws(StoreError) {
        try await connections.write { db in
            var rooms: [RoomName: RoomRow] = [:]
            for mark in marks {
                if rooms[mark.room] == nil { rooms[mark.room] = try RoomRow.find(mark.room, db) }
                if let room = rooms[mark.room] { try MarkRow.merge(mark, room, db) }
            }
        }
    }

    public func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark] {
        try await connections.read { db in
            var marks: [RoomName: Mark] = [:]
            for room in rooms { marks[room] = try MarkRow.find(user, room, db) }
            return marks
        }
    }

    public func marks(in room: RoomName, limit: Int) async throws(StoreError) -> [MemberMark] {
        try await connections.read { db in try MarkRow.page(room, limit: limit, db) }
    }
}

/// The table `marks`.
private enum MarkRow {
    static func merge(_ mark: MemberMark, _ room: RoomRow, _ db: Database) throws {
        let received = Int64(min(mark.mark.received, UInt64(room.head)))
        guard received > 0 else { return }
        // The condition spares the page, and with it the fsync, where nothing has changed.
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO marks (room, user, received, read) VALUES (?, ?, ?, ?)
                ON CONFLICT (room, user) DO UPDATE SET
                    received = max(received, excluded.received), read = max(read, excluded.read)
                WHERE excluded.received > received OR excluded.read > read
                """)
        try statement.execute(
            arguments: [room.id, mark.user.text, received, Int64(min(mark.mark.read, UInt64(room.head)))])
    }

    static func find(_ user: UserID, _ room: RoomName, _ db: Database) throws -> Mark? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT received, read FROM marks WHERE room = (SELECT id FROM rooms WHERE name = ?) AND user = ?
                """)
        return try Row.fetchOne(statement, arguments: [room.text, user.text]).map { mark($0, at: 0) }
    }

    static func page(_ room: RoomName, limit: Int, _ db: Database) throws -> [MemberMark] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT user, received, read FROM marks WHERE room = (SELECT id FROM rooms WHERE name = ?)
                ORDER BY user LIMIT ?
                """)
        return try Row.fetchAll(statement, arguments: [room.text, max(0, limit)]).map { row in
            MemberMark(room: room, user: try UserID(stored: row[0]), mark: mark(row, at: 1))
        }
    }

    private static func mark(_ row: Row, at column: Int) -> Mark {
        Mark(received: UInt64(row[column] as Int64), read: UInt64(row[column + 1] as Int64))
    }
}
