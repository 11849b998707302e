import ArgumentParser
import RoostBench

/// `roost bench …`
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Loads a running server and says what it did.",
        subcommands: [FanOut.self, Store.self, Idle.self, Storm.self])

    struct Common: ParsableArguments {
        @Option(help: "The server, as ws://HOST:PORT.")
        var url = "ws://127.0.0.1:8080"
        @Option(help: "The server's process id, to report its CPU and memory (Linux).")
        var pid: Int32?
        @Option(help: "Seconds to measure, after one second of warming up.")
        var seconds = 10
        @Option(help: "Bytes of each message's content.")
        var size = 512
        @Flag(help: "Print one JSON object instead of a table.")
        var json = false

        func validate() throws {
            guard (1...3600).contains(seconds) else { throw ValidationError("--seconds must be 1 to 3600.") }
            guard (2...1_000_000).contains(size) else { throw ValidationError("--size must be 2 to 1000000.") }
        }

        func options(inFlight: Int = 1) throws -> Bench.Options {
            var options = Bench.Options(target: try BenchTarget(url: url))
            options.size = size
            options.seconds = seconds
            options.inFlight = inFlight
            options.pid = pid
            options.progress = { Console.complain($0) }
            return options
        }

        func run(_ bench: () async throws -> Report) async throws {
            try await attempt {
                let report = try await bench()
                print(json ? report.json : report.table, terminator: "")
                if !report.faults.isEmpty { throw ExitCode(1) }
            }
        }

        func attempt(_ work: () async throws -> Void) async throws {
            do {
                try await work()
            } catch let error as BenchError {
                try Console.fail("\(error)", code: 1)
            }
        }
    }

    struct FanOut: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fanout", abstract: "One room with many readers: deliveries per second, CPU per delivery.")

        @OptionGroup var common: Common
        @Option(help: "Readers in the room.")
        var readers = 1000
        @Option(name: .customLong("in-flight"), help: "Publications under way at a time.")
        var inFlight = 1

        func validate() throws {
            guard (1...60_000).contains(readers), (1...10_000).contains(inFlight) else {
                throw ValidationError("--readers must be 1 to 60000 and --in-flight 1 to 10000.")
            }
        }

        func run() async throws {
            try await common.run { try await Bench.fanout(common.options(inFlight: inFlight), readers: readers) }
        }
    }

    struct Store: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "store", abstract: "Many publishers that wait for acks: stored messages per second.")

        @OptionGroup var common: Common
        @Option(help: "Publishers, each on a connection of its own.")
        var publishers = 100
        @Option(help: "Rooms that they publish to.")
        var rooms = 100
        @Option(name: .customLong("in-flight"), help: "Messages that each keeps waiting for an ack.")
        var inFlight = 16

        func validate() throws {
            guard (1...60_000).contains(publishers), (1...100_000).contains(rooms), (1...10_000).contains(inFlight)
            else { throw ValidationError("--publishers, --rooms and --in-flight must be 1 or more.") }
        }

        func run() async throws {
            try await common.run {
                try await Bench.store(common.options(inFlight: inFlight), publishers: publishers, rooms: rooms)
            }
        }
    }

    struct Idle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "idle", abstract: "Connections that do nothing: memory per connection.")

        @OptionGroup var common: Common
        @Option(help: "Connections, each joined to one room.")
        var connections = 10_000

        func validate() throws {
            guard (1...60_000).contains(connections) else {
                throw ValidationError("--connections must be 1 to 60000.")
            }
        }

        func run() async throws {
            try await common.run { try await Bench.idle(common.options(), connections: connections) }
        }
    }
}
