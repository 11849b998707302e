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
        @OptionGroup var audience: Audience
        @Option(help: "What the rooms are called, before -0, -1, …; unless given, a name that is new.")
        var name: String?
        @OptionGroup var drawing: Drawing

        func run() throws {
            try common.run(drawing: drawing) {
                try Bench.fanout(
                    common.options(inFlight: load.inFlight ?? 1, rate: load.rate, dialect: speech.dialect),
                    rooms: audience.rooms, readers: audience.readers, name: name)
            }
        }
    }

    struct Store: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "store", abstract: "Many publishers that wait for acks: stored messages per second.",
            discussion: "--in-flight (16 unless given) is per publisher, --rate over all of them.")

        @OptionGroup var common: Common
        @OptionGroup var load: Load
        @Option(help: "Publishers, each on a connection of its own.", transform: number(in: connectionBounds))
        var publishers = 100
        @Option(help: "Rooms that they publish to.", transform: number(in: 1...100_000))
        var rooms = 100
        @OptionGroup var drawing: Drawing

        func run() throws {
            try common.run(drawing: drawing) {
                try Bench.store(
                    common.options(inFlight: load.inFlight ?? 16, rate: load.rate), publishers: publishers,
                    rooms: rooms)
            }
        }
    }

    struct Echo: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "echo", abstract: "Frames that come back: CPU per round trip.",
            discussion: "For `roost serve --conformance` and any other echo; the URL's path is /echo unless it has one."
        )

        @OptionGroup var common: Common
        @Option(
            name: .customLong("in-flight"), help: "Frames that each connection has under way.",
            transform: number(in: inFlightBounds))
        var inFlight = 1
        @Option(help: "Connections.", transform: number(in: connectionBounds))
        var connections = 100
        @OptionGroup var drawing: Drawing

        func run() throws {
            try common.run(drawing: drawing) {
                try Bench.echo(common.options(inFlight: inFlight), connections: connections)
            }
        }
    }

    struct Idle: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "idle", abstract: "Connections that do nothing: memory per connection.")

        @OptionGroup var common: Common
        @OptionGroup var speech: Speech
        @Option(help: "Connections, each joined to one room.", transform: number(in: connectionBounds))
        var connections = 10_000

        func run() throws {
            try common.run { try Bench.idle(common.options(dialect: speech.dialect), connections: connections) }
        }
    }

    struct Churn: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "churn", abstract: "Clients that connect, join, say something, hear it and go.")

        @OptionGroup var common: Common
        @OptionGroup var speech: Speech
        @Option(help: "Clients at a time.", transform: number(in: 1...10_000))
        var connections = 32
        @OptionGroup var drawing: Drawing

        func run() throws {
            try common.run(drawing: drawing) {
                try Bench.churn(common.options(dialect: speech.dialect), atOnce: connections)
            }
        }
    }

    struct FindLimit: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "find-limit",
            abstract: "Raises the load until latency or loss breaks: what this machine can do, and what bounds it.",
            discussion:
                "Each rate is tried for --seconds; 3 to 5 are enough. What --plot draws is the highest that held.")

        @OptionGroup var common: Common
        @OptionGroup var speech: Speech
        @OptionGroup var audience: Audience
        @Option(help: "Milliseconds that the 99th percentile of latency may reach.", transform: number(in: 1...60_000))
        var p99 = 100
        @OptionGroup var drawing: Drawing

        func run() throws {
            try common.run(drawing: drawing) {
                try Bench.findLimit(
                    common.options(dialect: speech.dialect), rooms: audience.rooms, readers: audience.readers,
                    mostMs: Double(p99))
            }
        }
    }
}
