import ArgumentParser
import Foundation
import RoostSimulation

/// `simulate`: one world after the other, each from its seed.
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs clients, nodes and store in virtual time with faults, and checks what Roost promises.",
        subcommands: [ScaleCommand.self])

    @Option(help: "How many seeds to run.")
    var seeds: UInt64 = 1000

    @Option(help: "The first seed.")
    var from: UInt64 = 1

    @Option(help: "Processes at a time.")
    var jobs = 1

    @Flag(help: "Print all that happens.")
    var trace = false

    @Flag(help: "Run each seed twice and compare what happened.")
    var checkDeterminism = false

    @Flag(inversion: .prefixedNo, help: "Use a SQLite file in every seed, or in none.")
    var sqlite: Bool?

    @Flag(inversion: .prefixedNo, help: "Have several nodes with a bus in every seed, or in none.")
    var cluster: Bool?

    @Flag(inversion: .prefixedNo, help: "Use DynamoDB's tables in every seed of a cluster, or in none.")
    var dynamodb: Bool?

    @Flag(help: .hidden)
    var worker = false

    func validate() throws {
        guard jobs >= 1 else { throw ValidationError("--jobs is at least 1") }
    }

    func run() throws {
        if worker || trace || seeds == 1 {
            try runHere()
        } else {
            try Crew(self).run()
        }
    }

    // MARK: In this process

    private func runHere() throws {
        for seed in from..<(from + seeds) {
            if worker {
                print("seed \(seed)")
                // Should the process crash, the crew must know in which seed.
                fflush(nil)
            }
            let outcome = Simulation.run(
                seed: seed, shape: Shape(seed: seed, sqlite: sqlite, cluster: cluster, dynamoDB: dynamodb),
                isTraced: trace || checkDeterminism,
                onLine: trace ? { print($0) } : nil)
            if checkDeterminism { try runAgain(seed, outcome) }
            if let violation = outcome.violation { try report(seed, outcome, violation) }
            if !worker { print(summary(seed, outcome)) }
        }
    }

    private func summary(_ seed: UInt64, _ outcome: Simulation.Outcome) -> String {
        "seed \(seed): passed; \(outcome.messages) messages, \(outcome.events) events, \(outcome.time / 1000) ms"
    }

    private func runAgain(_ seed: UInt64, _ first: Simulation.Outcome) throws {
        let second = Simulation.run(seed: seed, shape: first.shape, isTraced: true)
        guard second.fingerprint != first.fingerprint else { return }
        print("seed \(seed) FAILED: two runs of it differ, from here on:")
        let pairs = zip(first.lines, second.lines)
        if let (one, other) = pairs.first(where: { $0.description != $1.description }) {
            print("  \(one)\n  \(other)")
        } else {
            print("  one of them ends after \(min(first.lines.count, second.lines.count)) lines")
        }
        throw ExitCode(1)
    }

    // MARK: A failure

    /// Says what was violated, what led to it and how to see it again.
    private func report(_ seed: UInt64, _ outcome: Simulation.Outcome, _ violation: Violation) throws {
        var lines = outcome.lines
        if lines.isEmpty {
            lines = Simulation.run(seed: seed, shape: outcome.shape, isTraced: true).lines
        }
        let concerned = lines.filter { violation.concerns.isEmpty || $0.isAbout(violation.concerns) }
        print("\nseed \(seed) FAILED at \(violation.time / 1000) ms\n  \(violation)\n")
        print("The world of this seed:\n\(outcome.shape)\n")
        if !trace {
            print("The last of \(concerned.count) lines that concern \(violation.concerns.joined(separator: ", ")):")
            for line in concerned.suffix(40) { print(line.description.prefix(230)) }
        }
        let world = [("SQLITE", sqlite), ("CLUSTER", cluster), ("DYNAMODB", dynamodb)].map { name, flag in
            flag.map { " \(name)=\($0 ? 1 : 0)" } ?? ""
        }.joined()
        print("\nTo run it again: make simulate SEEDS=1 FROM=\(seed)\(world)   (everything that happens: TRACE=1)")
        throw ExitCode(1)
    }
}
