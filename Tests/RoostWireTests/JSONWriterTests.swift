import Foundation
import NIOCore
import RoostCore
import RoostWire
import Testing

@Suite struct JSONWriterTests {
    @Test(arguments: [
        ("", #""""#), ("a", #""a""#), ("\"", #""\"""#), ("\\", #""\\""#), ("/", #""/""#), ("\n\r\t", #""\n\r\t""#),
        ("\0\u{1}\u{8}\u{B}\u{C}\u{1F}", #""\u0000\u0001\u0008\u000b\u000c\u001f""#), ("\u{7F}", "\"\u{7F}\""),
        ("é🐦\u{2028}", "\"é🐦\u{2028}\""), ("a\"b\\c", #""a\"b\\c""#), ("\"\"", #""\"\"""#), ("x\n", #""x\n""#),
    ])
    func aStringIsEscapedAsNeededAndNoFurther(_ text: String, _ expected: String) {
        #expect(Array(written { $0.putString(text) }.utf8) == Array(expected.utf8))
        #expect(JSONText.string(text) == json(expected))
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            let text = generator.text(upTo: 24)
            let object = "{\"a\":" + written { $0.putString(text) } + "}"
            let read = try withFields(object) { try $0.string("a") }
            #expect(read.map { Array($0.utf8) } == Array(text.utf8))
        }
    }

    @Test func whatIsWrittenOthersReadToo() throws {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<500 {
            // Foundation takes U+FEFF for a byte order mark, wherever it stands.
            let text = String(
                String.UnicodeScalarView(generator.text(upTo: 24).unicodeScalars.filter { $0 != "\u{FEFF}" }))
            let data = Data(written { $0.putString(text) }.utf8)
            let read = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed) as? String
            #expect(read.map { Array($0.utf8) } == Array(text.utf8))
        }
    }

    @Test func textThatIsNoNativeStringIsWrittenToo() {
        let text = "xxab\"cdyy".dropFirst(2).dropLast(2)
        #expect(written { $0.putString(String(text)) } == #""ab\"cd""#)
    }

    @Test func numbersBoolsAndListsAreWritten() {
        #expect(written { $0.putNumber(UInt64.max) } == "18446744073709551615")
        #expect(written { $0.putNumber(Int64.min) } == "-9223372036854775808")
        #expect(written { $0.putBool(true) } == "true")
        #expect(written { $0.putBool(false) } == "false")
        #expect(written { $0.putList([] as [Int]) { $0.putNumber($1) } } == "[]")
        #expect(written { $0.putList([1]) { $0.putNumber($1) } } == "[1]")
        #expect(written { $0.putList([1, 2, 3]) { $0.putNumber($1) } } == "[1,2,3]")
        #expect(written { $0.putJSON(json("[ 1 ]")) } == "[ 1 ]")
        #expect(written { $0.field("k", "v\"") } == #","k":"v\"""#)
        #expect(written { $0.field("k", -7) } == #","k":-7"#)
    }

    @Test func writingAppends() {
        let text = written { out in
            out.put("[")
            out.putString("a")
            out.put(",")
            out.putTime(.example)
            out.put("]")
        }
        #expect(text == #"["a","2026-11-21T02:30:52.123Z"]"#)
    }
}
