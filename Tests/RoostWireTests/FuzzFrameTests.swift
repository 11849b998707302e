import NIOCore
import RoostCore
import RoostWire
import Testing

/// Random frames, heads and queries, right and nearly right.
@Suite struct FuzzFrameTests {
    private func frame(_ generator: inout SeededGenerator) -> RawFrame {
        let opcode = generator.pick([0, 0, 1, 1, 2, 2, 8, 9, 10, UInt8(generator.below(16))])
        var frame = RawFrame(isFinal: !generator.oneIn(3), opcode: opcode, mask: generator.bytes(4))
        switch generator.below(4) {
        case 0: frame.payload = generator.bytes(generator.below(20))
        case 1: frame.payload = Array(generator.text(upTo: 10).utf8)
        case 2: frame.payload = [UInt8](repeating: 0x61, count: generator.pick([0, 1, 125, 126, 200]))
        default: frame.payload = opcode == 8 ? [0x03, UInt8(generator.below(256))] : []
        }
        if generator.oneIn(30) { frame.mask = nil }
        if generator.oneIn(30) { frame.reserved = UInt8(generator.below(8)) }
        if generator.oneIn(30) {
            frame.announced = generator.pick([0, 1, 126, 65_536, 1 << 30, 1 << 62, 1 << 63, .max])
        }
        if generator.oneIn(10) { frame.lengthBits = frame.announced == nil ? generator.pick([16, 64]) : 64 }
        return frame
    }

    @Test func framesGiveTheSameHoweverSplitAndNoMoreThanWasSent() {
        var (messages, violations) = (0, Set<CloseCode>())
        Fuzz.run("WebSocket", perSecond: 12_000) { generator in
            var bytes: [UInt8] = []
            for _ in 0..<(1 + generator.below(6)) { bytes += frame(&generator).bytes }
            if generator.oneIn(2) { Fuzz.mutate(&bytes, [0, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF], &generator) }
            let limit = generator.pick([0, 1, 64, 300])
            let whole = Reading(bytes, limit: limit)
            var size = 0
            for output in whole.outputs {
                switch output {
                case .text(let payload):
                    guard String(validating: Array(buffer: payload), as: UTF8.self) != nil else {
                        return "text that is none"
                    }
                    fallthrough
                case .binary(let payload):
                    guard payload.readableBytes <= limit else { return "a message over the limit" }
                    messages += 1
                    size += payload.readableBytes
                case .ping(let payload), .pong(let payload):
                    guard payload.readableBytes <= 125 else { return "a long control frame" }
                    size += payload.readableBytes
                case .close(let code, _):
                    guard code.map({ WebSocketDecoderTests.allowedCodes.contains($0) }) ?? true else {
                        return "close \(code ?? 0)"
                    }
                }
            }
            guard size <= bytes.count else { return "more came out than went in" }
            if let code = whole.violation { violations.insert(code) }
            let cuts = (0..<generator.below(8)).map { _ in generator.below(bytes.count + 1) }.sorted()
            let split = Reading(bytes, cuts: cuts, limit: limit)
            return split == whole ? nil : "\(bytes) at \(cuts): \(split) instead of \(whole)"
        }
        #expect(messages > 0 || !Fuzz.isBroad)
        #expect(violations.isSubset(of: [.protocolError, .badUTF8, .tooBig]))
        #expect(!violations.isEmpty || !Fuzz.isBroad)
    }

    private static let heads = [
        "GET /ws?user=a%20b&x=1 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + "Sec-WebSocket-Protocol: roost.v1.json, roost.simple\r\n\r\n",
        "POST /rooms HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "GET / HTTP/1.1\r\n\r\n",
    ]

    @Test func headsAreIncompleteForeignOrWhole() {
        var (complete, accepted) = (0, 0)
        Fuzz.run("request heads", perSecond: 8_000) { generator in
            var bytes = Array(generator.pick(Self.heads).utf8)
            if !generator.oneIn(5) {
                Fuzz.mutate(&bytes, Array("\r\n\r\n :,=?%&/\0\u{7F}é GETHP1.upgrade".utf8) + [0xFF], &generator)
            }
            let parsed = RequestHead.parse(ByteBuffer(bytes: bytes))
            let end = (0..<max(0, bytes.count - 3)).first { Array(bytes[$0..<($0 + 4)]) == [13, 10, 13, 10] }
            switch parsed {
            case .incomplete: if end != nil { return "incomplete: \(bytes)" }
            case .foreign: if end == nil { return "foreign: \(bytes)" }
            case .complete(let head, let length):
                complete += 1
                guard let end, length == end + 4 else { return "length \(length): \(bytes)" }
                guard !head.method.contains(" "), !head.target.contains(" "),
                    head.headers.allSatisfy({ !$0.name.isEmpty })
                else {
                    return "\(head)"
                }
                // What follows changes nothing, nor does a second look at the same bytes.
                guard RequestHead.parse(ByteBuffer(bytes: bytes[..<length] + [0, 13, 10, 13, 10])) == parsed else {
                    return "\(head)"
                }
                _ = (head.path, head.query, Handshake.isWanted(head))
                switch Handshake.judge(head) {
                case .accept(let key, let subprotocol, let dialect):
                    accepted += 1
                    guard key.utf8.count == 24,
                        subprotocol == nil ? dialect == .simple : subprotocol == dialect.subprotocol
                    else {
                        return "\(head)"
                    }
                case .refuse(let status, _): if status != 400 && status != 426 { return "status \(status)" }
                }
            }
            return nil
        }
        #expect((complete > 0 && accepted > 0) || !Fuzz.isBroad)
    }

    @Test func queriesGiveNoMoreThanWasSent() {
        var read = 0
        Fuzz.run("queries", perSecond: 40_000) { generator in
            var bytes = Array(
                generator.pick(["user=ann&name=Ann%20Lee", "rooms=a,b&after=e%3A42", "a=%C3%A9&b=+x+", "x"]).utf8)
            Fuzz.mutate(&bytes, Array("%&=+aF4\0é".utf8) + [0xC3, 0xFF], &generator)
            let query = String(decoding: bytes, as: UTF8.self)
            let parameters = parseQuery(query)
            read += parameters.count
            let size = parameters.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
            guard size <= query.utf8.count, parameters.count <= query.utf8.count(where: { $0 == UInt8(ascii: "&") }) + 1
            else {
                return "\(query.debugDescription): \(parameters)"
            }
            // Whatever has no escape, plus or separator is itself.
            let plain = query.filter { !"%&=+".contains($0) }
            return percentDecoded(plain).map { Array($0.utf8) } == Array(plain.utf8) ? nil : plain.debugDescription
        }
        #expect(read > 0 || !Fuzz.isBroad)
    }
}
