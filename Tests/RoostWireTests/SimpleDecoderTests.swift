import NIOCore
import RoostCore
import RoostWire
import Testing

/// The contract's section 4, the simple dialect.
@Suite struct SimpleDecoderTests {
    private func decode(_ frame: String) -> Result<Request, Refusal> { SimpleDecoder.decode(ByteBuffer(string: frame)) }

    private func said(_ content: String) -> Request {
        Request(id: nil, command: .message(room: nil, content: json(content), kind: .message, sender: nil))
    }

    private func joined(_ name: RoomName) -> Request {
        Request(id: nil, command: .join(.init(room: name, presence: true, alone: true)))
    }

    private func code(_ frame: String) -> ErrorCode? {
        guard case .failure(let refusal) = decode(frame) else { return nil }
        #expect(refusal.failure.reason.hasSuffix("."))
        return refusal.failure.code
    }

    @Test(arguments: [
        ("hello", #""hello""#), ("", #""""#), (" ", #"" ""#), ("é🐦", #""é🐦""#),
        (#"say "hi" \o/"#, #""say \"hi\" \\o/""#),
        ("two\nlines", #""two\nlines""#), ("42", #""42""#), ("null", #""null""#), (#""quoted""#, #""\"quoted\"""#),
        ("[1,2]", #""[1,2]""#),
        ("{", #""{""#), (#"{"type":"join""#, #""{\"type\":\"join\"""#), ("{} {}", #""{} {}""#), ("{a:1}", #""{a:1}""#),
        ("\0", #""\u0000""#),
    ])
    func anyTextThatIsNoJSONObjectIsAMessage(_ frame: String, _ content: String) throws {
        #expect(try decode(frame).get() == said(content))
    }

    @Test func aDeepListIsTextAndADeepObjectABadFrame() throws {
        let deep = String(repeating: "[", count: 70) + String(repeating: "]", count: 70)
        #expect(try decode(deep).get() == said("\"\(deep)\""))
        #expect(code(#"{"type":"message","content":\#(deep)}"#) == .badFrame)
    }

    @Test func joinIsAloneAndWithMembersAndInGeneralUnlessSaidOtherwise() throws {
        #expect(try decode(#"{"type":"join","room":"tea"}"#).get() == joined(room("tea")))
        #expect(try decode(#"{"type":"join"}"#).get() == joined(.general))
        #expect(try decode(#"{"type":"join","room":null}"#).get() == joined(.general))
        #expect(try decode(#" { "room" : "tea", "type":"join", "x":1 } "#).get() == joined(room("tea")))
    }

    @Test(arguments: [#""hi""#, "null", "1.50", #"{ "a":[1 ] }"#, #""\u00e9\/""#])
    func aMessageKeepsItsContentByteForByte(_ content: String) throws {
        #expect(try decode("{\"type\":\"message\",\"content\": \(content) }").get() == said(content))
    }

    @Test func createRoom() throws {
        #expect(
            try decode(#"{"action":"create_room","participants":["ann","bob"]}"#).get()
                == Request(
                    id: nil,
                    command: .createRoom(
                        .init(name: nil, participants: [user("ann"), user("bob")], visibility: .public))))
        #expect(
            try decode(#"{"action":"create_room","participants":[],"name":"Tea","visibility":"private"}"#).get()
                == Request(id: nil, command: .createRoom(.init(name: "Tea", participants: [], visibility: .private))))
    }

    @Test func createMessage() throws {
        let frame =
            #"{"action":"create_message","roomId":"tea","messageId":"m1","content":{"a": 1},"senderId":"ann","createdAt":"x"}"#
        #expect(
            try decode(frame).get()
                == Request(
                    id: id("m1"),
                    command: .message(
                        room: room("tea"), content: json(#"{"a": 1}"#), kind: .created, sender: user("ann"))))
        #expect(
            try decode(#"{"action":"create_message","roomId":"tea","content":"x"}"#).get()
                == Request(
                    id: nil, command: .message(room: room("tea"), content: json(#""x""#), kind: .created, sender: nil)))
    }

    @Test func anActionWinsOverAType() throws {
        let frame = #"{"type":"message","content":"x","action":"create_room","participants":[]}"#
        guard case .createRoom = try decode(frame).get().command else {
            Issue.record("not a room")
            return
        }
    }

    @Test(
        arguments: [
            ("{}", .badFrame), (#"{"content":"x"}"#, .badFrame), (#"{"type":7}"#, .badFrame),
            (#"{"type":"shout"}"#, .unknownType),
            (#"{"type":"Message","content":1}"#, .unknownType), (#"{"type":"message"}"#, .badFrame),
            (#"{"type":"join","room":7}"#, .badFrame),
            (#"{"type":"join","room":""}"#, .invalid), (#"{"type":"join","room":"a b"}"#, .invalid),
            (#"{"action":7}"#, .badFrame),
            (#"{"action":"shout"}"#, .unknownType), (#"{"action":""}"#, .unknownType),
            (#"{"action":"create_room"}"#, .badFrame),
            (#"{"action":"create_room","participants":"ann"}"#, .badFrame),
            (#"{"action":"create_room","participants":[""]}"#, .invalid),
            (#"{"action":"create_message","content":1}"#, .badFrame),
            (#"{"action":"create_message","roomId":"tea"}"#, .badFrame),
            (#"{"action":"create_message","roomId":"a b","content":1}"#, .invalid),
            (#"{"action":"create_message","roomId":"tea","content":1,"messageId":""}"#, .invalid),
            (#"{"action":"create_message","roomId":"tea","content":1,"messageId":7}"#, .badFrame),
            (#"{"action":"create_message","roomId":"tea","content":1,"senderId":""}"#, .invalid),
            (#"{"action":"create_message","roomId":"tea","content":1,"senderId":7}"#, .badFrame),
        ] as [(String, ErrorCode)])
    func aBadObjectIsRefused(_ frame: String, _ expected: ErrorCode) {
        #expect(code(frame) == expected)
    }
}
