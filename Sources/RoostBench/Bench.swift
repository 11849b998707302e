/// The benchmarks, each run on this thread against a server that is up already, until they are over.
public enum Bench {
    public struct Options {
        public var target: BenchTarget
        public var dialect = BenchDialect.native
        /// Bytes of each message's content.
        public var size = 512
        public var seconds = 10
        /// Publications (per room or publisher) or round trips (per connection) under way at a time.
        public var inFlight = 1
        /// Publications a second over all rooms, on a schedule that waits for nobody; nil: as `inFlight` says.
        public var rate: Int?
        /// The server's process, for its CPU and memory.
        public var pid: Int32?
        /// Told once a second what goes on.
        public var progress: (String) -> Void = { _ in }

        public init(target: BenchTarget) { self.target = target }
    }

    /// Rooms with so many readers each, the first of whom publishes.
    /// - Parameter name: what the rooms' names begin with, before a hyphen and a number; nil: something new.
    public static func fanout(_ options: Options, rooms: Int, readers: Int, name: String? = nil) throws -> Report {
        try OpenFiles.provide(for: rooms * readers)
        return try FanOutRun(options, rooms: rooms, readers: readers, name: name).run()
    }

    /// So many publishers, spread over as many rooms, that wait for their acks.
    public static func store(_ options: Options, publishers: Int, rooms: Int) throws -> Report {
        try OpenFiles.provide(for: publishers)
        return try StoreRun(options, publishers: publishers, rooms: rooms).run()
    }

    /// Frames that come back as they are.
    public static func echo(_ options: Options, connections: Int) throws -> Report {
        try OpenFiles.provide(for: connections)
        return try EchoRun(options, connections: connections).run()
    }

    /// So many connections, each joined to one room, that do nothing.
    public static func idle(_ options: Options, connections: Int) throws -> Report {
        try OpenFiles.provide(for: connections)
        return try IdleRun(options, connections: connections).run()
    }

    /// Clients that connect, join, say something, hear it and go, so many at a time.
    public static func churn(_ options: Options, atOnce: Int) throws -> Report {
        try OpenFiles.provide(for: 2 * atOnce)
        return try ChurnRun(options, atOnce: atOnce).run()
    }

    /// Many clients join rooms with a history, are dropped, and miss what is said then.
    public static func prepareStorm(_ options: Options, _ plan: StormPlan) throws -> StormState {
        try OpenFiles.provide(for: plan.clients)
        return try StormPreparation(options, plan: plan).run()
    }

    /// All of them come back at once.
    /// - Parameter within: seconds after which nobody is waited for any more.
    public static func storm(_ options: Options, _ state: StormState, within: Int) throws -> Report {
        try OpenFiles.provide(for: state.clients.count)
        var options = options
        options.size = state.size
        return try StormRun(options, state: state, within: within).run()
    }
}
