import ArgumentParser
import RoostBench

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

extension BenchCommand {
    /// Whether a picture is wanted.
    struct Drawing: ParsableArguments {
        @Option(help: "An SVG file to draw the latencies and the rate to; what it held is replaced.")
        var plot: String?

        func header(_ report: Report, target: String) -> Plot.Header {
            var header = Plot.Header(title: report.title)
            header.command = (["roost"] + CommandLine.arguments.dropFirst()).joined(separator: " ")
            header.target = target
            header.date = Drawing.date()
            header.version = VersionCommand.text
            header.notes = report.faults.map { "fault: \($0)" } + report.warnings.map { "warning: \($0)" }
            return header
        }

        /// The date and time to the minute, as in "2026-01-31 23:59 UTC".
        private static func date() -> String {
            var (seconds, parts) = (time(nil), tm())
            gmtime_r(&seconds, &parts)
            var text = [CChar](repeating: 0, count: 32)
            let count = strftime(&text, text.count, "%Y-%m-%d %H:%M UTC", &parts)
            return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
