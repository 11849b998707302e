import NIOCore
import RoostCore
import RoostWire
import Testing

/// Inputs at the far edge of what the bytes can say.
@Suite struct EdgeTests {
    @Test func aContinuationOfAnImpossibleLengthFailsWithItsHeader() {
        let huge = RawFrame(isFinal: true, opcode: 0, mask: RawFrame.key, announced: UInt64(Int64.max))
        #expect(Reading([.binary([1], isFinal: false), huge], limit: 100) == Reading(outputs: [], violation: .tooBig))
        #expect(Reading([.text("", isFinal: false), huge], limit: 100) == Reading(outputs: [], violation: .tooBig))
    }

    @Test func anUnknownTypeIsNamedShortlyWhateverItsCharacters() throws {
        let type = "x" + String(repeating: "\u{301}", count: 10_000)
        let decoded = NativeDecoder.decode(ByteBuffer(string: #"{"type":"\#(type)"}"#))
        guard case .failure(let refusal) = decoded else {
            Issue.record("an unknown type was taken")
            return
        }
        #expect(refusal.failure.reason.utf8.count < 400)
    }
}
