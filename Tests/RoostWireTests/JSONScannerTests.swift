import RoostWire
import Testing

/// RFC 8259, edge by edge.
@Suite struct JSONScannerTests {
    private typealias Problem = JSONScanner.Problem

    private func span(_ text: String) throws(Problem) -> Range<Int> {
        let bytes = Array(text.utf8)
        var result: Result<Range<Int>, Problem> = .failure(.tooDeep)
        bytes.withUnsafeBytes { bytes in
            do throws(Problem) { result = .success(try JSONScanner.validate(bytes)) } catch { result = .failure(error) }
        }
        return try result.get()
    }

    private func problem(_ text: String) -> Problem? {
        do throws(Problem) {
            _ = try span(text)
            return nil
        } catch { return error }
    }

    @Test(arguments: [
        "0", "-0", "1", "-1", "10", "123456789012345678901234567890", "0.0", "-0.5", "1.25", "1e0", "1E5", "1e+5",
        "1e-5",
        "0e0", "0.1e1", "1e999", "-1.5E-07",
    ])
    func numbers(_ text: String) {
        #expect(problem(text) == nil)
    }

    @Test(arguments: [
        "-", "+1", "01", "-01", "00", ".5", "1.", "-.5", "1.e5", "1e", "1e+", "1E-", "1e5.5", "0x1", "1_000", "1,5",
        "NaN", "Infinity", "-Infinity", "--1", "1-", "١", "1 2", "- 1", "1.-1", "1e 5", "0-",
    ])
    func noNumbers(_ text: String) {
        #expect(problem(text) != nil)
    }

    @Test(arguments: [
        #""""#, #""a""#, #""\"""#, #""\\""#, #""\/""#, #""\b\f\n\r\t""#, #""\u0000""#, #""\uFFFF""#, #""\uabCD""#,
        #""\ud83d\ude00""#, #""é🐦""#, #""'""#, "\"\u{7F}\"", "\"\u{2028}\"", #""\\\"""#, #""\u00e9x""#,
    ])
    func strings(_ text: String) {
        #expect(problem(text) == nil)
    }

    @Test(arguments: [
        "\"", #""a"#, "a", "'a'", #""\""#, #""\"#, #""\x""#, #""\a""#, #""\0""#, #""\U0041""#, #""\u""#, #""\u1""#,
        #""\u123""#, #""\u12G4""#, #""\u 123""#, #""\u123"#, #""\u1234"#, "\"\n\"", "\"\t\"", "\"\0\"", "\"\u{1F}\"",
        #""a"b"#, #""a""b""#, #"\u0022a""#, #""\u+123""#, #""\u-123""#,
    ])
    func noStrings(_ text: String) {
        #expect(problem(text) != nil)
    }

    @Test(arguments: [
        "true", "false", "null", "[]", "{}", "[[]]", "[{}]", "[1,2]", #"{"":0}"#, #"{"a":1,"a":2}"#, #"{"a":{"b":[]}}"#,
        "[null,true,false]", " [ 1 , 2 ] ", "\t{ \"a\" :\r\n1 , \"b\":2}\n",
    ])
    func literalsArraysAndObjects(_ text: String) {
        #expect(problem(text) == nil)
    }

    @Test(arguments: [
        "", " ", "\n", "tru", "True", "nul", "nulll", "truefalse", "true false", "[", "]", "{", "}", "[1", "[1,",
        "[1,]", "[,1]",
        "[,]", "[1 2]", "[1,,2]", "{,}", "{1:2}", "{a:1}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#,
        #"{"a":1 "b":2}"#,
        #"{"a":1"#, #"{"a":1]"#, "[1}", "[]]", "{}{}", "{}[]", "[] x", "// c\n1", "/* c */1", "1//", "\u{FEFF}1",
        "\u{A0}1",
        "\u{0B}1", "\u{0C}1", "1\0", "\u{2028}1", "undefined", #"{"a":1;}"#, "[\"a\",\n", #"{"a"::1}"#, #"{null:1}"#,
        "&",
    ])
    func anythingElseIsNoJSON(_ text: String) {
        #expect(problem(text) != nil)
    }

    @Test(arguments: [
        ("", 0), ("  x", 2), ("[1,]", 3), (#"{"a":tru}"#, 8), (#""ab"#, 3), ("1 2", 2), (#"{"a" 1}"#, 5), ("[1", 2),
        ("{}}", 2), ("-x", 1),
    ])
    func theProblemSaysAtWhichByte(_ text: String, _ at: Int) {
        #expect(problem(text) == .malformed(at: at))
    }

    @Test(arguments: [
        (" 12 ", 1..<3), ("\t\r\n \"a\" ", 4..<7), ("{}", 0..<2), (" [1, 2]\n", 1..<7), ("null", 0..<4),
        ("-1.5e3 ", 0..<6),
    ])
    func theSpanOfAValueIsWithoutTheSpaceAroundIt(_ text: String, _ expected: Range<Int>) throws {
        #expect(try span(text) == expected)
    }

    @Test(arguments: [("[", "]"), (#"{"a":"#, "}")])
    func nestingIsAllowedUpTo64Levels(_ open: String, _ close: String) {
        for (inside, fits) in [("1", 64), ("", 64)] {
            // An object needs something inside.
            let inside = open == "[" || !inside.isEmpty ? inside : "{}"
            let levels = inside == "{}" ? fits - 1 : fits
            func nested(_ count: Int) -> String {
                String(repeating: open, count: count) + inside + String(repeating: close, count: count)
            }
            #expect(problem(nested(levels)) == nil)
            #expect(problem(nested(levels + 1)) == .tooDeep)
        }
    }

    @Test func nestingThatNeverEndsFailsEarly() {
        #expect(problem(String(repeating: "[", count: 1_000_000)) == .tooDeep)
        #expect(problem(String(repeating: #"{"a":["#, count: 100_000)) == .tooDeep)
    }

    @Test func widthIsNoDepth() {
        #expect(problem("[" + String(repeating: "[[]],", count: 10_000) + "0]") == nil)
    }

    @Test func everyPrefixOfAnObjectIsIncomplete() {
        let text = #"{"a":[1.5e3,"\ud83d\ude00",{"b":null,"c":[true,false]}],"d":-0}"#
        for length in 0..<text.utf8.count {
            #expect(problem(String(decoding: text.utf8.prefix(length), as: UTF8.self)) != nil)
        }
        #expect(problem(text) == nil)
    }

    @Test func theNextByteIsTheFirstThatIsNoSpace() {
        for (text, next) in [(" \t\r\n{", UInt8(ascii: "{")), ("x", UInt8(ascii: "x")), ("  ", 0), ("", 0)] {
            Array(text.utf8).withUnsafeBytes { #expect(JSONScanner($0).next == next) }
        }
    }
}
