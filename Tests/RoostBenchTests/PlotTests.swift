import Foundation
import Histogram
import Testing

@testable import RoostBench

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite("Pictures")
struct PlotTests {
    private func curves(_ latencies: [(Double, Double)], _ rates: [(Double, Double)]) -> Curves {
        Curves(
            latencyName: "latency",
            latencies: latencies.map { Curves.Latency(percentile: $0.0, milliseconds: $0.1) },
            rateName: "deliveries", rates: rates.map { Curves.Rate(seconds: $0.0, perSecond: $0.1) })
    }

    private var usual: Curves {
        curves([(50, 1.5), (90, 3), (99, 12), (99.9, 40), (99.99, 41)], [(0.5, 900_000), (1, 1_100_000)])
    }

    private func header(_ title: String) -> Plot.Header {
        var header = Plot.Header(title: title)
        header.command = "roost bench fanout --readers 1000 --url ws://h/?a=1&b=<2>"
        header.target = "ws://127.0.0.1:8080"
        header.date = "2026-01-31 23:59 UTC"
        header.version = "roost 9.9.9"
        header.notes = ["fault: lost: 3"]
        return header
    }

    private func parsed(_ text: String) -> (isWhole: Bool, scripts: Int) {
        final class Reader: NSObject, XMLParserDelegate {
            var scripts = 0
            func parser(
                _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
                attributes: [String: String]
            ) {
                if name == "script" || attributes.keys.contains(where: { $0.hasPrefix("on") || $0.hasSuffix("href") }) {
                    scripts += 1
                }
            }
        }
        let (reader, parser) = (Reader(), XMLParser(data: Data(text.utf8)))
        parser.delegate = reader
        return (parser.parse(), reader.scripts)
    }

    @Test("a picture is one well-formed document, says where it comes from, and runs and fetches nothing")
    func document() {
        let svg = Plot.svg(usual, header("1 × 1000 <readers> & \"more\"\u{1}"))
        let (isWhole, scripts) = parsed(svg)
        #expect(isWhole)
        #expect(scripts == 0)
        #expect(!svg.contains("url("))
        for text in [
            "1 × 1000 &lt;readers&gt; &amp; &quot;more&quot;", "a=1&amp;b=&lt;2&gt;", "ws://127.0.0.1:8080",
            "2026-01-31 23:59 UTC", "roost 9.9.9", "fault: lost: 3", "prefers-color-scheme: dark",
            "latency in ms, by percentile", "deliveries a second, over time", ">99.99 %<", ">mean 1 M<",
        ] {
            #expect(svg.contains(text), "\(text) is missing")
        }
    }

    @Test(
        "a picture is well-formed and has no place that is none, whatever was measured",
        arguments: [0, 0.000_001, 1, 1e9], [0, 1, 7, 1e12])
    func extremes(milliseconds: Double, rate: Double) {
        for curves in [
            curves([], []), curves([(50, milliseconds)], [(0.1, rate)]),
            curves([(50, milliseconds), (60, milliseconds)], [(1, 0), (3600, rate)]),
        ] {
            let svg = Plot.svg(curves, Plot.Header(title: "t"))
            #expect(parsed(svg).isWhole)
            #expect(!svg.contains("nan") && !svg.contains("inf"))
        }
        #expect(Plot.svg(curves([], []), Plot.Header(title: "t")).contains("nothing was measured"))
    }

    @Test("each power of ten of milliseconds, and each nine of percentiles, takes as much room")
    func axes() {
        let up = Axis.logarithmic(1.5, 800, from: 0, to: 300, label: Number.short)
        #expect(abs(up.place(10) - up.place(1) - (up.place(1000) - up.place(100))) < 1e-6)
        #expect(up.place(1.5) > 0 && up.place(800) < 300)
        #expect(up.ticks.compactMap(\.label).contains("10"))
        let narrow = Axis.logarithmic(546, 893, from: 0, to: 300, label: Number.short)
        #expect(narrow.ticks.compactMap(\.label) == ["500", "600", "700", "800", "900", "1000"])
        let seconds = Axis.exact(upTo: 5.97, from: 0, to: 600) { Number.short($0) }
        #expect(seconds.ticks.compactMap(\.label) == ["0", "2", "4", "6"])
        let across = Axis.nines(upTo: 99.99, from: 0, to: 400)
        let nines = [90, 99, 99.9, 99.99].map { across.place(Axis.rarity($0)) }
        #expect(abs((nines[1] - nines[0]) - (nines[3] - nines[2])) < 1e-6)
        #expect(across.place(Axis.rarity(50)) == 0 && abs(nines[3] - 400) < 1e-6)
        let rates = Axis.linear(upTo: 1_912_011, from: 100, to: 0, label: Number.rate)
        #expect(rates.ticks.compactMap(\.label) == ["0", "500 k", "1 M", "1.5 M", "2 M"])
        #expect(rates.place(0) == 100 && rates.place(2_000_000) == 0 && rates.place(1_000_000) == 50)
    }

    @Test(
        "numbers are short",
        arguments: [
            (0, "0"), (0.0123, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (99.99, "99.99"), (123.4, "123"),
            (1500, "1.5 k"), (999_499, "999 k"), (999_500, "1 M"), (2_440_000, "2.44 M"),
        ])
    func numbers(value: Double, text: String) { #expect(Number.rate(value) == text) }

    @Test("long lines are broken between words, or within one that is too long")
    func wrapping() {
        #expect(Ink.wrapped("one two three", columns: 7) == ["one two", "three"])
        #expect(Ink.wrapped("abcdefghij k", columns: 4) == ["abcd", "efgh", "ij k"])
        #expect(Ink.wrapped("", columns: 4) == [])
    }

    @Test("percentiles are told as far up as there are values")
    func percentiles() {
        var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
        for value in 1...100 as ClosedRange<UInt64> { histogram.record(value * 1_000_000) }
        let curves = Curves(latencyName: "l", histogram, rateName: "r", Timeline(from: 0))
        #expect(curves.latencies.first?.percentile ?? 0 == 50)
        #expect(abs((curves.latencies.first?.milliseconds ?? 0) - 50) < 0.1)
        #expect(abs((curves.latencies.last?.percentile ?? 0) - 99) < 0.000_001)
        for latency in curves.latencies {
            let told = Double(histogram.valueAtPercentile(latency.percentile)) / 1_000_000
            #expect(abs(latency.milliseconds - told) < 1.01)
        }
        #expect(curves.rates.isEmpty)
    }

    @Test("a rate is that of its step; steps become longer and lose nothing")
    func timeline() {
        var timeline = Timeline(from: 100)
        timeline.note(150, at: 0.5)
        timeline.note(150, at: 1)
        #expect(timeline.rates.map(\.perSecond) == [100, 0])
        var short = Timeline(from: 0)
        short.end(30, at: 0.03)
        #expect(short.rates.map { Int($0.perSecond.rounded()) } == [1000])
        short.note(60, at: 0.13)
        short.end(90, at: 0.14)
        #expect(short.rates.count == 2)
        #expect(short.rates.last?.seconds == 0.14)
        var now = 1.0
        while now < 5000 {
            now += timeline.step
            timeline.note(150 + UInt64(now * 1000), at: now)
        }
        let rates = timeline.rates
        #expect(rates.count <= 240)
        #expect(timeline.step > 0.1)
        var (total, before) = (0.0, 0.0)
        for rate in rates {
            total += rate.perSecond * (rate.seconds - before)
            #expect(rate.seconds - before < timeline.step * 1.1)
            before = rate.seconds
        }
        #expect(abs(total - before * 1000 - 50) < 2)
    }
}

@Suite("The file of a picture")
struct PlotFileTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "plot-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private var report: Report {
        var report = Report("t")
        report.curves = Curves(latencyName: "l", latencies: [], rateName: "r", rates: [])
        return report
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test("the file is as it was until the picture is complete, and nothing else is left")
    func replaces() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "a.svg").path
        try Data("before".utf8).write(to: URL(filePath: path))
        let file = try PlotFile(path: path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "before")
        #expect(try files() == ["a.svg"])
        try file.write(report, Plot.Header(title: "after"))
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("<title>after</title>"))
        #expect(try files() == ["a.svg"])
    }

    @Test("a file that can't be written is refused at once, and the message names it and says why")
    func refuses() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let nowhere = folder.appending(path: "none/a.svg").path
        #expect { try PlotFile(path: nowhere) } throws: {
            "\($0)".contains(nowhere) && "\($0)".contains("No such file or directory")
        }
        #expect { try PlotFile(path: folder.path) } throws: { "\($0)".contains("no plain file") }
    }

    @Test("a picture that fails to be written leaves the old one and no draft")
    func fails() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "a.svg").path
        let file = try PlotFile(path: path)
        // What was no folder when it was looked at is one now.
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect { try file.write(report, Plot.Header(title: "t")) } throws: { "\($0)".contains(path) }
        #expect(try files() == ["a.svg"])
    }
}
