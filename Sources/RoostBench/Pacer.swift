import Histogram

/// When to publish what, at a fixed rate, whatever has become of the earlier ones: latencies count from the time at
/// which something should have been sent, so that a server which stalls can't hide it (coordinated omission).
struct Pacer {
    private let start: Int64
    private let interval: Double
    private var count: Int64 = 0
    /// How much later than planned publications left the generator, in nanoseconds.
    private(set) var delays = Histogram<UInt64>(numberOfSignificantValueDigits: .two)

    /// - Parameter rate: publications a second.
    init(rate: Int, from now: Int64) {
        start = now
        interval = 1e9 / Double(rate)
    }

    /// When the next one is due, in nanoseconds.
    var next: Int64 { start + Int64(Double(count) * interval) }

    /// The time for which one was planned, if that has come.
    mutating func due(at now: Int64) -> Int64? {
        let planned = next
        guard planned <= now else { return nil }
        count += 1
        delays.record(UInt64(max(1, now - planned)))
        return planned
    }

    /// Forgets how late it was while warming up.
    mutating func forget() { delays.reset() }

    /// - Parameter latency: the 99th percentile of what was measured, in nanoseconds.
    func report(into report: inout Report, latency: UInt64) {
        let late = delays.valueAtPercentile(99)
        report.add("behind schedule p99", Double(late) / 1_000_000, "ms")
        guard late > latency / 10 else { return }
        report.warn(
            "the generator was behind its own schedule by more than a tenth of the p99 latency, which contains that; "
                + "ask for a lower --rate or give it a processor of its own")
    }
}
