import NIOCore
import RoostCore
import RoostWire
import Testing

/// The contract's section 3, client to server, type by type.
@Suite struct NativeDecoderTests {
    private func decode(_ type: String, _ payload: String, id messageID: String = "m1") throws -> Command {
        let frame = #"{"type":"\#(type)","messageId":"\#(messageID)","payload":\#(payload)}"#
        let request = try NativeDecoder.decode(ByteBuffer(string: frame)).get()
        #expect(request.id == id(messageID))
        return request.command
    }

    private let at42 = Position(epoch: epoch("e7"), seq: 42)

    @Test func join() throws {
        #expect(try decode("join", #"{"room":"general"}"#) == .join(.init(room: .general)))
        #expect(
            try decode("join", #"{"room":"general","after":{"epoch":"e7","seq":42},"history":10,"presence":true}"#)
                == .join(.init(room: .general, after: at42, history: 10, presence: true)))
        #expect(try decode("join", #"{"room":"a","after":"e7:42"}"#) == .join(.init(room: room("a"), after: at42)))
        #expect(
            try decode("join", #"{"room":"a","history":0,"presence":false}"#)
                == .join(.init(room: room("a"), history: 0, presence: false)))
        #expect(
            try decode("join", #"{"room":"a","after":null,"history":null,"presence":null}"#)
                == .join(.init(room: room("a"))))
    }

    @Test func aHugeHistoryIsAsMuchAsThereIs() throws {
        #expect(
            try decode("join", #"{"room":"a","history":18446744073709551615}"#)
                == .join(.init(room: room("a"), history: .max)))
    }

    @Test func leave() throws {
        #expect(try decode("leave", #"{"room":"general"}"#) == .leave(.general))
    }

    @Test func message() throws {
        #expect(
            try decode("message", #"{"room":"general","content":"hi"}"#)
                == .message(room: .general, content: json(#""hi""#), kind: .message, sender: nil))
        #expect(
            try decode("message", #"{"room":"general","content":1,"sender":"bob","since":{"epoch":"e","seq":1}}"#)
                == .message(
                    room: .general, content: json("1"), kind: .message, sender: user("bob"),
                    since: Position(epoch: try #require(Epoch("e")), seq: 1)))
    }

    @Test(arguments: [
        "null", "0", "-0.10e+05", "12345678901234567890.00", #""""#, #""é \u00e9 \/ \ud83d\ude00 🐦""#,
        #"{ "b" : 1 , "a":[ ] }"#,
        #"{"a":1,"a":2}"#, "[1,\n\t2 ]", #""\ud800""#, "true", #"{"content":{"content":1}}"#,
    ])
    func theContentIsKeptByteForByte(_ content: String) throws {
        for padding in ["", " ", "\n\t "] {
            let payload = "{\"room\":\"general\",\"content\":\(padding)\(content)\(padding)}"
            #expect(
                try decode("message", payload)
                    == .message(room: .general, content: json(content), kind: .message, sender: nil))
        }
    }

    @Test func aRepeatedMessageMaySayWhereItWasFirstSent() throws {
        for since in [#"{"epoch":"e7","seq":42}"#, #""e7:42""#] {
            #expect(
                try decode("message", #"{"room":"a","content":1,"since":\#(since)}"#)
                    == .message(room: room("a"), content: json("1"), kind: .message, sender: nil, since: at42))
        }
        #expect(
            try decode("message", #"{"room":"a","content":1,"since":null}"#)
                == .message(room: room("a"), content: json("1"), kind: .message, sender: nil))
    }

    @Test func auth() throws {
        #expect(try decode("auth", #"{"token":"a.b\u002ec"}"#) == .auth(token: "a.b.c"))
        #expect(try decode("auth", #"{"token":""}"#) == .auth(token: ""))
    }

    @Test func resume() throws {
        let joins = [Command.Join(room: .general, after: at42), Command.Join(room: room("b"), after: at42)]
        #expect(
            try decode("resume", #"{"rooms":{"general":{"epoch":"e7","seq":42},"b":"e7:42"}}"#) == .resume(joins))
        #expect(
            try decode("resume", #"{"x":1,"rooms":{"\u0062":{"seq":42,"x":[],"epoch":"e7"}}}"#) == .resume([joins[1]]))
    }

    @Test func typing() throws {
        #expect(try decode("typing", #"{"room":"a","active":true}"#) == .typing(room: room("a"), isActive: true))
        #expect(try decode("typing", #"{"active":false,"room":"a"}"#) == .typing(room: room("a"), isActive: false))
    }

    @Test func receivedAndRead() throws {
        #expect(
            try decode("received", #"{"room":"a","seq":7}"#)
                == .mark(room: room("a"), Mark(received: 7, read: 0)))
        #expect(
            try decode("read", #"{"room":"a","seq":7}"#) == .mark(room: room("a"), Mark(received: 7, read: 7)))
        #expect(
            try decode("read", #"{"room":"a","seq":18446744073709551615}"#)
                == .mark(room: room("a"), Mark(received: .max, read: .max)))
    }

    @Test func createRoom() throws {
        #expect(
            try decode("create_room", #"{"name":"Tea","participants":["ann","bob"],"visibility":"private"}"#)
                == .createRoom(.init(name: "Tea", participants: [user("ann"), user("bob")], visibility: .private)))
        #expect(
            try decode("create_room", #"{"participants":[]}"#)
                == .createRoom(.init(name: nil, participants: [], visibility: .public)))
    }

    @Test func presence() throws {
        #expect(try decode("presence", #"{"room":"general"}"#) == .presence(room: .general, after: nil))
        #expect(
            try decode("presence", #"{"room":"general","cursor":"ann"}"#)
                == .presence(room: .general, after: user("ann")))
    }

    @Test func history() throws {
        func wanted(_ turn: Command.HistoryRequest.Turn, _ limit: Int?) -> Command {
            .history(.init(room: .general, turn: turn, limit: limit))
        }
        #expect(try decode("history", #"{"room":"general"}"#) == wanted(.latest, nil))
        #expect(try decode("history", #"{"room":"general","limit":7}"#) == wanted(.latest, 7))
        #expect(
            try decode("history", #"{"room":"general","before":{"epoch":"e7","seq":42},"limit":0}"#)
                == wanted(.before(Cursor(at42)), 0))
        #expect(try decode("history", #"{"room":"general","after":"e7:42"}"#) == wanted(.after(Cursor(at42)), nil))
        #expect(
            try decode("history", #"{"room":"general","after":42}"#) == wanted(.after(Cursor(epoch: nil, seq: 42)), nil)
        )
        #expect(
            try decode("history", #"{"room":"general","limit":18446744073709551615}"#) == wanted(.latest, .max))
    }

    @Test func ping() throws {
        #expect(try decode("ping", "{}") == .ping)
        #expect(try decode("ping", #"{"anything":[1]}"#) == .ping)
    }

    @Test func aPingNeedsNeitherIDNorPayload() throws {
        for frame in [
            #"{"type":"ping"}"#, #"{"type":"ping","payload":null,"messageId":null}"#, #" { "type" : "ping" } "#,
        ] {
            #expect(try NativeDecoder.decode(ByteBuffer(string: frame)).get() == Request(id: nil, command: .ping))
        }
    }

    @Test func unknownFieldsAreIgnored() throws {
        let frame =
            #"{"x":{"type":"leave"},"timestamp":17,"messageId":"m","payload":{"y":[],"room":"a"},"type":"join","z":null}"#
        #expect(
            try NativeDecoder.decode(ByteBuffer(string: frame)).get()
                == Request(id: id("m"), command: .join(.init(room: room("a")))))
    }

    @Test func keysAndNamesMayBeWrittenWithEscapes() throws {
        let frame = #"{"\u0074ype":"jo\u0069n","messageId":"\u006d","payload":{"r\u006fom":"\u0061"}}"#
        #expect(
            try NativeDecoder.decode(ByteBuffer(string: frame)).get()
                == Request(id: id("m"), command: .join(.init(room: room("a")))))
    }

    @Test func aFrameInTheMiddleOfABufferIsRead() throws {
        var buffer = ByteBuffer(string: #"xxxx{"type":"ping"}yyyy"#)
        buffer.moveReaderIndex(forwardBy: 4)
        let frame = buffer.readSlice(length: 15) ?? ByteBuffer()
        #expect(try NativeDecoder.decode(frame).get().command == .ping)
    }
}
