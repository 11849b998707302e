import NIOCore
import NIOPosix
import RoostCore
import RoostEngine

@testable import RoostHub

/// What the nodes of a test share beside the store. It does as it is told: posts are heard in the order in which they
/// came, unless the test holds them up or loses them; boards and leases are as the test leaves them.
final class TestBus: Sendable {
    struct Post: Sendable {
        var from: NodeID
        var bulletins: [Bulletin]
        var post: BusPost
    }

    private struct State {
        var members: [TestMember] = []
        var isOut = false
        var isHolding = false
        var held: [Post] = []
        var loses: @Sendable (Bulletin) -> Bool = { _ in false }
        /// Channels that are not told to be in force.
        var silent: Set<RoomName> = []
        var leases: [NodeID: NodeCard] = [:]
        var boards: [BoardName: [NodeID: BoardPage.Part]] = [:]
        var boardReads = 0
        var writes = 0
        var publications = 0
        var isReadHeld = false
        var heldReads: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())
    /// Where nodes are told what there is to hear.
    let loop: any EventLoop

    init(on loop: any EventLoop) { self.loop = loop }

    // MARK: Posts

    /// From now on posts wait until they are let go.
    func holdPosts() { state.withLock { $0.isHolding = true } }

    /// Takes what is held and lets everything that comes go.
    func takeHeld() -> [Post] {
        state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
    }

    var held: [Post] { state.withLock { $0.held } }

    /// Loses posts with such a bulletin.
    func lose(_ bulletins: @escaping @Sendable (Bulletin) -> Bool) { state.withLock { $0.loses = bulletins } }

    /// Lets nodes hear these, in this order and all at once.
    func deliver(_ posts: [BusPost]) {
        let members = state.withLock { $0.isOut ? [] : $0.members }
        for member in members {
            let heard = posts.filter { member.hears($0.channel) }
            if !heard.isEmpty { member.tell(.posts(heard)) }
        }
    }

    /// As if a node said so that is none of the test's.
    func say(_ bulletins: [Bulletin], to room: RoomName, from node: NodeID = NodeID(random: 4711)) {
        deliver([BusPost(.room(room), Bulletin.bytes(bulletins, from: node))])
    }

    fileprivate func publish(_ posts: [BusPost]) {
        let passing = state.withLock { state -> [BusPost] in
            guard !state.isOut else { return [] }
            state.publications += 1
            let read = posts.compactMap { post in
                Bulletin.read(post.bytes).map { Post(from: $0.origin, bulletins: $0.bulletins, post: post) }
            }
            let kept = read.filter { !$0.bulletins.contains(where: state.loses) }
            guard state.isHolding else { return kept.map(\.post) }
            state.held += kept
            return []
        }
        deliver(passing)
    }

    // MARK: Channels

    /// Channels of these rooms are listened to, and not told to be in force until `inForce`.
    func silence(_ rooms: Set<RoomName>) { state.withLock { $0.silent = rooms } }

    /// Tells everyone who listens that these are in force.
    func inForce(_ rooms: [RoomName]) {
        let members = state.withLock { state in
            state.silent.subtract(rooms)
            return state.members
        }
        for member in members {
            let channels = rooms.map { BusChannel.room($0) }.filter(member.wants)
            if !channels.isEmpty { member.begins(channels) }
        }
    }

    fileprivate func listen(_ member: TestMember, to channels: [BusChannel]) {
        let now = state.withLock { state -> [BusChannel] in
            guard !state.isOut else { return [] }
            return channels.filter { channel in
                if case .room(let room) = channel { !state.silent.contains(room) } else { true }
            }
        }
        if !now.isEmpty { member.begins(now) }
    }

    // MARK: The connection

    func goAway() {
        let members = state.withLock { state in
            state.isOut = true
            return state.members
        }
        for member in members { member.tell(.lost("the test says so")) }
    }

    /// - Parameter isEmpty: without the boards and leases it had.
    func comeBack(isEmpty: Bool = false) {
        let members = state.withLock { state in
            state.isOut = false
            if isEmpty { (state.boards, state.leases) = ([:], [:]) }
            return state.members
        }
        for member in members { member.begins(member.channels) }
    }

    fileprivate func isConnected(_ member: TestMember) -> Bool { !state.withLock { $0.isOut } }
    fileprivate func join(_ member: TestMember) { state.withLock { $0.members.append(member) } }
    fileprivate func leave(_ member: TestMember) { state.withLock { $0.members.removeAll { $0 === member } } }
    func isHeard(_ room: RoomName, by node: NodeID) -> Bool {
        state.withLock { $0.members }.contains { $0.node == node && $0.wants(.room(room)) }
    }

    // MARK: Boards and leases

    var boardReads: Int { state.withLock { $0.boardReads } }
    var writes: Int { state.withLock { $0.writes } }
    var publications: Int { state.withLock { $0.publications } }

    func board(_ name: BoardName) -> [NodeID: BoardPage.Part] { state.withLock { $0.boards[name] ?? [:] } }
    func put(_ part: BoardPage.Part, of node: NodeID, on board: BoardName) {
        state.withLock { $0.boards[board, default: [:]][node] = part }
    }
    func forget(_ board: BoardName) { state.withLock { $0.boards[board] = nil } }
    func grant(_ card: NodeCard) { state.withLock { $0.leases[card.node] = card } }
    func lapse(_ node: NodeID) { state.withLock { $0.leases[node] = nil } }
    func holdReads() { state.withLock { $0.isReadHeld = true } }
    var heldReads: Int { state.withLock { $0.heldReads.count } }
    func releaseReads() {
        let held = state.withLock { state in
            state.isReadHeld = false
            defer { state.heldReads = [] }
            return state.heldReads
        }
        for continuation in held { continuation.resume() }
    }

    private func call<Value: Sendable>(_ body: (inout sending State) -> Value) throws(BusError) -> Value {
        let value = state.withLock { state -> Value? in state.isOut ? nil : body(&state) }
        guard let value else { throw .away("the test says so") }
        return value
    }

    fileprivate func renew(_ card: NodeCard) throws(BusError) -> Renewal {
        try call { state in
            let isNew = state.leases.updateValue(card, forKey: card.node) == nil
            return Renewal(nodes: Array(state.leases.values), isNew: isNew)
        }
    }

    fileprivate func write(_ changes: [BoardChange], by node: NodeID) throws(BusError) {
        try call { state in
            for change in changes {
                state.writes += 1
                var part = state.boards[change.board]?[node] ?? BoardPage.Part(version: 0)
                if change.isWhole { part.rows = [:] }
                part.version = change.version
                for (user, row) in change.rows { part.rows[user] = row }
                state.boards[change.board, default: [:]][node] = part
            }
        }
    }

    fileprivate func read(_ boards: [BoardName]) async throws(BusError) -> [BoardPage] {
        let pages = try call { state in
            state.boardReads += boards.count
            return boards.map { BoardPage(parts: state.boards[$0] ?? [:]) }
        }
        // Held with the answer in hand.
        await withCheckedContinuation { continuation in
            let goesOn = state.withLock { state in
                if state.isReadHeld { state.heldReads.append(continuation) }
                return !state.isReadHeld
            }
            if goesOn { continuation.resume() }
        }
        return pages
    }

    fileprivate func clean(_ parts: [BoardPart]) throws(BusError) {
        try call { state in
            for part in parts where state.boards[part.board]?[part.node]?.version ?? 0 <= part.version {
                state.boards[part.board]?[part.node] = nil
            }
        }
    }

    fileprivate func keep(_ parts: [BoardPart]) throws(BusError) -> [Bool] {
        try call { state in parts.map { state.boards[$0.board]?[$0.node]?.version == $0.version } }
    }
}

/// One node's end of it.
final class TestMember: Bus, Board, SessionStore, Quota {
    private struct State {
        var hear: @Sendable (BusEvent) -> Void = { _ in }
        var wanted: Set<BusChannel> = []
        var node: NodeID?
    }

    private let bus: TestBus
    private let state = Locked(State())

    init(_ bus: TestBus) { self.bus = bus }

    var node: NodeID? { state.withLock { $0.node } }
    var channels: [BusChannel] { state.withLock { Array($0.wanted) } }
    func wants(_ channel: BusChannel) -> Bool { state.withLock { $0.wanted.contains(channel) } }
    func hears(_ channel: BusChannel) -> Bool { wants(channel) }
    func tell(_ event: BusEvent) { bus.loop.execute { [state] in state.withLock { $0.hear }(event) } }
    func begins(_ channels: [BusChannel]) { tell(.inForce(channels)) }

    func start(_ hear: @escaping @Sendable (BusEvent) -> Void) {
        state.withLock { $0.hear = hear }
        bus.join(self)
    }

    func publish(_ posts: [BusPost]) { bus.publish(posts) }

    func listen(to channels: [BusChannel]) {
        state.withLock { $0.wanted.formUnion(channels) }
        bus.listen(self, to: channels)
    }

    func unlisten(to channels: [BusChannel]) { state.withLock { $0.wanted.subtract(channels) } }
    var isConnected: Bool { bus.isConnected(self) }
    func counters() async -> BusCounters { BusCounters() }
    func stop() async { bus.leave(self) }

    func renew(_ card: NodeCard, forMs: Int64) async throws(BusError) -> Renewal {
        state.withLock { $0.node = card.node }
        return try bus.renew(card)
    }
    func release(_ node: NodeID) async throws(BusError) { bus.lapse(node) }
    func write(_ changes: [BoardChange], by node: NodeID) async throws(BusError) {
        try bus.write(changes, by: node)
    }
    func read(_ boards: [BoardName]) async throws(BusError) -> [BoardPage] { try await bus.read(boards) }
    func clean(_ parts: [BoardPart]) async throws(BusError) { try bus.clean(parts) }
    func keep(_ parts: [BoardPart]) async throws(BusError) -> [Bool] { try bus.keep(parts) }
    func visit(_ session: String, begins: Bool, idleMs: Int64) async throws(BusError) -> SessionState? {
        SessionState(visits: 1)
    }
    func note(room: RoomName, of session: String) async throws(BusError) {}
    func take(_ want: Int, from bucket: String, rate: Int, burst: Int) async throws(BusError) -> Int { want }
}
