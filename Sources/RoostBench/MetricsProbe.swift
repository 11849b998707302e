#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Reads one figure of the server's `/metrics`, waiting for it.
enum MetricsProbe {
    /// Nil if the server doesn't tell.
    static func read(_ name: String, of target: BenchTarget) -> Double? {
        guard let descriptor = try? Address(host: target.host, port: target.port).connect(blocking: true) else {
            return nil
        }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let request =
            "GET \(target.basePath)/metrics HTTP/1.1\r\nHost: \(target.host):\(target.port)\r\n"
            + "Connection: close\r\n\r\n"
        guard send(descriptor, request, request.utf8.count, 0) == request.utf8.count else { return nil }
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            guard count > 0 else { break }
            answer += piece[..<count]
        }
        return value(of: name, in: String(decoding: answer, as: UTF8.self))
    }

    static func value(of name: String, in text: String) -> Double? {
        let line = text.split(whereSeparator: \.isNewline).last { $0.hasPrefix(name + " ") }
        return line.flatMap { Double($0.dropFirst(name.count + 1)) }
    }
}
