import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// No whole answer came in time.
struct TooSlow: Error, CustomStringConvertible {
    let milliseconds: Int64

    var description: String { "no whole answer within \(milliseconds) ms" }
}

extension HTTPClientRequest {
    /// The whole answer to the request. Throws `TooSlow` if it is not there in time: the client's own deadline is met by
    /// the answer's head, and a body that never comes would be waited for without end.
    /// - Parameter most: bytes of the answer's body; a larger one is an error.
    func ask(
        _ client: HTTPClient, within milliseconds: Int64, most: Int
    ) async throws -> (status: Int, body: [UInt8]) {
        try await withThrowingTaskGroup(of: (status: Int, body: [UInt8])?.self) { group in
            group.addTask {
                let response = try await client.execute(self, timeout: .milliseconds(milliseconds))
                let body = try await response.body.collect(upTo: most)
                return (Int(response.status.code), Array(body.readableBytesView))
            }
            group.addTask {
                try await Task.sleep(for: .milliseconds(milliseconds))
                return nil
            }
            // What loses is cancelled, and with it the request and its connection.
            defer { group.cancelAll() }
            guard let first = try await group.next(), let answer = first else {
                throw TooSlow(milliseconds: milliseconds)
            }
            return answer
        }
    }
}
