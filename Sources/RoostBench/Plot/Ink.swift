/// Elements of a picture.
enum Ink {
    static func text(_ text: String, _ kind: String, x: Double, y: Double) -> String {
        "<text class=\"\(kind)\" x=\"\(place(x))\" y=\"\(place(y))\">\(escaped(text))</text>"
    }

    static func line(_ places: [(x: Double, y: Double)], _ kind: String) -> String {
        "<polyline class=\"\(kind)\" points=\"\(joined(places))\"/>"
    }

    /// What lies between a curve and the bottom.
    static func area(_ places: [(x: Double, y: Double)], down bottom: Double) -> String {
        guard let first = places.first, let last = places.last else { return "" }
        return "<polygon class=\"area\" points=\"\(joined([(first.x, bottom)] + places + [(last.x, bottom)]))\"/>"
    }

    static func dot(x: Double, y: Double, _ kind: String) -> String {
        "<circle class=\"dot \(kind)\" cx=\"\(place(x))\" cy=\"\(place(y))\" r=\"3.5\"/>"
    }

    private static func joined(_ places: [(x: Double, y: Double)]) -> String {
        places.map { "\(place($0.x)),\(place($0.y))" }.joined(separator: " ")
    }

    private static func place(_ value: Double) -> String { Number.plain((value * 10).rounded() / 10) }

    /// As XML can hold it; what it can't hold at all becomes a space.
    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case _ where scalar.value < 0x20 || (0xFFFE...0xFFFF).contains(scalar.value): out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    /// Broken between words into lines of so many characters at most; within a word that is longer.
    static func wrapped(_ text: String, columns: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            var word = word
            if !line.isEmpty, line.count + 1 + word.count > columns {
                lines.append(line)
                line = ""
            }
            while word.count > columns {
                lines.append(String(word.prefix(columns)))
                word = word.dropFirst(columns)
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        return line.isEmpty ? lines : lines + [line]
    }
}

extension Plot {
    /// Colours without variables, which not every program that shows pictures knows.
    static let style = """
        <style>
        text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1c2330; }
        .ground { fill: #ffffff; }
        .title { font-size: 17px; font-weight: 600; }
        .command { font-size: 12px; font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #46506a; }
        .quiet, .tick { font-size: 12px; fill: #6a7489; }
        .note { font-size: 12px; fill: #b3261e; }
        .caption { font-size: 13px; font-weight: 600; }
        .value { font-size: 12px; font-weight: 600; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
        .before { text-anchor: end; }
        .middle { text-anchor: middle; }
        .grid { stroke: #dfe3ea; stroke-width: 1; fill: none; }
        .faint { stroke: #eff1f5; }
        .curve { stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; fill: none; }
        .curve.first { stroke: #1f6feb; }
        .curve.second { stroke: #c2570c; }
        .dot.first { fill: #1f6feb; }
        .area { fill: #c2570c; fill-opacity: 0.1; }
        .mean { stroke: #6a7489; stroke-width: 1; stroke-dasharray: 5 4; fill: none; }
        @media (prefers-color-scheme: dark) {
        text { fill: #e6e9f0; }
        .ground { fill: #12161f; }
        .command { fill: #b4bdd0; }
        .quiet, .tick { fill: #8d97ad; }
        .note { fill: #ff8a80; }
        .grid { stroke: #2a3040; }
        .faint { stroke: #1d2230; }
        .value { stroke: #12161f; }
        .curve.first { stroke: #6cb0ff; }
        .curve.second { stroke: #ff9f5a; }
        .dot.first { fill: #6cb0ff; }
        .area { fill: #ff9f5a; fill-opacity: 0.14; }
        .mean { stroke: #8d97ad; }
        }
        </style>
        """
}
