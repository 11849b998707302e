public import RoostCore
import RoostWire

/// What a token says of its user.
public struct TokenClaims: Sendable, Equatable {
    /// `sub`
    public var user: UserID
    /// `name`; nil: the token has none.
    public var name: String?
    /// `rooms`
    public var grants: Grants
    /// `iat`
    public var issuedAt: Timestamp?
    /// `nbf`; nil: at once.
    public var validFrom: Timestamp?
    /// `exp`; nil: never.
    public var expiresAt: Timestamp?

    /// Clocks of two machines may differ by this much, in milliseconds.
    public static let leewayMs: Int64 = 2000

    /// Throws unless the token is valid at this time.
    public func check(at now: Timestamp) throws(TokenError) {
        if let validFrom, now.milliseconds + TokenClaims.leewayMs < validFrom.milliseconds {
            let wait = spoken(milliseconds: validFrom.milliseconds - now.milliseconds)
            throw .bad(reason: "The token is not valid yet; it will be in \(wait).")
        }
        if let expiresAt, now.milliseconds >= expiresAt.milliseconds + TokenClaims.leewayMs {
            let since = spoken(milliseconds: now.milliseconds - expiresAt.milliseconds)
            throw .expired(reason: "The token expired \(since) ago. Get a new one and connect again.")
        }
    }

    static func read(_ fields: JSONFields) -> Result<TokenClaims, TokenError> {
        do throws(TokenError) {
            var claims = TokenClaims(user: try user(fields), grants: try Grants(claim: fields.raw("rooms")))
            claims.name = try name(fields)
            claims.issuedAt = try time(fields.raw("iat"), "iat")
            claims.validFrom = try time(fields.raw("nbf"), "nbf")
            claims.expiresAt = try time(fields.raw("exp"), "exp")
            return .success(claims)
        } catch {
            return .failure(error)
        }
    }

    private static func user(_ fields: JSONFields) throws(TokenError) -> UserID {
        guard fields.present("sub") != nil else {
            throw .bad(reason: "The token does not say whose it is (sub).")
        }
        guard let text = try? fields.string("sub"), let user = UserID(text) else {
            throw .bad(reason: "The token's user (sub) must be 1 to \(UserID.maxBytes) bytes of plain text.")
        }
        return user
    }

    private static func name(_ fields: JSONFields) throws(TokenError) -> String? {
        guard fields.present("name") != nil else { return nil }
        guard let text = try? fields.string("name"), text.isEmpty || isPrintable(text, upTo: User.maxNameBytes) else {
            throw .bad(reason: "The token's name must be 1 to \(User.maxNameBytes) bytes of plain text.")
        }
        return text.isEmpty ? nil : text
    }

    /// A NumericDate (RFC 7519, section 2): seconds since 1970, with or without a fraction. Null is none, since a token
    /// that was meant to expire must not last forever.
    private static func time(_ value: UnsafeRawBufferPointer?, _ claim: String) throws(TokenError) -> Timestamp? {
        guard let value else { return nil }
        // Up to the year 9999. Beyond are times in milliseconds, a common slip, which would hardly ever come.
        guard let seconds = Double(String(decoding: value, as: UTF8.self)), (0...253_402_300_799).contains(seconds)
        else {
            throw .bad(reason: "The token's \(claim) must be a time in seconds since 1970.")
        }
        return Timestamp(milliseconds: Int64(seconds * 1000))
    }
}
