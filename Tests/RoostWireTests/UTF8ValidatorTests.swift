import RoostWire
import Testing

@Suite struct UTF8ValidatorTests {
    private func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { UTF8Validator.isValid($0) } }

    /// Fed in pieces that end at `cuts`; false as soon as a piece is refused.
    private func isValid(_ bytes: [UInt8], cuts: [Int]) -> Bool {
        var validator = UTF8Validator()
        var from = 0
        for cut in cuts + [bytes.count] {
            guard bytes[from..<cut].withUnsafeBytes({ validator.feed($0) }) else { return false }
            from = cut
        }
        return validator.isComplete
    }

    private func truth(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    @Test func oneAndTwoBytes() {
        for first in UInt8.min ... .max {
            guard isValid([first]) == truth([first]) else {
                Issue.record("\(first)")
                return
            }
            for second in UInt8.min ... .max where isValid([first, second]) != truth([first, second]) {
                Issue.record("\([first, second])")
                return
            }
        }
    }

    /// Every lead byte with the edges of what may follow, split at every place.
    @Test func threeAndFourBytesAtTheEdgesHoweverSplit() {
        let edges: [UInt8] = [
            0x00, 0x22, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF,
        ]
        for first in [0x00, 0x7F, 0x80, 0xBF] + Array(0xC0...UInt8.max) {
            for second in edges {
                for third in edges {
                    for bytes in [
                        [first, second, third], [first, second, third, 0x80], [first, second, third, 0x41],
                    ] {
                        let truth = truth(bytes)
                        let all = [isValid(bytes)] + (0...bytes.count).map { isValid(bytes, cuts: [$0]) }
                        guard all.allSatisfy({ $0 == truth }) else {
                            Issue.record("\(bytes) should be \(truth): \(all)")
                            return
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: 1...20)
    func longTextsWithAFaultOrNoneInRandomPieces(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var bytes = Array(generator.text(upTo: 40).utf8)
            if generator.oneIn(3) { bytes = Array(String(repeating: "plain text ", count: 6).utf8) + bytes }
            if !bytes.isEmpty, generator.oneIn(2) { bytes[generator.below(bytes.count)] = UInt8(generator.below(256)) }
            if !bytes.isEmpty, generator.oneIn(4) { bytes.removeLast() }
            let cuts = (0..<generator.below(6)).map { _ in generator.below(bytes.count + 1) }.sorted()
            #expect(isValid(bytes) == truth(bytes), "\(bytes)")
            #expect(isValid(bytes, cuts: cuts) == truth(bytes), "\(bytes) at \(cuts)")
        }
    }

    @Test func aWrongByteFailsAtOnce() {
        var validator = UTF8Validator()
        let (start, wrong): ([UInt8], [UInt8]) = ([0x61, 0xE2, 0x82], [0x41])
        let isGood = start.withUnsafeBytes { validator.feed($0) }
        #expect(isGood)
        #expect(!validator.isComplete)
        let isBad = wrong.withUnsafeBytes { validator.feed($0) }
        #expect(!isBad)
    }

    @Test func anEmptyTextIsComplete() {
        #expect(isValid([]))
        #expect(UTF8Validator().isComplete)
    }
}
