import Testing

@testable import RoostSettings

/// SplitMix64 (https://prng.di.unimi.it/splitmix64.c): a seed gives the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Random arguments, variables and files give settings or a one-line error, never anything else.
@Suite struct FuzzTests {
    private static let values =
        samples.values.joined().sorted() + [
            "", "0", "-1", "true", "null", "~", "*", "[", "{", "]", "a: b", "- x", "\u{0}", "\n", "\r\n", "\u{2028}",
            "é", "🐦",
            "1e9", "99999999999999999999", "64 MiB", "10 min", "redis://u:p@h", "amqp://x", "sqlite:", "0.0.0.0", "::",
            "--port", "=", "'", "\"", "&a", "*a", "!!str", "%", "---", "...", "|", ">", "<<", "? x", "https://h:1",
        ]

    private func text(_ generator: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0:
            let count = Int.random(in: 0..<12, using: &generator)
            return String(
                String.UnicodeScalarView(
                    (0..<count).map { _ in Unicode.Scalar(UInt8.random(in: 0..<255, using: &generator)) }))
        case 1: return (Self.values.randomElement(using: &generator) ?? "") + text(&generator)
        default: return Self.values.randomElement(using: &generator) ?? ""
        }
    }

    /// An option's name, or one that is a letter away from it; a value of its own, or any.
    private func pair(_ generator: inout SeededGenerator, _ spelling: (Option) -> String) -> (
        name: String, text: String
    ) {
        guard let option = OptionTable.standard.options.randomElement(using: &generator) else { return ("", "") }
        var name = spelling(option)
        let own = samples[option.name]?.randomElement(using: &generator) ?? "true"
        let value = Int.random(in: 0..<4, using: &generator) == 0 ? text(&generator) : own
        if Int.random(in: 0..<12, using: &generator) == 0, let index = name.indices.randomElement(using: &generator) {
            name.remove(at: index)
            if Bool.random(using: &generator) { name += text(&generator) }
        }
        return (name, value)
    }

    private func arguments(_ generator: inout SeededGenerator) -> [String] {
        (0..<Int.random(in: 0..<4, using: &generator)).flatMap { _ -> [String] in
            let negated = Int.random(in: 0..<4, using: &generator) == 0
            let (flag, value) = pair(&generator) { negated ? $0.negatedFlag ?? $0.flag : $0.flag }
            switch Int.random(in: 0..<12, using: &generator) {
            case 0: return [flag]
            case 1: return [value]
            case 2...6: return ["\(flag)=\(value)"]
            default: return [flag, value]
            }
        }
    }

    private func environment(_ generator: inout SeededGenerator) -> [String: String] {
        var variables = [String: String]()
        for _ in 0..<Int.random(in: 0..<4, using: &generator) {
            let fromFile = Int.random(in: 0..<4, using: &generator) == 0
            let (name, value) = pair(&generator) { fromFile ? $0.fileVariable ?? $0.variable : $0.variable }
            variables[name] = value
        }
        return variables
    }

    private func yaml(_ generator: inout SeededGenerator) -> String {
        var lines = (0..<Int.random(in: 0..<5, using: &generator)).map { _ in
            let (key, value) = pair(&generator, \.key)
            switch Int.random(in: 0..<12, using: &generator) {
            case 0: return key + value
            case 1: return "\(key): [\(value)]"
            case 2: return "\(key): '\(value)'"
            default: return "\(key): \(value)"
            }
        }
        if Int.random(in: 0..<8, using: &generator) == 0 { lines.append(text(&generator)) }
        return lines.joined(separator: "\n")
    }

    @Test(arguments: 1...8)
    func anythingGivesSettingsOrOneLine(_ seed: Int) {
        var generator = SeededGenerator(state: UInt64(seed))
        var loadedCount = 0
        for _ in 0..<500 {
            let arguments = arguments(&generator)
            let environment = environment(&generator)
            let yaml = Bool.random(using: &generator) ? yaml(&generator) : nil
            do throws(SettingsError) {
                let loaded = try load(
                    arguments, environment, yaml: yaml, files: ["": "memory:", "true": "port: 1", "memory:": "local:"])
                loadedCount += 1
                #expect(loaded.warnings.allSatisfy { isOneLine($0.message) })
                var again = try load(yaml: loaded.printed()).settings
                again.config = loaded.settings.config
                #expect(again == loaded.settings, "\(arguments) \(environment) \(yaml ?? "")")
            } catch {
                #expect(isOneLine(error.message) && error.message.hasPrefix("roost: "))
                #expect(error.message.unicodeScalars.count < 1000)
                #expect(error.exitCode == 64 || error.exitCode == 78)
            }
        }
        // Were everything refused, nothing but the refusal would be tested.
        #expect(loadedCount > 50)
    }
}
