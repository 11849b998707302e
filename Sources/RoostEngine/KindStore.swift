public import RoostCore

/// Two stores as one: rooms whose kind keeps its log in memory live wholly in this process (log, members, marks and the
/// ids of the dedupe window), all others and all users in the main store.
///
/// A memory room without `retainCount` retains `RoomKind.memoryRetainCount` entries. What the main store has of a room
/// whose kind says memory now (it may have been another when it was made) stays there untouched and is not shown.
public final class KindStore: Store {
    private let main: any Store
    private let memory: MemoryStore
    private let kinds: Kinds

    /// - Parameters:
    ///   - main: the store of all that is not in memory; closed with this one.
    ///   - options: as the main store's.
    ///   - now: the time at which the standing rooms are said to have been created, as far as they are in memory.
    public init(main: any Store, options: StoreOptions, at now: Timestamp) {
        self.main = main
        kinds = options.kinds
        var inMemory = options
        inMemory.kinds.usual = KindStore.bounded(kinds.usual)
        for index in kinds.rules.indices {
            inMemory.kinds.rules[index].kind = KindStore.bounded(kinds.rules[index].kind)
        }
        let standing = RoomName.standing.filter { options.kinds.kind(of: $0).log == .memory }
        memory = MemoryStore(options: inMemory, standing: standing, at: now)
    }

    private static func bounded(_ kind: RoomKind) -> RoomKind {
        var kind = kind
        kind.retainCount = kind.retainCount ?? RoomKind.memoryRetainCount
        return kind
    }

    private func isInMemory(_ room: RoomName) -> Bool { kinds.kind(of: room).log == .memory }

    private func store(of room: RoomName) -> any Store { isInMemory(room) ? memory : main }

    public func close() async {
        await memory.close()
        await main.close()
    }
}

// The logs.
extension KindStore {
    public func durability(of room: RoomName) -> Durability { store(of: room).durability(of: room) }

    /// As `MessageLog.append`; where one of the two stores fails, only its drafts are rejected, with `unavailable`.
    public func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended {
        var committed: [Committed] = []
        let verdicts = try await split(drafts, room: \.room) { store, drafts throws(StoreError) in
            let appended = try await store.append(drafts, at: now)
            committed += appended.committed
            return appended.verdicts
        } refuse: { error in
            .rejected(error.failure)
        }
        // In the order in which the batch first brought something new to each room.
        var places: [RoomName: Int] = [:]
        for (index, (draft, verdict)) in zip(drafts, verdicts).enumerated() {
            if case .stored(_, _, duplicate: false) = verdict, places[draft.room] == nil { places[draft.room] = index }
        }
        committed.sort { places[$0.room] ?? .max < places[$1.room] ?? .max }
        return Appended(verdicts: verdicts, committed: committed)
    }

    public func read(_ room: RoomName, after: UInt64, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage? {
        try await store(of: room).read(room, after: after, limit: limit, maxBytes: maxBytes)
    }

    public func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage?
    {
        try await store(of: room).read(room, before: before, limit: limit, maxBytes: maxBytes)
    }

    public func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead] {
        try await gather(rooms) { store, rooms throws(StoreError) in try await store.heads(rooms) }
    }

    public func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(StoreError) -> Message? {
        try await store(of: room).find(room, id: id, sender: sender)
    }

    public func retain(at now: Timestamp) async throws(StoreError) -> Bool {
        let isMoreInMemory = try await memory.retain(at: now)
        let isMoreInMain = try await main.retain(at: now)
        return isMoreInMemory || isMoreInMain
    }

    /// Gives each store its requests and puts the answers back in order. Throws if every store that was asked fails.
    private func split<Request, Answer>(
        _ requests: [Request], room: (Request) -> RoomName,
        ask: (any Store, [Request]) async throws(StoreError) -> [Answer], refuse: (StoreError) -> Answer
    ) async throws(StoreError) -> [Answer] {
        let sides = requests.map { isInMemory(room($0)) }
        guard sides.contains(true) else { return try await ask(main, requests) }
        guard sides.contains(false) else { return try await ask(memory, requests) }
        // The one in memory first: it answers at once, and what is new there is not held up if the other one fails.
        var answers: [[Answer]] = []
        var errors: [StoreError] = []
        for (store, side) in [(memory, true), (main, false)] as [(any Store, Bool)] {
            let own = zip(requests, sides).filter { $0.1 == side }.map(\.0)
            do throws(StoreError) {
                answers.append(try await ask(store, own))
            } catch {
                errors.append(error)
                answers.append(own.map { _ in refuse(error) })
            }
        }
        if errors.count == 2 { throw errors[1] }
        var next = [0, 0]
        return sides.map { isInMemory in
            let store = isInMemory ? 0 : 1
            defer { next[store] += 1 }
            return answers[store][next[store]]
        }
    }

    /// Asks each store for its rooms and puts the answers together.
    private func gather<Answer>(
        _ rooms: [RoomName], ask: (any Store, [RoomName]) async throws(StoreError) -> [RoomName: Answer]
    ) async throws(StoreError) -> [RoomName: Answer] {
        let inMemory = rooms.filter(isInMemory)
        guard !inMemory.isEmpty else { return try await ask(main, rooms) }
        let own = try await ask(memory, inMemory)
        if inMemory.count == rooms.count { return own }
        let others = try await ask(main, rooms.filter { !isInMemory($0) })
        return own.merging(others) { own, _ in own }
    }
}

// The directory: each room is where its log is, users are in the main store.
extension KindStore {
    public func storeID() async throws(StoreError) -> String { try await main.storeID() }

    public func open(
        _ requests: [OpenRequest], at now: Timestamp
    ) async throws(StoreError) -> [Result<RoomHead, Failure>] {
        try await split(requests, room: \.room) { store, requests throws(StoreError) in
            try await store.open(requests, at: now)
        } refuse: { error in
            .failure(error.failure)
        }
    }

    public func createRoom(_ plan: RoomPlan, at now: Timestamp) async throws(StoreError) -> Result<RoomInfo, Failure> {
        try await store(of: plan.name).createRoom(plan, at: now)
    }

    public func room(_ name: RoomName) async throws(StoreError) -> RoomInfo? {
        try await store(of: name).room(name)
    }

    public func rooms(visibleTo user: UserID?, after: RoomName?, limit: Int) async throws(StoreError) -> [RoomInfo] {
        guard limit > 0 else { return [] }
        var rooms = try await memory.rooms(visibleTo: user, after: after, limit: limit)
        var (cursor, wanted) = (after, limit)
        while wanted > 0 {
            let page = try await main.rooms(visibleTo: user, after: cursor, limit: wanted)
            let own = page.filter { !isInMemory($0.name) }
            rooms += own
            if page.count < wanted { break }
            wanted -= own.count
            cursor = page.last?.name
        }
        rooms.sort { $0.name < $1.name }
        return Array(rooms.prefix(limit))
    }

    public func rooms(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName] {
        guard limit > 0 else { return [] }
        var inMemory = try await memory.rooms(of: user, limit: limit)[...]
        var inMain = try await roomsInMain(of: user, limit: limit)[...]
        var rooms: [RoomName] = []
        while rooms.count < limit {
            guard let one = inMemory.first else { return rooms + inMain.prefix(limit - rooms.count) }
            guard let other = inMain.first else { return rooms + inMemory.prefix(limit - rooms.count) }
            let ages = (try await room(one)?.createdAt, try await room(other)?.createdAt)
            // A room that was deleted meanwhile goes anywhere.
            if let mine = ages.0, let theirs = ages.1, mine < theirs {
                rooms.append(inMain.removeFirst())
            } else {
                rooms.append(inMemory.removeFirst())
            }
        }
        return rooms
    }

    private func roomsInMain(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName] {
        var asked = limit
        while true {
            let rooms = try await main.rooms(of: user, limit: asked)
            let own = rooms.filter { !isInMemory($0) }
            if own.count >= limit || rooms.count < asked { return Array(own.prefix(limit)) }
            asked = asked.multipliedReportingOverflow(by: 2).overflow ? .max : asked * 2
        }
    }

    public func amendRoom(
        _ name: RoomName, title: String?, visibility: Visibility?
    ) async throws(StoreError) -> RoomInfo? {
        try await store(of: name).amendRoom(name, title: title, visibility: visibility)
    }

    public func deleteRoom(_ name: RoomName) async throws(StoreError) -> Bool {
        try await store(of: name).deleteRoom(name)
    }

    public func setMember(_ user: UserID, of room: RoomName, to isMember: Bool) async throws(StoreError) -> Bool {
        try await store(of: room).setMember(user, of: room, to: isMember)
    }

    public func hearOfChange(to room: RoomName) { store(of: room).hearOfChange(to: room) }

    public func mark(_ marks: [MemberMark]) async throws(StoreError) {
        let inMemory = marks.filter { isInMemory($0.room) }
        if !inMemory.isEmpty { try await memory.mark(inMemory) }
        if inMemory.isEmpty || inMemory.count < marks.count {
            try await main.mark(marks.filter { !isInMemory($0.room) })
        }
    }

    public func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark] {
        try await gather(rooms) { store, rooms throws(StoreError) in try await store.marks(of: user, in: rooms) }
    }

    public func marks(in room: RoomName, limit: Int) async throws(StoreError) -> [MemberMark] {
        try await store(of: room).marks(in: room, limit: limit)
    }

    public func note(_ sightings: [Sighting]) async throws(StoreError) { try await main.note(sightings) }

    public func users(_ ids: [UserID]) async throws(StoreError) -> [UserID: User] { try await main.users(ids) }

    public func users(after: UserID?, limit: Int) async throws(StoreError) -> [User] {
        try await main.users(after: after, limit: limit)
    }
}
