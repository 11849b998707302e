import Foundation

/// Where a server's WebSocket is.
struct Endpoint: Equatable, Sendable {
    var host: String
    var port: Int
    var isSecure: Bool
    /// The path and the query, as the request asks for them.
    var target: String

    /// Reads `ws://HOST[:PORT][/PATH][?QUERY]`; `wss`, `http` and `https` alike. Without a path it is `/ws`.
    /// - Parameter query: what is added to the URL's own query.
    init(_ text: String, adding query: [(name: String, value: String)] = []) throws(RoostError) {
        func bad(_ why: String) -> RoostError { RoostError(.invalid, "The URL \(text) \(why).") }
        guard var parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased() else {
            throw bad("is none; it should look like ws://localhost:8080/ws")
        }
        guard ["ws", "wss", "http", "https"].contains(scheme) else {
            throw bad("begins with \(scheme):; it should be ws: or wss:")
        }
        guard let host = parts.host, !host.isEmpty else { throw bad("names no host") }
        isSecure = scheme == "wss" || scheme == "https"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? (isSecure ? 443 : 80)
        if parts.path.isEmpty || parts.path == "/" { parts.path = "/ws" }
        let items = (parts.queryItems ?? []) + query.map { URLQueryItem(name: $0.name, value: $0.value) }
        parts.queryItems = items.isEmpty ? nil : items
        // A plus would be read as a space.
        let encoded = parts.percentEncodedQuery?.replacingOccurrences(of: "+", with: "%2B")
        target = parts.percentEncodedPath + (encoded.map { "?\($0)" } ?? "")
    }

    /// As the `Host` header has it.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}
