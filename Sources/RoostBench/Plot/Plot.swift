/// A picture of a benchmark: how latencies are distributed, and the rate over time.
///
/// It needs nothing beside itself, runs nothing, and is light or dark as its reader likes it.
public enum Plot {
    /// What stands above the curves.
    public struct Header: Sendable {
        public var title: String
        /// What was run.
        public var command = ""
        /// The server under load.
        public var target = ""
        public var date = ""
        /// Of the load generator.
        public var version = ""
        /// What must be known before the curves are believed.
        public var notes: [String] = []

        public init(title: String) { self.title = title }
    }

    static let width = 960.0
    private static let panelHeight = 250.0
    private static let bottom = 62.0

    /// The picture as an SVG document.
    public static func svg(_ curves: Curves, _ header: Header) -> String {
        let (lines, top) = heading(header)
        let height = top + panelHeight + bottom
        let body =
            lines + latencies(curves, Frame(left: 62, right: 458, top: top, bottom: top + panelHeight))
            + rates(curves, Frame(left: 548, right: 930, top: top, bottom: top + panelHeight))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Number.plain(width)) \(Number.plain(height))" \
            width="\(Number.plain(width))" height="\(Number.plain(height))" role="img">
            <title>\(Ink.escaped(header.title))</title>
            \(style)
            <rect class="ground" width="100%" height="100%" rx="10"/>
            \(body.joined(separator: "\n"))
            </svg>

            """
    }

    /// Lines of text, and where they end.
    private static func heading(_ header: Header) -> (lines: [String], end: Double) {
        var lines: [String] = []
        var y = 14.0
        func add(_ text: String, _ kind: String, step: Double, columns: Int) {
            for line in Ink.wrapped(text, columns: columns) {
                y += step
                lines.append(Ink.text(line, kind, x: 28, y: y))
            }
        }
        add(header.title, "title", step: 22, columns: 104)
        add(header.command, "command", step: 19, columns: 122)
        let facts = [header.target, header.date, header.version].filter { !$0.isEmpty }
        add(facts.joined(separator: "  ·  "), "quiet", step: 19, columns: 140)
        for note in header.notes { add(note, "note", step: 18, columns: 136) }
        return (lines, y + 62)
    }

    private struct Frame {
        var left: Double
        var right: Double
        var top: Double
        var bottom: Double
    }

    // MARK: Latencies

    private static func latencies(_ curves: Curves, _ frame: Frame) -> [String] {
        let points = curves.latencies
        var out = [caption("\(curves.latencyName) in ms, by percentile", frame)]
        guard let least = points.map(\.milliseconds).min(), let most = points.map(\.milliseconds).max(),
            let last = points.last
        else { return out + nothing(frame) }
        let across = Axis.nines(upTo: last.percentile, from: frame.left, to: frame.right)
        let up = Axis.logarithmic(least, most, from: frame.bottom, to: frame.top, label: Number.short)
        out += grid(across, up, frame)
        let places = points.map { (x: across.place(Axis.rarity($0.percentile)), y: up.place($0.milliseconds)) }
        out.append(Ink.line(places, "curve first"))
        for percentile in [50, 99, 99.9, 99.99] where percentile <= last.percentile + 0.001 {
            guard let point = points.min(by: { abs($0.percentile - percentile) < abs($1.percentile - percentile) })
            else { continue }
            let (x, y) = (across.place(Axis.rarity(percentile)), up.place(point.milliseconds))
            out.append(Ink.dot(x: x, y: y, "first"))
            // Above the curve, which rises to the right; the leftmost has no room on its left.
            let side = percentile == 50 ? "value" : "value before"
            out.append(Ink.text(Number.short(point.milliseconds), side, x: x + (percentile == 50 ? 4 : -4), y: y - 10))
        }
        return out
    }

    // MARK: Rates

    private static func rates(_ curves: Curves, _ frame: Frame) -> [String] {
        var out = [caption("\(curves.rateName) a second, over time", frame)]
        guard let last = curves.rates.last, let most = curves.rates.map(\.perSecond).max() else {
            return out + nothing(frame)
        }
        let across = Axis.exact(upTo: last.seconds, from: frame.left, to: frame.right) { Number.short($0) + " s" }
        let up = Axis.linear(upTo: most, from: frame.bottom, to: frame.top, label: Number.rate)
        out += grid(across, up, frame)
        var places = curves.rates.map { (x: across.place($0.seconds), y: up.place($0.perSecond)) }
        // Each rate is that of the time before it.
        if let first = places.first { places.insert((frame.left, first.y), at: 0) }
        out.append(Ink.area(places, down: frame.bottom))
        out.append(Ink.line(places, "curve second"))
        var (total, before) = (0.0, 0.0)
        for rate in curves.rates {
            total += rate.perSecond * (rate.seconds - before)
            before = rate.seconds
        }
        let mean = total / last.seconds
        out.append(Ink.line([(frame.left, up.place(mean)), (frame.right, up.place(mean))], "mean"))
        // In the caption's line, where no curve can cross it.
        out.append(Ink.text("mean \(Number.rate(mean))", "value before", x: frame.right, y: frame.top - 16))
        return out
    }

    // MARK: What both have

    private static func caption(_ text: String, _ frame: Frame) -> String {
        Ink.text(text, "caption", x: frame.left, y: frame.top - 16)
    }

    private static func nothing(_ frame: Frame) -> [String] {
        [
            Ink.text(
                "nothing was measured", "tick middle", x: (frame.left + frame.right) / 2,
                y: (frame.top + frame.bottom) / 2)
        ]
    }

    private static func grid(_ across: Axis, _ up: Axis, _ frame: Frame) -> [String] {
        var out: [String] = []
        for tick in up.ticks {
            let y = up.place(tick.value)
            out.append(Ink.line([(frame.left, y), (frame.right, y)], tick.label == nil ? "grid faint" : "grid"))
            if let label = tick.label { out.append(Ink.text(label, "tick before", x: frame.left - 8, y: y + 4)) }
        }
        for tick in across.ticks {
            let x = across.place(tick.value)
            out.append(Ink.line([(x, frame.top), (x, frame.bottom)], "grid"))
            if let label = tick.label { out.append(Ink.text(label, "tick middle", x: x, y: frame.bottom + 20)) }
        }
        return out
    }
}
