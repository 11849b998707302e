import NIOCore
import RoostCore
import RoostWire
import Testing

/// However the bytes are cut by the network, the decoder says the same.
@Suite struct WebSocketSplitTests {
    /// Frames of random messages, and what a reader must hear.
    struct Stream {
        var bytes: [UInt8] = []
        var outputs: [WebSocketDecoder.Output] = []

        init(_ generator: inout SeededGenerator, side: WebSocketDecoder.Side) {
            for _ in 0..<(1 + generator.below(5)) {
                let isText = generator.oneIn(2)
                let payload = isText ? Array(generator.text(upTo: 30).utf8) : generator.bytes(generator.below(60))
                var rest = payload[...]
                var isFirst = true
                repeat {
                    if generator.oneIn(4) { add(control: &generator, side) }
                    let count = generator.oneIn(2) ? rest.count : generator.below(rest.count + 1)
                    let piece = Array(rest.prefix(count))
                    rest = rest.dropFirst(count)
                    let isFinal = rest.isEmpty && !generator.oneIn(5)
                    let opcode: UInt8 = isFirst ? (isText ? 1 : 2) : 0
                    add(RawFrame(isFinal: isFinal, opcode: opcode, mask: key(&generator, side), payload: piece))
                    isFirst = false
                    if isFinal { break }
                } while true
                outputs.append(isText ? .text(ByteBuffer(bytes: payload)) : .binary(ByteBuffer(bytes: payload)))
            }
            if generator.oneIn(3) {
                add(RawFrame(opcode: 8, mask: key(&generator, side), payload: [0x03, 0xE8, 0x62]))
                outputs.append(.close(code: 1000, reason: "b"))
            }
        }

        private mutating func add(_ frame: RawFrame) { bytes += frame.bytes }

        private func key(_ generator: inout SeededGenerator, _ side: WebSocketDecoder.Side) -> [UInt8]? {
            side == .server ? generator.bytes(4) : nil
        }

        private mutating func add(control generator: inout SeededGenerator, _ side: WebSocketDecoder.Side) {
            let (payload, isPing) = (generator.bytes(generator.below(8)), generator.oneIn(2))
            add(RawFrame(opcode: isPing ? 9 : 10, mask: key(&generator, side), payload: payload))
            outputs.append(isPing ? .ping(ByteBuffer(bytes: payload)) : .pong(ByteBuffer(bytes: payload)))
        }
    }

    @Test(arguments: 1...40, [WebSocketDecoder.Side.server, .client])
    func anySplitGivesTheSameOutputs(_ seed: Int, _ side: WebSocketDecoder.Side) {
        var generator = SeededGenerator(seed: seed)
        let stream = Stream(&generator, side: side)
        let expected = Reading(outputs: stream.outputs)
        #expect(Reading(stream.bytes, side: side) == expected)
        // In two at every place, byte by byte, and at random.
        for cut in 0...stream.bytes.count {
            #expect(Reading(stream.bytes, cuts: [cut], side: side) == expected, "cut at \(cut)")
        }
        #expect(Reading(stream.bytes, cuts: Array(0..<stream.bytes.count), side: side) == expected)
        for _ in 0..<20 {
            let cuts = (0..<generator.below(12)).map { _ in generator.below(stream.bytes.count + 1) }.sorted()
            #expect(Reading(stream.bytes, cuts: cuts, side: side) == expected, "cuts at \(cuts)")
        }
    }

    @Test(arguments: 0...8)
    func theMaskIsTurnedToWhereverAPieceBegins(_ offset: Int) {
        let payload = (0..<64).map { UInt8($0) }
        let frame = RawFrame.binary(payload, mask: [0x11, 0x22, 0x44, 0x88])
        let start = frame.bytes.count - 64
        for second in offset...(offset + 9) {
            let cuts = [start + offset, start + second]
            #expect(Reading(frame.bytes, cuts: cuts) == Reading(outputs: [binary(payload)]))
        }
    }

    @Test func whatCameBeforeAViolationIsHandedOutHoweverItIsSplit() {
        let broken: [RawFrame] = [
            .text("x", mask: nil), RawFrame(reserved: 4, opcode: 1, mask: RawFrame.key), .more("x"), .close(1005),
            RawFrame(opcode: 1, mask: RawFrame.key, payload: [0x61, 0xFF, 0x61]),
            RawFrame(opcode: 3, mask: RawFrame.key),
            RawFrame(opcode: 2, mask: RawFrame.key, announced: 1 << 40),
        ]
        for frame in broken {
            let bytes = RawFrame.text("first").bytes + RawFrame.control(9).bytes + frame.bytes
            let whole = Reading(bytes)
            #expect(whole.outputs == [text("first"), .ping(ByteBuffer())])
            #expect(whole.violation != nil)
            for cut in 0...bytes.count { #expect(Reading(bytes, cuts: [cut]) == whole) }
            #expect(Reading(bytes, cuts: Array(0..<bytes.count)) == whole)
        }
    }
}
