import Histogram

/// What a benchmark has found: names, values and units, for people and for machines.
public struct Report: Sendable {
    public struct Row: Sendable {
        public var name: String
        public var value: Double
        public var unit: String
    }

    public internal(set) var title: String
    public private(set) var rows: [Row] = []
    /// What the reader must know before believing the figures.
    public private(set) var warnings: [String] = []
    /// What the server has done wrong.
    public private(set) var faults: [String] = []
    /// What can be drawn; nil where nothing can.
    public internal(set) var curves: Curves?

    init(_ title: String) { self.title = title }

    mutating func add(_ name: String, _ value: Double?, _ unit: String) {
        if let value { rows.append(Row(name: name, value: value, unit: unit)) }
    }

    /// The figure of that name.
    subscript(name: String) -> Double? { rows.first { $0.name == name }?.value }

    mutating func warn(_ text: String) { warnings.append(text) }

    mutating func blame(_ text: String) { faults.append(text) }

    /// Percentiles of a histogram of nanoseconds.
    mutating func add(latencies: Histogram<UInt64>, _ name: String) {
        for (label, percentile) in [("p50", 50.0), ("p99", 99.0), ("max", 100.0)] {
            add("\(name) \(label)", Double(latencies.valueAtPercentile(percentile)) / 1_000_000, "ms")
        }
    }

    public var table: String {
        let width = rows.map(\.name.count).max() ?? 0
        var text = title + "\n"
        for row in rows {
            let name = row.name + String(repeating: " ", count: width - row.name.count)
            text += "  \(name)  \(Report.shown(row.value)) \(row.unit)\n"
        }
        for warning in warnings { text += "  warning: \(warning)\n" }
        for fault in faults { text += "  fault: \(fault)\n" }
        return text
    }

    public var json: String {
        let values = rows.map {
            "{\"name\":\"\($0.name)\",\"value\":\(Report.shown($0.value)),\"unit\":\"\($0.unit)\"}"
        }
        return "{\"title\":\(Report.quoted(title)),\"figures\":[\(values.joined(separator: ","))],"
            + "\"warnings\":[\(Report.quoted(warnings))],\"faults\":[\(Report.quoted(faults))]}\n"
    }

    private static func quoted(_ texts: [String]) -> String { texts.map(quoted).joined(separator: ",") }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { out.unicodeScalars.append("\\") }
            out.unicodeScalars.append(scalar.value < 0x20 ? " " : scalar)
        }
        return out + "\""
    }

    /// Three digits behind the point for small numbers, none for large ones.
    private static func shown(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        if abs(value) >= 1000 { return String(Int(value.rounded())) }
        let thousandths = Int((value * 1000).rounded())
        let fraction = String(abs(thousandths) % 1000)
        let sign = thousandths < 0 ? "-" : ""
        return sign + "\(abs(thousandths) / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
