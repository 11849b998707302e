import Hummingbird
import RoostCore
import RoostHub
import RoostWire

// Who may stay.
extension API {
    /// Bytes of a reason: what a WebSocket's close frame has room for (RFC 6455 section 5.5).
    private static let maxReasonBytes = 123
    private static let usualReason = "You were disconnected by a moderator."

    func addModeration(_ routes: RouterGroup<Context>) {
        routes.post("/users/:user/disconnect") { request, context in try await disconnect(request, user(context)) }
    }

    /// Closes all connections of a user, on all nodes. 200 only if all of them are known to be closed.
    private func disconnect(_ request: Request, _ user: UserID) async throws -> Response {
        try await requireSay(over: user, request)
        let reason = try await reason(of: request)
        let farewell = await hub.disconnect(user, reason: reason)
        if let trouble = trouble(farewell) { throw Problem(trouble) }
        return jsonResponse { out in
            out.put("{\"user\":")
            out.putString(user.text)
            out.field("connections", farewell.connections)
            out.field("nodes", farewell.nodes)
            out.put("}")
        }
    }

    /// Throws unless the caller may decide about the user: a server, or somebody whose token moderates the user's own
    /// room, by a pattern that names such rooms outright. To moderate rooms, even all of them, is not enough.
    private func requireSay(over user: UserID, _ request: Request) async throws {
        let caller = try await caller(request)
        guard caller.isServer || caller.grants.allowsModerating(user) else {
            throw Problem(
                .forbidden, "Only servers and who moderates user:\(user) may disconnect \(user); say so in the token.")
        }
    }

    private func reason(of request: Request) async throws -> String {
        // Who gives no reason need not send a body.
        if request.headers[.contentLength] ?? "0" == "0", request.headers[.transferEncoding] == nil {
            return API.usualReason
        }
        return try await request.withFields(upTo: maxBodyBytes) { fields in
            guard let reason = try fields.string("reason") else { return API.usualReason }
            guard isPrintable(reason, upTo: API.maxReasonBytes) else {
                throw Problem(.invalid, "reason must be 1 to \(API.maxReasonBytes) bytes of plain text on one line.")
            }
            return reason
        }
    }

    /// Why it is not known that all are closed; nil if it is.
    private func trouble(_ farewell: Farewell) -> Failure? {
        let done = "\(farewell.connections) connections were closed"
        if farewell.isCutOff {
            return Failure(
                .unavailable,
                "\(done), all of this node; other nodes can't be told while the bus is away. Send it again.",
                retryAfterMs: 2000)
        }
        guard !farewell.silent.isEmpty else { return nil }
        return Failure(
            .unavailable,
            "\(done), but not every node has answered (\(farewell.silent.joined(separator: ", "))). Send it again.",
            retryAfterMs: 2000)
    }
}
