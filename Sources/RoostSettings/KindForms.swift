extension ValueForm<[KindSetting]> {
    /// Kinds of room: in the file a list of mappings, everywhere also a text of YAML or JSON that is one.
    static var kinds: Self {
        ValueForm(
            placeholder: "LIST", allowed: "a list of mappings, such as [\(kindExample)]",
            read: { written throws(Refusal) in
                var kinds = [KindSetting]()
                for (index, item) in try kindItems(written).enumerated() {
                    kinds.append(try kind(item, place: "entry \(index + 1)"))
                }
                return kinds
            },
            write: { .list($0.map(kindEntries)) })
    }
}

private let kindExample = #"{match: "game:*", retainCount: 1000}"#

/// The items as they were written, from a text too.
private func kindItems(_ written: Written) throws(Refusal) -> [Written] {
    switch written {
    case .list(let items): return items
    case .text(""): return []
    case .text(let text):
        guard case .list(let items) = try yamlValue(text) else { throw Refusal() }
        return items
    case .map, .nothing: throw Refusal()
    }
}

/// The value that a YAML text stands for.
private func yamlValue(_ text: String) throws(Refusal) -> Written {
    do throws(YAMLProblem) {
        guard let node = try composed(text) else { return .nothing("") }
        if let value = written(node) { return value }
    } catch {
        throw Refusal(reason: "is no list in YAML or JSON: \(error.text)")
    }
    throw Refusal(reason: "must be made of at most \(mostYAMLValues) values")
}

private func kind(_ item: Written, place: String) throws(Refusal) -> KindSetting {
    guard case .map(let entries) = item else {
        throw Refusal(reason: "\(place) must be a mapping, such as \(kindExample)")
    }
    guard entries.contains(where: { $0.key == "match" }) else {
        throw Refusal(reason: "\(place) has no match, which names its rooms, such as match: \"game:*\"")
    }
    var kind = KindSetting(match: "")
    for entry in entries {
        guard let field = KindField.all.first(where: { $0.name == entry.key }) else {
            let names = KindField.all.map(\.name)
            throw Refusal(
                reason: "\(place) has \(shown(entry.key)), which is no key of a kind; it may have " + spokenList(names),
                suggestion: nearest(to: entry.key, among: names))
        }
        do {
            try field.read(entry.value, &kind)
        } catch {
            let reason = error.reason ?? "must be \(field.allowed)"
            throw Refusal(
                reason: "\(place) has \(field.name)\(spoken(entry.value)), which \(reason)",
                suggestion: error.suggestion)
        }
    }
    return kind
}

private func spoken(_ value: Written) -> String {
    switch value {
    case .text(let text): ": " + shown(text)
    case .list: " with a list"
    case .map: " with a mapping"
    case .nothing: " without a value"
    }
}

/// The match and what is not as usual.
private func kindEntries(_ kind: KindSetting) -> Written {
    let usual = KindSetting(match: "")
    return .map(
        KindField.all.compactMap { field in
            guard let value = field.write(kind), value != field.write(usual) else { return nil }
            return Written.Entry(key: field.name, value: value)
        })
}

/// One key of an entry of `kinds`.
private struct KindField: Sendable {
    let name: String
    let allowed: String
    let read: @Sendable (Written, inout KindSetting) throws(Refusal) -> Void
    let write: @Sendable (KindSetting) -> Written?

    init<Value>(
        _ name: String, _ property: any WritableKeyPath<KindSetting, Value> & Sendable, _ form: ValueForm<Value>
    ) {
        self.name = name
        allowed = form.allowed
        read = { (written: Written, kind: inout KindSetting) throws(Refusal) in
            kind[keyPath: property] = try form.read(written)
        }
        write = { form.write($0[keyPath: property]) }
    }

    static let all = [
        KindField("match", \.match, .roomPattern),
        KindField("log", \.log, .choice),
        KindField("retainCount", \.retainCount, .limit(1...1_000_000_000)),
        KindField("retainAge", \.retainAge, .duration(.milliseconds(10) ... .seconds(36_500 * 86_400))),
        KindField("presence", \.presence, .presence),
        KindField("receipts", \.receipts, .boolean),
        KindField("createOnJoin", \.createOnJoin, .optionalBoolean),
        KindField("publish", \.publish, .choice),
        KindField("history", \.history, .choice),
    ]
}

extension ValueForm<String> {
    /// A pattern of room names.
    fileprivate static var roomPattern: Self {
        ValueForm(
            placeholder: "PATTERN", allowed: "1 to 256 of A-Z a-z 0-9 _ . : - and *",
            read: { written throws(Refusal) in
                let text = try written.single()
                let isPattern = text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "_.:-*".utf8.contains($0) }
                guard isPattern, (1...256).contains(text.utf8.count) else { throw Refusal() }
                return text
            },
            write: { .text($0) })
    }
}

extension ValueForm<KindSetting.Presence> {
    /// The choice; also `false` for `off`, which is what tools that rewrite YAML make of it.
    fileprivate static var presence: Self {
        let form = choice
        return ValueForm(
            placeholder: form.placeholder, allowed: form.allowed,
            read: { written throws(Refusal) in
                if case .text(let text) = written, text.lowercased() == "false" { return .off }
                return try form.read(written)
            },
            write: form.write)
    }
}
