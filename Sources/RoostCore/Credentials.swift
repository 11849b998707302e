/// Who a token says that somebody is, and what it allows.
public struct Credentials: Sendable, Equatable {
    public var user: UserID
    /// The name for people; nil if the token has none.
    public var name: String?
    public var grants: Grants
    /// Nil: never.
    public var expiresAt: Timestamp?

    public init(user: UserID, name: String? = nil, grants: Grants = .all, expiresAt: Timestamp? = nil) {
        self.user = user
        self.name = name
        self.grants = grants
        self.expiresAt = expiresAt
    }
}

/// Why a token is not taken.
public enum TokenObjection: Error, Sendable, Equatable {
    /// It was good once: renew it.
    case expired(String)
    case bad(String)

    public var failure: Failure {
        switch self {
        case .expired(let reason), .bad(let reason): Failure(.unauthenticated, reason)
        }
    }

    /// How a connection ends that has nothing better.
    public var closeCode: CloseCode {
        switch self {
        case .expired: .tokenExpired
        case .bad: .unauthenticated
        }
    }
}

/// Tells whose a token is; `now` is the time to judge it by.
public typealias TokenJudge = @Sendable (_ token: String, _ now: Timestamp) async -> Result<Credentials, TokenObjection>
