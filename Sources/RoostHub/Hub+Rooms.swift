public import RoostCore
public import RoostEngine

// What frames and HTTP requests ask of rooms, answered the same way to both.
extension Hub {
    /// A page of a room's history for a user; access is checked.
    public func history(
        _ wish: Command.HistoryRequest, user: UserID?
    ) async throws(StoreError) -> Result<Event.HistoryPage, Failure> {
        let request = OpenRequest(room: wish.room, user: user, create: false)
        for _ in 0..<3 {
            switch try await store.open([request], at: world.wall())[0] {
            case .failure(let failure): return .failure(failure)
            case .success(let head): if let page = try await page(wish, head) { return page }
            }
        }
        let reason = "The room \(wish.room) was made anew while it was read. Ask again."
        return .failure(Failure(.unavailable, reason, retryAfterMs: 1000))
    }

    /// - Returns: nil if the room was made anew since it was opened: who may read the new one need not be the same.
    private func page(
        _ wish: Command.HistoryRequest, _ head: RoomHead
    ) async throws(StoreError) -> Result<Event.HistoryPage, Failure>? {
        if let stale = foreign(wish.turn.cursor, head) { return .failure(stale) }
        let most = limits.maxHistory > 0 ? limits.maxHistory : Int.max - 1
        let limit = min(max(1, wish.limit ?? 50), most)
        let found: LogPage?
        var isBackward = true
        switch wish.turn {
        case .after(let after):
            isBackward = false
            found = try await store.read(wish.room, after: after.seq, limit: limit, maxBytes: Hub.maxPageBytes)
        case .before(let before):
            found = try await store.read(wish.room, before: before.seq, limit: limit, maxBytes: Hub.maxPageBytes)
        case .latest:
            found = try await store.read(wish.room, before: nil, limit: limit, maxBytes: Hub.maxPageBytes)
        }
        guard let found else { return .failure(Failure(.notFound, "There is no room \(wish.room).")) }
        guard found.head.epoch == head.epoch else { return nil }
        let isMore =
            isBackward
            ? found.messages.first.map { $0.seq > found.head.floor + 1 }
            : found.messages.last.map { $0.seq < found.head.head }
        return .success(
            Event.HistoryPage(
                room: wish.room, epoch: found.head.epoch, messages: found.messages, more: isMore ?? false))
    }

    /// A page of history stops growing beyond so many bytes of content; the next one goes on from there.
    private static let maxPageBytes = 4 << 20

    private func foreign(_ cursor: Cursor?, _ head: RoomHead) -> Failure? {
        guard let epoch = cursor?.epoch, epoch != head.epoch else { return nil }
        return Failure(
            .conflict, "The position is of another log of this room (its epoch is now \(head.epoch)): read it anew.")
    }

    /// Creates a room and tells its online participants, except the connection that asked (0: nobody's).
    public func createRoom(
        _ plan: RoomPlan, except connection: UInt64 = 0
    ) async throws(StoreError) -> Result<(RoomInfo, [User]), Failure> {
        switch try await store.createRoom(plan, at: world.wall()) {
        case .failure(let failure): return .failure(failure)
        case .success(let info):
            let users = try await participants(of: info)
            announce(info, participants: users, except: connection)
            return .success((info, users))
        }
    }

    /// The participants as users; one who was never seen is named by its id.
    func participants(of info: RoomInfo) async throws(StoreError) -> [User] {
        await scribe.flush()
        let known = try await store.users(info.participants)
        return info.participants.map { known[$0] ?? User(id: $0, name: $0.text) }
    }

    /// Writes down a user at once.
    public func note(_ sighting: Sighting) async throws(StoreError) {
        await scribe.flush()
        try await store.note([sighting])
    }

    /// Waits until everyone seen so far is in the directory.
    public func settleUsers() async { await scribe.flush() }
}
