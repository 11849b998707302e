#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Where values are along one side of a picture, and where the lines across it are.
struct Axis {
    struct Tick {
        var value: Double
        /// Nil: the line has none.
        var label: String?
    }

    private let isLogarithmic: Bool
    private let low: Double
    private let high: Double
    private let from: Double
    private let to: Double
    private(set) var ticks: [Tick] = []

    /// The place of a value, in the picture's units; what lies outside is at the nearest end.
    func place(_ value: Double) -> Double {
        let bounded = min(max(value, low), high)
        let share =
            isLogarithmic ? log10(bounded / low) / log10(high / low) : (bounded - low) / (high - low)
        return from + share * (to - from)
    }

    /// From 0 to a round number above all values, which need not be large.
    static func linear(upTo most: Double, from: Double, to: Double, label: (Double) -> String) -> Axis {
        let most = most > 0 && most.isFinite ? most : 1
        let power = pow(10, floor(log10(most / 4)))
        let step = power * ([1, 2, 2.5, 5, 10].first { $0 * power * 5 >= most } ?? 10)
        let count = Int((most / step).rounded(.up))
        var axis = Axis(isLogarithmic: false, low: 0, high: step * Double(count), from: from, to: to)
        axis.ticks = (0...count).map { Tick(value: Double($0) * step, label: label(Double($0) * step)) }
        return axis
    }

    /// From 0 to just that, or to a round number that is a little more.
    static func exact(upTo most: Double, from: Double, to: Double, label: (Double) -> String) -> Axis {
        let round = linear(upTo: most, from: from, to: to, label: label)
        let near = round.ticks.map(\.value).first { $0 >= most && $0 <= most * 1.03 }
        var axis = Axis(isLogarithmic: false, low: 0, high: near ?? (most > 0 ? most : 1), from: from, to: to)
        axis.ticks = round.ticks.filter { $0.value <= axis.high }
        return axis
    }

    /// Powers of ten, between the round numbers (1, 2, 5) around all values, which are above 0.
    static func logarithmic(_ least: Double, _ most: Double, from: Double, to: Double, label: (Double) -> String)
        -> Axis
    {
        let least = max(least, 1e-6)
        let most = max(most, least)
        let powers = Int(floor(log10(least))) - 1...Int(ceil(log10(most))) + 1
        let round = powers.flatMap { power in [1.0, 2, 5].map { $0 * pow(10, Double(power)) } }
        // A little apart from all values, so that nothing is drawn on the edge; above them numbers have to find room.
        let low = round.last { $0 <= least * 0.98 } ?? least
        let high = round.first { $0 >= most * 1.02 * pow(most / least, 0.1) } ?? most
        var axis = Axis(isLogarithmic: true, low: low, high: high, from: from, to: to)
        let steps =
            high > 4 * low ? round : powers.flatMap { power in (1...9).map { Double($0) * pow(10, Double(power)) } }
        let shown = steps.filter { $0 >= low * 0.999 && $0 <= high * 1.001 }
        axis.ticks = shown.map { value in
            let isPower = abs(log10(value) - log10(value).rounded()) < 1e-9
            return Tick(value: value, label: isPower || shown.count <= 8 ? label(value) : nil)
        }
        return axis
    }

    /// Percentiles from 50 up, so that each nine more takes as much room.
    static func nines(upTo percentile: Double, from: Double, to: Double) -> Axis {
        let highest = 1 / (1 - min(max(percentile, 90), 99.99) / 100)
        var axis = Axis(isLogarithmic: true, low: 2, high: highest, from: from, to: to)
        axis.ticks = [50, 90, 99, 99.9, 99.99].filter { $0 <= percentile + 1e-6 }.map {
            Tick(value: Axis.rarity($0), label: Number.short($0) + " %")
        }
        return axis
    }

    /// One in how many is above a percentile, which is what `nines` places.
    static func rarity(_ percentile: Double) -> Double { 1 / (1 - percentile / 100) }
}

/// Numbers as people read them.
enum Number {
    /// Three digits or four, no zeros behind the point.
    static func short(_ value: Double) -> String {
        let unit: Double = value >= 100 ? 1 : value >= 10 ? 10 : value >= 1 ? 100 : 1000
        // 99.99 is not 100.
        return plain(value > 99 && value < 100 ? value : (value * unit).rounded() / unit)
    }

    /// With k or M where that is shorter.
    static func rate(_ value: Double) -> String {
        if value >= 999_500 { return short(value / 1_000_000) + " M" }
        if value >= 1000 { return short(value / 1000) + " k" }
        return short(value)
    }

    static func plain(_ value: Double) -> String {
        let text = "\((value * 1000).rounded() / 1000)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
