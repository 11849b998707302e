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
        statement.bind(Schema.row(row.id, max(Int64(after), row.floor)), at: 1)
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
                sql: "SELECT \(columns) FROM messages WHERE id > ? AND id < ? ORDER BY id DESC LIMIT ?"))
        defer { statement.reset() }
        statement.bind(Schema.row(row.id, row.floor), at: 1)
        statement.bind(Schema.row(row.id, Int64(end)), at: 2)
        statement.bind(Int64(limit), at: 3)
        page.messages = try messages(room, statement, maxBytes: maxBytes).reversed()
        return page
    }

    /// The newest message of that id, and of that sender if one is given.
    static func find(
        _ room: RoomName, id: MessageID, sender: UserID?, reach: UInt64, _ db: Database
    ) throws -> Message? {
        guard let row = try RoomRow.find(room, db) else { return nil }
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(columns) FROM messages
                WHERE id > :after AND id <= :head AND message_id = :id AND kind IN \(Stored.messageKinds)
                    AND (:sender IS NULL OR sender = :sender)
                ORDER BY id DESC LIMIT 1
                """)
        let after = max(row.floor, row.head - Int64(clamping: reach))
        try statement.setArguments([
            "after": Schema.row(row.id, after), "head": Schema.row(row.id, row.head), "id": id.text,
            "sender": sender?.text,
        ])
        let raw = RawStatement(statement)
        defer { raw.reset() }
        return try raw.step() ? message(room, raw) : nil
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
        Message(
            room: room, seq: Schema.seq(ofRow: row.int(0)), id: try MessageID(stored: row.text(3)),
            sender: try UserID(stored: row.text(2)), kind: try MessageKind(stored: row.int(4)),
            at: Timestamp(milliseconds: row.int(1)),
            content: RawJSON(validated: row.blob(5)))
    }
}
