/// The limits that a session keeps, as the contract names them. 0 is "off" where that makes sense.
public struct Limits: Sendable, Equatable {
    /// Bytes of one frame or message.
    public var maxMessageBytes = 65_536
    /// Messages a second, per connection and per user; 0 is unlimited.
    public var rateMessages = 200
    /// Messages at once on top of that.
    public var rateBurst = 1000
    public var maxRooms = 128
    /// Bytes waiting for one socket; beyond them its reader is behind.
    public var maxUnsentBytes = 1_048_576
    /// Milliseconds of silence after which the server pings; 0 is never.
    public var heartbeatMs: Int64 = 25_000
    /// Milliseconds the client has to answer.
    public var heartbeatTimeoutMs: Int64 = 10_000
    /// Messages in one page of history.
    public var maxHistory = 1000
    public var dedupeWindowMs: Int64 = 600_000
    public var createOnJoin = true

    public init() {}
}

/// A bucket that holds up to `burst` tokens and gets `rate` new ones a second.
public struct TokenBucket: Sendable, Equatable {
    /// Thousandths of a token, so that slow rates stay exact with integer milliseconds.
    private var level: Int64
    private var filledAt: Moment

    public init(burst: Int, now: Moment) {
        level = Int64(burst) * 1000
        filledAt = now
    }

    /// Adds what has come in meanwhile; returns the whole tokens there are.
    @discardableResult
    public mutating func fill(rate: Int, burst: Int, now: Moment) -> Int {
        let elapsed = max(0, min(now - filledAt, Int64(burst) * 1000 / Int64(max(1, rate)) + 1))
        level = min(Int64(burst) * 1000, level + elapsed * Int64(rate))
        filledAt = max(filledAt, now)
        return Int(level / 1000)
    }

    /// Takes one token, or says in how many milliseconds there will be one.
    public mutating func take(rate: Int, burst: Int, now: Moment) -> Int64? {
        fill(rate: rate, burst: burst, now: now)
        guard level < 1000 else {
            level -= 1000
            return nil
        }
        return max(1, (1000 - level + Int64(rate) - 1) / Int64(max(1, rate)))
    }

    /// Puts back what was taken and not used.
    public mutating func giveBack(_ count: Int, burst: Int) {
        level = min(Int64(burst) * 1000, level + Int64(count) * 1000)
    }

    /// Takes up to `count` tokens; how long to wait if there is none at all.
    public mutating func lease(_ count: Int, rate: Int, burst: Int, now: Moment) -> Session.Lease {
        if let wait = take(rate: rate, burst: burst, now: now) { return .wait(milliseconds: wait) }
        let more = min(Int64(count - 1), level / 1000)
        level -= more * 1000
        return .tokens(Int(more) + 1)
    }
}
