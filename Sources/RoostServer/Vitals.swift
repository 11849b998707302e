import Hummingbird
import NIOCore
import RoostCore
import RoostEngine
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How the node itself is: since when it runs, whether it drains, whether its store answers.
final class Vitals: Sendable {
    let storeKind: String
    private let startedAt = NIODeadline.now()
    private let draining = Atomic(false)
    private let refusing = Atomic(false)
    private let answered = Atomic<UInt64>(0)
    private let underWay = Atomic<Int>(0)

    init(storeKind: String) { self.storeKind = storeKind }

    var uptimeSeconds: Int64 { (NIODeadline.now() - startedAt).nanoseconds / 1_000_000_000 }

    var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// From now on the node says that it is not ready; it still takes what comes.
    func startDraining() { draining.store(true, ordering: .relaxed) }

    /// Whether nothing new is taken any more.
    var isRefusing: Bool { refusing.load(ordering: .relaxed) }

    func startRefusing() { refusing.store(true, ordering: .relaxed) }

    var requests: UInt64 { answered.load(ordering: .relaxed) }

    /// HTTP requests that have no answer yet.
    var requestsUnderWay: Int { underWay.load(ordering: .relaxed) }

    func begin() { underWay.add(1, ordering: .relaxed) }

    func end() {
        underWay.subtract(1, ordering: .relaxed)
        answered.add(1, ordering: .relaxed)
    }

    static func wall() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    static func monotonic() -> Moment {
        Moment(milliseconds: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000))
    }

    static func hostname() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, 255) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A node that drains takes nothing new; what it has been given before is answered.
struct DrainMiddleware<Context: RequestContext>: RouterMiddleware {
    let vitals: Vitals

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard vitals.isRefusing, request.method != .get, request.method != .head else {
            return try await next(request, context)
        }
        let failure = Failure(.unavailable, "The node is restarting. Send it again.", retryAfterMs: 1000)
        return try Problem(failure).response(from: request, context: context)
    }
}
