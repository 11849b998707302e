/// Why something did not happen. Every error of this module is one.
public struct RoostError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What it is, for programs. New ones may come with new servers.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        // Of the server (`contract`: "Error codes").
        public static let badFrame = Code(rawValue: "bad_frame")
        public static let unknownType = Code(rawValue: "unknown_type")
        public static let invalid = Code(rawValue: "invalid")
        public static let unauthenticated = Code(rawValue: "unauthenticated")
        public static let forbidden = Code(rawValue: "forbidden")
        public static let notFound = Code(rawValue: "not_found")
        public static let conflict = Code(rawValue: "conflict")
        public static let retryExpired = Code(rawValue: "retry_expired")
        public static let tooLarge = Code(rawValue: "too_large")
        public static let rateLimited = Code(rawValue: "rate_limited")
        public static let `internal` = Code(rawValue: "internal")
        public static let unavailable = Code(rawValue: "unavailable")

        // The client's own.
        /// No answer came in time.
        public static let timeout = Code(rawValue: "timeout")
        /// Too much waits to be sent already.
        public static let queueFull = Code(rawValue: "queue_full")
        /// A kept message was written by another user than the one who is signed in now.
        public static let otherUser = Code(rawValue: "other_user")
        /// The message was given up by the application.
        public static let discarded = Code(rawValue: "discarded")
        /// The room was left, or the client closed, before the answer came.
        public static let closed = Code(rawValue: "closed")
    }

    public var code: Code
    /// One plain sentence.
    public var reason: String
    /// When the same may be tried again, in milliseconds, if the server has said so.
    public var retryAfterMs: Int64?

    public init(_ code: Code, _ reason: String, retryAfterMs: Int64? = nil) {
        self.code = code
        self.reason = reason
        self.retryAfterMs = retryAfterMs
    }

    public var description: String { "\(reason) (\(code.rawValue))" }
}
