import RoostCore

/// The time in the two forms that AWS speaks.
enum AWSDate {
    /// As `20150830T123600Z`.
    static func basic(_ time: Timestamp) -> String {
        let seconds = time.milliseconds.floorDiv(1000)
        let (days, second) = (seconds.floorDiv(86_400), seconds - seconds.floorDiv(86_400) * 86_400)
        let (year, month, day) = civil(days)
        return padded(year, 4) + padded(month, 2) + padded(day, 2) + "T" + padded(second / 3600, 2)
            + padded(second / 60 % 60, 2) + padded(second % 60, 2) + "Z"
    }

    /// Reads `2015-08-30T12:36:00Z`, with or without a fraction of a second; nil if `text` is no such thing.
    static func parse(_ text: String) -> Timestamp? {
        let parts = text.split(whereSeparator: { "-T:.Z".contains($0) }).map { Int64($0) }
        guard parts.count >= 6, text.hasSuffix("Z"), let year = parts[0], let month = parts[1], let day = parts[2],
            let hour = parts[3], let minute = parts[4], let second = parts[5], (1...12).contains(month),
            (1...31).contains(day)
        else { return nil }
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
        return Timestamp(milliseconds: seconds * 1000)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    // Days since 1970 and back in the Gregorian calendar, by years that begin in March
    // (https://howardhinnant.github.io/date_algorithms.html).

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year.floorDiv(400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let yearOfEra = year - era * 400
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let days = days + 719_468
        let era = days.floorDiv(146_097)
        let day = days - era * 146_097
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let civilMonth = month + (month < 10 ? 3 : -9)
        return (year + era * 400 + (civilMonth <= 2 ? 1 : 0), civilMonth, dayOfYear - (153 * month + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func floorDiv(_ divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
