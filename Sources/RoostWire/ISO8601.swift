public import NIOCore
public import RoostCore

// Dates without Foundation: days to civil dates after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

extension ByteBuffer {
    /// `2026-11-21T02:30:52.123Z`, always 24 bytes for years 0000–9999.
    public mutating func putISO8601(_ time: Timestamp) {
        let (days, rest) = time.milliseconds.dividedFloor(by: 86_400_000)
        let date = civil(days: days)
        put("0000-00-00T00:00:00.000Z")
        withUnsafeMutableReadableBytes { bytes in
            let text = UnsafeMutableRawBufferPointer(rebasing: bytes.suffix(24))
            digits(date.year, text, 0..<4)
            digits(date.month, text, 5..<7)
            digits(date.day, text, 8..<10)
            digits(rest / 3_600_000, text, 11..<13)
            digits(rest / 60_000 % 60, text, 14..<16)
            digits(rest / 1000 % 60, text, 17..<19)
            digits(rest % 1000, text, 20..<23)
        }
    }
}

/// Writes the last digits of a number over a text's.
@inline(__always)
private func digits(_ value: Int64, _ text: UnsafeMutableRawBufferPointer, _ places: Range<Int>) {
    var left = value
    for place in places.reversed() {
        text[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: left % 10)
        left /= 10
    }
}

extension Timestamp {
    public var iso8601: String {
        var buffer = ByteBuffer()
        buffer.putISO8601(self)
        return String(buffer: buffer)
    }
}

extension Int64 {
    fileprivate func dividedFloor(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// The date that is so many days after 1970-01-01.
private func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = (days + 719_468).dividedFloor(by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
}
