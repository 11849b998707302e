import NIOCore
import RoostCore
import RoostEngine
import RoostSettings
import RoostWire

/// Who is let in at the door: hosts, origins, rates and numbers, before anything is read or upgraded.
final class Admission: Sendable {
    private let settings: Settings
    private let limits: Limits
    private let clock: @Sendable () -> Moment

    private struct Door {
        var connections = 0
        var buckets: [String: TokenBucket] = [:]
        var sweptAt = Moment(milliseconds: 0)
    }
    private let door = Locked(Door())

    init(settings: Settings, limits: Limits, clock: @escaping @Sendable () -> Moment) {
        self.settings = settings
        self.limits = limits
        self.clock = clock
    }

    // MARK: Origins

    /// Why a request may not come in; nil if it may. A request without `Origin` is no browser's and passes.
    func objection(origin: String?, host: String?) -> Failure? {
        if isAnonymousLoopback, let host, !Admission.isLoopback(hostPart(of: host)) {
            // Else a page anywhere could reach this node by pointing its own name at 127.0.0.1.
            return Failure(
                .forbidden,
                "This node serves loopback only and does not know the host \(host). Use --allow-anonymous to be reached by other names."
            )
        }
        guard let origin, !isAllowed(origin: origin, host: host) else { return nil }
        return Failure(.forbidden, "The origin \(origin) is not among --allowed-origins.")
    }

    private var isAnonymousLoopback: Bool {
        settings.auth == .anonymous && settings.bindsLoopbackOnly && !settings.allowAnonymous
    }

    private func isAllowed(origin: String, host: String?) -> Bool {
        guard settings.allowedOrigins.isEmpty else {
            return settings.allowedOrigins.contains { $0.admits(originHeader: origin) }
        }
        let parts = origin.lowercased().split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].hasSuffix(":"), parts[1].isEmpty else { return false }
        let authority = String(parts[2])
        // What stands before a node that speaks no TLS itself may speak it, so that only here the scheme is known.
        let isOwn = !settings.speaksTLS || parts[0] == "https:"
        if isOwn, let host, authority == host.lowercased() { return true }
        return settings.bindsLoopbackOnly && Admission.isLoopback(hostPart(of: authority))
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]"
            || (host.hasPrefix("127.") && host.split(separator: ".", omittingEmptySubsequences: false).count == 4
                && host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) })
    }

    private func hostPart(of authority: String) -> String {
        // By bytes: looking for whole characters costs more than the rest of the question.
        let lower = authority.lowercased()
        if lower.hasPrefix("["), let end = lower.utf8.firstIndex(of: UInt8(ascii: "]")) { return String(lower[...end]) }
        return String(lower.prefix(upTo: lower.utf8.firstIndex(of: UInt8(ascii: ":")) ?? lower.endIndex))
    }

    // MARK: Rates and numbers

    /// Takes a token for a new connection of this address; in how many milliseconds there is one, if there is none now.
    func waitBeforeConnecting(from address: @autoclosure () -> String) -> Int64? {
        let rate = settings.rateLimitConnects
        guard rate > 0 else { return nil }
        let burst = settings.rateLimitConnectsBurst > 0 ? settings.rateLimitConnectsBurst : rate
        let (now, address) = (clock(), address())
        return door.withLock { door in
            if now - door.sweptAt > 60_000 {
                // A bucket that has not been touched for as long as it takes to fill is as good as none.
                door.sweptAt = now
                door.buckets = door.buckets.filter { entry in
                    var bucket = entry.value
                    return bucket.fill(rate: rate, burst: burst, now: now) < burst
                }
            }
            var bucket = door.buckets[address] ?? TokenBucket(burst: burst, now: now)
            defer { door.buckets[address] = bucket }
            return bucket.take(rate: rate, burst: burst, now: now)
        }
    }

    /// Counts a WebSocket in; false if there are as many as may be. Who is counted in must be counted out.
    func enter() -> Bool {
        door.withLock { door in
            guard settings.maxConnections == 0 || door.connections < settings.maxConnections else { return false }
            door.connections += 1
            return true
        }
    }

    func exit() { door.withLock { $0.connections -= 1 } }

    var connections: Int { door.withLock { $0.connections } }
}
