/// The token of a connection: when it is asked for, how long it is used.
final class TokenKeeper {
    private unowned let machine: ClientMachine
    private(set) var value: String?
    private var renewAt: Int64?
    private var isStale = true
    /// Whether a token was renewed since one was last believed: then a refusal is final.
    private var isRenewed = false
    /// Until when the answer must come; nil if nothing was asked.
    private var deadline: Int64?
    /// The `auth` that waits for its welcome.
    private var request: String?

    /// A token is renewed when this part of its life is over, or so many milliseconds before its end, whichever is
    /// later.
    private static let renewAtPart = 0.8
    private static let renewBeforeMs: Int64 = 60_000
    /// Between two questions for a token while the old one still serves.
    private static let askAgainMs: Int64 = 5_000
    /// However short a token's life, it is not renewed sooner.
    private static let leastLifeMs: Int64 = 1_000

    init(_ machine: ClientMachine) { self.machine = machine }

    /// The application wants to connect: what was held against its token is forgotten.
    func beginAnew() { isRenewed = false }

    var isNeeded: Bool {
        guard machine.options.hasToken else { return false }
        return isStale || renewAt.map { machine.now >= $0 } ?? false
    }

    func ask() {
        guard deadline == nil else { return }
        deadline = machine.now + machine.options.tokenTimeoutMs
        machine.act(.fetchToken)
    }

    /// Takes a token; nil for none, which connects without one.
    /// - Parameter expiresAt: milliseconds since 1970.
    func take(_ token: String?, expiresAt: Int64?) {
        deadline = nil
        value = token
        isStale = false
        renewAt = nil
        guard let expiresAt else { return }
        let left = expiresAt - machine.wall - machine.now
        let part = Int64((Double(left) * TokenKeeper.renewAtPart).rounded(.down))
        renewAt = machine.now + max(TokenKeeper.leastLifeMs, part, left - TokenKeeper.renewBeforeMs)
    }

    func failed() {
        deadline = nil
        if machine.isOnline { renewAt = machine.now + TokenKeeper.askAgainMs }
    }

    func forgetQuestion() {
        deadline = nil
        request = nil
    }

    /// Gives the server a new token over the connection there is.
    func signIn() {
        if let value { request = machine.write(.auth(token: value)) }
    }

    func isAnswer(_ messageID: String?) -> Bool { request != nil && messageID == request }

    func welcomed(_ messageID: String?) {
        if request == nil || isAnswer(messageID) { isRenewed = false }
        request = nil
    }

    /// What a verdict on a closed connection comes to, with what is known of the token.
    func judge(_ verdict: CloseCodes.Verdict) -> CloseCodes.Verdict {
        request = nil
        switch verdict {
        case .renew:
            isStale = true
            return .again
        case .signIn:
            if !machine.options.hasToken || isRenewed { return .stop }
            isRenewed = true
            isStale = true
            return .again
        case .again, .slowly, .stop: return verdict
        }
    }

    // MARK: Time

    var dueAt: Int64? { earliest(deadline, machine.isOnline && deadline == nil ? renewAt : nil) }

    func wake() {
        if let deadline, machine.now >= deadline {
            machine.link.tokenFailed("No token came in time.", isFinal: false)
        } else if machine.isOnline, let renewAt, machine.now >= renewAt {
            ask()
        }
    }
}

/// The least of some times, each of which may be nil.
func earliest(_ times: Int64?...) -> Int64? { times.lazy.compactMap { $0 }.min() }
