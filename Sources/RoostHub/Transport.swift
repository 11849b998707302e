public import NIOCore
public import RoostCore

/// The wire under one connection, as its shard sees it. Every call is made on the connection's event loop.
public protocol Transport: AnyObject {
    /// Queues whole frames; they leave with the next `flush`.
    func write(_ frames: ByteBuffer)
    func flush()
    /// Sends whole frames at once where nothing waits before them. False if `flush` has to be called.
    func sendNow(_ frames: ByteBuffer) -> Bool
    /// Asks the peer for a sign of life, with the next `flush`. Its answer carries the number, which says that everything
    /// written before the ping has arrived.
    func ping(_ number: UInt64)
    /// Stops or resumes taking bytes from the peer.
    func setReading(_ isOn: Bool)
    /// Sends what is queued, says why, and ends the connection.
    func close(_ code: CloseCode, reason: String)
    /// The client has joined a room.
    func entered(_ room: RoomName)
}

extension Transport {
    public func entered(_ room: RoomName) {}

    public func sendNow(_ frames: ByteBuffer) -> Bool {
        write(frames)
        return false
    }
}

/// What the hub takes from outside: time, chance, and what runs its tasks. A simulation gives its own.
public struct World: Sendable {
    public var monotonic: @Sendable () -> Moment
    public var wall: @Sendable () -> Timestamp
    /// 64 random bits.
    public var random: @Sendable () -> UInt64
    /// Where the hub's tasks run; nil is the usual pool of threads.
    public var executor: (any TaskExecutor)?

    public init(
        monotonic: @escaping @Sendable () -> Moment, wall: @escaping @Sendable () -> Timestamp,
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) },
        executor: (any TaskExecutor)? = nil
    ) {
        self.monotonic = monotonic
        self.wall = wall
        self.random = random
        self.executor = executor
    }

    /// Starts a task of the hub's own.
    /// - Parameter loop: where it runs, if the world doesn't say otherwise; nil is the usual pool of threads.
    func run(on loop: LoopExecutor? = nil, _ body: @escaping @Sendable () async -> Void) {
        Task(executorPreference: executor ?? loop) { await body() }
    }
}

/// Runs tasks on an event loop, between its events.
///
/// A question to the store begins and ends on a loop. On the pool of threads it would cost two hops between threads, and
/// a store in memory has answered before the first of them is over. Nothing that runs here may block; stores don't (see
/// `MessageLog`).
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// What the configuration tells a hub.
public struct HubSettings: Sendable {
    public var limits: Limits
    /// Kinds of room.
    public var kinds: Kinds
    /// The node's name, as clients are told it.
    public var node: String
    /// What tells whose a token is; nil where the node runs without sign-in.
    public var judge: TokenJudge?
    /// Bytes of recent messages kept in memory, over all rooms; 0 keeps none.
    public var recentBytes: Int
    /// How many readers of a room are sent something before the loop looks at its sockets again. Sending to so many takes
    /// some ten milliseconds.
    public var readersPerTurn: Int
    /// In a cluster: in how many sweeps, two seconds apart, the store is asked once where each log with readers ends, should
    /// all news of it have been lost; more seldom where there are more than `Hub.mostLooks` each time; 0: never. Without the
    /// bus, or where there is none, at each.
    public var sweepsPerLook: Int

    public init(
        limits: Limits = Limits(), kinds: Kinds = Kinds(), node: String, judge: TokenJudge? = nil,
        recentBytes: Int = 64 << 20, readersPerTurn: Int = 2048, sweepsPerLook: Int = 5
    ) {
        self.limits = limits
        self.kinds = kinds
        self.node = node
        self.judge = judge
        self.recentBytes = recentBytes
        self.readersPerTurn = readersPerTurn
        self.sweepsPerLook = sweepsPerLook
    }
}
