import NIOCore
import RoostCore
import RoostWire
import Testing

/// What goes in comes out, by whichever way.
@Suite struct WebSocketEchoTests {
    /// What an echo has made of some bytes that came in pieces which end at `cuts`.
    struct Answer: Equatable {
        var reading: Reading
        var goesOn = true

        init(_ bytes: [UInt8], cuts: [Int] = [], limit: Int = 65_536) {
            var echo = WebSocketEcho(maxMessageBytes: limit)
            var (buffer, out) = (ByteBuffer(), ByteBuffer())
            var from = 0
            for cut in cuts + [bytes.count] where goesOn {
                buffer.writeBytes(bytes[from..<cut])
                from = cut
                goesOn = echo.answer(&buffer, into: &out)
            }
            reading = Reading(Array(out.readableBytesView), side: .client, limit: limit)
            // Which reason is given is for people.
            reading.outputs = reading.outputs.map { output in
                if case .close(let code, _) = output { .close(code: code) } else { output }
            }
        }

        init(_ outputs: [WebSocketDecoder.Output], goesOn: Bool = true) {
            reading = Reading(outputs: outputs)
            self.goesOn = goesOn
        }
    }

    /// What answers these.
    private func answers(_ outputs: [WebSocketDecoder.Output]) -> Answer {
        var isClosed = false
        let answers = outputs.compactMap { output -> WebSocketDecoder.Output? in
            switch output {
            case .ping(let payload): return .pong(payload)
            case .pong: return nil
            case .close(let code, _):
                isClosed = true
                return .close(code: code)
            case .text, .binary: return output
            }
        }
        return Answer(answers, goesOn: !isClosed)
    }

    @Test(arguments: 1...40)
    func anySplitIsAnsweredAlike(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let stream = WebSocketSplitTests.Stream(&generator, side: .server)
        let expected = answers(stream.outputs)
        for cut in 0...stream.bytes.count { #expect(Answer(stream.bytes, cuts: [cut]) == expected, "cut at \(cut)") }
        #expect(Answer(stream.bytes, cuts: Array(0..<stream.bytes.count)) == expected)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 70_000])
    func aMessageOfAnyLength(_ length: Int) {
        var generator = SeededGenerator(seed: length)
        let payload = generator.bytes(length)
        let bytes = RawFrame.binary(payload, mask: generator.bytes(4)).bytes
        #expect(Answer(bytes, limit: 70_000) == Answer([binary(payload)]))
        #expect(Answer(bytes, cuts: [bytes.count / 2], limit: 70_000) == Answer([binary(payload)]))
        let letters = String(repeating: "x", count: length)
        #expect(Answer(RawFrame.text(letters).bytes, limit: 70_000) == Answer([text(letters)]))
    }

    @Test func theFrameThatComesBackIsWrittenAsShortAsCanBe() {
        for bits in [16, 64] {
            var echo = WebSocketEcho(maxMessageBytes: 100)
            var frame = RawFrame.text("hello")
            frame.lengthBits = bits
            var (buffer, out) = (ByteBuffer(bytes: frame.bytes), ByteBuffer())
            let goesOn = echo.answer(&buffer, into: &out)
            #expect(goesOn)
            #expect(Array(out.readableBytesView) == [0x81, 5] + Array("hello".utf8))
        }
    }

    @Test func whatIsWrongIsSaidAndWhatWasRightIsAnswered() {
        let wrong: [(RawFrame, CloseCode)] = [
            (.text("x", mask: nil), .protocolError), (.more("x"), .protocolError), (.close(1005), .protocolError),
            (RawFrame(reserved: 4, opcode: 1, mask: RawFrame.key), .protocolError),
            (RawFrame(opcode: 3, mask: RawFrame.key), .protocolError),
            (RawFrame(opcode: 1, mask: RawFrame.key, payload: [0x61, 0xFF, 0x61]), .badUTF8),
            (RawFrame(opcode: 1, mask: RawFrame.key, payload: [0x61, 0xC3]), .badUTF8),
            (.binary([UInt8](repeating: 0, count: 101)), .tooBig),
            (RawFrame(opcode: 2, mask: RawFrame.key, announced: 1 << 40), .tooBig),
        ]
        for (frame, code) in wrong {
            let bytes = RawFrame.text("first").bytes + frame.bytes + RawFrame.text("last").bytes
            let expected = Answer([text("first"), .close(code: code.rawValue)], goesOn: false)
            #expect(Answer(bytes, limit: 100) == expected)
            #expect(Answer(bytes, cuts: Array(0..<bytes.count), limit: 100) == expected)
        }
    }

    @Test func aWholeFrameInsideAMessageIsNoMessage() {
        let bytes = RawFrame.text("a", isFinal: false).bytes + RawFrame.text("b").bytes
        #expect(Answer(bytes) == Answer([.close(code: CloseCode.protocolError.rawValue)], goesOn: false))
    }

    @Test(arguments: 1...40)
    func messagesForOthersAreKeptApart(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let stream = WebSocketSplitTests.Stream(&generator, side: .server)
        let expected = answers(stream.outputs).reading.outputs
        for cut in 0...stream.bytes.count {
            var echo = WebSocketEcho(maxMessageBytes: 65_536, isShared: true)
            var (buffer, own, shared) = (ByteBuffer(), ByteBuffer(), ByteBuffer())
            var goesOn = true
            for piece in [stream.bytes[..<cut], stream.bytes[cut...]] where goesOn {
                buffer.writeBytes(piece)
                goesOn = echo.answer(&buffer, into: &own)
                if var frames = echo.takeShared() { shared.writeBuffer(&frames) }
            }
            let forOthers = Reading(Array(shared.readableBytesView), side: .client).outputs
            let forAuthor = Reading(Array(own.readableBytesView), side: .client).outputs
            #expect(forOthers == expected.filter(\.isMessage), "cut at \(cut)")
            #expect(forAuthor == expected.filter { !$0.isMessage }, "cut at \(cut)")
        }
    }

    @Test func aCloseWithoutACodeIsAnsweredWithOneWithoutACode() {
        #expect(Answer(RawFrame.control(8).bytes) == Answer([.close(code: nil)], goesOn: false))
    }
}

extension WebSocketDecoder.Output {
    fileprivate var isMessage: Bool {
        switch self {
        case .text, .binary: true
        case .ping, .pong, .close: false
        }
    }
}
