/// Why a frame or request was refused; the same names over WebSocket and HTTP.
public enum ErrorCode: String, Sendable, CaseIterable {
    case badFrame = "bad_frame"
    case unknownType = "unknown_type"
    case invalid
    case unauthenticated
    case forbidden
    case notFound = "not_found"
    case conflict
    case retryExpired = "retry_expired"
    case tooLarge = "too_large"
    case rateLimited = "rate_limited"
    case `internal`
    case unavailable

    /// The HTTP status that says the same.
    public var status: Int {
        switch self {
        case .badFrame, .unknownType: 400
        case .unauthenticated: 401
        case .forbidden: 403
        case .notFound: 404
        case .conflict: 409
        case .retryExpired: 410
        case .tooLarge: 413
        case .invalid: 422
        case .rateLimited: 429
        case .internal: 500
        case .unavailable: 503
        }
    }
}

/// A refusal with its reason: one plain sentence that says what happened and what to do.
public struct Failure: Error, Sendable, Equatable {
    public var code: ErrorCode
    public var reason: String
    public var retryAfterMs: Int64?

    /// Whether the same may be taken later.
    public var isPassing: Bool { code == .unavailable || code == .rateLimited }

    public init(_ code: ErrorCode, _ reason: String, retryAfterMs: Int64? = nil) {
        self.code = code
        self.reason = reason
        self.retryAfterMs = retryAfterMs
    }
}

/// WebSocket close codes (RFC 6455 section 7.4 and our own). 4000–4499 mean: connect again with backoff;
/// 4500–4999 mean: don't.
public enum CloseCode: UInt16, Sendable, CaseIterable {
    case normal = 1000
    case goingAway = 1001
    case protocolError = 1002
    case unsupportedData = 1003
    case badUTF8 = 1007
    case tooBig = 1009
    case `internal` = 4000
    case draining = 4001
    case tooFarBehind = 4002
    case rateLimited = 4003
    case tokenExpired = 4004
    case heartbeatMissed = 4005
    case overloaded = 4006
    case violation = 4500
    case unauthenticated = 4501
    case forbidden = 4503
    case disconnected = 4504
}
