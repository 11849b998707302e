/// Where a value comes from.
public enum SettingOrigin: Sendable, Equatable {
    /// A flag, as it was spelled: `--port`, `--no-create-on-join`.
    case flag(String)
    /// An environment variable, as it was spelled: `ROOST_PORT`, `ROOST_STORE_FILE`.
    case environment(String)
    /// A line, counted from 1, of the configuration file.
    case file(path: String, line: Int)
    case `default`
}

/// A configuration that can't be used.
public struct SettingsError: Error, Equatable, CustomStringConvertible {
    /// 64: a bad flag (unknown, without its value, given twice, or an argument that is none).
    /// 78: a bad value anywhere, an unknown key in the file, a file that can't be read, settings that contradict.
    public let exitCode: Int32
    /// One line, `roost: ` included: the key as the user wrote it, the value, what is allowed, the nearest known name.
    public let message: String

    public var description: String { message }

    static func usage(_ text: String) -> SettingsError { SettingsError(exitCode: 64, text) }
    static func configuration(_ text: String) -> SettingsError { SettingsError(exitCode: 78, text) }

    private init(exitCode: Int32, _ text: String) {
        self.exitCode = exitCode
        message = "roost: " + oneLine(text)
    }
}

/// Something odd that doesn't keep the configuration from being used.
public struct SettingsWarning: Sendable, Equatable, CustomStringConvertible {
    /// One line, without a prefix.
    public let message: String

    public var description: String { message }

    init(_ text: String) { message = oneLine(text) }
}

/// Settings, and how they came about.
public struct Loaded: Sendable, Equatable {
    public let settings: Settings
    /// Unknown `ROOST_…` variables, in alphabetical order, and then what is allowed but seems unwise.
    public let warnings: [SettingsWarning]
    /// The origin of every option by its file key (`maxMessageBytes`), of those at their default too.
    public let origins: [String: SettingOrigin]
}
