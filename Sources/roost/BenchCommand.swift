public import ArgumentParser
public import RoostBench

/// `roost bench …`
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Loads a running server and says what it did.",
        discussion: """
            The server must be up already, without limits on rates: --rate-limit-messages 0 --rate-limit-connects 0. \
            Everything that is heard is checked: exits 1 if something was lost, doubled or out of order.
            """,
        subcommands: [FanOut.self, Store.self, Echo.self, Idle.self, Churn.self, Storm.self, FindLimit.self])

    struct Common: ParsableArguments {
        @Option(help: "The server, as ws://HOST:PORT.")
        var url = "ws://127.0.0.1:8080"
        @Option(help: "The server's process id, to report its CPU and memory (Linux).")
        var pid: Int32?
        @Option(help: "Seconds to measure, after one second of warming up.", transform: number(in: 1...3600))
        var seconds = 10
        @Option(help: "Bytes of each message's content.", transform: number(in: 17...1_000_000))
        var size = 512
        @Flag(help: "Print one JSON object instead of a table.")
        var json = false

        func options(inFlight: Int = 1, rate: Int? = nil, dialect: BenchDialect = .native) throws -> Bench.Options {
            var options = Bench.Options(target: try BenchTarget(url: url))
            options.size = size
            options.seconds = seconds
            options.inFlight = inFlight
            options.rate = rate
            options.dialect = dialect
            options.pid = pid
            options.progress = { Console.complain($0) }
            return options
        }

        /// Runs a benchmark and prints what it found; draws that, too, where a file for it is given.
        func run(drawing: Drawing? = nil, _ bench: () throws -> Report) throws {
            try attempt {
                let plot = try drawing?.plot.map { try PlotFile(path: $0) }
                let report = try bench()
                if let plot, let header = drawing?.header(report, target: url) { try plot.write(report, header) }
                print(json ? report.json : report.table, terminator: "")
                if !report.faults.isEmpty { throw ExitCode(1) }
            }
        }

        func attempt(_ work: () throws -> Void) throws {
            do {
                try work()
            } catch let error as BenchError {
                try Console.fail("\(error)", code: 1)
            }
        }
    }

    /// How much is under way.
    struct Load: ParsableArguments {
        @Option(
            name: .customLong("in-flight"),
            help: "How many each room or publisher has under way at a time (default: 1; store: 16).",
            transform: number(in: inFlightBounds))
        var inFlight: Int?
        @Option(
            help: "How many are begun per second, on a schedule that waits for nobody; instead of --in-flight.",
            transform: number(in: 1...10_000_000))
        var rate: Int?
    }

    struct Speech: ParsableArguments {
        @Option(
            help:
                "What the server speaks: native or simple (Roost), pubsub (nchan; the room is added to the path), nats."
        )
        var dialect = BenchDialect.native
    }

    /// Rooms full of readers.
    struct Audience: ParsableArguments {
        @Option(help: "Rooms.", transform: number(in: connectionBounds))
        var rooms = 1
        @Option(help: "Readers in each room.", transform: number(in: connectionBounds))
        var readers = 1000

        func validate() throws {
            guard connectionBounds.contains(rooms * readers) else {
                throw ValidationError("--rooms times --readers must be at most \(connectionBounds.upperBound).")
            }
        }
    }

    /// As many as one address has ports for.
    static let connectionBounds = 1...60_000
    static let inFlightBounds = 1...4000

    /// Reads a number that must be within bounds.
    static func number(in bounds: ClosedRange<Int>) -> @Sendable (String) throws -> Int {
        { text in
            guard let number = Int(text), bounds.contains(number) else {
                throw ValidationError("must be a number from \(bounds.lowerBound) to \(bounds.upperBound)")
            }
            return number
        }
    }
}

extension BenchDialect: ExpressibleByArgument {}
