import RoostCore
import RoostEngine

/// The store as one node sees it: late, failing, and sometimes wrong about having failed.
///
/// Each call waits, takes effect in the store within, waits again and answers. A node's end makes its calls end with
/// `closed`; an append under way may have been kept, or may yet be. Where the store is made of tables, all this happens to
/// its calls to them instead.
final class SimStore: Store, @unchecked Sendable {
    enum Place {
        /// An append may take effect after its node's end, as a request on its way to another host may.
        case local(outlivesCallers: Bool)
        case remote(SimTables)
    }

    /// Nil until it has been opened.
    private(set) var inner: (any Store)?
    /// The node is gone.
    var isDead = false {
        didSet { if case .remote(let tables) = place { tables.isDead = isDead } }
    }
    /// The node's way to the tables is cut.
    var isCutOff = false {
        didSet { if case .remote(let tables) = place { tables.isCutOff = isCutOff } }
    }
    private let stage: Stage
    private let name: String
    private let dice: Dice
    private let place: Place
    private let make: () async throws(StoreError) -> any Store

    /// - Parameter make: opens the store within.
    init(
        _ place: Place, _ stage: Stage, name: String, make: @escaping () async throws(StoreError) -> any Store
    ) {
        self.place = place
        self.stage = stage
        self.name = name
        self.make = make
        dice = stage.dice("store of \(name)")
    }

    /// Opens the store within, however often that takes.
    func open() async {
        while inner == nil, !isDead {
            do throws(StoreError) {
                inner = try await make()
            } catch {
                stage.trace.note(name, "can't be opened: \(error)")
                await wait(.ms(500))
            }
        }
    }

    // MARK: What may go wrong

    /// What is to become of one call.
    private struct Fate {
        var before: Int64
        var after: Int64
        var error: StoreError?
        var losesReply = false
    }

    private func fate() -> Fate {
        if stage.isCalm { return Fate(before: dice.time(20...300), after: dice.time(20...300)) }
        let weather = stage.shape.store
        var fate = Fate(before: dice.time(weather.latency), after: dice.time(weather.latency))
        if dice.chance(weather.isLate) { fate.before += dice.time(.ms(300) ... .ms(4000)) }
        if dice.chance(weather.isLate) { fate.after += dice.time(.ms(300) ... .ms(4000)) }
        if stage.isStoreOut || dice.chance(weather.fails) {
            fate.error = dice.pick([.busy, .full, .failed("simulated")])
        }
        fate.losesReply = dice.chance(weather.losesReply)
        return fate
    }

    /// Else the tables tell the ledger.
    private var isLocal: Bool { if case .local = place { true } else { false } }

    private func wait(_ time: Int64) async {
        await withCheckedContinuation { continuation in
            stage.scheduler.after(time) { continuation.resume() }
        }
    }

    /// One call: `body` is its effect on the store within.
    private func call<Value: Sendable>(
        _ what: String, _ body: (any Store) async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        guard !isDead, let inner else { throw .closed }
        let isTroubled = !stage.isCalm
        if isTroubled { stage.troubledCalls += 1 }
        defer { if isTroubled { stage.troubledCalls -= 1 } }
        guard case .local(let outlivesCallers) = place else {
            let value = try await body(inner)
            if isDead { throw .failed("the reply was lost") }
            return value
        }
        let fate = fate()
        await wait(fate.before)
        if isDead, !(outlivesCallers && what == "append") { throw .closed }
        if let error = fate.error {
            stage.trace.note(name, "\(what) fails: \(error)")
            throw error
        }
        let value = try await stage.executor.abroad { () async throws(StoreError) in try await body(inner) }
        await wait(fate.after)
        if isDead { throw .failed("the reply was lost") }
        if fate.losesReply {
            stage.trace.note(name, "the reply to \(what) is lost")
            throw .failed("the reply was lost")
        }
        return value
    }

    // MARK: The log

    // What survives the node counts as on disk, whatever it is kept in.
    func durability(of room: RoomName) -> Durability { .stored }

    func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended {
        stage.appendsUnderWay += 1
        defer { stage.appendsUnderWay -= 1 }
        return try await call("append") { [ledger = stage.ledger, isLocal] store async throws(StoreError) in
            let appended = try await store.append(drafts, at: now)
            if isLocal { ledger.committed(appended.committed) }
            for (draft, verdict) in zip(drafts, appended.verdicts) {
                if case .rejected(let failure) = verdict, failure.code == .retryExpired { ledger.doubt(draft.id.text) }
            }
            return appended
        }
    }

    func read(_ room: RoomName, after: UInt64, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage? {
        try await call("read") { store async throws(StoreError) in
            try await store.read(room, after: after, limit: limit, maxBytes: maxBytes)
        }
    }

    func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage? {
        try await call("read") { store async throws(StoreError) in
            try await store.read(room, before: before, limit: limit, maxBytes: maxBytes)
        }
    }

    func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead] {
        stage.tally.looks += rooms.count
        return try await call("heads") { store async throws(StoreError) in try await store.heads(rooms) }
    }

    func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(StoreError) -> Message? {
        try await call("find") { store async throws(StoreError) in try await store.find(room, id: id, sender: sender) }
    }

    func retain(at now: Timestamp) async throws(StoreError) -> Bool {
        try await call("retain") { store async throws(StoreError) in try await store.retain(at: now) }
    }

    // MARK: The directory

    func storeID() async throws(StoreError) -> String {
        try await call("storeID") { store async throws(StoreError) in try await store.storeID() }
    }

    func open(_ requests: [OpenRequest], at now: Timestamp) async throws(StoreError) -> [Result<RoomHead, Failure>] {
        try await call("open") { store async throws(StoreError) in try await store.open(requests, at: now) }
    }

    func createRoom(_ plan: RoomPlan, at now: Timestamp) async throws(StoreError) -> Result<RoomInfo, Failure> {
        try await call("createRoom") { store async throws(StoreError) in try await store.createRoom(plan, at: now) }
    }

    func room(_ name: RoomName) async throws(StoreError) -> RoomInfo? {
        try await call("room") { store async throws(StoreError) in try await store.room(name) }
    }

    func rooms(visibleTo user: UserID?, after: RoomName?, limit: Int) async throws(StoreError) -> [RoomInfo] {
        try await call("rooms") { store async throws(StoreError) in
            try await store.rooms(visibleTo: user, after: after, limit: limit)
        }
    }

    func rooms(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName] {
        try await call("rooms") { store async throws(StoreError) in try await store.rooms(of: user, limit: limit) }
    }

    func amendRoom(
        _ name: RoomName, title: String?, visibility: Visibility?
    ) async throws(StoreError) -> RoomInfo? {
        try await call("amendRoom") { store async throws(StoreError) in
            try await store.amendRoom(name, title: title, visibility: visibility)
        }
    }

    func deleteRoom(_ name: RoomName) async throws(StoreError) -> Bool {
        try await call("deleteRoom") { [ledger = stage.ledger, isLocal] store async throws(StoreError) in
            let isDone = try await store.deleteRoom(name)
            if isDone, isLocal { ledger.deleted(name) }
            return isDone
        }
    }

    func setMember(_ user: UserID, of room: RoomName, to isMember: Bool) async throws(StoreError) -> Bool {
        try await call("setMember") { store async throws(StoreError) in
            try await store.setMember(user, of: room, to: isMember)
        }
    }

    func hearOfChange(to room: RoomName) { inner?.hearOfChange(to: room) }

    func mark(_ marks: [MemberMark]) async throws(StoreError) {
        try await call("mark") { store async throws(StoreError) in try await store.mark(marks) }
    }

    func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark] {
        try await call("marks") { store async throws(StoreError) in try await store.marks(of: user, in: rooms) }
    }

    func marks(in room: RoomName, limit: Int) async throws(StoreError) -> [MemberMark] {
        try await call("marks") { store async throws(StoreError) in try await store.marks(in: room, limit: limit) }
    }

    func note(_ sightings: [Sighting]) async throws(StoreError) {
        try await call("note") { store async throws(StoreError) in try await store.note(sightings) }
    }

    func users(_ ids: [UserID]) async throws(StoreError) -> [UserID: User] {
        try await call("users") { store async throws(StoreError) in try await store.users(ids) }
    }

    func users(after: UserID?, limit: Int) async throws(StoreError) -> [User] {
        try await call("users") { store async throws(StoreError) in try await store.users(after: after, limit: limit) }
    }

    func close() async {}
}
