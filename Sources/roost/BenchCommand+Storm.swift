import ArgumentParser
import RoostBench

extension BenchCommand {
    struct Storm: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "storm", abstract: "Many clients come back at once and resume: until all are live again.",
            discussion: """
                With --phase prepare the clients are dropped and where they stood is written to --state; with \
                --phase resume they come back, to the same server or to one that was started again on the same store. \
                Exits 1 if anybody heard a message twice, not at all or out of order. The server needs \
                --rate-limit-messages 0 and, above its --rate-limit-connects-burst, --rate-limit-connects 0.
                """)

        enum Phase: String, ExpressibleByArgument, CaseIterable { case both, prepare, resume }

        @OptionGroup var common: Common
        @Option(help: "Clients, each in one room.", transform: number(in: connectionBounds))
        var clients = 2000
        @Option(help: "Rooms among which they are spread.", transform: number(in: connectionBounds))
        var rooms = 20
        @Option(help: "Messages that each client has missed.", transform: number(in: 1...100_000))
        var messages = 500
        @Flag(help: "Let every client of a room have missed another number of messages, up to --messages.")
        var staggered = false
        @Option(help: "Seconds after which nobody is waited for any more.", transform: number(in: 1...3600))
        var within = 60
        @Option(help: "What to do: both, prepare or resume.")
        var phase = Phase.both
        @Option(help: "The file that prepare writes and resume reads.")
        var state: String?
        @OptionGroup var drawing: Drawing

        func validate() throws {
            guard rooms <= clients else { throw ValidationError("--rooms must be at most as many as --clients.") }
            guard phase != .prepare || drawing.plot == nil else {
                throw ValidationError("--plot does not go with --phase prepare, which measures nothing.")
            }
            guard (phase == .both) == (state == nil) else {
                throw ValidationError("--state FILE belongs to --phase prepare and --phase resume.")
            }
        }

        func run() throws {
            var plan = StormPlan()
            plan.clients = clients
            plan.rooms = rooms
            plan.messages = messages
            plan.isStaggered = staggered
            let options = try common.options()
            switch (phase, state) {
            case (.prepare, let path?):
                try common.attempt { try Bench.prepareStorm(options, plan).write(to: path) }
            case (.resume, let path?):
                try common.run(drawing: drawing) {
                    try Bench.storm(options, StormState.read(from: path), within: within)
                }
            default:
                try common.run(drawing: drawing) {
                    try Bench.storm(options, Bench.prepareStorm(options, plan), within: within)
                }
            }
        }
    }
}
