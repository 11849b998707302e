/// What a user may send over all its connections: to this node and, where other nodes share the limit, to all of them.
///
/// The node's own bucket always counts. Beside it there may be one that all nodes share, out of which each takes a block
/// of tokens at a time: ahead of what is needed and aside, so that no message waits for an answer. What is spent before
/// one has come is on credit, which the next tokens pay back. While the shared bucket has all that is asked for, credit
/// is what the own bucket gives, so that a burst is let through at once on whichever node it comes. Once it had less, it
/// is a quarter of the burst until what is owed is paid and the shared bucket may be full again. So who bursts on several
/// nodes at the same moment is given too much once, by a burst a node at most, and each pays that before it gives more.
/// Where the shared bucket does not answer, the node's own is all there is.
public struct Allowance: Sendable, Equatable {
    private var bucket: TokenBucket
    /// Tokens of the shared bucket that are not spent; below zero: spent and not had yet.
    private var balance = 0
    /// When the question was asked, or will be, that has no answer yet.
    private var askedAt: Moment?
    /// When asking is of use again: the shared bucket was empty, or away.
    private var asksFrom: Moment
    /// Until when the shared bucket is not counted on.
    private var isAloneUntil: Moment
    /// The shared bucket had not what was asked for, and what is owed to it has not been paid since.
    private var wasShort = false
    /// When the shared bucket, which was short, may have enough again.
    private var mayBeFullFrom: Moment

    /// How long an answer may take, in milliseconds, before the shared bucket counts as away.
    public static let patienceMs: Int64 = 250
    /// How long a shared bucket that was away is left alone.
    public static let retreatMs: Int64 = 1000
    /// How long an answer takes as a rule, at most.
    private static let usualMs: Int64 = 20

    public init(burst: Int, now: Moment) {
        bucket = TokenBucket(burst: burst, now: now)
        (asksFrom, isAloneUntil, mayBeFullFrom) = (now, now, now)
    }

    /// Tokens in one block: an eighth of a second's worth.
    public static func block(rate: Int, burst: Int) -> Int { max(1, min(rate / 8, burst / 4)) }

    /// Tokens that a node may have spent and not had yet, where the shared bucket was short.
    public static func credit(burst: Int) -> Int { max(1, burst / 4) }

    /// Takes up to `count` tokens; how long to wait if there is none.
    /// - Parameter isShared: whether there is a shared bucket that can be asked.
    /// - Returns: besides, in how many milliseconds `question` is to be asked for; nil: not now.
    public mutating func lease(
        _ count: Int, rate: Int, burst: Int, isShared: Bool, now: Moment
    ) -> (lease: Session.Lease, askAfterMs: Int64?) {
        let own = bucket.lease(count, rate: rate, burst: burst, now: now)
        guard isShared, !isAlone(now) else { return (own, nil) }
        let (block, credit) = (Allowance.block(rate: rate, burst: burst), Allowance.credit(burst: burst))
        // What is owed is paid first.
        if balance >= 0, now >= mayBeFullFrom { wasShort = false }
        var (given, time): (Int, Int64) =
            switch own {
            case .tokens(let there): (there, 0)
            case .wait(let time): (0, time)
            }
        if wasShort {
            let allowed = max(0, min(given, balance + credit))
            bucket.giveBack(given - allowed, burst: burst)
            given = allowed
            let debt = Int64(1 - balance - credit)
            if debt > 0 {
                let answered = max(0, (askedAt ?? now) - now)
                time = max(time, answered, debt * 1000 / Int64(max(1, rate))) + Allowance.usualMs
            }
        }
        balance -= given
        let question = balance < (block + 1) / 2 ? ask(now) : nil
        return (given > 0 ? .tokens(given) : .wait(milliseconds: time), question)
    }

    private func isAlone(_ now: Moment) -> Bool {
        now < isAloneUntil || askedAt.map { now - $0 > Allowance.patienceMs } ?? false
    }

    private mutating func ask(_ now: Moment) -> Int64? {
        guard askedAt == nil else { return nil }
        let time = max(now, asksFrom)
        askedAt = time
        return time - now
    }

    /// How many tokens to ask the shared bucket for. `granted` or `failed` must follow.
    public func question(rate: Int, burst: Int) -> Int { max(1, Allowance.block(rate: rate, burst: burst) - balance) }

    /// The shared bucket has given so many of the tokens asked for.
    /// - Returns: in how many milliseconds `question` is to be asked for again, since something is owed still; nil: not
    ///   before somebody sends.
    public mutating func granted(_ count: Int, of wanted: Int, rate: Int, burst: Int, now: Moment) -> Int64? {
        askedAt = nil
        balance += count
        // More may have been spent since it was asked.
        guard count < wanted else { return balance < 0 ? ask(now) : nil }
        // It is empty. Half a block is in it when asking is of use again, should nobody else take it.
        let half = (Allowance.block(rate: rate, burst: burst) + 1) / 2
        asksFrom = now + max(Allowance.usualMs, Int64(half) * 1000 / Int64(max(1, rate)))
        // Who owes something has met others, or has burst here and elsewhere; having paid does not fill the bucket.
        wasShort = true
        let full = balance < 0 ? now + Int64(burst) * 1000 / Int64(max(1, rate)) : asksFrom
        mayBeFullFrom = max(mayBeFullFrom, full)
        return balance < 0 ? ask(now) : nil
    }

    /// The shared bucket is away. What was spent on credit is forgiven: it may have been paid, and nobody can tell.
    public mutating func failed(now: Moment) {
        (askedAt, balance) = (nil, 0)
        isAloneUntil = now + Allowance.retreatMs
    }

    /// Whether it is as good as a new one: nothing is missing in the node's own bucket, and nothing owed. Else a debt
    /// could be left behind by going away.
    public mutating func isOver(rate: Int, burst: Int, now: Moment) -> Bool {
        // While something is owed, a question is on its way.
        bucket.fill(rate: rate, burst: burst, now: now) >= burst && askedAt == nil
    }
}
