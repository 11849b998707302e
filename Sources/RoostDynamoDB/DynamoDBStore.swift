public import RoostCore
public import RoostEngine

/// A store in DynamoDB, which any number of nodes may share.
///
/// Its acks say `stored`: an append returns when DynamoDB has confirmed its write. The log of a room is a chain of chunks,
/// each written once at the place behind the one before (`Chain`), so that nodes that append at the same time agree on
/// one order without a lock. What a node remembers of rooms and heads are hints that conditions of writes check. Listings
/// and changes of access by other nodes are seen with a delay of a moment (`RoomSlot.beliefMs` at most for access).
/// What it is, asks and costs: `Docs/dynamodb.md`.
public final class DynamoDBStore: Store {
    let logs: Logs
    let rooms: Rooms
    let users: Users
    private let id: String
    private let gate = Gate()
    private let finish: @Sendable () async -> Void

    /// By how much the clocks of two nodes may differ: an id is remembered for so much longer than the dedupe window, that
    /// a node whose clock is ahead does not forget it early. In milliseconds.
    package static let skewMs: Int64 = 300_000

    /// A store over ready tables.
    /// - Parameters:
    ///   - skewMs: by how much the clocks of two nodes may differ.
    ///   - maxIDs: remembered for the dedupe windows of all rooms; some 100 bytes each. Rooms that have been quiet for
    ///     longest read theirs again when they are needed.
    ///   - now: the time at which the standing rooms are said to have been created, if they are new.
    ///   - finish: lets go of what is below the tables when the store is closed.
    package init(
        over tables: any Tables, options: StoreOptions, world: StoreWorld, at now: Timestamp, skewMs: Int64,
        maxIDs: Int = 4_000_000, finish: @escaping @Sendable () async -> Void = {}
    ) async throws(TableError) {
        var options = options
        if options.dedupeWindowMs > 0 { options.dedupeWindowMs += skewMs }
        logs = Logs(tables: PatientTables(tables, world: world), options: options, world: world, maxIDs: maxIDs)
        rooms = Rooms(logs: logs)
        users = Users(logs: logs)
        self.finish = finish
        id = try await DynamoDBStore.identity(logs, options)
        let logs = logs
        _ = try await logs.each(RoomName.standing) { name throws(TableError) in
            let slot = logs.slot(name)
            if try await logs.item(slot) == nil { _ = try await logs.create(RoomPlan(name: name), slot, at: now) }
        }
    }

    /// The tables below, for tests to look into.
    package var tables: any Tables { logs.tables }

    /// The store's id, made by whoever opens it first.
    private static func identity(_ logs: Logs, _ options: StoreOptions) async throws(TableError) -> String {
        let key = Key("#store", text: RoomItem.part)
        let fresh = String(options.random(), radix: 36) + String(options.random(), radix: 36)
        var item = key.item(in: .rooms)
        item["storeID"] = .text(fresh)
        guard case .refused(let existing) = try await logs.tables.put(item, into: .rooms, if: .absent) else {
            return fresh
        }
        guard let id = existing?.text("storeID") else {
            throw TableError(.corrupt, "the tables hold something that no Roost wrote")
        }
        return id
    }

    public func durability(of room: RoomName) -> Durability { .stored }

    public func close() async {
        if await gate.close() { await finish() }
    }

    public func storeID() async throws(StoreError) -> String {
        try await ask { () throws(TableError) in id }
    }

    /// Runs one question, unless the store is closed.
    private func ask<T: Sendable>(_ body: () async throws(TableError) -> T) async throws(StoreError) -> T {
        guard gate.enter() else { throw .closed }
        defer { gate.leave() }
        do throws(TableError) {
            return try await body()
        } catch {
            throw error.storeError
        }
    }
}

// The logs.
extension DynamoDBStore {
    /// As `MessageLog.append`. Rooms are written at the same time; where those of some rooms fail, only their drafts are
    /// rejected, with `unavailable`. Throws if all of them fail and nothing has been decided.
    public func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended {
        guard gate.enter() else { throw .closed }
        defer { gate.leave() }
        var batch = AppendBatch(drafts)
        let logs = logs
        batch.outcomes = await inParallel(batch.rooms) { room in
            await logs.append(room.drafts, to: room.name, at: now)
        }
        if let error = batch.commonError { throw error.storeError }
        return batch.appended
    }

    public func read(_ room: RoomName, after: UInt64, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage? {
        try await ask { () async throws(TableError) in
            try await logs.read(room, after: after, limit: limit, maxBytes: maxBytes)
        }
    }

    public func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage?
    {
        try await ask { () async throws(TableError) in
            try await logs.read(room, before: before, limit: limit, maxBytes: maxBytes)
        }
    }

    public func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead] {
        try await ask { () async throws(TableError) in try await logs.heads(rooms) }
    }

    public func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(StoreError) -> Message? {
        try await ask { () async throws(TableError) in try await logs.find(room, id: id, sender: sender) }
    }

    public func retain(at now: Timestamp) async throws(StoreError) -> Bool {
        try await ask { () async throws(TableError) in try await logs.retain(at: now) }
    }
}

// The directory.
extension DynamoDBStore {
    public func hearOfChange(to room: RoomName) { logs.known(room)?.forgetItem() }

    public func open(
        _ requests: [OpenRequest], at now: Timestamp
    ) async throws(StoreError) -> [Result<RoomHead, Failure>] {
        try await ask { () async throws(TableError) in await rooms.open(requests, at: now) }
    }

    public func createRoom(_ plan: RoomPlan, at now: Timestamp) async throws(StoreError) -> Result<RoomInfo, Failure> {
        try await ask { () async throws(TableError) in try await rooms.create(plan, at: now) }
    }

    public func room(_ name: RoomName) async throws(StoreError) -> RoomInfo? {
        try await ask { () async throws(TableError) in try await rooms.info(name) }
    }

    public func rooms(visibleTo user: UserID?, after: RoomName?, limit: Int) async throws(StoreError) -> [RoomInfo] {
        try await ask { () async throws(TableError) in
            try await rooms.rooms(visibleTo: user, after: after, limit: limit)
        }
    }

    public func rooms(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName] {
        try await ask { () async throws(TableError) in try await rooms.rooms(of: user, limit: limit) }
    }

    public func amendRoom(
        _ name: RoomName, title: String?, visibility: Visibility?
    ) async throws(StoreError) -> RoomInfo? {
        try await ask { () async throws(TableError) in
            try await rooms.amend(name, title: title, visibility: visibility)
        }
    }

    public func deleteRoom(_ name: RoomName) async throws(StoreError) -> Bool {
        try await ask { () async throws(TableError) in try await logs.delete(name) }
    }

    public func setMember(_ user: UserID, of room: RoomName, to isMember: Bool) async throws(StoreError) -> Bool {
        try await ask { () async throws(TableError) in
            try await rooms.setMember(user, of: room, to: isMember)
        }
    }

    public func mark(_ marks: [MemberMark]) async throws(StoreError) {
        try await ask { () async throws(TableError) in try await rooms.mark(marks) }
    }

    public func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark] {
        try await ask { () async throws(TableError) in try await self.rooms.marks(of: user, in: rooms) }
    }

    public func marks(in room: RoomName, limit: Int) async throws(StoreError) -> [MemberMark] {
        try await ask { () async throws(TableError) in try await rooms.marks(in: room, limit: limit) }
    }

    public func note(_ sightings: [Sighting]) async throws(StoreError) {
        try await ask { () async throws(TableError) in try await users.note(sightings) }
    }

    public func users(_ ids: [UserID]) async throws(StoreError) -> [UserID: User] {
        try await ask { () async throws(TableError) in try await users.users(ids) }
    }

    public func users(after: UserID?, limit: Int) async throws(StoreError) -> [User] {
        try await ask { () async throws(TableError) in try await users.users(after: after, limit: limit) }
    }
}
