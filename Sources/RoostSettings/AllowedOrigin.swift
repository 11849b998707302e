/// One entry of `--allowed-origins`.
public enum AllowedOrigin: Sendable, Equatable {
    /// `*`: any origin, `null` included.
    case any
    /// `null`: what a browser sends for a sandboxed frame or a local file.
    case null
    /// `scheme://host[:port]` or `host[:port]`, in lower case; an IPv6 address keeps its brackets.
    ///
    /// Without a scheme any scheme is meant; without a port, the scheme's own (443 for https, 80 for http).
    case host(scheme: String?, host: String, port: Int?)

    /// Reads one entry; nil: it is none of the forms above.
    public init?(_ text: String) {
        switch text {
        case "*": self = .any
        case "null": self = .null
        default:
            guard let origin = Self.parse(text.lowercased()) else { return nil }
            self = origin
        }
    }

    /// Whether a request with this `Origin` header may be served; what is no origin is not.
    public func admits(originHeader: String) -> Bool {
        switch (self, AllowedOrigin(originHeader)) {
        case (.any, .null), (.null, .null): return true
        case (.any, .host(.some, _, _)): return true
        case (.host(let scheme, let host, let port), .host(let theirScheme?, let theirHost, let theirPort)):
            let usual = Self.usualPort(of: theirScheme)
            return (scheme ?? theirScheme) == theirScheme && host == theirHost
                && (port ?? usual) == (theirPort ?? usual)
        default: return false
        }
    }

    private static func usualPort(of scheme: String) -> Int? {
        switch scheme {
        case "https": 443
        case "http": 80
        default: nil
        }
    }

    private static func parse(_ text: String) -> AllowedOrigin? {
        var rest = text[...]
        var scheme: String?
        if let mark = text.firstRange(of: "://") {
            let name = text[..<mark.lowerBound]
            // A page's origin is never that of a WebSocket, so such an entry could not match anything.
            guard isScheme(name), name != "ws", name != "wss" else { return nil }
            scheme = String(name)
            rest = text[mark.upperBound...]
        }
        var port: Int?
        // The colons of an IPv6 address stand in brackets.
        if let colon = rest.lastIndex(of: ":"), rest[colon...].firstIndex(of: "]") == nil {
            guard let number = wholeNumber(rest[rest.index(after: colon)...]), (1...65_535).contains(number) else {
                return nil
            }
            port = number
            rest = rest[..<colon]
        }
        guard isBracketedAddress(rest) || isHostName(rest) else { return nil }
        // `NULL` is a slip for `null`, not the name of a host.
        guard scheme != nil || port != nil || rest != "null" else { return nil }
        return .host(scheme: scheme, host: String(rest), port: port)
    }

    private static func isScheme(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) }
    }
}

extension AllowedOrigin: CustomStringConvertible {
    /// The entry, as `--allowed-origins` takes it.
    public var description: String {
        switch self {
        case .any: "*"
        case .null: "null"
        case .host(let scheme, let host, let port):
            (scheme.map { $0 + "://" } ?? "") + host + (port.map { ":\($0)" } ?? "")
        }
    }
}
