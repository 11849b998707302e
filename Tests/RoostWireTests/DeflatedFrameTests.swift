import NIOCore
import RoostCore
import RoostWire
import Testing

/// RFC 7692 section 6: compressed messages as frames.
@Suite struct DeflatedFrameTests {
    private func frame(
        _ payload: [UInt8], opcode: UInt8 = 1, isFinal: Bool = true, reserved: UInt8 = 4
    ) -> RawFrame {
        RawFrame(isFinal: isFinal, reserved: reserved, opcode: opcode, mask: RawFrame.key, payload: payload)
    }

    private static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

    @Test func theExamplesOfTheRFC() {
        #expect(Reading([frame(Self.hello)], inflater: Inflater()) == Reading(outputs: [text("Hello")]))
        let halves = [
            frame(Array(Self.hello[..<3]), isFinal: false), frame(Array(Self.hello[3...]), opcode: 0, reserved: 0),
        ]
        #expect(Reading(halves, inflater: Inflater()) == Reading(outputs: [text("Hello")]))
    }

    @Test func compressedAndOtherMessagesMayFollowEachOther() {
        let ping = RawFrame.control(9, [1])
        let frames = [
            frame(Self.hello), .text("plain"), frame(Array(Self.hello[..<2]), opcode: 2, isFinal: false), ping,
            frame(Array(Self.hello[2...]), opcode: 0, reserved: 0), .binary([1]), frame(Self.hello),
        ]
        let expected = Reading(outputs: [
            text("Hello"), text("plain"), .ping(ByteBuffer(bytes: [1])), binary(Array("Hello".utf8)), binary([1]),
            text("Hello"),
        ])
        let bytes = frames.flatMap(\.bytes)
        for cut in 0...bytes.count { #expect(Reading(bytes, cuts: [cut], inflater: Inflater()) == expected) }
        #expect(Reading(bytes, cuts: Array(0..<bytes.count), inflater: Inflater()) == expected)
    }

    @Test func oneInflaterServesManyConnections() throws {
        let inflater = Inflater()
        var generator = SeededGenerator(seed: 5)
        let messages = (0..<20).map { _ in chatter(500, &generator) }
        var decoders = messages.map { _ in WebSocketDecoder(side: .server, maxMessageBytes: 1000, inflater: inflater) }
        var wires = messages.map { ByteBuffer(bytes: frame(deflated($0), opcode: 2).bytes) }
        var heard = [[UInt8]](repeating: [], count: messages.count)
        // A few bytes of each in turn, so that all are under way at a time.
        while wires.contains(where: { $0.readableBytes > 0 }) {
            for index in messages.indices {
                let count = min(wires[index].readableBytes, 1 + generator.below(60))
                guard var piece = wires[index].readSlice(length: count) else { continue }
                if case .binary(let message)? = try decoders[index].next(from: &piece) {
                    heard[index] = Array(message.readableBytesView)
                }
                // What was no whole header comes again with the next piece.
                wires[index].moveReaderIndex(to: wires[index].readerIndex - piece.readableBytes)
            }
        }
        #expect(heard == messages)
    }

    @Test func theBitMeansNothingWhereNothingWasAgreedOn() {
        #expect(Reading([frame(Self.hello)]) == Reading(outputs: [], violation: .protocolError))
    }

    @Test(arguments: [UInt8(1), 2, 3, 5, 6, 7])
    func theOtherBitsNeverMeanAnything(_ reserved: UInt8) {
        let reading = Reading([frame(Self.hello, reserved: reserved)], inflater: Inflater())
        #expect(reading == Reading(outputs: [], violation: .protocolError))
    }

    @Test(arguments: [UInt8(8), 9, 10])
    func noControlFrameIsCompressed(_ opcode: UInt8) {
        let reading = Reading([frame([], opcode: opcode)], inflater: Inflater())
        #expect(reading == Reading(outputs: [], violation: .protocolError))
    }

    @Test func onlyTheFirstFrameOfAMessageSaysIt() {
        for first in [RawFrame.text("a", isFinal: false), frame(Array(Self.hello[..<3]), isFinal: false)] {
            let frames = [first, frame(Array(Self.hello[3...]), opcode: 0)]
            #expect(Reading(frames, inflater: Inflater()) == Reading(outputs: [], violation: .protocolError))
        }
    }

    @Test func theTextIsCheckedAfterInflating() {
        for bytes in [[0xFF], [0x61, 0xC3], [0xED, 0xA0, 0x80]] as [[UInt8]] {
            let payload = deflated(bytes)
            #expect(Reading([frame(payload)], inflater: Inflater()) == Reading(outputs: [], violation: .badUTF8))
            #expect(Reading([frame(payload, opcode: 2)], inflater: Inflater()) == Reading(outputs: [binary(bytes)]))
        }
    }

    @Test func whatCanNotBeInflatedIsRefused() {
        for payload in [[0xFF, 0xFF], Array(Self.hello.prefix(4))] as [[UInt8]] {
            #expect(Reading([frame(payload)], inflater: Inflater()) == Reading(outputs: [], violation: .badUTF8))
        }
    }

    @Test func aMessageThatGrowsByCompressingIsNotTooBig() {
        var generator = SeededGenerator(seed: 3)
        let message = generator.bytes(1000)
        let payload = deflated(message)
        #expect(payload.count > 1000)
        let reading = Reading([frame(payload, opcode: 2)], limit: 1000, inflater: Inflater())
        #expect(reading == Reading(outputs: [binary(message)]))
        // But there is an end to what is gathered.
        let endless = [RawFrame](
            repeating: frame([UInt8](repeating: 0, count: 60), opcode: 0, isFinal: false, reserved: 0), count: 20)
        let first = frame([0], opcode: 2, isFinal: false)
        #expect(Reading([first] + endless, limit: 1000, inflater: Inflater()).violation == .tooBig)
    }

    // MARK: Writing

    @Test func framesOfTheEncoderAreCompressedWhereItPays() {
        var generator = SeededGenerator(seed: 9)
        let noise = generator.bytes(200)
        let payloads = [
            chatter(127, &generator), chatter(128, &generator), chatter(5000, &generator), noise, [],
            chatter(70_000, &generator),
        ]
        var plain = ByteBuffer()
        for payload in payloads { plain.putFrame(.binary) { $0.writeBytes(payload) } }
        let deflater = Deflater()
        let frames = deflater.deflate(frames: plain)
        #expect(frames.readableBytes < plain.readableBytes)
        let reading = Reading(Array(frames.readableBytesView), side: .client, limit: 70_000, inflater: Inflater())
        #expect(reading == Reading(outputs: payloads.map { binary($0) }))
        // Too short, compressed, compressed; noise stays as it is.
        #expect(frames.getInteger(at: frames.readerIndex, as: UInt8.self) == 0x82)
        #expect(Array(frames.readableBytesView).contains(noise))
        #expect(deflater.tally.messages == 4)
    }

    @Test func whereNothingIsGainedNothingIsCopied() {
        var plain = ByteBuffer()
        for _ in 0..<3 { plain.putFrame(.text) { $0.writeString("short") } }
        let deflater = Deflater()
        #expect(deflater.deflate(frames: plain) == plain)
        #expect(deflater.deflate(frames: ByteBuffer()) == ByteBuffer())
        #expect(deflater.tally.messages == 0)
    }

    // MARK: Echo

    @Test(arguments: ["permessage-deflate", "permessage-deflate; server_no_context_takeover; server_max_window_bits=9"])
    func theEchoAnswersCompressed(_ field: String) throws {
        let head = "GET /echo HTTP/1.1\r\nSec-WebSocket-Extensions: \(field)\r\n\r\n"
        guard case .complete(let request, _) = RequestHead.parse(ByteBuffer(string: head)) else {
            Issue.record("no head")
            return
        }
        let agreement = try #require(DeflateAgreement.asAsked(DeflateOffer.all(in: request)))
        var echo = WebSocketEcho(maxMessageBytes: 70_000, deflate: agreement)
        let deflater = Deflater(keepsContext: true)
        let inflater = Inflater(windowBits: agreement.server.windowBits, keepsContext: agreement.server.keepsContext)
        var decoder = WebSocketDecoder(side: .client, maxMessageBytes: 70_000, inflater: inflater)
        var generator = SeededGenerator(seed: 2)
        for length in [0, 1, 200, 70_000, 200] {
            let message = chatter(length, &generator)
            for frame in [frame(deflated(message, deflater), opcode: 2), .binary(message)] {
                var (bytes, out) = (ByteBuffer(bytes: frame.bytes), ByteBuffer())
                let goesOn = echo.answer(&bytes, into: &out)
                #expect(goesOn)
                #expect(out.getInteger(at: out.readerIndex, as: UInt8.self) == 0xC2)
                let answer = try decoder.next(from: &out)
                #expect(answer == binary(message))
            }
        }
    }
}
