import Logging
import NIOCore
import NIOPosix
import RoostCore
import RoostEngine
import RoostWire
import Testing

@testable import RoostHub

/// A wire that keeps what was written to it and lets a test wait for a frame. Lives on its loop.
final class TestWire: Transport {
    private let loop: any EventLoop
    private(set) var frames: [String] = []
    private(set) var closes: [CloseCode] = []
    /// How many frames had been written when it was closed.
    private(set) var framesAtClose = 0
    private(set) var isRead = true
    private(set) var pings = 0
    /// Bytes that the peer has not taken, and the most there ever were; above `capacity` the wire is not writable.
    private(set) var unsent = 0
    private(set) var mostUnsent = 0
    var capacity = Int.max
    var isStuck = false
    var onWritability: ((Bool) -> Void)?
    private var decoder = WebSocketDecoder(side: .client, maxMessageBytes: 1 << 24, inflater: Inflater())
    /// Pings and closes, in order, and who waits for them.
    private var signs: [String] = []
    private var signWaiters: [String: [EventLoopPromise<Void>]] = [:]
    private var waiters: [(needle: String, from: Int, promise: EventLoopPromise<String>)] = []

    init(loop: any EventLoop) { self.loop = loop }

    func write(_ bytes: ByteBuffer) {
        var bytes = bytes
        unsent += isStuck ? bytes.readableBytes : 0
        mostUnsent = max(mostUnsent, unsent)
        if unsent > capacity { onWritability?(false) }
        let known = frames.count
        while case .text(let text)? = try? decoder.next(from: &bytes) { frames.append(String(buffer: text)) }
        for (index, waiter) in waiters.enumerated().reversed() {
            let news = frames.dropFirst(max(known, waiter.from))
            guard let found = news.first(where: { $0.contains(waiter.needle) }) else { continue }
            waiters.remove(at: index)
            waiter.promise.succeed(found)
        }
    }

    func flush() {}
    func ping(_ number: UInt64) {
        pings += 1
        sign("ping \(pings)")
    }
    func setReading(_ isOn: Bool) { isRead = isOn }
    func close(_ code: CloseCode, reason: String) {
        closes.append(code)
        framesAtClose = frames.count
        sign("close \(code)")
    }

    private func sign(_ text: String) {
        signs.append(text)
        for promise in signWaiters.removeValue(forKey: text) ?? [] { promise.succeed() }
    }

    /// Waits for a ping (`ping 1` is the first) or a close (`close draining`).
    func sign(of text: String) -> EventLoopFuture<Void> {
        if signs.contains(text) { return loop.makeSucceededVoidFuture() }
        let promise = loop.makePromise(of: Void.self)
        signWaiters[text, default: []].append(promise)
        return promise.futureResult
    }

    /// The peer takes what is there.
    func drain() {
        unsent = 0
        onWritability?(true)
    }

    func frame(with needle: String, from: Int) -> EventLoopFuture<String> {
        if let found = frames.dropFirst(from).first(where: { $0.contains(needle) }) {
            return loop.makeSucceededFuture(found)
        }
        let promise = loop.makePromise(of: String.self)
        waiters.append((needle, from, promise))
        return promise.futureResult
    }
}

/// A client in a test: a connection on a test wire.
struct TestClient: Sendable {
    let loop: any EventLoop
    private let bound: NIOLoopBound<(Shard, Connection, TestWire)>

    init(
        _ hub: Hub, on loop: any EventLoop, user: String, dialect: Dialect = .native, deflates: Bool = false,
        credentials: Credentials? = nil
    ) async throws {
        self.loop = loop
        let id = try #require(UserID(user))
        bound = try await loop.submit {
            let shard = try #require(hub.shard(on: loop))
            let wire = TestWire(loop: loop)
            let identity = Identity(user: id, name: user, client: "c-" + user)
            if deflates { _ = shard.inflater() }
            let connection = shard.connect(
                wire, dialect: dialect, deflates: deflates, identity: identity, session: "s", credentials: credentials)
            wire.onWritability = { shard.writability(of: connection, isNow: $0) }
            return NIOLoopBound((shard, connection, wire), eventLoop: loop)
        }.get()
    }

    func run<Value: Sendable>(
        _ body: @escaping @Sendable (Shard, Connection, TestWire) throws -> Value
    ) async throws -> Value {
        let bound = bound
        return try await loop.submit {
            let (shard, connection, wire) = bound.value
            return try body(shard, connection, wire)
        }.get()
    }

    /// Sends several frames as if they had come in one read.
    func send(_ texts: String...) async throws {
        try await run { shard, connection, _ in
            for text in texts { shard.receive(ByteBuffer(string: text), from: connection) }
        }
    }

    /// The first frame from number `from` on that contains `needle`; waits for it.
    @discardableResult
    func hear(_ needle: String, from: Int = 0) async throws -> String {
        let bound = bound
        return try await loop.flatSubmit { bound.value.2.frame(with: needle, from: from) }.get()
    }

    /// Waits for `ping 1`, `close draining` and the like.
    func feel(_ sign: String) async throws {
        let bound = bound
        try await loop.flatSubmit { bound.value.2.sign(of: sign) }.get()
    }

    func frames() async throws -> [String] { try await run { _, _, wire in wire.frames } }
    func frameCount() async throws -> Int { try await run { _, _, wire in wire.frames.count } }
    func closes() async throws -> [CloseCode] { try await run { _, _, wire in wire.closes } }
    func isRead() async throws -> Bool { try await run { _, _, wire in wire.isRead } }
    func isReading(_ isWritable: Bool) async throws {
        try await run { shard, connection, _ in shard.writability(of: connection, isNow: isWritable) }
    }
    /// The frames heard so far of these types, in order, by type.
    func heard(_ types: String...) async throws -> [String] {
        try await frames().filter { frame in types.contains { frame.contains(#""type":"\#($0)""#) } }
    }
    /// Waits until everything that is on its way to the client now has arrived.
    func settle() async throws {
        let mark = "settle\(try await frames().count)"
        try await send(#"{"type":"ping","messageId":"\#(mark)"}"#)
        try await hear(#""type":"pong","messageId":"\#(mark)""#)
    }
    func drop() async throws { try await run { shard, connection, _ in shard.disconnect(connection) } }

    /// The `seq`s of the messages heard, in the order in which they came.
    func seqs() async throws -> [UInt64] {
        try await frames().filter { $0.contains(#""type":"message""#) }.map { frame in
            let digits = frame.split(separator: #""seq":"#)[1].prefix { $0.isNumber }
            return UInt64(digits) ?? 0
        }
    }

    static func message(_ number: Int, room: String = "r") -> String {
        #"{"type":"message","messageId":"m\#(number)","payload":{"room":"\#(room)","content":\#(number)}}"#
    }

    static func join(_ room: String = "r", id: String = "j", more: String = "") -> String {
        #"{"type":"join","messageId":"\#(id)","payload":{"room":"\#(room)"\#(more)}}"#
    }
}

/// The time in a test: it stands still until the test moves it.
final class TestClock: Sendable {
    private let milliseconds = Locked<Int64>(0)

    var now: Moment { Moment(milliseconds: milliseconds.withLock { $0 }) }
    var wall: Timestamp { Timestamp(milliseconds: 1_700_000_000_000 + now.milliseconds) }
    func advance(by step: Int64) { milliseconds.withLock { $0 += step } }
}

/// Runs `body` against a hub on `loops` event loops and puts everything away afterwards.
func withHub(
    loops: Int = 1, store: (any Store)? = nil, limits: Limits = .unhurried, kinds: Kinds = Kinds(),
    judge: TokenJudge? = nil, recentBytes: Int = 64 << 20, readersPerTurn: Int = 2048,
    clock: TestClock = TestClock(),
    _ body: (Hub, [any EventLoop]) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    let all = Array(group.makeIterator()) as [any EventLoop]
    var log = Logger(label: "test")
    log.logLevel = .critical
    let hub = try await Hub.start(
        store: store ?? MemoryStore(options: StoreOptions(kinds: kinds), at: clock.wall), loops: all,
        settings: HubSettings(
            limits: limits, kinds: kinds, node: "test", judge: judge, recentBytes: recentBytes,
            readersPerTurn: readersPerTurn),
        world: World(monotonic: { clock.now }, wall: { clock.wall }), log: log)
    do {
        try await body(hub, all)
    } catch {
        // Else what the test holds back would hold the drain up for ever, and nobody would hear of the failure.
        (store as? FaultyStore)?.release()
        await hub.drain(DrainPlan(.goingAway, reason: "over"))
        try await group.shutdownGracefully()
        throw error
    }
    await hub.drain(DrainPlan(.goingAway, reason: "over"))
    try await group.shutdownGracefully()
}

extension Limits {
    /// Without limits on the rate, since time stands still in these tests.
    static var unhurried: Limits {
        var limits = Limits()
        limits.rateMessages = 0
        return limits
    }
}

/// A room's name that is known to be legal.
func room(_ text: String) -> RoomName {
    guard let name = RoomName(text) else { preconditionFailure("\(text) is no room name") }
    return name
}

/// A kind for every room, with some things changed.
func kinds(_ change: (inout RoomKind) -> Void) -> Kinds {
    var kind = RoomKind()
    change(&kind)
    return Kinds(usual: kind)
}

/// A user's id that is known to be legal.
func user(_ text: String) -> UserID {
    guard let user = UserID(text) else { preconditionFailure("\(text) is no user id") }
    return user
}

/// A message's id that is known to be legal.
func id(_ text: String) -> MessageID {
    guard let id = MessageID(text) else { preconditionFailure("\(text) is no message id") }
    return id
}

/// A draft as a client's message becomes one.
func draft(_ name: String, in target: String = "r", by sender: String = "a", bytes: Int = 1) -> Draft {
    let content = RawJSON(validated: Array(repeating: UInt8(ascii: "1"), count: bytes))
    return Draft(room: room(target), sender: user(sender), id: id(name), content: content)
}
