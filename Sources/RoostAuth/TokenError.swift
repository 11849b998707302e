/// Why a token is refused. The reason is one or two plain sentences, at most 120 bytes, as a close frame has no more room.
public enum TokenError: Error, Sendable, Equatable {
    /// It was right once: a new one helps.
    case expired(reason: String)
    /// It is not right, and won't become so by asking again at once.
    case bad(reason: String)

    public var reason: String {
        switch self {
        case .expired(let reason), .bad(let reason): reason
        }
    }
}

/// What a token says, for a message: on one line, not too long, without what a terminal might obey.
func shown(_ text: String) -> String {
    var short = ""
    for scalar in text.unicodeScalars {
        let next = plain(String(scalar))
        guard short.utf8.count + next.utf8.count <= 32 else { return short + "…" }
        short += next
    }
    return short
}

/// The text with everything that could garble a line written as an escape.
func plain(_ text: String) -> String {
    var line = ""
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            line += scalar.escaped(asASCII: true)
        default: line.unicodeScalars.append(scalar)
        }
    }
    return line
}

/// A span of time in the largest unit that it fills, rounded down: `3 minutes`, `1 day`.
func spoken(milliseconds: Int64) -> String {
    let units: [(name: String, milliseconds: Int64)] = [
        ("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1000),
    ]
    guard let unit = units.first(where: { milliseconds >= $0.milliseconds }) else { return "less than a second" }
    let count = milliseconds / unit.milliseconds
    return "\(count) \(unit.name)\(count == 1 ? "" : "s")"
}
