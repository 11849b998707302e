import HTTPTypes
import Hummingbird
import Logging
import RoostCore
import RoostEngine
import RoostHub
import RoostSettings
import RoostWire

// What a browser's cookie leads to, on whatever node.
extension API {
    func addSession(_ routes: RouterGroup<Context>) {
        routes.get("/session") { request, context in try await showSession(request, context.logger) }
    }

    private func showSession(_ request: Request, _ log: Logger) async throws -> Response {
        _ = try await caller(request)
        guard let sessions else { throw Problem(.notFound, "This node keeps no sessions: --session-life is 0.") }
        let claimed = Sessions.claimed(in: request.headers[values: .cookie])
        let (id, state): (String, SessionState)
        do throws(BusError) {
            (id, state) = try await sessions.visit(claimed)
        } catch {
            log.debug("a session could not be read", metadata: ["error": "\(error)"])
            throw Problem(
                Failure(
                    .unavailable, "Sessions can't be read now, since Redis does not do what it is asked. Try again.",
                    retryAfterMs: 1000))
        }
        let headers: HTTPFields = [.setCookie: cookie(id, for: request, sessions), .cacheControl: "no-store"]
        return jsonResponse(headers: headers) { out in
            out.put("{\"sessionId\":")
            out.putString(id)
            out.field("visits", state.visits)
            out.field("hostname", hub.node)
            out.put(",\"lastRoom\":")
            if let room = state.lastRoom { out.putString(room.text) } else { out.put("null") }
            out.put("}")
        }
    }

    private func cookie(_ id: String, for request: Request, _ sessions: Sessions) -> String {
        let path = settings.basePath.isEmpty ? "/" : settings.basePath
        let secure = settings.speaksTLS || saysHTTPS(request) ? "; Secure" : ""
        return
            "\(Sessions.cookie)=\(id); Path=\(path); Max-Age=\(sessions.idleSeconds); HttpOnly; SameSite=Lax\(secure)"
    }

    /// Whether what stands before this node says that the client speaks TLS to it. Whoever says so falsely gets a cookie
    /// that only its own browser keeps to itself.
    private func saysHTTPS(_ request: Request) -> Bool {
        guard let name = HTTPField.Name("X-Forwarded-Proto"), let value = request.headers[name] else { return false }
        // Of several, the first is the nearest to the client.
        let first = value.split(separator: ",").first ?? ""
        return first.filter { $0 != " " }.lowercased() == "https"
    }
}
