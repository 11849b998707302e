public import NIOCore
public import NIOSSL
internal import RoostCore
public import RoostEngine

/// What the nodes of a cluster share beside the store, in Redis: one server, Sentinels with a master, or Redis Cluster.
///
/// Redis 5 or newer; 7 or newer for a cluster, whose channels are sharded. Everything is on one event loop; the functions
/// may be called from any thread. What waits for Redis fails as `BusError.away` after 5 s at the latest, and at once
/// while it is known to be away.
public final class RedisBus: Cluster {
    private let loop: any EventLoop
    private let board: NIOLoopBoundBox<Switchboard>
    private let connected: Locked<Bool>
    let keys: Keys

    /// - Parameters:
    ///   - loop: where the work is done: parsing what comes, writing what goes. It outlives the bus.
    ///   - tls: what TLS trusts, where the address asks for TLS; by default the authorities that the system trusts.
    /// - Throws: `refused` if TLS can't be set up.
    public init(
        _ address: RedisAddress, on loop: any EventLoop, tls: TLSConfiguration = .makeClientConfiguration()
    ) throws(BusError) {
        self.loop = loop
        let keys = Keys(database: address.database)
        let connected = Locked(false)
        (self.keys, self.connected) = (keys, connected)
        let dialer = Dialer(loop: loop, tls: try RedisBus.context(address, tls))
        board = NIOLoopBoundBox.makeBoxSendingValue(
            Switchboard(
                address, keys: keys, locator: Locator(address: address, dialer: dialer), connected: connected),
            eventLoop: loop)
    }

    private static func context(_ address: RedisAddress, _ tls: TLSConfiguration) throws(BusError) -> NIOSSLContext? {
        guard address.isSecure else { return nil }
        do {
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw .refused("TLS to Redis can't be set up: \(error)")
        }
    }

    public func counters() async -> BusCounters {
        (try? await withBoard { $0.counters }) ?? BusCounters()
    }

    // MARK: Bus

    public func start(_ hear: @escaping @Sendable (BusEvent) -> Void) { tell { $0.start(hear) } }

    public func publish(_ posts: [BusPost]) {
        if !posts.isEmpty { tell { $0.publish(posts) } }
    }

    public func listen(to channels: [BusChannel]) { tell { $0.listen(to: channels) } }

    public func unlisten(to channels: [BusChannel]) { tell { $0.unlisten(to: channels) } }

    public var isConnected: Bool { connected.withLock { $0 } }

    public func stop() async { try? await withBoard { $0.stop() } }

    // MARK: On the loop

    private func tell(_ body: @escaping @Sendable (Switchboard) -> Void) {
        let board = board
        loop.execute { body(board.value) }
    }

    private func withBoard<Result: Sendable>(_ body: @escaping @Sendable (Switchboard) -> Result) async throws -> Result
    {
        let board = board
        return try await loop.submit { body(board.value) }.get()
    }

    /// Does things in one turn of the loop, so that what they send is one write, and waits for all of it.
    func together(
        _ begin: @escaping @Sendable (Switchboard) -> [EventLoopFuture<RespValue>]
    ) async throws(BusError) -> [RespValue] {
        let (board, loop) = (board, loop)
        let all = loop.flatSubmit { EventLoopFuture.whenAllSucceed(begin(board.value), on: loop) }
        do {
            return try await all.get()
        } catch {
            throw error as? BusError ?? .away("\(error)")
        }
    }
}

extension Switchboard {
    /// Calls a script.
    func call(_ script: Script, keys: [String], _ arguments: [RespWord]) -> EventLoopFuture<RespValue> {
        promise { Errand(script, keys: keys, arguments, completion: $0) }
    }

    func ask(_ command: RespCommand, key: String) -> EventLoopFuture<RespValue> {
        promise { Errand(command, key: key, completion: $0) }
    }

    private func promise(_ errand: (@escaping CommandLink.Completion) -> Errand) -> EventLoopFuture<RespValue> {
        let promise = locator.dialer.loop.makePromise(of: RespValue.self)
        run(
            errand { result in
                switch result {
                case .success(let value): promise.succeed(value)
                case .failure(let error): promise.fail(error)
                }
            })
        return promise.futureResult
    }
}
