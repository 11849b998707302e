import RoostAuth
import RoostCore

extension Credentials {
    /// What a valid token says; it is taken for the usual leeway longer than it says, as clocks differ.
    init(_ signedIn: SignedIn) {
        self.init(
            user: signedIn.user, name: signedIn.name, grants: signedIn.grants,
            expiresAt: signedIn.expiresAt.map { Timestamp(milliseconds: $0.milliseconds + TokenClaims.leewayMs) })
    }
}

extension TokenObjection {
    init(_ error: TokenError) {
        switch error {
        case .expired(let reason): self = .expired(reason)
        case .bad(let reason): self = .bad(reason)
        }
    }
}
