import ArgumentParser
import Foundation
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
        print("\(nodes) nodes, \(users) users in ten rooms with ten members each, \(seconds) s each\n")
        print(line("", "counted", "computed"))
        let pairs = Double(users) * scale.spread
        print(line("nodes that have a reader of a room", Double(outcome.listened) / Double(users), scale.spread))
        print("\nat rest, a second:")
        rest(outcome.atRest, pairs)
        print("\nper message, beside that:")
        messages(outcome.messages, atRest: outcome.atRest, spread: scale.spread)
        print("\nper connection made anew, beside that:")
        reconnects(outcome.reconnects, atRest: outcome.atRest)
    }

    private func rest(_ count: Scale.Count, _ pairs: Double) {
        let perSecond = { (number: Int) in Double(number) / Double(count.seconds) }
        print(line("tellings of who is in a room", perSecond(count.tally.posts), pairs / 30))
        print(line("calls that keep it", perSecond(count.tally.keepings), pairs / 30 + Double(users) / 600))
        print(line("leases renewed", perSecond(count.tally.renewals), Double(nodes) / 2))
        print(line("other calls", perSecond(count.tally.calls - count.tally.keepings - count.tally.renewals), 0))
        print(line("slow looks at logs", perSecond(count.tally.looks), pairs / 10 + Double(users) / 10))
    }

    private func messages(_ count: Scale.Count, atRest: Scale.Count, spread: Double) {
        let each = { (part: KeyPath<Tally, Int>) in
            Double(count.tally[keyPath: part] - atRest.tally[keyPath: part]) / Double(max(1, count.done))
        }
        print(line("posts", each(\.posts), 4))
        print(line("nodes that hear a post", each(\.heard) / max(each(\.posts), 0.001), spread))
        print(line("calls", each(\.calls), 0))
        print(line("looks at logs", each(\.looks), 0))
    }

    private func reconnects(_ count: Scale.Count, atRest: Scale.Count) {
        let each = { (part: KeyPath<Tally, Int>) in
            Double(count.tally[keyPath: part] - atRest.tally[keyPath: part]) / Double(max(1, count.done))
        }
        print(line("posts", each(\.posts), 80))
        print(line("calls that write", each(\.writes), 22))
        print(line("calls that read", each(\.reads), 0))
        print(line("other calls", each(\.cleanings) + each(\.keepings) + each(\.renewals), 0))
    }

    private func line(_ what: String, _ counted: Double, _ computed: Double) -> String {
        line(what, number(counted), number(computed))
    }

    private func line(_ what: String, _ counted: String, _ computed: String) -> String {
        let pad = { (text: String, width: Int) in String(repeating: " ", count: max(0, width - text.count)) }
        return "  \(what)\(pad(what, 40))\(pad(counted, 12))\(counted)\(pad(computed, 12))\(computed)"
    }

    private func number(_ value: Double) -> String { String(format: value < 100 ? "%.2f" : "%.0f", value) }
}
