import RoostCore
import RoostWire
import Testing

/// The fields of `text`, for as long as `body` runs.
func withFields<Value>(_ text: String, _ body: (JSONFields) throws -> Value) throws -> Value {
    try Array(text.utf8).withUnsafeBytes { try body(JSONFields($0)) }
}

@Suite struct JSONFieldsTests {
    private func raw(_ text: String, _ key: StaticString = "a") throws -> String? {
        try withFields(text) { $0.raw(key).map { String(decoding: $0, as: UTF8.self) } }
    }

    private func string(_ text: String) throws -> String? { try withFields(text) { try $0.string("a") } }

    private func mismatch(_ text: String, _ read: (JSONFields) throws -> Void) -> JSONFields.Mismatch? {
        do {
            try withFields(text, read)
            return nil
        } catch { return error as? JSONFields.Mismatch }
    }

    @Test(arguments: [
        (#"{"a":1}"#, "1"), (#"{"a": 1 }"#, "1"), (#"{ "b":2 , "a" : [1, {"x":"}"}] }"#, #"[1, {"x":"}"}]"#),
        (#"{"a":"x y"}"#, #""x y""#), (#"{"b":{"a":1}}"#, nil), ("{}", nil), (#"{"A":1}"#, nil), (#"{"aa":1}"#, nil),
        (#"{"":1}"#, nil), (#"{"a":null}"#, "null"), (#"{"a":-0.50e+01}"#, "-0.50e+01"),
    ])
    func aValueIsFoundAsItStandsInTheText(_ text: String, _ value: String?) throws {
        #expect(try raw(text) == value)
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "2"), (#"{"a":2,"b":3,"a":null}"#, "null"), (#"{"a":1,"\u0061":2}"#, "2"),
        (#"{"\u0061":1,"a":2}"#, "2"),
    ])
    func ofARepeatedKeyTheLastCounts(_ text: String, _ value: String) throws {
        #expect(try raw(text) == value)
    }

    @Test(arguments: [
        (#"{"\u0072oom":1}"#, "1"), (#"{"\u0072\u006f\u006F\u006d":1}"#, "1"), (#"{"ro\u006Fm":1}"#, "1"),
        (#"{"room\u0000":1}"#, nil), (#"{"roo\n":1}"#, nil), (#"{"roo\ud800":1}"#, nil), (#"{"\\room":1}"#, nil),
    ])
    func aKeyMayBeWrittenWithEscapes(_ text: String, _ value: String?) throws {
        #expect(try raw(text, "room") == value)
    }

    @Test func nullCountsAsAbsent() throws {
        try withFields(#"{"a":null}"#) { fields in
            #expect(fields.present("a") == nil)
            let typed: [Any?] = [
                try fields.string("a"), try fields.bool("a"), try fields.unsigned("a"), try fields.strings("a"),
                try fields.object("a"),
            ]
            #expect(typed.count { $0 != nil } == 0)
            #expect(fields.json("a") == .null)
            #expect(fields.json("b") == nil)
        }
    }

    @Test(arguments: [
        (#""""#, ""), (#""x""#, "x"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#""\u0041\u00e9\u20AC""#, "Aé€"),
        (#""\ud83d\ude00""#, "😀"), (#""\uD83D\uDE00!""#, "😀!"), (#""\udbff\udfff""#, "\u{10FFFF}"),
        (#""\ud800\udc00""#, "\u{10000}"), (#""\u0000""#, "\0"), (#""\uffff""#, "\u{FFFF}"), (#""é🐦""#, "é🐦"),
        (#""a\\u0041""#, "a\\u0041"), (#""\\\\""#, "\\\\"), (#""\ud7ff\ue000""#, "\u{D7FF}\u{E000}"),
    ])
    func aStringIsDecoded(_ value: String, _ text: String) throws {
        let decoded = try string("{\"a\":\(value)}")
        #expect(decoded.map { Array($0.utf8) } == Array(text.utf8))
    }

    @Test(arguments: [
        #""\ud800""#, #""\udc00""#, #""\ud800x""#, #""\ud800\u0041""#, #""\ud800\ud800""#, #""\udc00\ud800""#,
        #""\ud800\n""#,
        #""x\ud83d""#, #""\udbff\ue000""#, "1", "true", "[]", "{}", #"["a"]"#,
    ])
    func halfASurrogatePairOrAnotherTypeIsNoString(_ value: String) {
        #expect(mismatch("{\"a\":\(value)}") { _ = try $0.string("a") } == .init("a", "a string"))
    }

    @Test(arguments: [("true", true), ("false", false)])
    func aBoolIsRead(_ value: String, _ expected: Bool) throws {
        #expect(try withFields("{\"a\":\(value)}") { try $0.bool("a") } == expected)
    }

    @Test(arguments: ["0", "1", #""true""#, "[]", "{}"])
    func nothingElseIsABool(_ value: String) {
        #expect(mismatch("{\"a\":\(value)}") { _ = try $0.bool("a") } == .init("a", "true or false"))
    }

    @Test(arguments: [("0", 0), ("7", 7), ("18446744073709551615", UInt64.max)])
    func aWholeNumberIsRead(_ value: String, _ expected: UInt64) throws {
        #expect(try withFields("{\"a\":\(value)}") { try $0.unsigned("a") } == expected)
    }

    @Test(arguments: ["-1", "-0", "1.0", "1e3", "18446744073709551616", #""1""#, "true", "[]", "{}"])
    func nothingElseIsAWholeNumber(_ value: String) {
        let expected = JSONFields.Mismatch("a", "a whole number of 0 or more")
        #expect(mismatch("{\"a\":\(value)}") { _ = try $0.unsigned("a") } == expected)
    }

    @Test func anObjectIsReadAsFields() throws {
        let text = #"{"b":7,"a":{"b":[1,{"c":2}],"a":"in"}}"#
        let inner = try withFields(text) { try $0.object("a")?.string("a") }
        #expect(inner == "in")
        for value in ["1", "[]", #""{}""#, "true"] {
            #expect(mismatch("{\"a\":\(value)}") { _ = try $0.object("a") } == .init("a", "an object"))
        }
    }

    @Test(arguments: [
        ("[]", []), (#"["x"]"#, ["x"]), (#"[ "x" , "\u00e9" ]"#, ["x", "é"]), (#"["a,b","]"]"#, ["a,b", "]"]),
    ])
    func aListOfStringsIsRead(_ value: String, _ expected: [String]) throws {
        #expect(try withFields("{\"a\":\(value)}") { try $0.strings("a") } == expected)
    }

    @Test(arguments: ["{}", #""x""#, "1", "[1]", #"["x",null]"#, #"["x",["y"]]"#, #"["\ud800"]"#])
    func nothingElseIsAListOfStrings(_ value: String) {
        #expect(mismatch("{\"a\":\(value)}") { _ = try $0.strings("a") } == .init("a", "a list of strings"))
    }

    @Test func theElementsOfAnArrayAreAsTheyStandInTheText() {
        func elements(_ text: String) -> [String]? {
            Array(text.utf8).withUnsafeBytes { bytes in
                JSONFields.elements(of: bytes)?.map { String(decoding: $0, as: UTF8.self) }
            }
        }
        #expect(elements(#"[1, [2] ,{"a":3}, "4" ]"#) == ["1", "[2]", #"{"a":3}"#, #""4""#])
        #expect(elements("[]") == [])
        for text in ["", "{}", "1", "[1", "[1]x", "[1,]"] { #expect(elements(text) == nil) }
    }

    @Test(arguments: ["", "1", "[]", "null", #""{}""#, "{} {}", #"{"a":1"#, #"{"a":1}x"#])
    func onlyAWholeObjectHasFields(_ text: String) {
        #expect(throws: JSONScanner.Problem.self) { try withFields(text) { _ in } }
    }

    @Test func fieldsInsideSpaceAreFine() throws {
        #expect(try raw(" \n{ \"a\" :1}\t") == "1")
    }

    @Test func theEmptyFieldsHaveNone() throws {
        #expect(JSONFields.empty.raw("a") == nil)
        #expect(try JSONFields.empty.string("a") == nil)
    }

    @Test func aMismatchIsAPlainSentence() {
        #expect(
            JSONFields.Mismatch("limit", "a whole number of 0 or more").reason
                == "limit must be a whole number of 0 or more.")
        #expect(JSONFields.Mismatch("a", "b").code == .badFrame)
        #expect(JSONFields.Mismatch("a", "b", .invalid).code == .invalid)
    }
}
