import Crypto
import Foundation
import NIOCore

/// The client's half of a WebSocket handshake (RFC 6455 section 4.1).
struct ClientHandshake {
    private let key: String

    /// A response's head may have so many bytes.
    private static let maxHeadBytes = 16_384

    enum Answer: Equatable {
        case incomplete
        case accepted
        /// The server says no, in HTTP or in nonsense.
        case refused(status: Int?, reason: String)
    }

    /// - Parameter nonce: 16 random bytes.
    init(nonce: [UInt8]) { key = Data(nonce).base64EncodedString() }

    func request(to endpoint: Endpoint, protocols: [String]) -> String {
        """
        GET \(endpoint.target) HTTP/1.1\r
        Host: \(endpoint.authority)\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Version: 13\r
        Sec-WebSocket-Key: \(key)\r
        Sec-WebSocket-Protocol: \(protocols.joined(separator: ", "))\r
        \r

        """
    }

    /// Looks for the response at the start of `bytes` and takes it out once it is whole.
    func read(_ bytes: inout ByteBuffer) -> Answer {
        let view = bytes.readableBytesView
        guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else {
            guard view.count > ClientHandshake.maxHeadBytes else { return .incomplete }
            return .refused(status: nil, reason: "What answers there does not speak HTTP.")
        }
        let lines = String(decoding: view[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        bytes.moveReaderIndex(to: end.upperBound)
        let status = lines.first.map { $0.split(separator: " ") } ?? []
        guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]) else {
            return .refused(status: nil, reason: "What answers there does not speak HTTP.")
        }
        guard code == 101 else {
            return .refused(status: code, reason: refusal(code, String(buffer: bytes)))
        }
        let accept = lines.dropFirst().first { $0.lowercased().hasPrefix("sec-websocket-accept:") }
        guard let accept, accept.split(separator: ":")[1].trimmingCharacters(in: .whitespaces) == expected else {
            return .refused(status: nil, reason: "What answers there is no WebSocket server.")
        }
        return .accepted
    }

    /// The sentence of a problem document, if the body is one.
    private func refusal(_ status: Int, _ body: String) -> String {
        struct Problem: Decodable { var detail: String }
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(body.utf8))
        return problem?.detail ?? "The server answered with HTTP status \(status)."
    }

    private var expected: String {
        let digest = Insecure.SHA1.hash(data: Data((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        return Data(digest).base64EncodedString()
    }
}
