/// One option: its spelling, its place in `Settings`, the form of its value and what it means.
struct Option: Sendable {
    /// What is particular about an option.
    enum Trait: Sendable {
        case ordinary
        /// May carry a password: it is masked where it is shown, and `…_FILE` may name a file that holds it.
        case url
        /// Is never shown, and `…_FILE` may name a file that holds it.
        case secret
        /// Has no key in the configuration file.
        case notInFile
    }

    /// The one spelling that the others are derived from: lower-case words joined by `-`.
    let name: String
    let meaning: String
    let trait: Trait
    /// What stands for the value in the help; nil: a boolean, whose flag takes no value of its own.
    let placeholder: String?
    /// What the value may be, to follow "must be".
    let allowed: String
    /// What 0 means, where it means something of its own.
    let zero: String?
    /// Reads the value into the settings; throws if it is none of what is allowed.
    let read: @Sendable (Written, inout Settings) throws(Refusal) -> Void
    /// The value that the settings hold, nil: none.
    let write: @Sendable (Settings) -> Written?

    init<Value>(
        _ name: String, _ property: any WritableKeyPath<Settings, Value> & Sendable,
        _ form: ValueForm<Value>, _ meaning: String, _ trait: Trait = .ordinary
    ) {
        self.name = name
        self.meaning = meaning
        self.trait = trait
        placeholder = form.placeholder
        allowed = form.allowed
        zero = form.zero
        read = { (written: Written, settings: inout Settings) throws(Refusal) in
            settings[keyPath: property] = try form.read(written)
        }
        write = { form.write($0[keyPath: property]) }
    }

    /// `--max-message-bytes`
    var flag: String { "--" + name }

    /// `--no-create-on-join`, of a boolean.
    var negatedFlag: String? { isBoolean ? "--no-" + name : nil }

    /// `ROOST_MAX_MESSAGE_BYTES`
    var variable: String { "ROOST_" + name.uppercased().replacing("-", with: "_") }

    /// `ROOST_STORE_FILE`, of a secret or a URL.
    var fileVariable: String? { trait == .url || trait == .secret ? variable + "_FILE" : nil }

    /// `maxMessageBytes`; nil: the option can't stand in the file.
    var fileKey: String? { trait == .notInFile ? nil : key }

    /// The name under which the option's origin is reported: `maxMessageBytes`.
    var key: String {
        let words = name.split(separator: "-")
        return words.prefix(1).joined() + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    var isBoolean: Bool { placeholder == nil }
}

/// How the values of one type are read, checked and written.
struct ValueForm<Value>: Sendable {
    var placeholder: String?
    let allowed: String
    var zero: String?
    let read: @Sendable (Written) throws(Refusal) -> Value
    let write: @Sendable (Value) -> Written?
}

/// Why a value is refused.
struct Refusal: Error, Equatable {
    /// A whole clause; nil: "must be" and what the option allows says it.
    var reason: String?
    /// The nearest of the known values.
    var suggestion: String?
}

/// A value as the user wrote it, before anything is known about its type.
indirect enum Written: Sendable, Equatable {
    case text(String)
    case list([Written])
    case map([Entry])
    /// YAML's null, with its spelling (`null`, `~` or nothing).
    case nothing(String)

    struct Entry: Sendable, Equatable {
        let key: String
        let value: Written
    }

    /// The text of a single value; throws for a list, a mapping and nothing.
    func single() throws(Refusal) -> String {
        guard case .text(let text) = self else { throw Refusal() }
        return text
    }
}

/// A value somebody gave to an option.
struct Given: Sendable {
    let option: Option
    let written: Written
    let origin: SettingOrigin
    /// The file that a `…_FILE` variable took the value from.
    var heldBy: String?
}
