import HTTPTypes
import Hummingbird
import RoostCore

/// Lets in whom the allow list lets in, and tells browsers so (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).
struct OriginMiddleware<Context: RequestContext>: RouterMiddleware {
    let admission: Admission

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let origin = request.headers[.origin]
        if let objection = admission.objection(origin: origin, host: request.head.authority) {
            return try Problem(objection).response(from: request, context: context)
        }
        guard let origin else { return try await next(request, context) }
        var response =
            isPreflight(request) ? Response(status: .noContent) : try await next(request, context)
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlAllowCredentials] = "true"
        response.headers[.accessControlExposeHeaders] = "Link, Retry-After"
        response.headers[.vary] = "Origin"
        if isPreflight(request) {
            response.headers[.accessControlAllowMethods] = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
            response.headers[.accessControlAllowHeaders] =
                request.headers[.accessControlRequestHeaders] ?? "Content-Type, Authorization"
            response.headers[.accessControlMaxAge] = "600"
        }
        return response
    }

    private func isPreflight(_ request: Request) -> Bool {
        request.method == .options && request.headers[.accessControlRequestMethod] != nil
    }
}
