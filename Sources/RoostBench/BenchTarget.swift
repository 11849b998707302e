/// The server under load.
public struct BenchTarget: Sendable {
    public var host: String
    public var port: Int
    /// As the URL says, without a slash at its end.
    public var path: String

    /// Reads `http://HOST:PORT[/base]` or the same with `ws://`.
    public init(url: String) throws {
        guard !url.hasPrefix("wss://"), !url.hasPrefix("https://") else {
            throw BenchError("the load generator does not speak TLS; give it the server's ws:// address")
        }
        guard let scheme = ["ws://", "http://"].first(where: { url.hasPrefix($0) }) else {
            throw BenchError("the URL must begin with ws:// or http://, not \(url)")
        }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let port = Int(parts[1]), (1...65_535).contains(port) else {
            throw BenchError("the URL must name a host and a port, as in ws://127.0.0.1:8080; it was \(url)")
        }
        host = String(parts[0])
        self.port = port
        var path = rest.dropFirst(authority.count)
        while path.hasSuffix("/") { path.removeLast() }
        self.path = String(path)
    }
}

extension BenchTarget {
    /// Where Roost's WebSocket is: the URL may name it or what precedes it.
    var webSocketPath: String { path.hasSuffix("/ws") ? path : path + "/ws" }

    /// What precedes `/ws`.
    var basePath: String { path.hasSuffix("/ws") ? String(path.dropLast(3)) : path }
}

/// Why a benchmark did not come to an end: one sentence.
public struct BenchError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
