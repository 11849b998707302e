extension Loaded {
    /// The effective configuration as YAML that `--config` reads back, for `roost config print`.
    ///
    /// A comment tells where each value comes from that is not a default. Passwords in URLs are written `***`, secrets
    /// entirely so: these have to be put in again before the text can be used.
    public func printed() -> String { OptionTable.standard.printed(self) }
}

extension OptionTable {
    func printed(_ loaded: Loaded) -> String {
        var lines = ["# The effective configuration. A comment says where a value that is no default comes from."]
        for group in groups {
            var entries = [String]()
            for option in group.options {
                guard let value = option.write(loaded.settings) else { continue }
                entries.append(line(option, value, loaded.origins[option.key] ?? .default))
            }
            if !entries.isEmpty { lines += ["", "# " + group.title] + entries }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func line(_ option: Option, _ value: Written, _ origin: SettingOrigin) -> String {
        var line = "\(option.key): \(yamlText(shareable(value, option)))"
        // A file can't name the next file, so this is told, not set.
        if option.fileKey == nil { line = "# " + line }
        switch origin {
        case .flag(let flag): line += "  # \(flag)"
        case .environment(let variable): line += "  # \(variable)"
        case .file(let path, let number): line += "  # \(shown(path)) line \(number)"
        case .default: break
        }
        return line
    }

    private func shareable(_ value: Written, _ option: Option) -> Written {
        switch (option.trait, value) {
        case (.secret, .text("")): value
        case (.secret, _): .text(secretMask)
        // Only with an authority can there be a password; a path may well have an @ in it.
        case (.url, .text(let text)) where text.contains("://"): .text(masked(text))
        default: value
        }
    }
}

/// The value as YAML on one line.
func yamlText(_ value: Written) -> String {
    switch value {
    case .text(let text): isPlainYAML(text) ? text : quoted(text)
    case .list(let items): "[" + items.map(yamlText).joined(separator: ", ") + "]"
    case .map(let entries):
        "{" + entries.map { "\(yamlText(.text($0.key))): \(yamlText($0.value))" }.joined(separator: ", ") + "}"
    case .nothing: "null"
    }
}

/// Whether the text needs no quotes, in a flow list either. Rather too strict.
private func isPlainYAML(_ text: String) -> Bool {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    guard let first = text.utf8.first, isLetter(first) || isDigit(first) || first == UInt8(ascii: "/") else {
        return false
    }
    if words.contains(text.lowercased()) { return text == "true" || text == "false" }
    return text.utf8.last != UInt8(ascii: ":") && !text.contains("://")
        && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "/:._-".utf8.contains($0) }
}

/// A double-quoted YAML scalar (https://yaml.org/spec/1.2.2/#57-escaped-characters).
private func quoted(_ text: String) -> String {
    var line = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": line += "\\\""
        case "\\": line += "\\\\"
        case "\n": line += "\\n"
        case "\t": line += "\\t"
        case " "..."~": line.unicodeScalars.append(scalar)
        default:
            let digits = String(scalar.value, radix: 16)
            line += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        }
    }
    return line + "\""
}
