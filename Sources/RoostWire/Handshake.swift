/// What a request for a WebSocket is answered (RFC 6455 section 4.2).
public enum Handshake: Sendable, Equatable {
    /// Upgrade; `subprotocol` is the one chosen, if any was offered.
    case accept(key: String, subprotocol: String?, dialect: Dialect)
    /// Refuse with this status and sentence.
    case refuse(status: Int, reason: String)

    /// Whether the request wants a WebSocket at all.
    public static func isWanted(_ head: RequestHead) -> Bool { head.has("upgrade", token: "websocket") }

    /// Judges the handshake for `/ws`.
    public static func judge(_ head: RequestHead) -> Handshake {
        guard head.method == "GET", head.has("connection", token: "upgrade") else {
            return .refuse(status: 400, reason: "A WebSocket handshake is a GET with Connection: Upgrade.")
        }
        guard head.first("sec-websocket-version") == "13" else {
            return .refuse(status: 426, reason: "Only WebSocket version 13 is spoken here.")
        }
        guard let key = head.first("sec-websocket-key"), key.utf8.count == 24, key.hasSuffix("==") else {
            return .refuse(status: 400, reason: "Sec-WebSocket-Key is missing or is not 16 bytes in base64.")
        }
        let offered = head.list("sec-websocket-protocol")
        guard let chosen = offered.lazy.compactMap({ Dialect(subprotocol: $0) }).first else {
            return offered.isEmpty
                ? .accept(key: key, subprotocol: nil, dialect: .simple)
                : .refuse(status: 400, reason: "None of the subprotocols offered is spoken here: use roost.v1.json.")
        }
        return .accept(key: key, subprotocol: chosen.subprotocol, dialect: chosen)
    }
}

/// How a connection speaks.
public enum Dialect: UInt8, Sendable, CaseIterable {
    case native
    case simple

    public var subprotocol: String {
        switch self {
        case .native: "roost.v1.json"
        case .simple: "roost.simple"
        }
    }

    init?(subprotocol: String) {
        guard let match = Dialect.allCases.first(where: { $0.subprotocol == subprotocol }) else { return nil }
        self = match
    }
}
