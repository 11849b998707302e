import RoostCore
import RoostEngine

/// Several stores over the same data, as nodes have them, as one: every call goes to another of them than the last.
final class RotatingStore: Store {
    private let stores: [any Store]
    private let turn = Locked((next: 0, retaining: 0))

    /// - Parameter stores: at least one.
    init(_ stores: [any Store]) { self.stores = stores }

    private var next: any Store {
        turn.withLock { turn in
            turn.next = (turn.next + 1) % stores.count
            return stores[turn.next]
        }
    }

    func close() async { for store in stores { await store.close() } }

    // MARK: Log

    func durability(of room: RoomName) -> Durability { next.durability(of: room) }

    func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended {
        try await next.append(drafts, at: now)
    }

    func read(_ room: RoomName, after: UInt64, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage? {
        try await next.read(room, after: after, limit: limit, maxBytes: maxBytes)
    }

    func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage? {
        try await next.read(room, before: before, limit: limit, maxBytes: maxBytes)
    }

    func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead] { try await next.heads(rooms) }

    func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(StoreError) -> Message? {
        try await next.find(room, id: id, sender: sender)
    }

    /// A round over all rooms is one store's; the next round is another's.
    func retain(at now: Timestamp) async throws(StoreError) -> Bool {
        let isMore = try await stores[turn.withLock { $0.retaining }].retain(at: now)
        if !isMore { turn.withLock { $0.retaining = ($0.retaining + 1) % stores.count } }
        return isMore
    }

    // MARK: Directory

    func storeID() async throws(StoreError) -> String { try await next.storeID() }

    func open(_ requests: [OpenRequest], at now: Timestamp) async throws(StoreError) -> [Result<RoomHead, Failure>] {
        try await next.open(requests, at: now)
    }

    func createRoom(_ plan: RoomPlan, at now: Timestamp) async throws(StoreError) -> Result<RoomInfo, Failure> {
        try await next.createRoom(plan, at: now)
    }

    func room(_ name: RoomName) async throws(StoreError) -> RoomInfo? { try await next.room(name) }

    func rooms(visibleTo user: UserID?, after: RoomName?, limit: Int) async throws(StoreError) -> [RoomInfo] {
        try await next.rooms(visibleTo: user, after: after, limit: limit)
    }

    func rooms(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName] {
        try await next.rooms(of: user, limit: limit)
    }

    func amendRoom(
        _ name: RoomName, title: String?, visibility: Visibility?
    ) async throws(StoreError) -> RoomInfo? {
        try await next.amendRoom(name, title: title, visibility: visibility)
    }

    func deleteRoom(_ name: RoomName) async throws(StoreError) -> Bool { try await next.deleteRoom(name) }

    func setMember(_ user: UserID, of room: RoomName, to isMember: Bool) async throws(StoreError) -> Bool {
        try await next.setMember(user, of: room, to: isMember)
    }

    func hearOfChange(to room: RoomName) { for store in stores { store.hearOfChange(to: room) } }

    func mark(_ marks: [MemberMark]) async throws(StoreError) { try await next.mark(marks) }

    func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark] {
        try await next.marks(of: user, in: rooms)
    }

    func marks(in room: RoomName, limit: Int) async throws(StoreError) -> [MemberMark] {
        try await next.marks(in: room, limit: limit)
    }

    func note(_ sightings: [Sighting]) async throws(StoreError) { try await next.note(sightings) }

    func users(_ ids: [UserID]) async throws(StoreError) -> [UserID: User] { try await next.users(ids) }

    func users(after: UserID?, limit: Int) async throws(StoreError) -> [User] {
        try await next.users(after: after, limit: limit)
    }
}
