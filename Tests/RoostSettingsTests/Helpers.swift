import Testing

@testable import RoostSettings

struct NoSuchFile: Error, CustomStringConvertible {
    var description: String { "no such\nfile" }
}

/// Loads with files that are given as a dictionary; `yaml` is the text of a configuration file called roost.yaml.
func load(
    _ arguments: [String] = [], _ environment: [String: String] = [:], yaml: String? = nil,
    files: [String: String] = [:], table: OptionTable = .standard
) throws(SettingsError) -> Loaded {
    var files = files
    var environment = environment
    if let yaml {
        files["roost.yaml"] = yaml
        environment["ROOST_CONFIG"] = "roost.yaml"
    }
    return try Loader(table: table).load(arguments: arguments, environment: environment) { path in
        guard let text = files[path] else { throw NoSuchFile() }
        return text
    }
}

/// Expects loading to fail with this message, to which `roost: ` is added.
func expectError(
    _ code: Int32, _ message: String, _ arguments: [String] = [], _ environment: [String: String] = [:],
    yaml: String? = nil, files: [String: String] = [:], table: OptionTable = .standard,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    do throws(SettingsError) {
        _ = try load(arguments, environment, yaml: yaml, files: files, table: table)
        Issue.record("no error; expected: \(message)", sourceLocation: sourceLocation)
    } catch {
        #expect(error.message == "roost: " + message, sourceLocation: sourceLocation)
        #expect(error.exitCode == code, sourceLocation: sourceLocation)
        #expect(isOneLine(error.message), sourceLocation: sourceLocation)
    }
}

func isOneLine(_ text: String) -> Bool {
    !text.isEmpty && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
        && !text.unicodeScalars.contains("\u{2028}") && !text.unicodeScalars.contains("\u{2029}")
}

extension Option {
    /// The option's value as text, as far as it can be compared.
    func value(in settings: Settings) -> String { write(settings).map(yamlText) ?? "none" }
}

/// Three values for each option, none of them the default and each different.
let samples: [String: [String]] = [
    "host": ["127.0.0.2", "::1", "localhost"],
    "port": ["1", "2", "3"],
    "base-path": ["/a", "/b", "/c/d"],
    "loops": ["1", "2", "3"],
    "store": ["sqlite:a.db", "sqlite:/b/b.db", "memory:"],
    "auth-timeout": ["1s", "2m", "20ms"],
    "allowed-origins": ["https://a.example", "b.example:1", "null"],
    "max-rooms-per-connection": ["1", "2", "3"],
    "max-history": ["1", "2", "3"],
    "dedupe-window": ["1s", "2m", "3h"],
    "kinds": ["[{match: a}]", "[{match: b, log: memory}, {match: c}]", "[{match: d, retainAge: 30d}]"],
    "max-message-bytes": ["1", "2", "3"],
    "rate-limit-messages": ["1", "2", "3"],
    "rate-limit-burst": ["1", "2", "3"],
    "rate-limit-connects": ["1", "2", "3"],
    "rate-limit-connects-burst": ["1", "2", "3"],
    "max-unsent-bytes": ["1", "2", "3"],
    "max-connections": ["1", "2", "3"],
    "max-head-bytes": ["1001", "1002", "1003"],
    "max-body-bytes": ["1", "2", "3"],
    "recent-bytes": ["1", "2", "3"],
    "heartbeat": ["1s", "2m", "20ms"],
    "heartbeat-timeout": ["1s", "2m", "20ms"],
    "drain-delay": ["1s", "2m", "20ms"],
    "drain-window": ["1s", "2m", "20ms"], "session-life": ["1s", "2h", "30d"],
    // There are no more than two that are not the default.
    "planes": ["http", "websocket", "http"],
    "log-level": ["trace", "error", "critical"],
]

/// Options that have too few values, or too peculiar ones, for three samples.
let unsampled: Set = [
    "bus", "queue", "auth", "jwt-secret", "allow-anonymous", "compression", "conformance", "create-on-join",
    "direct-sends",
    "log-format",
    "config", "tls-cert", "tls-key",
]
