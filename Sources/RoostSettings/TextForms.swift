extension ValueForm<String> {
    /// An address to listen on; an IPv6 address may come in brackets and loses them.
    static var host: Self {
        ValueForm(
            placeholder: "HOST", allowed: "an IPv4 or IPv6 address or a host name",
            read: { written throws(Refusal) in
                let text = try written.single()
                if isBracketedAddress(text[...]) { return String(text.dropFirst().dropLast()) }
                if isIPv6(text[...]) || isHostName(text[...]) { return text }
                if text.contains("://") || text.utf8.contains(UInt8(ascii: ":")) {
                    throw Refusal(reason: "must be only an address or a host name; the port is an option of its own")
                }
                throw Refusal()
            },
            write: { .text($0) })
    }

    /// Empty, or `/` and segments without a closing `/`.
    static var basePath: Self {
        ValueForm(
            placeholder: "PATH", allowed: "empty or a path like /realtime, from / and without / at its end",
            read: { written throws(Refusal) in
                let text = try written.single()
                let segments = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
                // What a proxy or a browser might rewrite on the way would never match.
                let plain = segments.allSatisfy { segment in
                    !segment.isEmpty && segment != "." && segment != ".."
                        && segment.utf8.allSatisfy { isLetter($0) || isDigit($0) || "-._~".utf8.contains($0) }
                }
                guard text.isEmpty || (text.hasPrefix("/") && plain) else { throw Refusal() }
                return text
            },
            write: { .text($0) })
    }
}

extension ValueForm<String?> {
    /// The path of a file.
    static var path: Self {
        ValueForm(
            placeholder: "FILE", allowed: "the path of a file",
            read: { written throws(Refusal) in
                let text = try written.single()
                guard !text.isEmpty else { throw Refusal() }
                return text
            },
            write: { $0.map(Written.text) })
    }
}

extension ValueForm<String?> {
    /// A secret: any text but the empty one, which is far more often a variable that was never filled in.
    static var secret: Self {
        ValueForm(
            placeholder: "SECRET", allowed: "a text of 32 bytes or more that nobody can guess",
            read: { written throws(Refusal) in
                let text = try written.single()
                guard !text.isEmpty else { throw Refusal(reason: "is empty; leave it out where there is none") }
                return text
            },
            write: { $0.map(Written.text) })
    }
}

extension ValueForm<Bool> {
    static var boolean: Self {
        ValueForm(
            placeholder: nil, allowed: "true or false",
            read: { written throws(Refusal) in
                guard let truth = truth(of: try written.single()) else { throw Refusal() }
                return truth
            },
            write: { .text($0 ? "true" : "false") })
    }
}

extension ValueForm<Bool?> {
    /// A boolean, or nothing said.
    static var optionalBoolean: Self {
        let form = ValueForm<Bool>.boolean
        return ValueForm(
            placeholder: nil, allowed: form.allowed,
            read: { written throws(Refusal) in try form.read(written) }, write: { $0.flatMap(form.write) })
    }
}

/// What the text says as a boolean, in the words that YAML and environments use; nil: it is none of them.
func truth(of text: String) -> Bool? {
    switch text.lowercased() {
    case "true", "yes", "on", "1": true
    case "false", "no", "off", "0": false
    default: nil
    }
}

extension ValueForm where Value: CaseIterable & RawRepresentable & Sendable, Value.RawValue == String {
    /// One of the cases of an enumeration, by its raw value.
    static var choice: Self {
        let names = Value.allCases.map(\.rawValue)
        return ValueForm(
            placeholder: names.joined(separator: "|"), allowed: spokenList(names),
            read: { written throws(Refusal) in
                let text = try written.single()
                guard let value = Value(rawValue: text) else {
                    throw Refusal(suggestion: nearest(to: text, among: names))
                }
                return value
            },
            write: { .text($0.rawValue) })
    }
}

extension ValueForm<[AllowedOrigin]> {
    /// Origins: in the file a list, everywhere a text with commas between them.
    static var origins: Self {
        ValueForm(
            placeholder: "LIST", allowed: "scheme://host[:port], host[:port], null or *, with commas between them",
            read: { written throws(Refusal) in try originTexts(written).map(origin) },
            write: { .list($0.map { .text($0.description) }) })
    }
}

private func originTexts(_ written: Written) throws(Refusal) -> [String] {
    switch written {
    case .text(let text):
        if text.isEmpty { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
    case .list(let items):
        return try items.map { item throws(Refusal) in
            switch item {
            case .text(let text): return text
            // In a list, a bare null can only mean the origin of that name.
            case .nothing(let spelling) where !spelling.isEmpty && spelling != "~": return spelling.lowercased()
            default: throw Refusal()
            }
        }
    case .nothing(let spelling) where spelling.lowercased() == "null":
        // Somebody who means "none" would otherwise let every sandboxed frame in.
        throw Refusal(reason: #"is ambiguous: write ["null"] for the origin null, [] for none"#)
    case .map, .nothing: throw Refusal()
    }
}

private func origin(_ text: String) throws(Refusal) -> AllowedOrigin {
    guard let origin = AllowedOrigin(text) else {
        throw Refusal(reason: "\(shown(text)) must be scheme://host[:port], host[:port], null or *")
    }
    return origin
}
