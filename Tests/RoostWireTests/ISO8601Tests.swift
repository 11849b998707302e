import Foundation
import RoostCore
import RoostWire
import Testing

@Suite struct ISO8601Tests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (999, "1970-01-01T00:00:00.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (-1000, "1969-12-31T23:59:59.000Z"),
            (-86_400_000, "1969-12-31T00:00:00.000Z"),
            (-86_400_001, "1969-12-30T23:59:59.999Z"), (86_399_999, "1970-01-01T23:59:59.999Z"),
            (86_400_000, "1970-01-02T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"), (4_107_456_000_000, "2100-02-28T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (1_795_228_252_123, "2026-11-21T02:30:52.123Z"),
            (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"), (-2_203_977_600_000, "1900-02-28T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"), (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func knownDates(_ milliseconds: Int64, _ text: String) {
        #expect(Timestamp(milliseconds: milliseconds).iso8601 == text)
    }

    /// Five years each around the turns of centuries, of which only 2000 and 2400 are leap years.
    @Test(arguments: [(1898, -26297), (1968, -731), (1998, 10227), (2098, 46752), (2398, 156324)])
    func everyDayFollowsTheOneBefore(_ firstYear: Int, _ firstDay: Int64) {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var (year, month, day) = (firstYear, 1, 1)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        for days in firstDay..<(firstDay + 1826) {
            let text = Timestamp(milliseconds: days * 86_400_000 + 86_399_999).iso8601
            guard text == "\(year)-\(two(month))-\(two(day))T23:59:59.999Z" else {
                Issue.record("day \(days) is \(text), not \(year)-\(month)-\(day)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            day += 1
            if day > lengths[month - 1] + (month == 2 && isLeap ? 1 : 0) { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect(year >= firstYear + 4)
    }

    @Test func anyTimeIsWhatOthersReadItAs() throws {
        var generator = SeededGenerator(seed: 3)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for _ in 0..<300 {
            let milliseconds = Int64(generator.below(253_402_300_800_000))
            let date = try style.parse(Timestamp(milliseconds: milliseconds).iso8601)
            #expect(Int64((date.timeIntervalSince1970 * 1000).rounded()) == milliseconds)
        }
    }
}
