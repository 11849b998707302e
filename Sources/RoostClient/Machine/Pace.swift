/// How fast messages are written, once the server has said that it was too fast.
struct Pace {
    /// Between two messages, in milliseconds; 0: as fast as they come.
    private var gapMs: Int64 = 0
    private var nextAt: Int64?
    /// What the server allows, as a time between two messages.
    private var allowedMs: Int64 = 0
    /// When the pace was last changed for a complaint.
    private var slowedAt: Int64 = 0
    /// Since when nobody has complained, nor the pace become faster.
    private var calmSince: Int64 = 0

    /// A little slower than the server allows, since other frames count as well.
    private static let slower = 1.25
    private static let longestPauseMs: Int64 = 1_000
    /// After so long without a complaint it may go a step faster.
    private static let calmMs: Int64 = 1_000

    /// A complaint about a message that was written at this pace doubles the time between two messages; those about what
    /// was written before say nothing of it.
    /// - Parameters:
    ///   - rate: messages a second that the server allows; 0: it has not said.
    ///   - writtenAt: when the message was written.
    mutating func slowDown(rate: Int64, retryAfterMs: Int64, writtenAt: Int64, now: Int64) {
        if gapMs == 0 {
            allowedMs = rate > 0 ? Int64((1_000 / Double(rate) * Pace.slower).rounded(.up)) : 1
            (gapMs, slowedAt) = (allowedMs, now)
        } else if writtenAt > slowedAt {
            (gapMs, slowedAt) = (min(Pace.longestPauseMs, gapMs * 2), now)
        }
        calmSince = now
        nextAt = max(nextAt ?? 0, now + retryAfterMs)
    }

    /// A message was taken that was written at this pace, and all is calm: an eighth less, down to what the server allows.
    mutating func acked(writtenAt: Int64, now: Int64) {
        guard gapMs > allowedMs, writtenAt > slowedAt, now - calmSince >= Pace.calmMs else { return }
        (gapMs, calmSince) = (max(allowedMs, gapMs - max(1, gapMs / 8)), now)
    }

    func allows(at now: Int64) -> Bool { nextAt.map { now >= $0 } ?? true }

    mutating func wrote(at now: Int64) { if gapMs > 0 { nextAt = now + gapMs } }

    func dueAt(_ now: Int64) -> Int64? { nextAt.flatMap { $0 > now ? $0 : nil } }
}
