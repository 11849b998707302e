/// How many columns text takes in a terminal: an approximation of Unicode's East Asian Width (UAX #11), where emoji take
/// two and combining marks none.
enum TextWidth {
    static func of(_ character: Character) -> Int {
        var width = 0
        for scalar in character.unicodeScalars { width = max(width, of(scalar)) }
        return width
    }

    static func of(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + of($1) } }

    private static func of(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: 0
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
            0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
            2
        default: scalar.properties.isEmojiPresentation ? 2 : isMark(scalar) ? 0 : 1
        }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: true
        default: false
        }
    }

    /// What of `text` fits into so many columns, from its start.
    static func cut(_ text: some StringProtocol, to columns: Int) -> String {
        var (result, used) = ("", 0)
        for character in text {
            used += of(character)
            if used > columns { break }
            result.append(character)
        }
        return result
    }

    /// Text from others, without what a terminal would obey.
    static func harmless(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
                    // Marks that turn the direction of what follows.
                    let isTurn = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
                    return isControl || isTurn ? (scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}") : scalar
                }))
    }
}
