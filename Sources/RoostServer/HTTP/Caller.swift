import HTTPTypes
import Hummingbird
import RoostCore
import RoostHub

/// Whom an HTTP request speaks for.
struct Caller {
    /// Nil: nobody in particular.
    var user: UserID?
    var grants: Grants
    /// Whether it is a server's, which may do what members may not. Without sign-in, whoever names no user is one.
    var isServer: Bool
    /// Whether anybody may be named as the sender.
    var isAnonymous: Bool

    /// Who a message is from, if the request says that it is from `claimed`.
    func sender(_ claimed: UserID?) throws -> UserID? {
        guard let claimed, !isAnonymous, claimed != user else { return claimed ?? user }
        throw Problem(.forbidden, "You are signed in as \(user?.text ?? "nobody"), not as \(claimed).")
    }

    /// As `sender`, where somebody must be named.
    func named(_ claimed: UserID?) throws -> UserID {
        guard let user = try sender(claimed) else { throw Problem(.invalid, "Say who it is, with ?user=.") }
        return user
    }

    func objectionToPublishing(in room: RoomName, _ kinds: Kinds) -> Failure? {
        isServer ? nil : Session.objectionToPublishing(in: room, grants, kinds)
    }
}

extension API {
    func caller(_ request: Request) async throws -> Caller {
        guard let judge = hub.settings.judge else {
            guard let text = request.query("user") else {
                return Caller(user: nil, grants: .all, isServer: true, isAnonymous: true)
            }
            guard let user = UserID(text) else {
                throw Problem(.invalid, "user must be 1 to \(UserID.maxBytes) bytes of plain text.")
            }
            return Caller(user: user, grants: .all, isServer: false, isAnonymous: true)
        }
        guard let token = request.headers[.authorization].flatMap(BearerToken.bearer) ?? request.query("token") else {
            throw Problem(.unauthenticated, "Sign in: send Authorization: Bearer with a token.")
        }
        switch await judge(token, Vitals.wall()) {
        case .failure(let objection): throw Problem(objection.failure)
        case .success(let credentials):
            return Caller(user: credentials.user, grants: credentials.grants, isServer: false, isAnonymous: false)
        }
    }
}
