import NIOCore
import RoostCore
import RoostWire
import Testing

/// Frames that become no command: the code, and to which `messageId` the error is addressed.
@Suite struct NativeRefusalTests {
    private func refusal(_ frame: String) -> Refusal? {
        guard case .failure(let refusal) = NativeDecoder.decode(ByteBuffer(string: frame)) else { return nil }
        return refusal
    }

    private func code(_ type: String, _ payload: String) -> ErrorCode? {
        let refusal = refusal(#"{"type":"\#(type)","messageId":"m1","payload":\#(payload)}"#)
        #expect(refusal?.id == id("m1"))
        #expect(refusal?.failure.reason.hasSuffix(".") == true)
        return refusal?.failure.code
    }

    @Test(arguments: [
        "", " ", "hello", "1", "null", "[]", #""ping""#, "{", #"{"type""#, #"{"type":"ping"}}"#, #"{"type":"ping"} x"#,
        #"{"type":"ping",}"#, #"{type:"ping"}"#, #"[{"type":"ping"}]"#, "{\"type\":\"ping\"}\0",
    ])
    func whatIsNoJSONObjectIsABadFrame(_ frame: String) {
        #expect(refusal(frame)?.failure.code == .badFrame)
        #expect(refusal(frame)?.id == nil)
    }

    @Test func theReasonSaysWhereTheJSONBreaks() {
        #expect(refusal(#"{"type":ping}"#)?.failure.reason.contains("byte 8") == true)
    }

    @Test(arguments: [
        #"{"messageId":"m1","type":"join","payload":{"room":}}"#,
        #"{"messageId":"m1","type":"join","payload":{"room":"a""#,
        #"{"messageId":"m1"}x"#, #"{"messageId":"m1","#, #"{"messageId":"m1""#,
        #"{"type":"join","messageId":"m1","payload":tru}"#,
    ])
    func aFrameThatBreaksAfterItsMessageIDIsAnsweredByThat(_ frame: String) {
        #expect(refusal(frame)?.id == id("m1"))
        #expect(refusal(frame)?.failure.code == .badFrame)
    }

    @Test(arguments: [
        #"{"type":"join","payload":{"room":},"messageId":"m1"}"#, #"{"messageId":"m1"#, #"{"messageId":7,"x":}"#,
        #"{"messageId":"","x":}"#,
        #"{"payload":{"messageId":"m1"},"x":}"#,
    ])
    func beforeThatNobodyKnowsTheMessageID(_ frame: String) {
        let refusal = refusal(frame)
        #expect(refusal != nil)
        #expect(refusal?.id == nil)
    }

    @Test func nestingThatIsTooDeepIsABadFrame() {
        let deep = String(repeating: "[", count: 70) + String(repeating: "]", count: 70)
        let refusal = refusal(#"{"messageId":"m1","type":"message","payload":{"room":"a","content":\#(deep)}}"#)
        #expect(refusal?.failure.code == .badFrame)
        #expect(refusal?.failure.reason.contains("64") == true)
        #expect(refusal?.id == id("m1"))
    }

    @Test func contentMayBeNestedAsDeepAsTheFrameAllows() {
        func frame(_ levels: Int) -> String {
            let content = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
            return #"{"messageId":"m1","type":"message","payload":{"room":"a","content":\#(content)}}"#
        }
        // The frame and its payload are two of the sixty-four.
        #expect(refusal(frame(62)) == nil)
        #expect(refusal(frame(63))?.failure.code == .badFrame)
    }

    @Test(
        arguments: [
            ("{}", .badFrame), (#"{"type":null}"#, .badFrame), (#"{"type":7}"#, .badFrame),
            (#"{"type":["ping"]}"#, .badFrame),
            (#"{"type":"","payload":{}}"#, .unknownType), (#"{"type":"Ping"}"#, .unknownType),
            (#"{"type":"nonsense"}"#, .unknownType),
            (#"{"type":"welcome"}"#, .unknownType), (#"{"type":"ping","payload":[]}"#, .badFrame),
            (#"{"type":"ping","payload":"{}"}"#, .badFrame), (#"{"type":"ping","messageId":7}"#, .badFrame),
            (#"{"type":"ping","messageId":""}"#, .invalid), (#"{"type":"ping","messageId":"a\n"}"#, .invalid),
            (#"{"type":"ping","messageId":"\#(String(repeating: "x", count: 129))"}"#, .invalid),
            (#"{"type":"ping","messageId":"\ud800"}"#, .badFrame),
        ] as [(String, ErrorCode)])
    func theEnvelopeIsJudged(_ frame: String, _ code: ErrorCode) {
        #expect(refusal(frame)?.failure.code == code)
    }

    @Test func anUnknownTypeIsNamedShortly() {
        let long = refusal(#"{"type":"\#(String(repeating: "x", count: 1000))","messageId":"m1"}"#)
        #expect(long?.failure.code == .unknownType)
        #expect(long?.id == id("m1"))
        #expect((long?.failure.reason.utf8.count ?? 0) < 120)
        #expect(refusal(#"{"type":"jion"}"#)?.failure.reason.contains("\"jion\"") == true)
    }

    static let payloads: [(String, String, ErrorCode)] = [
        ("join", "{}", .badFrame), ("join", "null", .badFrame), ("join", #"{"room":7}"#, .badFrame),
        ("join", #"{"room":""}"#, .invalid),
        ("join", #"{"room":"a b"}"#, .invalid), ("join", #"{"room":"a","after":42}"#, .badFrame),
        ("join", #"{"room":"a","after":{"seq":42}}"#, .badFrame), ("join", #"{"room":"a","after":"x"}"#, .badFrame),
        ("join", #"{"room":"a","history":-1}"#, .badFrame), ("join", #"{"room":"a","history":"1"}"#, .badFrame),
        ("join", #"{"room":"a","history":1.5}"#, .badFrame), ("join", #"{"room":"a","presence":1}"#, .badFrame),
        ("leave", "{}", .badFrame), ("leave", #"{"room":"é"}"#, .invalid),
        ("message", #"{"room":"a"}"#, .badFrame), ("message", #"{"content":1}"#, .badFrame),
        ("message", "{}", .badFrame),
        ("message", #"{"room":"a b","content":1}"#, .invalid),
        ("message", #"{"room":"a","content":1,"sender":7}"#, .badFrame),
        ("message", #"{"room":"a","content":1,"sender":""}"#, .invalid),
        ("message", #"{"room":null,"content":1}"#, .badFrame),
        ("create_room", "{}", .badFrame), ("create_room", #"{"participants":"ann"}"#, .badFrame),
        ("create_room", #"{"participants":[1]}"#, .badFrame), ("create_room", #"{"participants":[""]}"#, .invalid),
        ("create_room", #"{"participants":[],"name":7}"#, .badFrame),
        ("create_room", #"{"participants":[],"visibility":"x"}"#, .invalid),
        ("presence", "{}", .badFrame), ("presence", #"{"room":"a","cursor":7}"#, .badFrame),
        ("presence", #"{"room":"a","cursor":""}"#, .invalid),
        ("history", "{}", .badFrame), ("history", #"{"room":"a","before":[]}"#, .badFrame),
        ("history", #"{"room":"a","after":-1}"#, .badFrame),
        ("history", #"{"room":"a","limit":"x"}"#, .badFrame), ("history", #"{"room":"a","limit":-1}"#, .badFrame),
        ("auth", "{}", .badFrame), ("auth", #"{"token":7}"#, .badFrame), ("auth", #"{"token":null}"#, .badFrame),
        ("resume", "{}", .badFrame), ("resume", #"{"rooms":[]}"#, .badFrame), ("resume", #"{"rooms":{}}"#, .invalid),
        ("resume", #"{"rooms":{"a":42}}"#, .badFrame), ("resume", #"{"rooms":{"a":null}}"#, .badFrame),
        ("resume", #"{"rooms":{"a":{"epoch":"e"}}}"#, .badFrame), ("resume", #"{"rooms":{"a":"x"}}"#, .badFrame),
        ("resume", #"{"rooms":{"a b":"e:1"}}"#, .invalid), ("resume", #"{"rooms":{"":"e:1"}}"#, .invalid),
        ("resume", #"{"rooms":{"a":"e:1","\u0061":"e:2"}}"#, .invalid),
        ("resume", #"{"rooms":{"a":"e:1","b":true}}"#, .badFrame),
        ("typing", #"{"active":true}"#, .badFrame), ("typing", #"{"room":"a"}"#, .badFrame),
        ("typing", #"{"room":"a","active":1}"#, .badFrame), ("typing", #"{"room":"a b","active":true}"#, .invalid),
        ("received", #"{"room":"a"}"#, .badFrame), ("received", #"{"seq":1}"#, .badFrame),
        ("read", #"{"room":"a","seq":-1}"#, .badFrame), ("read", #"{"room":"a","seq":"1"}"#, .badFrame),
        ("read", #"{"room":"a","seq":1.5}"#, .badFrame), ("read", #"{"room":"","seq":1}"#, .invalid),
        ("message", #"{"room":"a","content":1,"since":42}"#, .badFrame),
        ("message", #"{"room":"a","content":1,"since":{"seq":42}}"#, .badFrame),
        ("message", #"{"room":"a","content":1,"since":true}"#, .badFrame),
    ]

    @Test(arguments: payloads)
    func aPayloadIsJudged(_ type: String, _ payload: String, _ expected: ErrorCode) {
        #expect(code(type, payload) == expected)
    }

    @Test func aMessageNeedsAMessageID() {
        for id in ["", #""messageId":null,"#] {
            let refusal = refusal(#"{\#(id)"type":"message","payload":{"room":"a","content":1}}"#)
            #expect(refusal?.failure.code == .invalid)
            #expect(refusal?.failure.reason.contains("messageId") == true)
        }
    }
}
