/// How fast messages are written, once the server has said that it was too fast.
struct Pace {
    /// Between two messages, in milliseconds; 0: as fast as they come.
    private var gapMs: Int64 = 0
    private var nextAt: Int64?

    /// A little slower than the server allows, since other frames count as well.
    private static let slower = 1.25
    private static let longestPauseMs: Int64 = 1_000

    /// Each complaint doubles the time between two messages, until nothing waits any more.
    /// - Parameter rate: messages a second that the server allows; 0: it has not said.
    mutating func slowDown(rate: Int64, retryAfterMs: Int64, now: Int64) {
        let allowed = rate > 0 ? Int64((1_000 / Double(rate) * Pace.slower).rounded(.up)) : 1
        let isNew = nextAt.map { now >= $0 } ?? true
        if gapMs == 0 {
            gapMs = allowed
        } else if isNew {
            gapMs = min(Pace.longestPauseMs, gapMs * 2)
        }
        nextAt = max(nextAt ?? 0, now + retryAfterMs)
    }

    func allows(at now: Int64) -> Bool { nextAt.map { now >= $0 } ?? true }

    mutating func wrote(at now: Int64) { if gapMs > 0 { nextAt = now + gapMs } }

    func dueAt(_ now: Int64) -> Int64? { nextAt.flatMap { $0 > now ? $0 : nil } }
}
