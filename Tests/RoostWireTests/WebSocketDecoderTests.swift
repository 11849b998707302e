import NIOCore
import RoostCore
import RoostWire
import Testing

/// RFC 6455 section 5, rule by rule.
@Suite struct WebSocketDecoderTests {
    @Test func theExamplesOfTheRFC() {
        // Section 5.7.
        let hello: [UInt8] = [0x48, 0x65, 0x6C, 0x6C, 0x6F]
        #expect(Reading([0x81, 0x05] + hello, side: .client) == Reading(outputs: [text("Hello")]))
        #expect(
            Reading([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
                == Reading(outputs: [text("Hello")]))
        #expect(
            Reading([0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F], side: .client)
                == Reading(outputs: [text("Hello")]))
        #expect(Reading([0x89, 0x05] + hello, side: .client) == Reading(outputs: [.ping(ByteBuffer(bytes: hello))]))
        #expect(
            Reading([0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
                == Reading(outputs: [.pong(ByteBuffer(bytes: hello))]))
        for length in [256, 65_536] {
            let payload = [UInt8](repeating: 7, count: length)
            #expect(Reading([.binary(payload, mask: nil)], side: .client) == Reading(outputs: [binary(payload)]))
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 7, 8, 9, 125, 126, 127, 128, 65_535, 65_536, 70_000])
    func aFrameOfAnyLengthIsRead(_ length: Int) {
        var generator = SeededGenerator(seed: length)
        let payload = generator.bytes(length)
        let key = generator.bytes(4)
        #expect(Reading([.binary(payload, mask: key)], limit: 70_000) == Reading(outputs: [binary(payload)]))
        #expect(
            Reading([.binary(payload, mask: nil)], side: .client, limit: 70_000) == Reading(outputs: [binary(payload)]))
    }

    @Test func severalFramesInOneReadAreReadOneByOne() {
        let frames: [RawFrame] = [
            .text("a"), .binary([1, 2]), .control(9, [3]), .text(""), .control(10), .close(1000),
        ]
        #expect(
            Reading(frames)
                == Reading(outputs: [
                    text("a"), binary([1, 2]), .ping(ByteBuffer(bytes: [3])), text(""), .pong(ByteBuffer()),
                    .close(code: 1000),
                ]))
    }

    @Test func fragmentsAreOneMessage() {
        #expect(
            Reading([.text("one ", isFinal: false), .more("two ", isFinal: false), .more("three")])
                == Reading(outputs: [text("one two three")]))
        #expect(
            Reading([.binary([1], isFinal: false), .more([2], isFinal: false), .more([], isFinal: false), .more([3])])
                == Reading(outputs: [binary([1, 2, 3])]))
    }

    @Test func emptyFragmentsAreFragmentsToo() {
        #expect(Reading([.text("", isFinal: false), .more("")]) == Reading(outputs: [text("")]))
        #expect(
            Reading([.text("", isFinal: false), .more("", isFinal: false), .more("x")]) == Reading(outputs: [text("x")])
        )
        #expect(Reading([.text("x", isFinal: false), .more("")]) == Reading(outputs: [text("x")]))
    }

    @Test func controlFramesMayStandBetweenFragments() {
        #expect(
            Reading([
                .text("a", isFinal: false), .control(9, [1]), .more("b", isFinal: false), .control(10, [2]), .more("c"),
            ])
                == Reading(outputs: [.ping(ByteBuffer(bytes: [1])), .pong(ByteBuffer(bytes: [2])), text("abc")]))
        #expect(
            Reading([.text("a", isFinal: false), .close(1001)]) == Reading(outputs: [.close(code: 1001)]))
    }

    @Test func aMessageAfterAFragmentedOneIsItsOwn() {
        #expect(
            Reading([.binary([0xFF], isFinal: false), .more([0xFE]), .text("é"), .binary([0xFF]), .text("x")])
                == Reading(outputs: [binary([0xFF, 0xFE]), text("é"), binary([0xFF]), text("x")]))
    }

    @Test func aCharacterMayBeSplitBetweenFragments() {
        let bird = Array("🐦".utf8)
        for cut in 0...4 {
            let frames: [RawFrame] = [
                RawFrame(isFinal: false, opcode: 1, mask: RawFrame.key, payload: Array(bird[..<cut])),
                .control(9), .more(Array(bird[cut...])),
            ]
            #expect(Reading(frames) == Reading(outputs: [.ping(ByteBuffer()), text("🐦")]))
        }
    }

    // MARK: What breaks the protocol

    @Test(arguments: 1...7)
    func aReservedBitIsRefused(_ reserved: Int) {
        for frame in [RawFrame.text("x"), .binary([1]), .control(9), .control(8)] {
            var frame = frame
            frame.reserved = UInt8(reserved)
            #expect(Reading([frame]) == Reading(outputs: [], violation: .protocolError))
        }
    }

    @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    func anUnknownOpcodeIsRefused(_ opcode: Int) {
        #expect(
            Reading([RawFrame(opcode: UInt8(opcode), mask: RawFrame.key)])
                == Reading(outputs: [], violation: .protocolError))
    }

    @Test func clientsMustMaskAndServersMustNot() {
        for frame in [
            RawFrame.text("x", mask: nil), .text("", mask: nil), .control(9, mask: nil), .control(8, mask: nil),
        ] {
            #expect(Reading([frame]) == Reading(outputs: [], violation: .protocolError))
            #expect(Reading([frame], side: .client).violation == nil)
            var masked = frame
            masked.mask = RawFrame.key
            #expect(Reading([masked]).violation == nil)
            #expect(Reading([masked], side: .client) == Reading(outputs: [], violation: .protocolError))
        }
    }

    @Test func aMaskOfZerosIsAMask() {
        #expect(Reading([.text("x", mask: [0, 0, 0, 0])]) == Reading(outputs: [text("x")]))
    }

    @Test(arguments: [8, 9, 10])
    func aControlFrameIsWholeAndAtMost125BytesLong(_ opcode: Int) {
        let opcode = UInt8(opcode)
        let start: [UInt8] = opcode == 8 ? [0x03, 0xE8] : []
        let filler = [UInt8](repeating: 0x61, count: 126)
        #expect(Reading([.control(opcode, start + filler.prefix(125 - start.count))]).violation == nil)
        #expect(Reading([.control(opcode, start + filler.prefix(126 - start.count))]).violation == .protocolError)
        var fragment = RawFrame.control(opcode, start)
        fragment.isFinal = false
        #expect(Reading([fragment]).violation == .protocolError)
    }

    @Test func aLongControlFrameIsRefusedBeforeItsPayloadComes() {
        for announced in [126, 65_536, 1 << 30, 1 << 62] as [UInt64] {
            #expect(
                Reading([RawFrame(opcode: 9, mask: RawFrame.key, announced: announced)]).violation == .protocolError)
        }
    }

    @Test func fragmentsMustBeginAndMustNotBeginTwice() {
        #expect(Reading([.more("x")]).violation == .protocolError)
        #expect(Reading([.more("x", isFinal: false)]).violation == .protocolError)
        #expect(Reading([.text("a", isFinal: false), .text("b")]).violation == .protocolError)
        #expect(Reading([.text("a", isFinal: false), .binary([1], isFinal: false)]).violation == .protocolError)
        #expect(Reading([.text("", isFinal: false), .text("b")]).violation == .protocolError)
        #expect(Reading([.text("a"), .more("b")]) == Reading(outputs: [text("a")], violation: .protocolError))
        #expect(
            Reading([.text("a", isFinal: false), .more("b"), .more("c")])
                == Reading(outputs: [text("ab")], violation: .protocolError))
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82], [0x61, 0x80],
        ] as [[UInt8]])
    func textIsUTF8(_ bytes: [UInt8]) {
        let frame = RawFrame(opcode: 1, mask: RawFrame.key, payload: bytes)
        #expect(Reading([frame]) == Reading(outputs: [], violation: .badUTF8))
        #expect(Reading([.binary(bytes)]) == Reading(outputs: [binary(bytes)]))
        #expect(Reading([.text("a", isFinal: false), .more(bytes)]) == Reading(outputs: [], violation: .badUTF8))
    }

    @Test func wrongTextFailsBeforeItsEndComes() {
        // The third byte can't follow; ninety-seven are still missing.
        let frame = RawFrame(opcode: 1, mask: RawFrame.key, payload: [0x61, 0xE2, 0x41], announced: 100)
        #expect(Reading([frame]).violation == .badUTF8)
    }

    @Test func afterACloseTheReasonMustBeUTF8() {
        #expect(Reading([.close(1000, Array("bye 🐦".utf8))]) == Reading(outputs: [.close(code: 1000, reason: "bye 🐦")]))
        #expect(Reading([.close(1000, [0xFF])]) == Reading(outputs: [], violation: .badUTF8))
        #expect(Reading([.close(1000, [0xE2, 0x82])]) == Reading(outputs: [], violation: .badUTF8))
    }

    @Test func aCloseHasNoCodeOrAWholeOne() {
        #expect(Reading([.control(8)]) == Reading(outputs: [.close(code: nil)]))
        #expect(Reading([.control(8, [0x03])]) == Reading(outputs: [], violation: .protocolError))
    }

    static let allowedCodes = Set<UInt16>(
        Array(1000...1003) + Array(1007...1014) + Array(3000...4999))

    @Test func exactlyTheCloseCodesThatMayBeSentAreAllowed() {
        let edges: [UInt16] =
            [0, 1, 999, 2000, 2999, 5000, 5001, 10_000, 65_535] + Array(1000...1020) + [3000, 3999, 4000, 4999]
        for code in edges {
            let expected =
                Self.allowedCodes.contains(code)
                ? Reading(outputs: [.close(code: code)]) : Reading(outputs: [], violation: .protocolError)
            #expect(Reading([.close(code)]) == expected, "\(code)")
        }
    }
}

/// Wrong text is told with the byte that makes it wrong, however far the frame or the message still is from its end.
@Suite struct TextAsItComesTests {
    /// Text that goes wrong, and where: the number of bytes after which no text can begin so.
    static let wrong: [(bytes: [UInt8], at: Int)] = [
        ([0x61, 0xFF, 0x61], 2), ([0xCE, 0xBA, 0xF4, 0x90, 0x80, 0x80, 0x61], 4), ([0xED, 0xA0, 0x80, 0x61], 2),
        ([0xC0, 0x80, 0x61], 1), ([0xE2, 0x82, 0x61, 0x61], 3),
        ([UInt8](repeating: 0x61, count: 20) + [0x80, 0x61], 21),
    ]

    @Test(arguments: wrong.indices)
    func inAFrameThatIsNotThereYet(_ index: Int) {
        let (bytes, at) = Self.wrong[index]
        var frame = RawFrame(opcode: 1, mask: RawFrame.key, payload: bytes)
        frame.announced = 60_000
        frame.lengthBits = 16
        let header = frame.bytes.count - bytes.count
        for count in 0..<at { #expect(Reading(Array(frame.bytes.prefix(header + count))) == Reading(outputs: [])) }
        let reading = Reading(Array(frame.bytes.prefix(header + at)), cuts: [header])
        #expect(reading == Reading(outputs: [], violation: .badUTF8))
        #expect(Reading(Array(frame.bytes.prefix(header + at)), cuts: Array(0..<(header + at))) == reading)
    }

    @Test(arguments: wrong.indices)
    func inAMessageThatIsNotThereYet(_ index: Int) {
        let (bytes, at) = Self.wrong[index]
        for cut in 0..<at {
            let first = RawFrame(isFinal: false, opcode: 1, mask: RawFrame.key, payload: Array(bytes[..<cut]))
            let good = Reading([first, .more(Array(bytes[cut..<(at - 1)]), isFinal: false)])
            let bad = Reading([first, .more(Array(bytes[cut..<at]), isFinal: false)])
            #expect(good == Reading(outputs: []))
            #expect(bad == Reading(outputs: [], violation: .badUTF8))
        }
    }
}
