extension Settings {
    /// The help on all options, for `roost serve --help`: by group, at most 100 columns wide, with a closing newline.
    public static func usage() -> String { OptionTable.standard.usage() }
}

extension OptionTable {
    func usage() -> String {
        let introduction = """
            Every option has a flag, a variable and a key in the configuration file: --max-message-bytes, \
            ROOST_MAX_MESSAGE_BYTES, maxMessageBytes. A flag beats the variable, which beats the file. \
            Sizes: 65536, 64KiB, 1MiB. Times: 200ms, 10s, 10m, 1h.
            """
        var lines = wrapped(introduction, width: usageWidth)
        for group in groups {
            lines += ["", group.title + ":"]
            for option in group.options { lines += help(on: option) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The flag on the left, the meaning and then default and variable on the right.
    private func help(on option: Option) -> [String] {
        let left = "  " + (option.placeholder.map { "\(option.flag) \($0)" } ?? "--[no-]\(option.name)")
        var meaning = option.meaning
        if option.trait == .url { meaning += ": \(option.allowed)" }
        if let zero = option.zero { meaning += "; 0 = \(zero)" }
        var facts = "default \(defaultText(option)), \(option.variable)"
        if let variable = option.fileVariable { facts += " or \(variable)" }
        let width = usageWidth - usageIndent
        let one = "\(meaning) [\(facts)]"
        let right = one.count <= width ? [one] : wrapped(meaning, width: width) + wrapped("[\(facts)]", width: width)
        var lines = right.map { String(repeating: " ", count: usageIndent) + $0 }
        if left.count < usageIndent, let first = right.first {
            lines[0] = left + String(repeating: " ", count: usageIndent - left.count) + first
        } else {
            lines.insert(left, at: 0)
        }
        return lines
    }

    private func defaultText(_ option: Option) -> String {
        switch option.write(Settings()) {
        case .text(let text)?: text.isEmpty ? "empty" : text
        case .list(let items)?: items.isEmpty ? "empty" : yamlText(.list(items))
        default: "none"
        }
    }
}

private let usageWidth = 100
private let usageIndent = 34

/// Breaks the text between words; a word longer than the width gets a line of its own.
private func wrapped(_ text: String, width: Int) -> [String] {
    var lines = [String]()
    for word in text.split(separator: " ") {
        if let last = lines.last, last.count + 1 + word.count <= width {
            lines[lines.count - 1] = "\(last) \(word)"
        } else {
            lines.append(String(word))
        }
    }
    return lines
}
