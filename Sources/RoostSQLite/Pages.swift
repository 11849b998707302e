import GRDB
import RoostCore
import RoostEngine

/// Reading stretches of a log, within the caller's snapshot.
enum Pages {
    private static let columns = "id, at, sender, message_id, kind, content"

    static func page(_ room: RoomName, after: UInt64, limit: Int, maxBytes: Int, _ db: Database) throws -> LogPage? {
        guard let row = try RoomRow.find(room, db) else { return nil }
        var page = LogPage(head: row.roomHead, messages: [])
        guard after < UInt64(row.head), limit > 0 else { return page }
        let statement = RawStatement(
            try db.cachedStatement(
                sql: "SELECT \(columns) FROM messages WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"))
        defer { statement.reset() }
        statement.bind(Schema.row(row.id, Int64(after)), at: 1)
        statement.bind(Schema.row(row.id, row.head), at: 2)
        statement.bind(Int64(limit), at: 3)
        page.messages = try messages(room, statement, maxBytes: maxBytes)
        return page
    }

    static func page(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int, _ db: Database) throws -> LogPage? {
        guard let row = try RoomRow.find(room, db) else { return nil }
        var page = LogPage(head: row.roomHead, messages: [])
        let end = min(before ?? .max, UInt64(row.head) + 1)
        guard end > 1, limit > 0 else { return page }
        let statement = RawStatement(
            try db.cachedStatement(
                sql: "SELECT \(columns) FROM messages WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?"))
        defer { statement.reset() }
        statement.bind(Schema.row(row.id, 1), at: 1)
        statement.bind(Schema.row(row.id, Int64(end)), at: 2)
        statement.bind(Int64(limit), at: 3)
        page.messages = try messages(room, statement, maxBytes: maxBytes).reversed()
        return page
    }

    private static func messages(
        _ room: RoomName, _ statement: borrowing RawStatement, maxBytes: Int
    ) throws -> [Message] {
        var messages: [Message] = []
        var bytes = 0
        while try statement.step() {
            let message = try message(room, statement)
            messages.append(message)
            bytes += message.content.bytes.count
            if bytes >= maxBytes { break }
        }
        return messages
    }

    private static func message(_ room: RoomName, _ row: RawStatement) throws -> Message {
        guard let kind = MessageKind(rawValue: UInt8(truncatingIfNeeded: row.int(4))) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the store holds a message of an unknown kind")
        }
        return Message(
            room: room, seq: Schema.seq(ofRow: row.int(0)), id: try MessageID(stored: row.text(3)),
            sender: try UserID(stored: row.text(2)), kind: kind, at: Timestamp(milliseconds: row.int(1)),
            content: RawJSON(validated: row.blob(5)))
    }
}
