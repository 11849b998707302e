import NIOCore
import RoostCore
import RoostWire
import Testing

func deflated(_ payload: [UInt8], _ deflater: Deflater = Deflater()) -> [UInt8] {
    var out = ByteBuffer()
    payload.withUnsafeBytes { deflater.deflate($0, into: &out) }
    return Array(out.readableBytesView)
}

func inflated(
    _ payload: [UInt8], _ inflater: Inflater = Inflater(), limit: Int = 1 << 20
) throws(Inflater.Failure) -> [UInt8] {
    Array(try inflater.inflate(ByteBuffer(bytes: payload), atMost: limit).readableBytesView)
}

/// Like what people write: words that come again.
func chatter(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    let words = ["the ", "room ", "message ", "\"content\":", "hello ", "wörld ", "日本 ", "1234 "]
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += generator.oneIn(5) ? generator.bytes(3) : Array(generator.pick(words).utf8) }
    return Array(bytes.prefix(count))
}

/// RFC 7692 section 7.2.
@Suite struct DeflateTests {
    /// The examples of section 7.2.3, as payloads of "Hello".
    static let hellos: [[UInt8]] = [
        [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        // A block without compression, a stream that has ended, two blocks.
        [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
        [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
        [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
    ]

    @Test(arguments: hellos)
    func theExamplesOfTheRFC(_ payload: [UInt8]) throws {
        #expect(try inflated(payload) == Array("Hello".utf8))
    }

    @Test func aSecondMessageMayReferToTheFirst() throws {
        let inflater = Inflater(keepsContext: true)
        #expect(try inflated(Self.hellos[0], inflater) == Array("Hello".utf8))
        #expect(try inflated([0xF2, 0x00, 0x11, 0x00, 0x00], inflater) == Array("Hello".utf8))
        // Not where each is by itself.
        let forgetful = Inflater()
        #expect(try inflated(Self.hellos[0], forgetful) == Array("Hello".utf8))
        #expect(throws: Inflater.Failure.corrupt) { try inflated([0xF2, 0x00, 0x11, 0x00, 0x00], forgetful) }
        // And a bad message does no harm to the next.
        #expect(try inflated(Self.hellos[0], forgetful) == Array("Hello".utf8))
    }

    @Test func emptyMessages() throws {
        #expect(deflated([]) == [0])
        #expect(try inflated([0]) == [])
        #expect(try inflated([]) == [])
        let (deflater, inflater) = (Deflater(keepsContext: true), Inflater(keepsContext: true))
        for message in [[], [], [7, 7, 7], [], [7, 7, 7]] as [[UInt8]] {
            #expect(try inflated(deflated(message, deflater), inflater) == message)
        }
    }

    @Test(arguments: [9, 10, 12, 15], [true, false])
    func whatGoesInComesOut(_ bits: Int, _ keepsContext: Bool) throws {
        let deflater = Deflater(windowBits: bits, keepsContext: keepsContext)
        let inflater = Inflater(windowBits: bits, keepsContext: keepsContext)
        var generator = SeededGenerator(seed: bits)
        for length in [1, 2, 100, 128, 1000, 16_383, 16_384, 16_385, 70_000, 300_000, 5] {
            for message in [generator.bytes(length), chatter(length, &generator), [UInt8](repeating: 0, count: length)]
            {
                #expect(try inflated(deflated(message, deflater), inflater) == message)
            }
        }
        #expect(deflater.tally.messages == 33)
        #expect(inflater.messages == 33)
        #expect(deflater.tally.bytesAfter < deflater.tally.bytesBefore)
    }

    @Test func withoutContextAMessageIsAlwaysTheSameBytes() {
        let deflater = Deflater()
        var generator = SeededGenerator(seed: 1)
        let message = chatter(1000, &generator)
        let first = deflated(message, deflater)
        _ = deflated(chatter(5000, &generator), deflater)
        #expect(deflated(message, deflater) == first)
        let remembering = Deflater(keepsContext: true)
        #expect(deflated(message, remembering) == first)
        #expect(deflated(message, remembering).count < first.count / 4)
    }

    @Test(arguments: 1...30)
    func whatWasCutOffIsNoMessage(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let message = chatter(50 + generator.below(400), &generator)
        let payload = deflated(message)
        for count in 1..<payload.count {
            // Where a block ends a stream may end; then at least it is not taken for the whole.
            let rest = try? inflated(Array(payload.prefix(count)))
            #expect(rest != message)
        }
    }

    @Test func rubbishIsRefused() {
        for payload in [[0xFF], [0x07], [0xF2, 0x48, 0xCD], [0x00, 0x05, 0x00, 0xFA, 0xFE, 0x48]] as [[UInt8]] {
            #expect(throws: Inflater.Failure.corrupt) { try inflated(payload) }
        }
        Fuzz.run("inflate", perSecond: 2000) { generator in
            var payload = deflated(chatter(generator.below(300), &generator))
            Fuzz.mutate(&payload, Array(0...255), &generator)
            let inflater = Inflater()
            let result = try? inflated(payload, inflater, limit: 1000)
            if let result, result.count > 1000 { return "\(result.count) bytes came out of \(payload)" }
            // Whatever it was, the next message is read.
            return (try? inflated(Self.hellos[0], inflater)) == Array("Hello".utf8)
                ? nil : "not usable after \(payload)"
        }
    }
}

/// What is small on the wire and large in memory.
@Suite struct BombTests {
    @Test(arguments: [0, 1, 999, 16_384, 65_536])
    func theLimitIsWhatComesOut(_ limit: Int) throws {
        let payload = deflated([UInt8](repeating: 0, count: limit))
        #expect(try inflated(payload, limit: limit).count == limit)
        let more = deflated([UInt8](repeating: 0, count: limit + 1))
        #expect(throws: Inflater.Failure.tooBig) { try inflated(more, limit: limit) }
    }

    @Test func aBombIsNotInflatedFurtherThanItMay() throws {
        // 64 MiB of nothing in 64 KiB. Inflating all of it would take long enough to be seen in the sum.
        let bomb = deflated([UInt8](repeating: 0, count: 64 << 20))
        #expect(bomb.count < 320_000)
        let inflater = Inflater()
        let clock = ContinuousClock()
        let time = clock.measure {
            for _ in 0..<1000 {
                #expect(throws: Inflater.Failure.tooBig) { try inflated(bomb, inflater, limit: 65_536) }
            }
        }
        #expect(time < .seconds(20), "1000 bombs took \(time)")
    }

    @Test func theDecoderSaysSo() {
        let bomb = deflated([UInt8](repeating: 0x61, count: 1 << 20))
        let frame = RawFrame(reserved: 4, opcode: 1, mask: RawFrame.key, payload: bomb)
        #expect(Reading([frame], inflater: Inflater()) == Reading(outputs: [], violation: .tooBig))
        #expect(Reading([frame], limit: 1 << 20, inflater: Inflater()).outputs.count == 1)
    }
}
