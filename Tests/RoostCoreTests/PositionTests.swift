import RoostCore
import Testing

@Suite struct PositionTests {
    @Test(arguments: ["a", "Z", "0", "aB3", String(repeating: "e", count: 32)])
    func anEpochIsOneTo32LettersAndDigits(_ text: String) {
        #expect(Epoch(text)?.text == text)
        #expect(Epoch(text)?.description == text)
    }

    @Test(arguments: ["", String(repeating: "e", count: 33), "a b", "a_", ".", "a:b", "-", "é", "a\n", "a\0"])
    func anythingElseIsNoEpoch(_ text: String) {
        #expect(Epoch(text) == nil)
    }

    @Test(arguments: [0, 1, 35, 36, 1 << 63, UInt64.max])
    func anEpochOfRandomBitsIsALegalOne(_ bits: UInt64) {
        #expect(Epoch(Epoch(random: bits).text) == Epoch(random: bits))
        #expect(UInt64(Epoch(random: bits).text, radix: 36) == bits)
    }

    @Test(arguments: [
        ("e:0", "e", 0), ("e:42", "e", 42), ("0:0", "0", 0), ("7:007", "7", 7),
        ("e:18446744073709551615", "e", UInt64.max),
        ("EPOCH:1", "EPOCH", 1),
    ])
    func aPositionIsAnEpochAndASeq(_ text: String, _ name: String, _ seq: UInt64) {
        #expect(Position(text) == Position(epoch: epoch(name), seq: seq))
        #expect(Cursor(text) == Cursor(epoch: epoch(name), seq: seq))
    }

    @Test(arguments: [
        "", ":", "e", "e:", ":1", "e:-1", "e:+1", "e: 1", "e:1 ", " e:1", "e:1.0", "e:1e3", "e:0x1", "e::1", "e:f:1",
        "e_:1",
        "e:18446744073709551616", "e:99999999999999999999", "e:１", "e:٣", "e:1\u{301}", "e:\u{301}1", "e:1\0", "e:1\n",
        "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee:1",
    ])
    func anythingElseIsNoPosition(_ text: String) {
        #expect(Position(text) == nil)
        #expect(Cursor(text) == nil)
    }

    @Test(arguments: [("0", 0), ("42", 42), ("00042", 42), ("18446744073709551615", UInt64.max)])
    func aBareSeqIsACursorInThePresentEpoch(_ text: String, _ seq: UInt64) {
        #expect(Cursor(text) == Cursor(epoch: nil, seq: seq))
        #expect(Position(text) == nil)
    }

    @Test(arguments: [
        "", "-1", "+1", " 1", "1 ", "1.5", "1e3", "0x1F", "18446744073709551616", "１", "1\u{301}", "latest",
    ])
    func anythingElseIsNoCursor(_ text: String) {
        #expect(Cursor(text) == nil)
    }

    @Test func whatAPositionWritesItReads() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            let seq = UInt64.random(in: .min ... .max >> UInt64(generator.below(64)), using: &generator)
            let position = Position(epoch: Epoch(random: generator.next()), seq: seq)
            #expect(Position(position.description) == position)
            #expect(Cursor(position.description) == Cursor(position))
        }
    }

    @Test func timesCompareAndAddInMilliseconds() {
        #expect(Moment.at(5) + 7 == .at(12))
        #expect(Moment.at(5) - .at(7) == -2)
        #expect(Moment.at(-1) < .at(0))
        #expect(Timestamp(milliseconds: 1) > Timestamp(milliseconds: 0))
    }
}

/// Random texts near positions: whatever is read is written again as the same place.
@Suite struct PositionFuzzTests {
    private static let alphabet = Array("aZ09:::  -+_.eE/\u{301}é١\0\n".unicodeScalars)

    private func text(_ generator: inout SeededGenerator) -> String {
        var text = Array(
            "\(Position(epoch: Epoch(random: generator.next()), seq: generator.next() >> 8))".unicodeScalars)
        if generator.oneIn(3) { text = Array("\(generator.next() >> UInt64(generator.below(60)))".unicodeScalars) }
        for _ in 0..<generator.below(4) {
            let at = generator.below(text.count + 1)
            let scalar = Self.alphabet[generator.below(Self.alphabet.count)]
            switch generator.below(3) {
            case 0: text.insert(scalar, at: at)
            case 1 where at < text.count: text[at] = scalar
            case 2 where at < text.count: text.remove(at: at)
            default: text += text.suffix(generator.below(24))
            }
        }
        return String(String.UnicodeScalarView(text))
    }

    @Test func whateverIsReadIsLegalAndTheSamePlaceAgain() {
        var read = 0
        Fuzz.run("positions", perSecond: 50_000) { generator in
            let text = text(&generator)
            let (position, cursor) = (Position(text), Cursor(text))
            if let position {
                read += 1
                let epoch = position.epoch.text.utf8
                guard (1...32).contains(epoch.count), Position(position.description) == position,
                    cursor == Cursor(position)
                else { return "\(text.debugDescription) gives \(position)" }
            } else if let cursor {
                read += 1
                guard cursor.epoch == nil, Cursor("\(cursor.seq)") == cursor,
                    text.drop(while: { $0 == "0" }) == (cursor.seq == 0 ? "" : "\(cursor.seq)")
                else { return "\(text.debugDescription) gives \(cursor)" }
            }
            return nil
        }
        // Were everything refused, nothing but the refusal would be tested.
        #expect(read > 0 || !Fuzz.isBroad)
    }
}
