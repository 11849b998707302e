extension ValueForm<Int> {
    /// A whole number, where 0 may mean something of its own.
    static func integer(_ range: ClosedRange<Int>, zero: String? = nil) -> Self {
        let lowest = zero.map { "0 (\($0))" } ?? "\(range.lowerBound)"
        return ValueForm(
            placeholder: "N", allowed: "\(lowest) to \(range.upperBound)", zero: zero,
            read: { written throws(Refusal) in
                guard let number = wholeNumber(try written.single()), range.contains(number) else { throw Refusal() }
                return number
            },
            write: { .text("\($0)") })
    }

    /// A limit: 0 = off, or a number within the range.
    static func limit(_ range: ClosedRange<Int>) -> Self {
        ValueForm(
            placeholder: "N", allowed: "0 (off) or \(range.lowerBound) to \(range.upperBound)", zero: "off",
            read: { written throws(Refusal) in
                guard let number = wholeNumber(try written.single()), number == 0 || range.contains(number) else {
                    throw Refusal()
                }
                return number
            },
            write: { .text("\($0)") })
    }

    /// A size in bytes: 0 = off, or a number of bytes within the range, plain or in KiB, MiB or GiB.
    static func bytes(_ range: ClosedRange<Int>) -> Self {
        ValueForm(
            placeholder: "BYTES",
            allowed: "0 (off) or \(range.lowerBound) to \(range.upperBound) bytes, such as 65536, 64KiB or 1MiB",
            zero: "off",
            read: { written throws(Refusal) in
                guard let size = parsedBytes(try written.single()), size == 0 || range.contains(size) else {
                    throw Refusal()
                }
                return size
            },
            write: { .text("\($0)") })
    }
}

extension ValueForm<Duration> {
    /// A duration in whole milliseconds: 0, which means `zero`, or within the range.
    static func duration(_ range: ClosedRange<Duration>, zero: String = "off") -> Self {
        let limits = "\(durationText(range.lowerBound)) to \(durationText(range.upperBound))"
        return ValueForm(
            placeholder: "TIME", allowed: "0 (\(zero)) or \(limits), such as 200ms, 10s, 10m or 1h", zero: zero,
            read: { written throws(Refusal) in
                guard let time = parsedDuration(try written.single()), time == .zero || range.contains(time) else {
                    throw Refusal()
                }
                return time
            },
            write: { .text(durationText($0)) })
    }
}

extension Settings {
    /// A duration in the words that options take (`200ms`, `10s`, `30d`), in whole milliseconds; nil: it is none.
    public static func duration(_ text: String) -> Duration? { parsedDuration(text) }
}

/// Splits `64 MiB` into its number and its unit, in lower case; at most one space stands between them.
private func numberAndUnit(_ text: String) -> (number: Substring, unit: String)? {
    let number = text.prefix { $0.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: ".") } }
    var unit = text[number.endIndex...]
    if unit.first == " " {
        unit = unit.dropFirst()
        // `10 ` is a slip, not a number.
        guard !unit.isEmpty else { return nil }
    }
    return number.isEmpty ? nil : (number, unit.lowercased())
}

/// Bytes: `65536`, `64KiB`, `64 MiB`, `1GiB`. KB and MB are refused, as they mean 1000 to some and 1024 to others.
func parsedBytes(_ text: String) -> Int? {
    guard let (digits, unit) = numberAndUnit(text), let number = wholeNumber(digits) else { return nil }
    let factors = ["": 1, "b": 1, "kib": 1024, "mib": 1_048_576, "gib": 1_073_741_824]
    guard let factor = factors[unit] else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : bytes
}

/// The units of a duration and their milliseconds, the longest first.
private let timeUnits: [(names: [String], milliseconds: Int)] = [
    (["d"], 86_400_000), (["h"], 3_600_000), (["m", "min"], 60_000), (["s", ""], 1000), (["ms"], 1),
]

/// A duration: `200ms`, `10s`, `1.5s`, `10m`, `10 min`, `1h`, `30d`; a bare number is seconds.
/// Nil: none of these, or no whole number of milliseconds.
func parsedDuration(_ text: String) -> Duration? {
    guard let (digits, unit) = numberAndUnit(text),
        let factor = timeUnits.first(where: { $0.names.contains(unit) })?.milliseconds
    else { return nil }
    let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = wholeNumber(parts[0]) else { return nil }
    // A century, so that no sum below can overflow.
    let (milliseconds, overflow) = whole.multipliedReportingOverflow(by: factor)
    guard !overflow, milliseconds <= 36_525 * 86_400_000 else { return nil }
    guard parts.count == 2 else { return .milliseconds(milliseconds) }
    guard parts[1].utf8.count <= 6, let fraction = wholeNumber(parts[1]) else { return nil }
    let scale = (0..<parts[1].utf8.count).reduce(1) { scale, _ in scale * 10 }
    guard (fraction * factor).isMultiple(of: scale) else { return nil }
    return .milliseconds(milliseconds + fraction * factor / scale)
}

/// The duration in the longest unit that leaves a whole number, as `parsedDuration` reads it.
func durationText(_ duration: Duration) -> String {
    let parts = duration.components
    let milliseconds = Int(parts.seconds) * 1000 + Int(parts.attoseconds / 1_000_000_000_000_000)
    guard milliseconds != 0 else { return "0" }
    for unit in timeUnits where milliseconds.isMultiple(of: unit.milliseconds) {
        return "\(milliseconds / unit.milliseconds)\(unit.names[0])"
    }
    return "\(milliseconds)ms"
}
