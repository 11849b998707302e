import NIOCore
public import RoostCore
import RoostWire

/// Makes tokens that `TokenVerifier` takes.
public struct TokenMinter: Sendable {
    private let key: SigningKey

    /// - Parameter secret: any text; of less than 32 bytes, it can be found by trying.
    public init(secret: String) async throws { key = try await SigningKey(secret: secret) }

    /// A token for a user.
    ///
    /// - Parameters:
    ///   - now: when it is issued; tokens count whole seconds.
    ///   - ttlMs: how long it is valid, in milliseconds, rounded up to a second; nil: forever.
    public func mint(
        user: UserID, name: String? = nil, grants: Grants = .all, at now: Timestamp, ttlMs: Int64?
    ) throws -> String {
        var payload = ByteBuffer()
        payload.put("{\"sub\":")
        payload.putString(user.text)
        if let name {
            payload.put(",\"name\":")
            payload.putString(name)
        }
        if let entries = grants.entries {
            payload.put(",\"rooms\":")
            payload.putList(entries) { $0.putEntry($1) }
        }
        payload.put(",\"iat\":")
        payload.putNumber(now.milliseconds / 1000)
        if let ttlMs {
            payload.put(",\"exp\":")
            payload.putNumber((now.milliseconds + ttlMs + 999) / 1000)
        }
        payload.put("}")
        let header = "{\"alg\":\"\(key.name)\",\"typ\":\"JWT\"}"
        var token = Base64URL.encode(header.utf8)
        token.append(UInt8(ascii: "."))
        token += Base64URL.encode(payload.readableBytesView)
        let signature = try key.sign(token)
        token.append(UInt8(ascii: "."))
        token += Base64URL.encode(signature)
        return String(decoding: token, as: UTF8.self)
    }
}

extension ByteBuffer {
    /// An entry of the claim `rooms`, in the shortest form that says it.
    fileprivate mutating func putEntry(_ entry: Grants.Entry) {
        guard entry.rights != Grants.usual else { return putString(entry.match.text) }
        put("{\"match\":")
        putString(entry.match.text)
        put(",\"can\":")
        putList(Right.allCases.filter(entry.rights.contains)) { $0.putString($1.rawValue) }
        put("}")
    }
}
