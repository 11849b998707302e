// How text that others wrote is repeated in messages: on one line, not too long, without passwords.

/// What stands where a secret was.
let secretMask = "***"

/// The text with everything that could end or garble a line written as an escape.
func oneLine(_ text: String) -> String {
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

/// The text for a message: one line, cut after 80 characters, in quotes where its ends could not be seen otherwise.
func shown(_ text: String) -> String {
    let line = cut(text, at: 80)
    return line.isEmpty || line.contains(" ") ? "\"\(line)\"" : line
}

/// The text on one line, at most so many characters of it.
func cut(_ text: String, at limit: Int) -> String {
    let head = text.unicodeScalars.prefix(limit)
    return oneLine(String(head)) + (head.endIndex < text.unicodeScalars.endIndex ? "…" : "")
}

/// The text without what may be a password in it: `redis://user:***@host`, `…?password=***`.
///
/// Made for text that need not be a well-formed URL, it hides rather too much than too little.
func masked(_ text: String) -> String {
    let bare = maskedQuery(text)
    guard let at = bare.lastIndex(of: "@") else { return bare }
    var start = bare.startIndex
    if let mark = bare.firstRange(of: "://"), mark.upperBound <= at {
        start = mark.upperBound
    } else if let colon = bare[..<at].firstIndex(of: ":") {
        return bare[...colon] + secretMask + bare[at...]
    }
    guard let colon = bare[start..<at].firstIndex(of: ":") else { return bare[..<start] + secretMask + bare[at...] }
    return bare[...colon] + secretMask + bare[at...]
}

private func maskedQuery(_ text: String) -> String {
    guard let mark = text.firstIndex(of: "?") else { return text }
    let fields = text[text.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
    let maskedFields = fields.map { field -> String in
        guard let equals = field.firstIndex(of: "=") else { return String(field) }
        let name = field[..<equals].lowercased()
        let telling = ["pass", "pwd", "secret", "token", "key"].contains { name.contains($0) }
        return telling ? field[...equals] + secretMask : String(field)
    }
    return text[...mark] + maskedFields.joined(separator: "&")
}

/// `a`, `a or b`, `a, b or c`.
func spokenList(_ names: [String]) -> String {
    guard names.count > 1, let last = names.last else { return names.joined() }
    return names.dropLast().joined(separator: ", ") + " or " + last
}

/// The text without white space at its ends.
func trimmed(_ text: some StringProtocol) -> String {
    let head = text.drop(while: \.isWhitespace)
    guard let end = head.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(head[...end])
}
