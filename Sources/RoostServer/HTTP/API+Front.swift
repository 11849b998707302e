import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import RoostCore
import RoostHub
import RoostSettings
import RoostWeb
import RoostWire

// The page, and what answers in its place for programs.
extension API {
    func addFront(_ routes: RouterGroup<Context>) {
        let page = tag(of: .page)
        routes.get("/") { request, _ in try front(request, page) }
        for (path, asset) in WebAsset.files {
            let tag = tag(of: asset)
            routes.get(RouterPath(path)) { request, _ in serve(asset, tag, request) }
        }
    }

    /// What plain requests are answered where WebSockets are.
    func addUpgrades(_ routes: RouterGroup<Context>) {
        let reason = settings.noWebSockets
        for path in settings.conformance ? ["/ws", "/echo", "/echo/:name"] : ["/ws"] {
            routes.get(RouterPath(path)) { _, _ in
                if let reason { throw Problem(.notFound, reason) }
                return upgradeRequired()
            }
        }
    }

    private func upgradeRequired() -> Response {
        var response = Problem.response(
            status: 426, code: "upgrade_required",
            detail: "This is a WebSocket: connect with Upgrade: websocket on a connection of its own.",
            retryAfterMs: nil)
        response.headers[.upgrade] = "websocket"
        response.headers[.connection] = "close"
        return response
    }

    private func front(_ request: Request, _ tag: String) throws -> Response {
        guard request.headers[.accept]?.contains("text/html") == true else {
            return jsonResponse { out in
                out.put("{\"message\":")
                out.putString("WebSocket server is running on \(hub.node)")
                out.put("}")
            }
        }
        // The page names its parts relative to itself, so its own address must end in a slash.
        if !request.uri.path.hasSuffix("/") {
            return Response(status: .movedPermanently, headers: [.location: request.uri.path + "/"])
        }
        return serve(.page, tag, request, policy: API.pagePolicy)
    }

    /// Changes when the file does.
    private func tag(of asset: WebAsset) -> String {
        let digest = SHA256.hash(data: asset.bytes).prefix(12)
        return "\"" + digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\""
    }

    /// The page may reach its own server only; a script may be another page's client of another server.
    private static let pagePolicy =
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; "
        + "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    private static let filePolicy =
        "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'"

    private func serve(
        _ asset: WebAsset, _ tag: String, _ request: Request, policy: String = filePolicy
    ) -> Response {
        let isKnown = request.headers[.ifNoneMatch] == tag
        return Response(
            status: isKnown ? .notModified : .ok,
            headers: [
                .contentType: asset.contentType,
                .eTag: tag,
                .contentSecurityPolicy: policy,
                .xContentTypeOptions: "nosniff",
                .cacheControl: "no-cache",
                HTTPField.Name("Referrer-Policy").unsafelyUnwrapped: "no-referrer",
            ],
            body: isKnown ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: asset.bytes)))
    }
}
