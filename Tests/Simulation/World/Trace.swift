/// What happens, in words; kept only if somebody wants to read it, since most seeds pass.
public final class Trace: @unchecked Sendable {
    public struct Line: Sendable, CustomStringConvertible {
        public var time: Int64
        public var who: String
        public var text: String

        public var description: String {
            let ms = String(time / 1000)
            let us = String(time % 1000 + 1000).dropFirst()
            return String(repeating: " ", count: max(0, 6 - ms.count)) + "\(ms).\(us)  \(who): \(text)"
        }

        /// Whether the line says something of one of `concerns`, by name.
        public func isAbout(_ concerns: [String]) -> Bool {
            concerns.contains { concern in
                who == concern || who.hasPrefix(concern + "/") || text.contains(concern)
            }
        }
    }

    /// Off once the referee has spoken: what comes after is only the clearing away.
    fileprivate(set) var isOn: Bool
    private let scheduler: Scheduler
    private(set) var lines: [Line] = []
    /// Called with each line.
    var onLine: ((Line) -> Void)?

    init(isOn: Bool, scheduler: Scheduler) {
        self.isOn = isOn
        self.scheduler = scheduler
    }

    var now: Int64 { scheduler.now }

    func note(_ who: @autoclosure () -> String, _ text: @autoclosure () -> String) {
        guard isOn else { return }
        let line = Line(time: scheduler.now, who: who(), text: text())
        lines.append(line)
        onLine?(line)
    }

    /// A number that two runs share only if they went alike (FNV-1a).
    var fingerprint: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for line in lines {
            for byte in line.description.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        return hash
    }
}

/// Something that must not happen has.
public struct Violation: Sendable, Equatable, CustomStringConvertible {
    /// The promises that are watched over.
    public enum Rule: String, Sendable {
        case ackedIsKept = "nothing acked is lost"
        case oneOrder = "one order per room"
        case onceInTheLog = "no duplicate after dedupe"
        case noHole = "no hole and no repetition for a reader"
        case sameContent = "what is heard is what was said"
        case catchesUp = "everybody reaches the head"
        case sendOrder = "a client's messages keep their order"
        case answered = "every request is answered once"
        case presence = "presence converges"
        case memory = "memory stays within limits"
        case durability = "an ack is true when it is sent"
        case drainAcks = "a drain answers what it has read"
        case protocolKept = "the protocol is kept"
        case finishes = "the node comes to rest"
    }

    public var rule: Rule
    public var text: String
    /// Names by which the trace is searched for what led to it.
    public var concerns: [String]
    public var time: Int64

    public var description: String { "\(rule.rawValue): \(text)" }
}

/// Writes down the first violation; the run ends with it.
final class Referee: @unchecked Sendable {
    private let scheduler: Scheduler
    private let trace: Trace
    private(set) var violation: Violation?

    init(scheduler: Scheduler, trace: Trace) {
        self.scheduler = scheduler
        self.trace = trace
    }

    var isOver: Bool { violation != nil }

    func blow(_ rule: Violation.Rule, _ text: String, _ concerns: [String] = []) {
        guard violation == nil else { return }
        violation = Violation(rule: rule, text: text, concerns: concerns, time: scheduler.now)
        trace.note("referee", "VIOLATION of \"\(rule.rawValue)\": \(text)")
        trace.isOn = false
    }
}
