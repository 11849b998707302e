internal import GRDB
public import RoostCore
public import RoostEngine

extension SQLiteStore {
    public func open(
        _ requests: [OpenRequest], at now: Timestamp
    ) async throws(StoreError) -> [Result<RoomHead, Failure>] {
        // Nearly every room exists: look without the write lock, and take it only for those that are to be created.
        let found = try await connections.read { db in
            try requests.map { request in try SQLiteStore.look(request, db) }
        }
        guard zip(requests, found).contains(where: { $1 == nil && creates($0) }) else {
            return zip(requests, found).map { request, result in result ?? .failure(RoomRules.unknown(request.room)) }
        }
        return try await connections.write { [self] db in
            try zip(requests, found).map { request, result in
                if let result = try result ?? SQLiteStore.look(request, db) { return result }
                guard creates(request) else { return .failure(RoomRules.unknown(request.room)) }
                let epoch = Epoch(random: options.random())
                return .success(try RoomRow.create(RoomPlan(name: request.room), epoch: epoch, at: now, db).roomHead)
            }
        }
    }

    private func creates(_ request: OpenRequest) -> Bool { request.create && options.creates(request.room) }

    /// What the request gets as the file is; nil if there is no such room and the asker might have it created.
    private static func look(_ request: OpenRequest, _ db: Database) throws -> Result<RoomHead, Failure>? {
        let row = try RoomRow.find(request.room, db)
        let refusal = try RoomRules.refusalToOpen(
            request.room, visibility: row?.visibility ?? RoomRules.visibility(of: request.room), user: request.user,
            authority: request.authority
        ) { (user: UserID) throws -> Bool in try row?.isMember(user, db) ?? false }
        return refusal.map { .failure($0) } ?? row.map { .success($0.roomHead) }
    }

    public func createRoom(
        _ plan: RoomPlan, at now: Timestamp
    ) async throws(StoreError) -> Result<RoomInfo, Failure> {
        try await connections.write { [options] db in
            guard try RoomRow.find(plan.name, db) == nil else { return .failure(RoomRules.taken(plan.name)) }
            return .success(try RoomRow.create(plan, epoch: Epoch(random: options.random()), at: now, db).info(db))
        }
    }

    public func room(_ name: RoomName) async throws(StoreError) -> RoomInfo? {
        try await connections.read { db in try RoomRow.find(name, db)?.info(db) }
    }

    public func rooms(
        visibleTo user: UserID?, after: RoomName?, limit: Int
    ) async throws(StoreError) -> [RoomInfo] {
        try await connections.read { db in
            try RoomRow.visible(to: user, after: after, limit: limit, db).map { try $0.info(db) }
        }
    }

    public func rooms(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName] {
        try await connections.read { db in try RoomRow.names(of: user, limit: limit, db) }
    }

    public func amendRoom(
        _ name: RoomName, title: String?, visibility: Visibility?
    ) async throws(StoreError) -> RoomInfo? {
        try await connections.write { db in
            try RoomRow.find(name, db)?.amend(title: title, visibility: visibility, db)
            return try RoomRow.find(name, db)?.info(db)
        }
    }

    public func deleteRoom(_ name: RoomName) async throws(StoreError) -> Bool {
        let wasThere = try await connections.write { [options] db in
            guard let row = try RoomRow.find(name, db) else { return false }
            try row.delete(db)
            // A standing room always exists: only its log and its epoch are new.
            if RoomName.standing.contains(name) {
                _ = try RoomRow.create(
                    RoomPlan(name: name), epoch: Epoch(random: options.random()), at: row.createdAt, db)
            }
            return true
        }
        if wasThere { startSweeping() }
        return wasThere
    }

    public func setMember(
        _ user: UserID, of room: RoomName, to isMember: Bool
    ) async throws(StoreError) -> Bool {
        try await connections.write { db in
            guard let row = try RoomRow.find(room, db) else { return false }
            try row.setMember(user, to: isMember, db)
            return true
        }
    }

    public func hearOfChange(to room: RoomName) {}

    public func note(_ sightings: [Sighting]) async throws(StoreError) {
        try await connections.write { db in
            for sighting in sightings { try UserRow.note(sighting, db) }
        }
    }

    public func users(_ ids: [UserID]) async throws(StoreError) -> [UserID: User] {
        try await connections.read { db in
            var users: [UserID: User] = [:]
            for id in ids { users[id] = try UserRow.find(id, db) }
            return users
        }
    }

    public func users(after: UserID?, limit: Int) async throws(StoreError) -> [User] {
        try await connections.read { db in try UserRow.page(after: after, limit: limit, db) }
    }
}

/// The table `users`.
private enum UserRow {
    static func note(_ sighting: Sighting, _ db: Database) throws {
        // The condition spares the page, and with it the fsync, where nothing has changed.
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO users (id, name, avatar, last_seen) VALUES (:id, coalesce(:name, :id), :avatar, :seen)
                ON CONFLICT (id) DO UPDATE SET name = coalesce(:name, name), avatar = coalesce(:avatar, avatar),
                    last_seen = coalesce(:seen, last_seen)
                WHERE name IS NOT coalesce(:name, name) OR avatar IS NOT coalesce(:avatar, avatar)
                    OR last_seen IS NOT coalesce(:seen, last_seen)
                """)
        try statement.execute(
            arguments: [
                "id": sighting.user.text, "name": sighting.name, "avatar": sighting.avatar,
                "seen": sighting.lastSeen?.milliseconds,
            ])
    }

    static func find(_ id: UserID, _ db: Database) throws -> User? {
        let statement = try db.cachedStatement(sql: "SELECT id, name, avatar, last_seen FROM users WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id.text]).map(user)
    }

    static func page(after: UserID?, limit: Int, _ db: Database) throws -> [User] {
        let statement = try db.cachedStatement(
            sql: "SELECT id, name, avatar, last_seen FROM users WHERE id > ? ORDER BY id LIMIT ?")
        return try Row.fetchAll(statement, arguments: [after?.text ?? "", max(0, limit)]).map(user)
    }

    private static func user(_ row: Row) throws -> User {
        User(
            id: try UserID(stored: row[0]), name: row[1], avatar: row[2],
            lastSeen: (row[3] as Int64?).map(Timestamp.init(milliseconds:)))
    }
}
