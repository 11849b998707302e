import Hummingbird
import NIOCore
import NIOHTTP1
import RoostCore
import RoostEngine
import RoostWire

/// An HTTP error as `application/problem+json` (RFC 9457).
struct Problem: Error, HTTPResponseError {
    let failure: Failure

    init(_ failure: Failure) { self.failure = failure }

    init(_ code: ErrorCode, _ reason: String) { failure = Failure(code, reason) }

    var status: HTTPResponse.Status { HTTPResponse.Status(code: failure.code.status) }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        Problem.response(
            status: status.code, code: failure.code.rawValue, detail: failure.reason, retryAfterMs: failure.retryAfterMs
        )
    }

    /// What is told of an error, be it one of ours or of a field that can't be read.
    static func body(of error: any Error) -> ByteBuffer {
        let failure =
            switch error {
            case let problem as Problem: problem.failure
            case let mismatch as JSONFields.Mismatch: Failure(mismatch.code, mismatch.reason)
            default: Failure(.internal, "The server failed on this one.")
            }
        return body(
            status: failure.code.status, code: failure.code.rawValue, detail: failure.reason,
            retryAfterMs: failure.retryAfterMs)
    }

    static func response(status: Int, code: String, detail: String, retryAfterMs: Int64?) -> Response {
        var response = Response(
            status: HTTPResponse.Status(code: status), headers: [.contentType: "application/problem+json"],
            body: ResponseBody(byteBuffer: body(status: status, code: code, detail: detail, retryAfterMs: retryAfterMs))
        )
        if let retryAfterMs { response.headers[.retryAfter] = String((retryAfterMs + 999) / 1000) }
        return response
    }

    static func body(status: Int, code: String, detail: String, retryAfterMs: Int64?) -> ByteBuffer {
        var out = ByteBuffer()
        out.put("{\"type\":\"about:blank\"")
        out.field("title", HTTPResponseStatus(statusCode: status).reasonPhrase)
        out.field("status", status)
        out.field("code", code)
        out.field("detail", detail)
        if let retryAfterMs { out.field("retryAfterMs", retryAfterMs) }
        out.put("}")
        return out
    }

    /// The error code for a refusal that was made by status.
    static func code(for status: Int) -> String {
        switch status {
        case 408: "timeout"
        case 426: "upgrade_required"
        case 431: ErrorCode.tooLarge.rawValue
        default: ErrorCode.allCases.first { $0.status == status }?.rawValue ?? ErrorCode.badFrame.rawValue
        }
    }
}

/// Turns whatever a route throws into a problem that says what to do.
struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    /// Why the HTTP API is not served here; nil: it is.
    let noHTTP: String?

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return try problem.response(from: request, context: context)
        } catch let error as StoreError {
            return try Problem(error.failure).response(from: request, context: context)
        } catch let error as JSONFields.Mismatch {
            return try Problem(error.code, error.reason).response(from: request, context: context)
        } catch let error as HTTPError {
            return Problem.response(
                status: error.status.code, code: Problem.code(for: error.status.code),
                detail: error.body ?? (error.status == .notFound ? noHTTP : nil)
                    ?? "There is nothing at \(request.method) \(request.uri.path).",
                retryAfterMs: nil)
        } catch let error as any HTTPResponseError {
            return Problem.response(
                status: error.status.code, code: Problem.code(for: error.status.code),
                detail: "The request was refused: \(error.status.reasonPhrase).", retryAfterMs: nil)
        }
    }
}
