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
    private(set) var isRead = true
    private(set) var pings = 0
    private var decoder = WebSocketDecoder(side: .client, maxMessageBytes: 1 << 24)
    private var waiters: [(needle: String, from: Int, promise: EventLoopPromise<String>)] = []

    init(loop: any EventLoop) { self.loop = loop }

    func write(_ bytes: ByteBuffer) {
        var bytes = bytes
        while case .text(let text)? = try? decoder.next(from: &bytes) { frames.append(String(buffer: text)) }
        for (index, waiter) in waiters.enumerated().reversed() {
            guard let found = frames[waiter.from...].first(where: { $0.contains(waiter.needle) }) else { continue }
            waiters.remove(at: index)
            waiter.promise.succeed(found)
        }
    }

    func flush() {}
    func ping(_ number: UInt64) { pings += 1 }
    func setReading(_ isOn: Bool) { isRead = isOn }
    func close(_ code: CloseCode, reason: String) { closes.append(code) }

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

    init(_ hub: Hub, on loop: any EventLoop, user: String, dialect: Dialect = .native) async throws {
        self.loop = loop
        let id = try #require(UserID(user))
        bound = try await loop.submit {
            let shard = try #require(hub.shard(on: loop))
            let wire = TestWire(loop: loop)
            let identity = Identity(user: id, name: user, client: "c-" + user)
            let connection = shard.connect(wire, dialect: dialect, identity: identity, session: "s")
            return NIOLoopBound((shard, connection, wire), eventLoop: loop)
        }.get()
    }

    private func run<Value: Sendable>(
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

    func frames() async throws -> [String] { try await run { _, _, wire in wire.frames } }
    func closes() async throws -> [CloseCode] { try await run { _, _, wire in wire.closes } }
    func isRead() async throws -> Bool { try await run { _, _, wire in wire.isRead } }
    func isReading(_ isWritable: Bool) async throws {
        try await run { shard, connection, _ in shard.writability(of: connection, isNow: isWritable) }
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

/// Runs `body` against a hub on `loops` event loops and puts everything away afterwards.
func withHub(
    loops: Int = 1, store: (any Store)? = nil, limits: Limits = .unhurried,
    _ body: (Hub, [any EventLoop]) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    let all = Array(group.makeIterator()) as [any EventLoop]
    var log = Logger(label: "test")
    log.logLevel = .critical
    let wall = Timestamp(milliseconds: 1_700_000_000_000)
    let hub = try await Hub.start(
        store: store ?? MemoryStore(at: wall), loops: all, settings: HubSettings(limits: limits, node: "test"),
        world: World(monotonic: { Moment(milliseconds: 0) }, wall: { wall }), log: log)
    do {
        try await body(hub, all)
    } catch {
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
