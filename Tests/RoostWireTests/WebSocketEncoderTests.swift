import NIOCore
import RoostCore
import RoostWire
import Testing

@Suite struct WebSocketEncoderTests {
    /// The last one fills its storage to the last byte before its header has grown.
    static let lengths = [0, 1, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 70_000, 131_068]

    private func payload(_ length: Int) -> [UInt8] { (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 2) } }

    private func header(_ length: Int) -> [UInt8] {
        switch length {
        case ..<126: [0x81, UInt8(length)]
        case ..<65_536: [0x81, 126, UInt8(length >> 8), UInt8(length & 0xFF)]
        default: [0x81, 127, 0, 0, 0, 0, 0, UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
        }
    }

    @Test(arguments: lengths)
    func aFrameHasTheShortestHeaderAndItsPayload(_ length: Int) {
        var out = ByteBuffer()
        out.putFrame(.text) { $0.writeBytes(payload(length)) }
        #expect(Array(buffer: out) == header(length) + payload(length))
    }

    @Test(arguments: lengths)
    func whatStoodInTheBufferBeforeStaysThere(_ length: Int) {
        var out = ByteBuffer(string: "consumed, before")
        out.moveReaderIndex(forwardBy: 10)
        let shared = out
        for _ in 0..<2 { out.putFrame(.text) { $0.writeBytes(payload(length)) } }
        out.writeString("after")
        let frame = header(length) + payload(length)
        #expect(Array(buffer: out) == Array("before".utf8) + frame + frame + Array("after".utf8))
        // Another holder of the same storage sees nothing of it.
        #expect(String(buffer: shared) == "before")
    }

    @Test func aPayloadMayBeWrittenInPieces() {
        var out = ByteBuffer()
        out.putFrame(.binary) { frame in
            for byte in UInt8(0)..<200 { frame.writeInteger(byte) }
        }
        #expect(Array(buffer: out) == [0x82, 126, 0, 200] + (0..<200).map { UInt8($0) })
    }

    @Test(arguments: [WebSocketOpcode.text, .binary, .ping, .pong])
    func whatIsEncodedIsDecoded(_ opcode: WebSocketOpcode) {
        for length in opcode.rawValue > 7 ? [0, 1, 125] : Self.lengths {
            let payload = [UInt8](repeating: 0x61, count: length)
            var out = ByteBuffer()
            out.putFrame(opcode) { $0.writeBytes(payload) }
            let expected: WebSocketDecoder.Output =
                switch opcode {
                case .text: .text(ByteBuffer(bytes: payload))
                case .binary: .binary(ByteBuffer(bytes: payload))
                case .ping: .ping(ByteBuffer(bytes: payload))
                default: .pong(ByteBuffer(bytes: payload))
                }
            #expect(Reading(Array(buffer: out), side: .client, limit: 200_000) == Reading(outputs: [expected]))
        }
    }

    @Test(arguments: lengths)
    func whatAClientMasksAServerReads(_ length: Int) {
        var generator = SeededGenerator(seed: length)
        for opcode in [WebSocketOpcode.binary] + (length < 126 ? [.ping, .pong] : []) {
            let payload = generator.bytes(length)
            let key = UInt32(truncatingIfNeeded: generator.next())
            var out = ByteBuffer(string: "before")
            out.putMaskedFrame(opcode, key: key, payload)
            let bytes = Array(Array(buffer: out).dropFirst(6))
            #expect(bytes[1] & 0x80 != 0)
            let reading = Reading(bytes, limit: 200_000)
            #expect(reading.violation == nil)
            switch reading.outputs.first {
            case .binary(let read), .ping(let read), .pong(let read): #expect(Array(buffer: read) == payload)
            default: Issue.record("\(reading)")
            }
            // A payload of more than a few bytes does not look like itself.
            if length > 100 { #expect(!bytes.suffix(length).elementsEqual(payload)) }
        }
    }

    @Test func aCloseHasItsCodeAndReason() {
        var out = ByteBuffer()
        out.putClose(4003, reason: "Too fast.")
        #expect(Array(buffer: out) == [0x88, 11, 0x0F, 0xA3] + Array("Too fast.".utf8))
        #expect(
            Reading(Array(buffer: out), side: .client) == Reading(outputs: [.close(code: 4003, reason: "Too fast.")]))
    }

    @Test(arguments: [
        (String(repeating: "x", count: 123), 123), (String(repeating: "x", count: 124), 123),
        (String(repeating: "é", count: 62), 122), (String(repeating: "🐦", count: 100), 120), ("", 0),
    ])
    func aReasonThatIsTooLongIsCutBetweenCharacters(_ reason: String, _ kept: Int) {
        var out = ByteBuffer()
        out.putClose(1000, reason: reason)
        #expect(Array(buffer: out) == [0x88, UInt8(kept + 2), 0x03, 0xE8] + Array(reason.utf8.prefix(kept)))
        #expect(Reading(Array(buffer: out), side: .client).violation == nil)
    }
}
