import NIOCore
import NIOEmbedded
import RoostCore
import RoostSettings
import Testing

@testable import RoostServer

@Suite("What connections meet before the node is ready")
struct WaitingRoomTests {
    private func channel(auth: AuthMode) -> EmbeddedChannel {
        var settings = Settings()
        settings.basePath = "/base"
        settings.auth = auth
        let entrance = Entrance(
            admission: Admission(settings: settings, limits: Limits(), clock: Vitals.monotonic),
            vitals: Vitals(storeKind: "dynamodb"), settings: settings, maxHeadBytes: 200)
        return EmbeddedChannel(handler: WaitingRoom(entrance: entrance))
    }

    /// What is answered once all pieces have come; nothing before.
    private func answer(_ pieces: String..., auth: AuthMode = .anonymous) throws -> String {
        let channel = channel(auth: auth)
        for piece in pieces {
            #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
            try channel.writeInbound(ByteBuffer(string: piece))
        }
        let answer = String(buffer: try #require(try channel.readOutbound(as: ByteBuffer.self)))
        // Whatever follows on the connection is not answered.
        try? channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        return answer
    }

    @Test func itLives() throws {
        let answer = try answer("GET /base/hea", "lth HTTP/1.1\r\n", "Host: localhost\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("Connection: close\r\n"))
        #expect(answer.contains(#""starting":true"#) && answer.contains(#""store_connected":false"#))
        #expect(answer.contains(#""planes":["http","websocket"]"#) && !answer.contains("redis_connected"))
    }

    /// As once it is ready: pages that show who is connected read the field without asking whether it is there.
    @Test func itNamesItsClientsWhereNobodySignsIn() throws {
        let request = "GET /base/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        #expect(try answer(request).contains(#""active_clients":[]"#))
        #expect(try !answer(request, auth: .jwt).contains("active_clients"))
    }

    @Test func pagesOfAnotherOriginMayReadIt() throws {
        for path in ["/base/health", "/base/ready"] {
            let answer = try answer("GET \(path) HTTP/1.1\r\nHost: localhost\r\nOrigin: http://127.0.0.1:99\r\n\r\n")
            #expect(answer.contains("\r\nAccess-Control-Allow-Origin: http://127.0.0.1:99\r\n"))
            #expect(answer.contains("\r\nVary: Origin\r\n"))
        }
        let answer = try answer("GET /base/health HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 403 ") && !answer.contains("Access-Control"))
    }

    @Test(arguments: ["GET /base/ready", "GET /health", "POST /base/health", "GET /base/ws", "DELETE /base/rooms/a"])
    func everythingElseIsToComeLater(_ request: String) throws {
        let answer = try answer("\(request) HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 5\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
        #expect(answer.contains("\r\nRetry-After: 1\r\n") && answer.contains(#""code":"unavailable""#))
    }

    @Test func otherHostsAreRefusedAsEver() throws {
        let answer = try answer("GET /base/health HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n") && !answer.contains("hostname"))
    }

    @Test func aHeadWithoutEndIsNotWaitedFor() throws {
        let answer = try answer("GET / HTTP/1.1\r\n", "X: " + String(repeating: "x", count: 300))
        #expect(answer.hasPrefix("HTTP/1.1 503"))
        #expect(try self.answer("\u{16}\u{3}\u{1}\r\n\r\n").hasPrefix("HTTP/1.1 503"))
    }
}
