public import RoostCore

/// Everything in this process's memory: for trying Roost out, for tests, and for rooms whose past nobody needs.
///
/// Its acks say `memory`: nothing outlives the process, and every start begins new epochs. An append costs O(1) per
/// draft, amortized, and O(log n) where messages expire by age. Ids for deduplication are kept no longer than the window;
/// the logs are kept as their kinds say, by default until their room is deleted. One lock guards it all and is never held
/// across an `await`.
public final class MemoryStore: Store {
    /// How many rooms one call of `retain` sees to.
    static let pieceRooms = 1000
    private let state: Locked<State>

    /// - Parameter now: the time at which the standing rooms are said to have been created.
    public convenience init(options: StoreOptions = StoreOptions(), at now: Timestamp) {
        self.init(options: options, standing: RoomName.standing, at: now)
    }

    /// - Parameter standing: the rooms that exist from the start.
    init(options: StoreOptions, standing: [RoomName], at now: Timestamp) {
        state = Locked(State(options: options, standing: standing, at: now))
    }

    public func durability(of room: RoomName) -> Durability { .memory }

    public func close() async {
        state.withLock { $0.close() }
    }

    public func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended {
        try access { $0.append(drafts, at: now) }
    }

    public func read(
        _ room: RoomName, after: UInt64, limit: Int, maxBytes: Int
    ) async throws(StoreError) -> LogPage? {
        try access { $0.rooms[room]?.page(after: after, limit: limit, maxBytes: maxBytes) }
    }

    public func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage?
    {
        try access { $0.rooms[room]?.page(before: before, limit: limit, maxBytes: maxBytes) }
    }

    public func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead] {
        try access { state in
            var heads: [RoomName: RoomHead] = [:]
            for room in rooms { heads[room] = state.rooms[room]?.head }
            return heads
        }
    }

    public func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(StoreError) -> Message? {
        try access { $0.rooms[room]?.find(id, of: sender, reach: $0.options.searchReach) }
    }

    public func retain(at now: Timestamp) async throws(StoreError) -> Bool {
        try access { $0.retain(at: now) }
    }

    public func storeID() async throws(StoreError) -> String {
        try access { $0.storeID }
    }

    public func open(
        _ requests: [OpenRequest], at now: Timestamp
    ) async throws(StoreError) -> [Result<RoomHead, Failure>] {
        try access { state in requests.map { state.open($0, at: now) } }
    }

    public func createRoom(
        _ plan: RoomPlan, at now: Timestamp
    ) async throws(StoreError) -> Result<RoomInfo, Failure> {
        try access { $0.createRoom(plan, at: now) }
    }

    public func room(_ name: RoomName) async throws(StoreError) -> RoomInfo? {
        try access { $0.rooms[name]?.info }
    }

    public func rooms(
        visibleTo user: UserID?, after: RoomName?, limit: Int
    ) async throws(StoreError) -> [RoomInfo] {
        try access { $0.rooms(visibleTo: user, after: after, limit: limit) }
    }

    public func rooms(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName] {
        try access { $0.rooms(of: user, limit: limit) }
    }

    public func amendRoom(
        _ name: RoomName, title: String?, visibility: Visibility?
    ) async throws(StoreError) -> RoomInfo? {
        try access { $0.rooms[name]?.amend(title: title, visibility: visibility) }
    }

    public func deleteRoom(_ name: RoomName) async throws(StoreError) -> Bool {
        try access { $0.deleteRoom(name) }
    }

    public func setMember(
        _ user: UserID, of room: RoomName, to isMember: Bool
    ) async throws(StoreError) -> Bool {
        try access { $0.setMember(user, of: room, to: isMember) }
    }

    public func hearOfChange(to room: RoomName) {}

    public func mark(_ marks: [MemberMark]) async throws(StoreError) {
        try access { state in for mark in marks { state.rooms[mark.room]?.mark(mark.user, mark.mark) } }
    }

    public func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark] {
        try access { state in
            var marks: [RoomName: Mark] = [:]
            for room in rooms { marks[room] = state.rooms[room]?.mark(of: user) }
            return marks
        }
    }

    public func marks(in room: RoomName, limit: Int) async throws(StoreError) -> [MemberMark] {
        try access { $0.rooms[room]?.marks(limit: limit) ?? [] }
    }

    public func note(_ sightings: [Sighting]) async throws(StoreError) {
        try access { state in for sighting in sightings { state.users.note(sighting) } }
    }

    public func users(_ ids: [UserID]) async throws(StoreError) -> [UserID: User] {
        try access { state in
            var found: [UserID: User] = [:]
            for id in ids { found[id] = state.users[id] }
            return found
        }
    }

    public func users(after: UserID?, limit: Int) async throws(StoreError) -> [User] {
        try access { $0.users.page(after: after, limit: limit) }
    }

    private func access<T: Sendable>(_ body: (inout State) -> T) throws(StoreError) -> T {
        try state.withLock { state throws(StoreError) in
            if state.isClosed { throw .closed }
            return body(&state)
        }
    }
}
