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
        @Option(help: "Seconds to measure, after one second of warming up.")
        var seconds = 10
        @Option(help: "Bytes of each message's content.")
        var size = 512
        @Flag(help: "Print one JSON object instead of a table.")
        var json = false

        func validate() throws {
            guard (1...3600).contains(seconds) else { throw ValidationError("--seconds must be 1 to 3600.") }
            guard (17...1_000_000).contains(size) else { throw ValidationError("--size must be 17 to 1000000.") }
        }

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

        func run(_ bench: () throws -> Report) throws {
            try attempt {
                let report = try bench()
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
        @Option(name: .customLong("in-flight"), help: "How many are under way at a time.")
        var inFlight = 1
        @Option(help: "How many are begun per second, on a schedule that waits for nobody; instead of --in-flight.")
        var rate: Int?

        func validate() throws {
            guard (1...4000).contains(inFlight) else { throw ValidationError("--in-flight must be 1 to 4000.") }
            guard rate.map({ (1...10_000_000).contains($0) }) ?? true else {
                throw ValidationError("--rate must be 1 to 10000000.")
            }
        }
    }

    struct Speech: ParsableArguments {
        @Option(
            help:
                "What the server speaks: native or simple (Roost), pubsub (nchan; the room is added to the path), nats."
        )
        var dialect = BenchDialect.native
    }
}

extension BenchDialect: ExpressibleByArgument {}

/// Refuses a number that is out of bounds.
func check(_ name: String, _ value: Int, within bounds: ClosedRange<Int>) throws {
    guard bounds.contains(value) else {
        throw ValidationError("--\(name) must be \(bounds.lowerBound) to \(bounds.upperBound).")
    }
}
