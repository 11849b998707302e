import HTTPTypes
import Hummingbird
import NIOCore
import RoostHub
import RoostSettings
import RoostWeb
import RoostWire

// The page, and what answers in its place for programs.
extension API {
    func addFront(_ routes: RouterGroup<Context>) {
        routes.get("/") { request, _ in try front(request) }
        for (path, asset) in WebAsset.files {
            routes.get(RouterPath(path)) { request, _ in serve(asset, request) }
        }
        for path in settings.conformance ? ["/ws", "/echo", "/echo/:name"] : ["/ws"] {
            routes.get(RouterPath(path)) { _, _ in upgradeRequired() }
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

    private func front(_ request: Request) throws -> Response {
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
        return serve(.page, request)
    }

    private func serve(_ asset: WebAsset, _ request: Request) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: asset.contentType,
                .contentSecurityPolicy:
                    "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'",
                .xContentTypeOptions: "nosniff",
                .cacheControl: "no-cache",
                HTTPField.Name("Referrer-Policy").unsafelyUnwrapped: "no-referrer",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: asset.bytes)))
    }
}
