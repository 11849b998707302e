import NIOCore
import RoostWire
import Testing

@Suite struct RequestHeadTests {
    private func parse(_ text: String) -> RequestHead.Parse { RequestHead.parse(ByteBuffer(string: text)) }

    private func whole(_ text: String) -> RequestHead? {
        guard case .complete(let head, let length) = parse(text), length == text.utf8.count else { return nil }
        return head
    }

    @Test func aHeadIsMethodTargetAndHeaders() throws {
        let text = "GET /ws?user=ann HTTP/1.1\r\nHost: a.example\r\nX-Empty:\r\nUPGRADE:  websocket\t\r\n\r\n"
        let head = try #require(whole(text))
        #expect(head.method == "GET")
        #expect(head.target == "/ws?user=ann")
        #expect(head.path == "/ws")
        #expect(head.query == ["user": "ann"])
        #expect(head.headers.map(\.name) == ["host", "x-empty", "upgrade"])
        #expect(head.headers.map(\.value) == ["a.example", "", "websocket"])
    }

    @Test func aHeadWithoutHeadersIsOneToo() {
        #expect(whole("GET / HTTP/1.1\r\n\r\n")?.headers.isEmpty == true)
    }

    @Test func cutAnywhereAHeadIsIncomplete() {
        let text = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"
        for length in 0..<text.utf8.count { #expect(parse(String(text.utf8.prefix(length)) ?? "") == .incomplete) }
        #expect(whole(text) != nil)
    }

    @Test func whatFollowsTheHeadIsNotPartOfIt() {
        let text = "GET / HTTP/1.1\r\nA: b\r\n\r\n"
        guard case .complete(let head, let length) = parse(text + "\u{1}body\r\n\r\nGET") else {
            Issue.record("not complete")
            return
        }
        #expect(length == text.utf8.count)
        #expect(head == whole(text))
    }

    @Test func aBufferThatHasBeenReadFromIsReadOn() {
        var buffer = ByteBuffer(string: "POST / HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
        buffer.moveReaderIndex(forwardBy: 19)
        guard case .complete(let head, let length) = RequestHead.parse(buffer) else {
            Issue.record("not complete")
            return
        }
        #expect(head.target == "/b")
        #expect(length == 19)
    }

    @Test(arguments: [
        "\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/2\r\n\r\n", "GET / http/1.1\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / a HTTP/1.1\r\n\r\n", "GET / HTTP/1.1 \r\n\r\n", "PRI * HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.1\r\nnocolon\r\n\r\n",
        "GET / HTTP/1.1\r\n: novalue\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n", "\r\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "hello\r\n\r\n",
    ])
    func anythingElseIsLeftToTheHTTPServer(_ text: String) {
        #expect(parse(text) == .foreign)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\n\n", "GET / HTTP/1.1\n\r\n", "GET / HTTP/1.1\r\n\n", "\r\n\n\r\n", "\r\r\n\n", "",
    ])
    func onlyTwoWholeLineEndsEndAHead(_ text: String) {
        #expect(parse(text) == .incomplete)
    }

    @Test func bytesThatAreNoUTF8DoNoHarm() {
        let bytes =
            Array("GET /".utf8) + [0xFF, 0xC0] + Array(" HTTP/1.1\r\nA: ".utf8) + [0xFE] + Array("\r\n\r\n".utf8)
        guard case .complete(let head, let length) = RequestHead.parse(ByteBuffer(bytes: bytes)) else {
            Issue.record("not complete")
            return
        }
        #expect(length == bytes.count)
        #expect(head.first("a") == "\u{FFFD}")
    }

    @Test func aRepeatedHeaderHasAFirstValueAndAListOfAll() throws {
        let head = try #require(
            whole("GET / HTTP/1.1\r\nA: 1, 2\r\nB: x\r\na:3,,4 ,\r\nConnection: keep-alive, Upgrade\r\n\r\n"))
        #expect(head.first("a") == "1, 2")
        #expect(head.list("a") == ["1", "2", "3", "4"])
        #expect(head.list("c").isEmpty)
        #expect(head.first("c") == nil)
        #expect(head.has("connection", token: "upgrade"))
        #expect(head.has("connection", token: "keep-alive"))
        #expect(!head.has("connection", token: "keep"))
        #expect(!head.has("upgrade", token: "websocket"))
    }

    @Test(
        arguments: [
            ("/", "/", [:]), ("/ws?", "/ws", [:]), ("/a?b=c?d", "/a", ["b": "c?d"]), ("/a?x=1&x=2", "/a", ["x": "1"]),
            ("*", "*", [:]),
        ] as [(String, String, [String: String])])
    func aTargetIsAPathAndAQuery(_ target: String, _ path: String, _ query: [String: String]) {
        let head = whole("GET \(target) HTTP/1.1\r\n\r\n")
        #expect(head?.path == path)
        #expect(head?.query == query)
    }

    @Test func headsAreEqualIfAllOfThemIs() {
        let base = "GET /a HTTP/1.1\r\nA: b\r\n\r\n"
        #expect(whole(base) == whole(base))
        for other in ["PUT /a", "GET /b"] { #expect(whole(base) != whole("\(other) HTTP/1.1\r\nA: b\r\n\r\n")) }
        for other in ["A: c", "B: b", "A: b\r\nA: b"] {
            #expect(whole(base) != whole("GET /a HTTP/1.1\r\n\(other)\r\n\r\n"))
        }
    }
}

@Suite struct QueryTests {
    @Test(
        arguments: [
            ("", [:]), ("a=b", ["a": "b"]), ("a=b&c=d", ["a": "b", "c": "d"]), ("a", ["a": ""]), ("a=", ["a": ""]),
            ("&&a=b&", ["a": "b"]),
            ("a=b=c", ["a": "b=c"]), ("a=1&a=2", ["a": "1"]), ("%61=%62", ["a": "b"]), ("a=x+y%2Bz", ["a": "x y+z"]),
            ("a+b=c", ["a b": "c"]), ("a=%&b=1", ["b": "1"]), ("a=%4&b=1", ["b": "1"]), ("a=%zz&b=1", ["b": "1"]),
            ("%ff=1&b=1", ["b": "1"]),
            ("a=%FF", [:]), ("a=%C3%A9", ["a": "é"]), ("a=é", ["a": "é"]), ("a=%00", ["a": "\0"]),
            ("a=%26%3D", ["a": "&="]), ("=b", ["": "b"]),
            ("a=%ff&a=2", ["a": "2"]),
        ] as [(String, [String: String])])
    func parametersAreDecodedAndBrokenOnesLeftOut(_ query: String, _ expected: [String: String]) {
        #expect(parseQuery(query) == expected)
    }

    @Test(arguments: [
        ("", ""), ("abc", "abc"), ("%41%7a%7A", "Azz"), ("a+b", "a b"), ("%2B", "+"), ("%25", "%"), ("%2541", "%41"),
        ("%F0%9F%90%A6", "🐦"), ("%", nil), ("%4", nil), ("a%4", nil), ("%4g", nil), ("%g4", nil), ("%%41", nil),
        ("%+1", nil),
        ("%C3", nil), ("%C0%80", nil), ("%ED%A0%80", nil), ("%u0041", nil),
    ])
    func escapesAreTwoHexDigitsOfUTF8(_ text: String, _ expected: String?) {
        #expect(percentDecoded(text) == expected)
    }

    @Test func inAPathAPlusIsAPlus() {
        #expect(percentDecoded("a+b%20c", plusIsSpace: false) == "a+b c")
    }

    @Test func whatIsEscapedIsReadAgain() {
        var generator = SeededGenerator(seed: 21)
        let hex = Array("0123456789ABCDEFabcdef".utf8)
        for _ in 0..<2000 {
            let text = generator.text(upTo: 12)
            let escaped = text.utf8.map { byte -> String in
                let high = hex[Int(byte >> 4)]
                return "%" + String(decoding: [high, hex[Int(byte & 15)]], as: UTF8.self)
            }.joined()
            #expect(percentDecoded(escaped).map { Array($0.utf8) } == Array(text.utf8))
        }
    }
}
