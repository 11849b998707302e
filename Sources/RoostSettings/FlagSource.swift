extension Loader {
    /// The values that flags give, in any order; throws (64) for all that is no flag or lacks its value.
    func readFlags(_ arguments: [String]) throws(SettingsError) -> [Given] {
        let known = FlagNames(table)
        var given = [Given]()
        var seen = [String: String]()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-", argument != "--" else {
                throw .usage(unexpected(argument, after: given.last))
            }
            let (flag, attached) = split(argument)
            guard let (option, negated) = known.options[flag] else { throw .usage(known.unknown(flag)) }
            if let earlier = seen.updateValue(flag, forKey: option.name) {
                let both = earlier == flag ? "\(flag) is given twice" : "\(earlier) and \(flag) are both given"
                throw .usage("\(both); it must be given once at most")
            }
            let value = try value(of: option, flag: flag, negated: negated, attached: attached, rest: &rest)
            given.append(Given(option: option, written: .text(value), origin: .flag(flag)))
        }
        return given
    }

    /// `--flag=value` into its two parts.
    private func split(_ argument: String) -> (flag: String, value: String?) {
        guard let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }

    private func value(
        of option: Option, flag: String, negated: Bool, attached: String?, rest: inout ArraySlice<String>
    ) throws(SettingsError) -> String {
        if negated {
            guard attached == nil else { throw .usage("\(flag) takes no value; write \(option.flag)=false or \(flag)") }
            return "false"
        }
        if let attached { return attached }
        if option.isBoolean { return "true" }
        // A value that begins with -- is far more often a forgotten value; `--flag=--value` can still be written.
        guard let next = rest.first, !next.hasPrefix("--") else {
            throw .usage("\(flag) has no value; it must be \(option.allowed)")
        }
        rest.removeFirst()
        return next
    }

    private func unexpected(_ argument: String, after last: Given?) -> String {
        let example = "options look like --port 8080 or --port=8080"
        guard let option = last?.option else { return "unexpected argument \(shown(masked(argument))); \(example)" }
        // A secret with a space in it and no quotes around it goes on here.
        if option.trait == .secret { return "unexpected argument after \(option.flag); \(example)" }
        guard option.isBoolean, truth(of: argument) != nil else {
            return "unexpected argument \(shown(masked(argument))); \(example)"
        }
        return "unexpected argument \(shown(argument)); write \(option.flag)=\(argument)"
    }
}

/// The flags that a table knows.
private struct FlagNames {
    var options = [String: (option: Option, negated: Bool)]()
    private var names = [String]()

    init(_ table: OptionTable) {
        for option in table.options {
            options[option.flag] = (option, false)
            names.append(option.flag)
            if let negated = option.negatedFlag {
                options[negated] = (option, true)
                names.append(negated)
            }
        }
    }

    func unknown(_ flag: String) -> String {
        let text = "\(shown(flag)) is no option; "
        guard let name = nearest(to: flag, among: names) else { return text + "roost serve --help lists them" }
        return text + "did you mean \(name)?"
    }
}
