import NIOCore
import RoostCore
import RoostWire
import Testing

/// No peer makes the decoder keep more than a message may have.
@Suite struct WebSocketLimitTests {
    private func header(_ length: UInt64, opcode: UInt8 = 2, isFinal: Bool = true) -> RawFrame {
        RawFrame(isFinal: isFinal, opcode: opcode, mask: RawFrame.key, announced: length)
    }

    @Test(arguments: [101, 65_536, 1 << 20, 1 << 30, 1 << 31, 1 << 32, 1 << 62, UInt64(Int64.max)])
    func aFrameThatIsTooLongFailsWithItsHeader(_ length: UInt64) {
        for opcode in [UInt8(1), 2] {
            #expect(Reading([header(length, opcode: opcode)], limit: 100) == Reading(outputs: [], violation: .tooBig))
        }
    }

    @Test(arguments: [1 << 63, UInt64.max])
    func aLengthWithTheTopBitIsNoLength(_ length: UInt64) {
        for opcode in [UInt8(1), 2, 9] {
            #expect(Reading([header(length, opcode: opcode)]) == Reading(outputs: [], violation: .protocolError))
        }
    }

    @Test func aMessageOfExactlyTheLimitIsFine() {
        let payload = [UInt8](repeating: 1, count: 100)
        #expect(Reading([.binary(payload)], limit: 100) == Reading(outputs: [binary(payload)]))
        #expect(Reading([.binary(payload + [1])], limit: 100).violation == .tooBig)
        let halves: [RawFrame] = [.binary(Array(payload[..<50]), isFinal: false), .more(Array(payload[50...]))]
        #expect(Reading(halves, limit: 100) == Reading(outputs: [binary(payload)]))
    }

    @Test func fragmentsTogetherAreNoLongerThanAMessage() {
        let part = [UInt8](repeating: 1, count: 40)
        let frames: [RawFrame] = [.binary(part, isFinal: false), .more(part, isFinal: false), header(21, opcode: 0)]
        #expect(Reading(frames, limit: 100).violation == .tooBig)
        #expect(Reading(frames, limit: 101).violation == nil)
    }

    @Test func everyMessageHasTheWholeLimit() {
        let part = [UInt8](repeating: 1, count: 60)
        let twice: [RawFrame] = [
            .binary(part, isFinal: false), .more([]), .binary(part, isFinal: false), .more([]), .binary(part),
        ]
        #expect(Reading(twice, limit: 100) == Reading(outputs: [binary(part), binary(part), binary(part)]))
    }

    @Test func controlFramesDoNotCountForTheMessage() {
        let pings = [RawFrame](repeating: .control(9, [UInt8](repeating: 1, count: 125)), count: 10)
        let reading = Reading([.text("a", isFinal: false)] + pings + [.more("b")], limit: 2)
        #expect(reading.outputs.last == text("ab"))
        #expect(reading.violation == nil)
    }

    @Test func anEmptyFragmentCountsAsAByteSoThatThereIsAnEnd() {
        func endless(_ count: Int) -> [RawFrame] {
            [.binary([], isFinal: false)] + [RawFrame](repeating: .more([], isFinal: false), count: count - 1)
        }
        #expect(Reading(endless(100), limit: 100).violation == nil)
        #expect(Reading(endless(101), limit: 100).violation == .tooBig)
        // The last one ends the message and costs nothing.
        #expect(Reading(endless(100) + [.more([])], limit: 100) == Reading(outputs: [binary([])]))
    }

    @Test func aHeaderByItselfKeepsNothing() throws {
        var decoder = WebSocketDecoder(side: .server, maxMessageBytes: 1 << 30)
        var buffer = ByteBuffer(bytes: header(1 << 30).bytes)
        let output = try decoder.next(from: &buffer)
        #expect(output == nil)
        #expect(buffer.readableBytes == 0)
        #expect(buffer.capacity < 1024)
    }

    @Test func whatHasBeenLookedAtIsConsumed() throws {
        var decoder = WebSocketDecoder(side: .server, maxMessageBytes: 1000)
        var buffer = ByteBuffer()
        for byte in RawFrame.binary([UInt8](repeating: 9, count: 300)).bytes.dropLast() {
            buffer.writeInteger(byte)
            let output = try decoder.next(from: &buffer)
            #expect(output == nil)
            // At most a header's worth waits.
            #expect(buffer.readableBytes < 14)
        }
    }
}
