/// Every number and choice of the client's machine, with its default. Times are milliseconds.
package struct MachineOptions: Sendable {
    /// Whether a token is asked for; else the handshake names the user or the kept session.
    package var hasToken = false
    package var user: String?
    package var name: String?
    /// Ways to the server, the best first.
    package var transports = ["websocket"]
    /// A transport must bring a welcome within this, from when it was asked to open.
    package var openTimeoutMs: Int64 = 10_000
    /// A connection that lasted so long was a good one: the next loss begins its backoff anew.
    package var stableAfterMs: Int64 = 5_000
    /// Full jitter: a delay is anything from 0 up to base × 2^failures, at most the max.
    package var reconnectBaseMs: Int64 = 500
    package var reconnectMaxMs: Int64 = 20_000
    /// After so long over a transport that is not the best, a lost connection tries the best again.
    package var betterAfterMs: Int64 = 600_000
    /// The answer to `fetchToken` must come within this.
    package var tokenTimeoutMs: Int64 = 15_000
    /// For servers that say nothing of heartbeats.
    package var heartbeatMs: Int64 = 25_000
    package var heartbeatTimeoutMs: Int64 = 10_000
    /// When the network comes back, a connection must prove itself faster.
    package var probeTimeoutMs: Int64 = 5_000
    /// Joins, history, presence and room creation are answered within this.
    package var answerTimeoutMs: Int64 = 10_000
    /// A message: how long one attempt waits for its ack, how many attempts, and how long between two of them.
    package var messageTimeoutMs: Int64 = 10_000
    package var messageAttempts = 10
    package var messageBackoffMs: Int64 = 200
    package var messageBackoffMaxMs: Int64 = 10_000
    /// Messages on their way at a time, over all rooms.
    package var inFlightLimit = 64
    /// What may wait to be sent: messages, and bytes of their content as JSON.
    package var queueLimit = 5_000
    package var queueBytes = 16_777_216
    /// Frames of typing are at least so far apart; a server forgets who types after 5 s.
    package var typingEveryMs: Int64 = 3_000
    package var typingLapseMs: Int64 = 6_000
    /// `received`, `read` and kept positions are told at most so often per room.
    package var markEveryMs: Int64 = 1_000
    package var positionEveryMs: Int64 = 1_000

    package init() {}

    /// What the server's ChatFlow clients are used to.
    package mutating func useChatFlow() {
        messageTimeoutMs = 60_000
        messageAttempts = 5
        messageBackoffMs = 100
        messageBackoffMaxMs = 2_000
    }
}

/// What the server allows; these hold until a welcome says others.
package struct ServerLimits: Sendable, Equatable {
    package var maxMessageBytes = 65_536
    package var rateLimitMessages: Int64 = 200
    package var dedupeWindowMs: Int64 = 600_000
    package var heartbeatTimeoutMs: Int64?

    package init() {}
}
