/// What close codes and error codes ask a client to do.
enum CloseCodes {
    /// What to do after a connection has ended.
    enum Verdict {
        /// Connect again with backoff.
        case again
        /// Connect again with backoff, but not soon: the server has too much to do.
        case slowly
        /// Get a new token, then connect again with backoff.
        case renew
        /// A token was not believed: one new one may be tried.
        case signIn
        /// Don't connect again.
        case stop
    }

    /// A backoff after `slowly` counts as if so many attempts had failed before.
    static let slowAttempts = 3

    static func verdict(of code: Int) -> Verdict {
        switch code {
        case 4501: .signIn
        case 4004: .renew
        case 4003, 4006, 1013: .slowly
        case 4000...4499: .again
        case 4500...4999, 1000, 1002, 1003, 1007...1010: .stop
        default: .again
        }
    }

    /// Whether a close tells nothing of the server: it may be the transport that does not work here.
    static func isMute(_ code: Int) -> Bool { code == 1005 || code == 1006 || code == 1015 }

    /// The close code that asks for the same as a handshake's refusal in HTTP. Nil: there was no answer in HTTP.
    static func code(forStatus status: Int?) -> Int {
        switch status {
        case nil, 408, 425: 1006
        case 429: 4003
        case 401: 4501
        case 403: 4503
        case 503: 4006
        case .some(500...): 1011
        default: 1002
        }
    }
}

extension RoostError {
    /// Whether the same request may be taken later.
    var isPassing: Bool { code == .unavailable || code == .rateLimited || code == .internal }
}
