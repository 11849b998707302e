public import RoostCore

/// Who a valid token says that its bearer is.
public struct SignedIn: Sendable, Equatable {
    public var user: UserID
    public var name: String?
    public var grants: Grants
    /// Nil: never. The token is still taken for `TokenClaims.leewayMs` more.
    public var expiresAt: Timestamp?

    public init(user: UserID, name: String?, grants: Grants, expiresAt: Timestamp?) {
        self.user = user
        self.name = name
        self.grants = grants
        self.expiresAt = expiresAt
    }
}

/// Verifies tokens (JWT) that are signed with a shared secret (HS256). What a token says of its own algorithm only
/// ever leads to its refusal.
public struct TokenVerifier: Sendable {
    private let key: SigningKey

    /// - Parameter secret: any text; of less than 32 bytes, it can be found by trying.
    public init(secret: String) async throws { self.init(key: try await SigningKey(secret: secret)) }

    init(key: SigningKey) { self.key = key }

    /// Who the token signs in. Never waits, so it may be called on an event loop.
    public func verify(_ token: String, at now: Timestamp) throws(TokenError) -> SignedIn {
        let token = try Token(token)
        try checkSignature(of: token)
        let claims = try token.claims()
        try claims.check(at: now)
        return SignedIn(user: claims.user, name: claims.name, grants: claims.grants, expiresAt: claims.expiresAt)
    }

    /// Throws `bad` unless the token is signed with this secret.
    public func checkSignature(of token: Token) throws(TokenError) {
        guard token.algorithm == key.name else {
            throw .bad(
                reason: "The token is signed with \(shown(token.algorithm)); this server takes \(key.name) only.")
        }
        guard key.isRight(token.signature, for: token.signed) else {
            throw .bad(reason: "The token's signature is wrong: made with another secret, or the token was changed.")
        }
    }
}
