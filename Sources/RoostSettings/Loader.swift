extension Settings {
    /// Brings together flags, environment, configuration file and defaults; the earlier of these wins.
    ///
    /// Every value given is checked, those that another one overrides too.
    ///
    /// - Parameters:
    ///   - arguments: what follows `roost serve`, without `--help`, which is the caller's.
    ///   - environment: all variables of the process; only those that begin with `ROOST_` are looked at.
    ///   - readFile: gives the text of the file at a path, for the configuration and for `…_FILE` variables; what it
    ///     throws is shown by its description, so that should be a few words, such as "no such file".
    /// - Throws: the first thing that is wrong; bad flags (exit code 64) come before everything else (78).
    public static func load(
        arguments: [String], environment: [String: String], readFile: (String) throws -> String
    ) throws(SettingsError) -> Loaded {
        try Loader(table: .standard).load(arguments: arguments, environment: environment, readFile: readFile)
    }
}

/// Loads settings by a table of options.
struct Loader: Sendable {
    let table: OptionTable

    func load(
        arguments: [String], environment: [String: String], readFile: (String) throws -> String
    ) throws(SettingsError) -> Loaded {
        let flags = try readFlags(arguments)
        let (variables, warnings) = try readEnvironment(environment, readFile: readFile)
        var settings = Settings()
        var origins = [String: SettingOrigin]()
        for option in table.options { origins[option.key] = .default }
        // The file is named by the others, so they are applied twice: first to learn its name, then over it.
        try apply(variables + flags, to: &settings, &origins)
        if let path = settings.config {
            try apply(try readConfiguration(path, readFile: readFile), to: &settings, &origins)
            try apply(variables + flags, to: &settings, &origins)
        }
        try checkTogether(settings, origins)
        return Loaded(settings: settings, warnings: warnings + doubts(settings, origins), origins: origins)
    }

    /// Applies values in order, so that a later one wins.
    private func apply(
        _ values: [Given], to settings: inout Settings, _ origins: inout [String: SettingOrigin]
    ) throws(SettingsError) {
        for given in values {
            do {
                try refuseMask(given)
                try given.option.read(given.written, &settings)
            } catch {
                throw .configuration(explanation(of: error, given))
            }
            origins[given.option.key] = given.origin
        }
    }

    /// The text of a file; the error names what asked for it.
    func text(
        of path: String, for key: String, readFile: (String) throws -> String
    ) throws(SettingsError) -> String {
        do {
            return try readFile(path)
        } catch {
            let cause = cut(String(describing: error), at: 160)
            throw .configuration("\(key) \(shown(path)): the file can't be read: \(cause)")
        }
    }
}

/// Refuses what `roost config print` writes in a secret's place: as a key or password it would be known to all.
private func refuseMask(_ given: Given) throws(Refusal) {
    guard given.option.trait == .secret || given.option.trait == .url, case .text(let text) = given.written else {
        return
    }
    if text.contains(secretMask) { throw Refusal(reason: "is masked; put in again what \(secretMask) stands for") }
}

/// What is wrong with a value: the key as the user wrote it, the value, what is allowed.
private func explanation(of refusal: Refusal, _ given: Given) -> String {
    let option = given.option
    var text = subject(given)
    text += refusal.reason ?? "must be \(option.allowed)"
    switch given.written {
    case .text: break
    case .list where refusal.reason == nil: text += ", not this list"
    case .map where refusal.reason == nil: text += ", not a mapping"
    case .nothing where refusal.reason == nil: text += "; it has no value"
    default: break
    }
    if let suggestion = refusal.suggestion { text += "; did you mean \(suggestion)?" }
    return text
}

/// `--port 99999: `, `ROOST_PORT=99999: `, `port: 99999 (roost.yaml line 3): `, without what must not be seen.
private func subject(_ given: Given) -> String {
    var value: String?
    if case .text(let text) = given.written {
        switch given.option.trait {
        case .secret: value = nil
        case .url: value = shown(masked(text))
        case .ordinary, .notInFile: value = shown(text)
        }
    }
    switch given.origin {
    case .flag(let flag): return flag + (value.map { " " + $0 } ?? "") + ": "
    case .environment(let variable):
        guard let path = given.heldBy else { return variable + (value.map { "=" + $0 } ?? "") + ": " }
        return "\(variable)=\(shown(path))" + (value.map { ", which holds \($0)" } ?? "") + ": "
    case .file(let path, let line):
        return given.option.key + (value.map { ": " + $0 } ?? "") + " (\(shown(path)) line \(line)): "
    case .default: return given.option.key + ": "
    }
}
