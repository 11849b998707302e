import ArgumentParser
import RoostBench

extension BenchCommand {
    struct FanOut: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fanout", abstract: "Rooms with many readers: deliveries per second, CPU per delivery.",
            discussion: "The first reader of each room publishes; --in-flight is per room, --rate over all rooms.")

        @OptionGroup var common: Common
        @OptionGroup var speech: Speech
        @OptionGroup var load: Load
        @Option(help: "Rooms.")
        var rooms = 1
        @Option(help: "Readers in each room.")
        var readers = 1000
        @Option(help: "What the rooms are called, before -0, -1, …; unless given, a name that is new.")
        var name: String?

        func validate() throws {
            try check("rooms", rooms, within: 1...60_000)
            try check("readers", readers, within: 1...60_000)
            try check("rooms times --readers", rooms * readers, within: 1...60_000)
        }

        func run() throws {
            try common.run {
                try Bench.fanout(
                    common.options(inFlight: load.inFlight, rate: load.rate, dialect: speech.dialect), rooms: rooms,
                    readers: readers, name: name)
            }
        }
    }

    struct Store: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "store", abstract: "Many publishers that wait for acks: stored messages per second.",
            discussion: "--in-flight (16 unless given) is per publisher, --rate over all of them.")

        @OptionGroup var common: Common
        @Option(name: .customLong("in-flight"), help: "Messages that each keeps waiting for an ack.")
        var inFlight = 16
        @Option(help: "Messages sent per second, on a schedule that waits for nobody; instead of --in-flight.")
        var rate: Int?
        @Option(help: "Publishers, each on a connection of its own.")
        var publishers = 100
        @Option(help: "Rooms that they publish to.")
        var rooms = 100

        func validate() throws {
            try check("publishers", publishers, within: 1...60_000)
            try check("rooms", rooms, within: 1...100_000)
            try check("in-flight", inFlight, within: 1...4000)
            if let rate { try check("rate", rate, within: 1...10_000_000) }
        }

        func run() throws {
            try common.run {
                try Bench.store(common.options(inFlight: inFlight, rate: rate), publishers: publishers, rooms: rooms)
            }
        }
    }

    struct Echo: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "echo", abstract: "Frames that come back: CPU per round trip.",
            discussion: "For `roost serve --conformance` and any other echo; the URL's path is /echo unless it has one."
        )

        @OptionGroup var common: Common
        @Option(name: .customLong("in-flight"), help: "Frames that each connection has under way.")
        var inFlight = 1
        @Option(help: "Connections.")
        var connections = 100

        func validate() throws {
            try check("connections", connections, within: 1...60_000)
            try check("in-flight", inFlight, within: 1...4000)
        }

        func run() throws {
            try common.run { try Bench.echo(common.options(inFlight: inFlight), connections: connections) }
        }
    }

    struct Idle: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "idle", abstract: "Connections that do nothing: memory per connection.")

        @OptionGroup var common: Common
        @OptionGroup var speech: Speech
        @Option(help: "Connections, each joined to one room.")
        var connections = 10_000

        func validate() throws { try check("connections", connections, within: 1...60_000) }

        func run() throws {
            try common.run { try Bench.idle(common.options(dialect: speech.dialect), connections: connections) }
        }
    }

    struct Churn: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "churn", abstract: "Clients that connect, join, say something, hear it and go.")

        @OptionGroup var common: Common
        @OptionGroup var speech: Speech
        @Option(help: "Clients at a time.")
        var connections = 32

        func validate() throws { try check("connections", connections, within: 1...10_000) }

        func run() throws {
            try common.run { try Bench.churn(common.options(dialect: speech.dialect), atOnce: connections) }
        }
    }

    struct FindLimit: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "find-limit",
            abstract: "Raises the load until latency or loss breaks: what this machine can do, and what bounds it.",
            discussion: "Each rate is tried for --seconds; 3 to 5 are enough.")

        @OptionGroup var common: Common
        @OptionGroup var speech: Speech
        @Option(help: "Rooms.")
        var rooms = 1
        @Option(help: "Readers in each room.")
        var readers = 1000
        @Option(help: "Milliseconds that the 99th percentile of latency may reach.")
        var p99 = 100

        func validate() throws {
            try check("rooms", rooms, within: 1...60_000)
            try check("readers", readers, within: 1...60_000)
            try check("rooms times --readers", rooms * readers, within: 1...60_000)
            try check("p99", p99, within: 1...60_000)
        }

        func run() throws {
            try common.run {
                try Bench.findLimit(
                    common.options(dialect: speech.dialect), rooms: rooms, readers: readers, mostMs: Double(p99))
            }
        }
    }
}
