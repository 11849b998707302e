import Foundation

// What was counted beside what `Docs/scaling.md` computes.
extension Scale {
    /// One figure, counted and computed.
    public struct Figure: Sendable, CustomStringConvertible {
        public var what: String
        public var counted: Double
        public var computed: Double

        public var description: String {
            let number = { (value: Double) in String(format: value < 100 ? "%.2f" : "%.0f", value) }
            return Scale.Figure.line(what, number(counted), number(computed))
        }

        public static let head = line("", "counted", "computed")

        private static func line(_ what: String, _ counted: String, _ computed: String) -> String {
            let pad = { (text: String, width: Int) in String(repeating: " ", count: max(0, width - text.count)) }
            return "\(what)\(pad(what, 42))\(pad(counted, 12))\(counted)\(pad(computed, 12))\(computed)"
        }
    }

    /// Nothing is said and nobody comes or goes, per second.
    public func atRest(_ outcome: Outcome) -> [Figure] {
        let (count, pairs) = (outcome.atRest, Double(users) * Scale.spread(over: nodes))
        let perSecond = { (number: Int) in Double(number) / Double(count.seconds) }
        let heard = Double(users) * Scale.spread(over: nodes * Scale.loopsEach)
        return [
            Figure(
                what: "nodes that have a reader of a room", counted: Double(outcome.listened) / Double(users),
                computed: Scale.spread(over: nodes)),
            Figure(
                what: "tellings of who is in a room, a second", counted: perSecond(count.tally.posts),
                computed: pairs / 30),
            Figure(
                what: "calls that keep that, a second", counted: perSecond(count.tally.keepings),
                computed: pairs / 30 + Double(users) / 600),
            Figure(
                what: "leases renewed, a second", counted: perSecond(count.tally.renewals),
                computed: Double(nodes) / 2),
            Figure(
                what: "slow looks at logs, a second", counted: perSecond(count.tally.looks),
                computed: (heard + Double(users)) / 10),
        ]
    }

    /// Beside what is done at rest.
    public func perMessage(_ outcome: Outcome) -> [Figure] {
        let posts = each(\.posts, outcome.messages, outcome)
        let heard = each(\.heard, outcome.messages, outcome)
        return [
            Figure(what: "posts per message", counted: posts, computed: 4),
            Figure(
                what: "nodes that hear each of them", counted: heard / max(posts, 0.001),
                computed: Scale.spread(over: nodes)),
            Figure(
                what: "calls per message, other than to keep", counted: each(\.askings, outcome.messages, outcome),
                computed: 0),
            Figure(what: "looks at logs per message", counted: each(\.looks, outcome.messages, outcome), computed: 0),
        ]
    }

    /// Beside what is done at rest.
    public func perReconnect(_ outcome: Outcome) -> [Figure] {
        let rooms = Double(Scale.roomsEach)
        // Rooms that a node had no reader of before, and as many that it has none of afterwards.
        let lone = rooms * Scale.chanceOfNone(on: nodes, of: Scale.membersEach - 1)
        return [
            Figure(
                what: "posts per connection made anew", counted: each(\.posts, outcome.reconnects, outcome),
                computed: 8 * rooms + 2 * lone),
            Figure(
                what: "calls that write", counted: each(\.writes, outcome.reconnects, outcome),
                computed: 2 * rooms + 2),
            Figure(
                what: "calls that read, at most", counted: each(\.reads, outcome.reconnects, outcome),
                computed: 2 * lone),
            Figure(
                what: "calls that clean, at most", counted: each(\.cleanings, outcome.reconnects, outcome),
                computed: lone + 1),
            Figure(
                what: "calls for tokens", counted: each(\.leases, outcome.reconnects, outcome), computed: 1),
        ]
    }

    private func each(_ part: KeyPath<Tally, Int>, _ count: Count, _ outcome: Outcome) -> Double {
        let rest = outcome.atRest
        let usual = Double(rest.tally[keyPath: part]) * Double(count.seconds) / Double(rest.seconds)
        return (Double(count.tally[keyPath: part]) - usual) / Double(max(1, count.done))
    }
}
