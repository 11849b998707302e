import NIOCore
import NIOPosix

/// The benchmarks, each run against a server that is up already.
public enum Bench {
    public struct Options: Sendable {
        public var target: BenchTarget
        /// Bytes of each message's content.
        public var size = 512
        public var seconds = 10
        /// Publications (fanout) or messages per publisher (store) under way at a time.
        public var inFlight = 1
        /// The server's process, for its CPU and memory.
        public var pid: Int32?
        /// Told once a second what goes on.
        public var progress: @Sendable (String) -> Void = { _ in }

        public init(target: BenchTarget) { self.target = target }
    }

    /// One room, so many readers, one publisher that keeps `inFlight` publications under way.
    public static func fanout(_ options: Options, readers: Int) async throws -> Report {
        try await onLoop { loop in FanOutRun(options, readers: readers, loop: loop).run() }
    }

    /// So many publishers, each with `inFlight` messages that wait for their ack, spread over as many rooms.
    public static func store(_ options: Options, publishers: Int, rooms: Int) async throws -> Report {
        try await onLoop { loop in StoreRun(options, publishers: publishers, rooms: rooms, loop: loop).run() }
    }

    /// So many connections, each joined to one room, that do nothing.
    public static func idle(_ options: Options, connections: Int) async throws -> Report {
        try await onLoop { loop in IdleRun(options, connections: connections, loop: loop).run() }
    }

    /// Many clients join rooms with a history, are dropped, and miss what is said then.
    public static func prepareStorm(_ options: Options, _ plan: StormPlan) async throws -> StormState {
        try OpenFiles.provide(for: plan.clients)
        return try await onLoop { loop in StormPreparation(options, plan: plan, loop: loop).run() }
    }

    /// All of them come back at once.
    /// - Parameter within: seconds after which nobody is waited for any more.
    public static func storm(_ options: Options, _ state: StormState, within: Int) async throws -> Report {
        try OpenFiles.provide(for: state.clients.count)
        var options = options
        options.size = state.size
        return try await onLoop { [options] loop in
            StormRun(options, state: state, within: within, loop: loop).run()
        }
    }

    /// Runs everything of one benchmark on one event loop, so that its state needs no lock.
    private static func onLoop<Outcome: Sendable>(
        _ run: @escaping @Sendable (any EventLoop) -> EventLoopFuture<Outcome>
    ) async throws -> Outcome {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        do {
            let outcome = try await loop.flatSubmit { run(loop) }.get()
            try await group.shutdownGracefully()
            return outcome
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
    }
}

/// What all runs share: connecting many sockets a few at a time, and knowing when to stop. Lives on its loop.
class BenchRun<Outcome: Sendable> {
    let options: Bench.Options
    let loop: any EventLoop
    let done: EventLoopPromise<Outcome>
    var sockets: [BenchSocket] = []
    private(set) var failure: BenchError?

    init(_ options: Bench.Options, loop: any EventLoop) {
        self.options = options
        self.loop = loop
        done = loop.makePromise(of: Outcome.self)
    }

    func fail(_ error: BenchError) {
        guard failure == nil else { return }
        failure = error
        done.fail(error)
    }

    /// Connects `count` sockets, so many at a time; `each` is called when one is open, `then` when all are.
    func connect(
        _ count: Int, named name: String = "bench", atOnce: Int = 32, each: @escaping (Int, BenchSocket) -> Void,
        then: @escaping () -> Void = {}
    ) {
        var next = 0
        var open = 0
        let bound = NIOLoopBoundBox<() -> Void>({}, eventLoop: loop)
        let me = NIOLoopBound(self, eventLoop: loop)
        bound.value = { [options, loop] in
            guard next < count, me.value.failure == nil else { return }
            let number = next
            next += 1
            let steps = NIOLoopBound((each, then), eventLoop: loop)
            BenchSocket.connect(options.target, user: "\(name)-\(number)", on: loop).assumeIsolated().whenComplete {
                result in
                switch result {
                case .failure(let error): me.value.fail(BenchError("connection \(number + 1) of \(count): \(error)"))
                case .success(let socket):
                    me.value.sockets.append(socket)
                    steps.value.0(number, socket)
                    open += 1
                    if open == count { steps.value.1() } else { bound.value() }
                }
            }
        }
        for _ in 0..<min(atOnce, count) { bound.value() }
    }

    func finish(_ outcome: Outcome) {
        for socket in sockets {
            socket.onClose = { _ in }
            socket.close()
        }
        if failure == nil { done.succeed(outcome) }
    }

    func after(_ delay: TimeAmount, _ action: @escaping () -> Void) {
        loop.assumeIsolated().scheduleTask(in: delay) { action() }
    }

    /// Content of the wanted size.
    var filler: String { String(repeating: "x", count: max(0, options.size - 2)) }
}

/// What the server and the generator have spent between two moments.
struct Meter {
    private let server: ProcessProbe?
    private let startedAt = NIODeadline.now()
    private let serverCPU: Double?
    private let ownCPU: Double?

    init(pid: Int32?) {
        server = pid.map { ProcessProbe(pid: $0) }
        serverCPU = server?.cpuSeconds
        ownCPU = ProcessProbe.own.cpuSeconds
    }

    var seconds: Double { Double((NIODeadline.now() - startedAt).nanoseconds) / 1e9 }

    func report(into report: inout Report, per name: String, count: UInt64) {
        let elapsed = seconds
        if let before = serverCPU, let after = server?.cpuSeconds, count > 0 {
            report.add("server CPU per \(name)", (after - before) * 1e6 / Double(count), "µs")
            report.add("server CPU", (after - before) / elapsed * 100, "%")
        }
        report.add("server RSS", server?.residentBytes.map { Double($0) / 1_048_576 }, "MiB")
        if let before = ownCPU, let after = ProcessProbe.own.cpuSeconds {
            let share = (after - before) / elapsed * 100
            report.add("generator CPU", share, "%")
            if share > 90 { report.warn("the generator itself was the bottleneck; the server can do more") }
        }
    }
}
