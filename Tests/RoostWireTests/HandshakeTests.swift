import NIOCore
import RoostWire
import Testing

/// RFC 6455 section 4.2 and the contract's `/ws`.
@Suite struct HandshakeTests {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    /// A good handshake with some headers changed; nil leaves one out.
    private func head(method: String = "GET", _ changes: [String: String?] = [:]) throws -> RequestHead {
        var headers: [String: String?] = [
            "Host": "a.example", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": Self.key,
        ]
        headers.merge(changes) { $1 }
        let lines = headers.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }.joined()
        let text = "\(method) /ws HTTP/1.1\r\n\(lines)\r\n"
        guard case .complete(let head, _) = RequestHead.parse(ByteBuffer(string: text)) else {
            throw Broken(text: text)
        }
        return head
    }

    struct Broken: Error { var text: String }

    private func status(_ head: RequestHead) -> Int? {
        guard case .refuse(let status, let reason) = Handshake.judge(head) else { return nil }
        return reason.hasSuffix(".") ? status : -1
    }

    @Test func aPlainHandshakeSpeaksTheSimpleDialect() throws {
        #expect(Handshake.judge(try head()) == .accept(key: Self.key, subprotocol: nil, dialect: .simple))
    }

    @Test(arguments: [
        ("roost.v1.json", Dialect.native), ("roost.simple", .simple), ("roost.v1.json, roost.simple", .native),
        ("roost.simple, roost.v1.json", .simple), ("other, roost.v1.json", .native),
        ("roost.token.abc,roost.v1.json", .native),
        ("  roost.v1.json  ", .native),
    ])
    func ofTheSubprotocolsOfferedTheFirstKnownOneIsChosen(_ offered: String, _ dialect: Dialect) throws {
        let head = try head(["Sec-WebSocket-Protocol": offered])
        #expect(Handshake.judge(head) == .accept(key: Self.key, subprotocol: dialect.subprotocol, dialect: dialect))
    }

    @Test(arguments: ["other", "roost", "ROOST.V1.JSON", "roost.v2.json", "roost.token.abc", "a, b"])
    func onlyUnknownSubprotocolsAreRefused(_ offered: String) throws {
        #expect(status(try head(["Sec-WebSocket-Protocol": offered])) == 400)
    }

    @Test(arguments: ["Upgrade", "upgrade", "keep-alive, Upgrade", "UPGRADE,x"])
    func theConnectionHeaderMayListMore(_ value: String) throws {
        #expect(status(try head(["Connection": value])) == nil)
    }

    @Test(arguments: [nil, "", "close", "keep-alive", "upgraded"])
    func withoutConnectionUpgradeThereIsNone(_ value: String?) throws {
        #expect(status(try head(["Connection": value])) == 400)
    }

    @Test(arguments: ["POST", "HEAD", "get", "CONNECT"])
    func aHandshakeIsAGet(_ method: String) throws {
        #expect(status(try head(method: method)) == 400)
    }

    @Test(arguments: [nil, "", "12", "8", "013", "13, 8", "x"])
    func anotherVersionIsToldWhichOneIsSpoken(_ version: String?) throws {
        #expect(status(try head(["Sec-WebSocket-Version": version])) == 426)
    }

    @Test(arguments: [
        nil, "", "abc", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZXh4eA==",
        "dGhlIHNhbXBsZSBub25jZQxx",
    ])
    func theKeyIsSixteenBytesInBase64(_ key: String?) throws {
        #expect(status(try head(["Sec-WebSocket-Key": key])) == 400)
    }

    @Test(arguments: [
        ("websocket", true), ("WebSocket", true), ("h2c, websocket", true), ("h2c", false), ("websockets", false),
        (nil, false), ("", false),
    ])
    func whoWantsAWebSocketSaysSo(_ value: String?, _ isWanted: Bool) throws {
        #expect(Handshake.isWanted(try head(["Upgrade": value])) == isWanted)
    }

    @Test func theSubprotocolsAreTheContracts() {
        #expect(Dialect.allCases.map(\.subprotocol) == ["roost.v1.json", "roost.simple"])
    }
}
