import RoostCore
import RoostEngine

/// The in-memory store with a gate before its calls: a test decides when they go on, and which of them fail.
final class FaultyStore: Store {
    private struct Gates {
        var appendError: StoreError?
        /// Appends that fail, by their number since the start.
        var failing: Set<Int> = []
        /// Rooms whose drafts are refused for a passing cause.
        var failingRooms: Set<RoomName> = []
        /// Rooms of which nobody can say where their logs end.
        var headless: Set<RoomName> = []
        var appends: [Int] = []
        var readError: StoreError?
        var markError: StoreError?
        /// A room that is deleted right before the next append.
        var doomed: RoomName?
        var isAppendHeld = false
        var isOpenHeld = false
        var isReadHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
        /// Who waits for so many calls to be held.
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var reads: [UInt64] = []
        var heads: [[RoomName]] = []
        var areHeadsHeld = false
        var headsError: StoreError?
        var changed: [RoomName] = []
        var openFailure: Failure?
    }

    let inner: MemoryStore
    private let gates = Locked(Gates())

    init(kinds: Kinds = Kinds()) {
        inner = MemoryStore(options: StoreOptions(kinds: kinds), at: Timestamp(milliseconds: 0))
    }

    func durability(of room: RoomName) -> Durability { inner.durability(of: room) }
    var reads: Int { gates.withLock { $0.reads.count } }
    /// From where was read, in order.
    var readsAfter: [UInt64] { gates.withLock { $0.reads } }
    /// How many drafts each append was given.
    var appends: [Int] { gates.withLock { $0.appends } }

    func failAppends(with error: StoreError?) { gates.withLock { $0.appendError = error } }
    func failAppends(numbered numbers: Set<Int>) { gates.withLock { $0.failing = numbers } }
    func failRooms(_ rooms: Set<RoomName>) { gates.withLock { $0.failingRooms = rooms } }
    func failHeads(of rooms: Set<RoomName>) { gates.withLock { $0.headless = rooms } }
    func failReads(with error: StoreError?) { gates.withLock { $0.readError = error } }
    func failMarks(with error: StoreError?) { gates.withLock { $0.markError = error } }
    /// Nobody can see that the room is gone before something is appended to it again.
    func deleteBeforeAppend(_ room: RoomName) { gates.withLock { $0.doomed = room } }
    func holdAppends() { gates.withLock { $0.isAppendHeld = true } }
    /// What everybody is told who wants into a room.
    func answerOpens(with failure: Failure?) { gates.withLock { $0.openFailure = failure } }
    func holdOpens() { gates.withLock { $0.isOpenHeld = true } }
    func holdHeads() { gates.withLock { $0.areHeadsHeld = true } }
    func failHeads(with error: StoreError?) { gates.withLock { $0.headsError = error } }
    /// How often it was asked where logs end, and of which.
    var heads: Int { asked.count }
    var asked: [[RoomName]] { gates.withLock { $0.heads } }
    func holdReads() { gates.withLock { $0.isReadHeld = true } }

    /// Returns once so many calls are held.
    func isHolding(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = gates.withLock { gates in
                guard gates.held.count < count else { return true }
                gates.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// How many calls are held.
    var holding: Int { gates.withLock { $0.held.count } }

    /// Lets those go on that are held now; what comes is held again.
    func step() {
        let held = gates.withLock { gates in
            defer { gates.held = [] }
            return gates.held
        }
        for continuation in held { continuation.resume() }
    }

    /// Lets everything go on, now and from now on.
    func release() {
        let held = gates.withLock { gates in
            gates.isAppendHeld = false
            gates.isOpenHeld = false
            gates.isReadHeld = false
            gates.areHeadsHeld = false
            defer { gates.held = [] }
            return gates.held
        }
        for continuation in held { continuation.resume() }
    }

    private func pass(_ isHeld: @escaping @Sendable (borrowing Gates) -> Bool) async {
        await withCheckedContinuation { continuation in
            let (goesOn, watchers) = gates.withLock { gates in
                guard isHeld(gates) else { return (true, [] as [CheckedContinuation<Void, Never>]) }
                gates.held.append(continuation)
                let count = gates.held.count
                let watchers = gates.watchers.filter { $0.count <= count }.map(\.continuation)
                gates.watchers.removeAll { $0.count <= count }
                return (false, watchers)
            }
            if goesOn { continuation.resume() }
            for watcher in watchers { watcher.resume() }
        }
    }

    func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended {
        await pass { $0.isAppendHeld }
        let error = gates.withLock { gates in
            gates.appends.append(drafts.count)
            return gates.failing.contains(gates.appends.count) ? .busy : gates.appendError
        }
        if let error { throw error }
        let (failing, doomed) = gates.withLock { gates in
            defer { gates.doomed = nil }
            return (gates.failingRooms, gates.doomed)
        }
        if let doomed { _ = try await inner.deleteRoom(doomed) }
        var appended = try await inner.append(drafts.filter { !failing.contains($0.room) }, at: now)
        var verdicts = appended.verdicts[...]
        appended.verdicts = drafts.map { draft in
            failing.contains(draft.room) ? .rejected(StoreError.busy.failure) : verdicts.removeFirst()
        }
        return appended
    }

    func open(_ requests: [OpenRequest], at now: Timestamp) async throws(StoreError) -> [Result<RoomHead, Failure>] {
        var answer = try await inner.open(requests, at: now)
        if let failure = gates.withLock({ $0.openFailure }) { answer = answer.map { _ in .failure(failure) } }
        // Held with the answer in hand: what is committed meanwhile is not in it.
        await pass { $0.isOpenHeld }
        return answer
    }

    func read(_ room: RoomName, after: UInt64, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage? {
        gates.withLock { $0.reads.append(after) }
        let page = try await inner.read(room, after: after, limit: limit, maxBytes: maxBytes)
        // Held with the answer in hand, as opens are.
        await pass { $0.isReadHeld }
        if let error = gates.withLock({ $0.readError }) { throw error }
        return page
    }

    func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage? {
        try await inner.read(room, before: before, limit: limit, maxBytes: maxBytes)
    }

    func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead] {
        gates.withLock { $0.heads.append(rooms) }
        if !gates.withLock({ $0.headless }).isDisjoint(with: rooms) { throw .busy }
        let heads = try await inner.heads(rooms)
        // Held with the answer in hand, as opens are.
        await pass { $0.areHeadsHeld }
        if let error = gates.withLock({ $0.headsError }) { throw error }
        return heads
    }

    func storeID() async throws(StoreError) -> String { try await inner.storeID() }
    func createRoom(_ plan: RoomPlan, at now: Timestamp) async throws(StoreError) -> Result<RoomInfo, Failure> {
        try await inner.createRoom(plan, at: now)
    }
    func room(_ name: RoomName) async throws(StoreError) -> RoomInfo? { try await inner.room(name) }
    func rooms(visibleTo user: UserID?, after: RoomName?, limit: Int) async throws(StoreError) -> [RoomInfo] {
        try await inner.rooms(visibleTo: user, after: after, limit: limit)
    }
    func rooms(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName] {
        try await inner.rooms(of: user, limit: limit)
    }
    func amendRoom(
        _ name: RoomName, title: String?, visibility: Visibility?
    ) async throws(StoreError) -> RoomInfo? { try await inner.amendRoom(name, title: title, visibility: visibility) }
    func deleteRoom(_ name: RoomName) async throws(StoreError) -> Bool { try await inner.deleteRoom(name) }
    func setMember(_ user: UserID, of room: RoomName, to isMember: Bool) async throws(StoreError) -> Bool {
        try await inner.setMember(user, of: room, to: isMember)
    }
    func hearOfChange(to room: RoomName) { gates.withLock { $0.changed.append(room) } }
    /// The rooms that others are said to have changed.
    var changed: [RoomName] { gates.withLock { $0.changed } }
    func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(StoreError) -> Message? {
        try await inner.find(room, id: id, sender: sender)
    }
    func retain(at now: Timestamp) async throws(StoreError) -> Bool { try await inner.retain(at: now) }
    func mark(_ marks: [MemberMark]) async throws(StoreError) {
        if let error = gates.withLock({ $0.markError }) { throw error }
        try await inner.mark(marks)
    }
    func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark] {
        try await inner.marks(of: user, in: rooms)
    }
    func marks(in room: RoomName, limit: Int) async throws(StoreError) -> [MemberMark] {
        try await inner.marks(in: room, limit: limit)
    }
    func note(_ sightings: [Sighting]) async throws(StoreError) { try await inner.note(sightings) }
    func users(_ ids: [UserID]) async throws(StoreError) -> [UserID: User] { try await inner.users(ids) }
    func users(after: UserID?, limit: Int) async throws(StoreError) -> [User] {
        try await inner.users(after: after, limit: limit)
    }
    func close() async { await inner.close() }
}
