import Foundation
import GRDB
import RoostCore
import RoostEngine

/// A row of `rooms` and what is read around it. All functions run inside the caller's transaction or snapshot.
struct RoomRow {
    var id: Int64
    var name: RoomName
    var title: String
    var visibility: Visibility
    var epoch: Epoch
    var head: Int64
    var floor: Int64
    /// Up to where messages have been deleted; never beyond `floor`.
    var trimmed: Int64
    var createdAt: Timestamp

    private static let columns = "id, name, title, visibility, epoch, head, floor, trimmed, created_at"

    private init(_ row: Row) throws {
        id = row[0]
        name = try RoomName(stored: row[1])
        title = row[2]
        visibility = Visibility(stored: row[3])
        epoch = try Epoch(stored: row[4])
        head = row[5]
        floor = row[6]
        trimmed = row[7]
        createdAt = Timestamp(milliseconds: row[8])
    }

    var roomHead: RoomHead {
        RoomHead(epoch: epoch, head: UInt64(head), floor: UInt64(floor), visibility: visibility)
    }

    static func find(_ name: RoomName, _ db: Database) throws -> RoomRow? {
        let statement = try db.cachedStatement(sql: "SELECT \(columns) FROM rooms WHERE name = ?")
        return try Row.fetchOne(statement, arguments: [name.text]).map(RoomRow.init)
    }

    static func find(id: Int64, _ db: Database) throws -> RoomRow? {
        let statement = try db.cachedStatement(
            sql: "SELECT \(columns) FROM rooms WHERE id = ? AND name IS NOT NULL")
        return try Row.fetchOne(statement, arguments: [id]).map(RoomRow.init)
    }

    /// The next rooms in the order of their numbers.
    static func page(after id: Int64, limit: Int, _ db: Database) throws -> [RoomRow] {
        let statement = try db.cachedStatement(
            sql: "SELECT \(columns) FROM rooms WHERE id > ? AND name IS NOT NULL ORDER BY id LIMIT ?")
        return try Row.fetchAll(statement, arguments: [id, limit]).map(RoomRow.init)
    }

    /// The caller has made sure that there is no room of that name.
    static func create(_ plan: RoomPlan, epoch: Epoch, at now: Timestamp, _ db: Database) throws -> RoomRow {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO rooms (name, title, visibility, epoch, created_at) VALUES (?, ?, ?, ?, ?)
                RETURNING \(columns)
                """)
        let visibility = RoomRules.visibility(of: plan.name, asked: plan.visibility)
        let row = try Row.fetchOne(
            statement,
            arguments: [
                plan.name.text, plan.title ?? plan.name.text, visibility.stored, epoch.text, now.milliseconds,
            ])
        guard let room = try row.map(RoomRow.init) else { throw DatabaseError(message: "no row was inserted") }
        for user in plan.participants { try room.setMember(user, to: true, db) }
        return room
    }

    /// Frees the name at once; the messages, members and marks are left to the `Sweeper`.
    func delete(_ db: Database) throws {
        try db.cachedStatement(sql: "UPDATE rooms SET name = NULL WHERE id = ?").execute(arguments: [id])
    }

    func amend(title: String?, visibility: Visibility?, _ db: Database) throws {
        try db.cachedStatement(
            sql: "UPDATE rooms SET title = coalesce(?, title), visibility = coalesce(?, visibility) WHERE id = ?"
        ).execute(arguments: [title, visibility.map { RoomRules.visibility(of: name, asked: $0).stored }, id])
    }

    func isMember(_ user: UserID, _ db: Database) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM members WHERE room = ? AND user = ?")
        return try Row.fetchOne(statement, arguments: [id, user.text]) != nil
    }

    func setMember(_ user: UserID, to isMember: Bool, _ db: Database) throws {
        let sql =
            isMember
            ? "INSERT INTO members (room, user) VALUES (?, ?) ON CONFLICT DO NOTHING"
            : "DELETE FROM members WHERE room = ? AND user = ?"
        try db.cachedStatement(sql: sql).execute(arguments: [id, user.text])
    }

    func info(_ db: Database) throws -> RoomInfo {
        let members = try String.fetchAll(
            db.cachedStatement(sql: "SELECT user FROM members WHERE room = ? ORDER BY id"), arguments: [id])
        let last = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT at, content FROM messages WHERE id > ? AND id <= ? AND kind IN \(Stored.messageKinds)
                    ORDER BY id DESC LIMIT 1
                    """),
            arguments: [
                Schema.row(id, max(floor, head - Int64(RoomInfo.lastMessageReach))), Schema.row(id, head),
            ])
        return RoomInfo(
            name: name, title: title, visibility: visibility, participants: try members.map(UserID.init(stored:)),
            createdAt: createdAt, epoch: epoch, head: UInt64(head), floor: UInt64(floor),
            lastMessage: last.map { RawJSON(validated: [UInt8]($0[1] as Data)) },
            lastMessageAt: last.map { Timestamp(milliseconds: $0[0]) })
    }

    /// Public rooms and those private ones the user is a member of; no one's personal room.
    static func visible(to user: UserID?, after: RoomName?, limit: Int, _ db: Database) throws -> [RoomRow] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(columns) FROM rooms
                WHERE name > ? AND name NOT GLOB 'user:?*' AND
                    (visibility = 0 OR EXISTS (SELECT 1 FROM members WHERE room = rooms.id AND user = ?))
                ORDER BY name LIMIT ?
                """)
        return try Row.fetchAll(statement, arguments: [after?.text ?? "", user?.text, max(0, limit)])
            .map(RoomRow.init)
    }

    static func names(of user: UserID, limit: Int, _ db: Database) throws -> [RoomName] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT rooms.name FROM members CROSS JOIN rooms ON rooms.id = members.room
                WHERE members.user = ? AND rooms.name IS NOT NULL ORDER BY members.room DESC LIMIT ?
                """)
        return try String.fetchAll(statement, arguments: [user.text, max(0, limit)]).map(RoomName.init(stored:))
    }
}
