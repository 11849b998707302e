import Histogram

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What of a benchmark can be drawn.
public struct Curves: Sendable {
    public struct Latency: Sendable {
        /// From 50 to 99.99.
        public var percentile: Double
        public var milliseconds: Double

        public init(percentile: Double, milliseconds: Double) {
            (self.percentile, self.milliseconds) = (percentile, milliseconds)
        }
    }

    public struct Rate: Sendable {
        /// Since measuring began; the rate is that of the time since the rate before it.
        public var seconds: Double
        public var perSecond: Double

        public init(seconds: Double, perSecond: Double) { (self.seconds, self.perSecond) = (seconds, perSecond) }
    }

    /// What took so long, as in "latency".
    public var latencyName: String
    /// In order; none where nothing was measured.
    public var latencies: [Latency]
    /// What was counted, as in "deliveries".
    public var rateName: String
    public var rates: [Rate]

    public init(latencyName: String, latencies: [Latency], rateName: String, rates: [Rate]) {
        (self.latencyName, self.latencies) = (latencyName, latencies)
        (self.rateName, self.rates) = (rateName, rates)
    }

    /// - Parameter histogram: of nanoseconds.
    init(latencyName: String, _ histogram: Histogram<UInt64>, rateName: String, _ timeline: Timeline) {
        self.init(
            latencyName: latencyName, latencies: Curves.percentiles(of: histogram), rateName: rateName,
            rates: timeline.rates)
    }

    /// Twenty to each power of ten of what is left above; as far as there are values that far up.
    private static func percentiles(of histogram: Histogram<UInt64>) -> [Latency] {
        let count = Double(histogram.totalCount)
        guard count > 0 else { return [] }
        let most = min(4, log10(max(2, count)))
        var percentiles = (Array(stride(from: log10(2), to: most, by: 0.05)) + [most]).map { 100 * (1 - pow(10, -$0)) }[
            ...]
        var latencies: [Latency] = []
        var upToHere = 0.0
        // One walk for all, since a walk takes milliseconds.
        for bucket in histogram.recordedValues() {
            upToHere += Double(bucket.count)
            while let next = percentiles.first, next / 100 * count <= upToHere + 1e-6 {
                percentiles.removeFirst()
                latencies.append(Latency(percentile: next, milliseconds: Double(bucket.value) / 1_000_000))
            }
        }
        return latencies
    }
}
