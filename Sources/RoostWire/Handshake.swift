/// What a request for a WebSocket is answered (RFC 6455 section 4.2).
public enum Handshake: Sendable, Equatable {
    /// Upgrade; `subprotocol` is the one chosen, if any was offered.
    case accept(key: String, subprotocol: String?, dialect: Dialect)
    /// Refuse with this status and sentence.
    case refuse(status: Int, reason: String)

    /// Whether the request wants a WebSocket at all.
    public static func isWanted(_ head: RequestHead) -> Bool { head.has("upgrade", token: "websocket") }

    /// Why a handshake is none, and the status that says so.
    public struct Objection: Error, Sendable, Equatable {
        public var status: Int
        public var reason: String
    }

    /// The key of a handshake that is one, whatever subprotocols it offers (RFC 6455 section 4.2.1).
    public static func key(of head: RequestHead) throws(Objection) -> String {
        guard head.method == "GET", head.has("connection", token: "upgrade") else {
            throw Objection(status: 400, reason: "A WebSocket handshake is a GET with Connection: Upgrade.")
        }
        guard head.first("sec-websocket-version") == "13" else {
            throw Objection(status: 426, reason: "Only WebSocket version 13 is spoken here.")
        }
        guard let key = head.first("sec-websocket-key"), key.utf8.count == 24, key.hasSuffix("==") else {
            throw Objection(status: 400, reason: "Sec-WebSocket-Key is missing or is not 16 bytes in base64.")
        }
        return key
    }

    /// Judges the handshake for `/ws`.
    public static func judge(_ head: RequestHead) -> Handshake {
        let key: String
        do throws(Objection) {
            key = try Handshake.key(of: head)
        } catch {
            return .refuse(status: error.status, reason: error.reason)
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
