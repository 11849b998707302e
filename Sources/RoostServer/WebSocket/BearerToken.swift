import RoostCore
import RoostWire

/// Where a request may carry its token.
enum BearerToken {
    private static let subprotocolPrefix = "roost.token."

    /// `Authorization: Bearer`, else a subprotocol `roost.token.…` (it is never echoed), else `?token=`.
    static func find(in request: RequestHead) -> String? {
        request.first("authorization").flatMap(bearer)
            ?? request.list("sec-websocket-protocol").first { $0.hasPrefix(subprotocolPrefix) }
            .map { String($0.dropFirst(subprotocolPrefix.count)) }
            ?? request.query["token"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The token of an `Authorization` field; nil if it is of another scheme.
    static func bearer(_ field: String) -> String? {
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}

extension Guest {
    /// Whoever a token says.
    init(_ credentials: Credentials, session: String, dialect: Dialect) {
        // In the simple dialect a user is called by its id.
        let name = dialect == .simple ? nil : credentials.name
        self.init(
            identity: Identity(
                user: credentials.user, name: name ?? credentials.user.text, client: randomHex(Identity.clientBytes)),
            session: session.isEmpty ? randomHex(16) : session, dialect: dialect, credentials: credentials)
    }
}
