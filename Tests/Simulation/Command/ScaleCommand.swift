import ArgumentParser
import RoostSimulation

/// `simulate scale`: counts what a large cluster asks of Redis and the store, beside what is computed for it.
struct ScaleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Counts what a large cluster asks of Redis and the store, beside what Docs/scaling.md computes.")

    @Option(help: "How many nodes.")
    var nodes = 12

    @Option(help: "How many users, each in ten rooms with ten members.")
    var users = 6000

    @Option(help: "For how many seconds of virtual time each thing is counted.")
    var seconds = 60

    func validate() throws {
        guard nodes >= 1, users >= 1, seconds >= 30 else {
            throw ValidationError("--nodes and --users are at least 1, --seconds at least 30")
        }
    }

    func run() throws {
        let scale = Scale(nodes: nodes, users: users, seconds: seconds)
        let outcome = scale.run()
        if let violation = outcome.violation {
            print("FAILED: \(violation)")
            throw ExitCode(1)
        }
        print("\(nodes) nodes, \(users) users in ten rooms with ten members each, \(seconds) s each\n")
        print(Scale.Figure.head)
        for part in [scale.atRest(outcome), scale.perMessage(outcome), scale.perReconnect(outcome)] {
            for figure in part { print(figure) }
        }
    }
}
