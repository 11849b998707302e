import NIOCore
import Testing

@testable import RoostRedis

@Suite struct RespParserTests {
    /// Everything the protocol has, as it comes and as it is read.
    private static let samples: [(String, RespValue)] = [
        ("+OK\r\n", .text("OK")), ("+\r\n", .text("")), ("-ERR no\r\n", .error("ERR no")),
        (":0\r\n", .integer(0)), (":-9223372036854775808\r\n", .integer(.min)),
        (":+9223372036854775807\r\n", .integer(.max)),
        ("$5\r\nab\r\nc\r\n", .bytes(Array("ab\r\nc".utf8))), ("$0\r\n\r\n", .bytes([])), ("$-1\r\n", .null),
        ("*-1\r\n", .null), ("_\r\n", .null), ("#t\r\n", .bool(true)), ("#f\r\n", .bool(false)),
        (",1.5\r\n", .text("1.5")), ("(12345678901234567890\r\n", .text("12345678901234567890")),
        ("=7\r\ntxt:abc\r\n", .bytes(Array("abc".utf8))), ("!5\r\nERR x\r\n", .error("ERR x")),
        ("*0\r\n", .list([])), ("~2\r\n:1\r\n:2\r\n", .list([.integer(1), .integer(2)])),
        ("%1\r\n+a\r\n:1\r\n", .list([.text("a"), .integer(1)])),
        (">2\r\n+x\r\n$1\r\ny\r\n", .push([.text("x"), .bytes([121])])),
        ("|1\r\n+ttl\r\n:3\r\n+OK\r\n", .text("OK")),
        ("*2\r\n*1\r\n*0\r\n|1\r\n+a\r\n+b\r\n:7\r\n", .list([.list([.list([])]), .integer(7)])),
    ]

    private func read(_ pieces: [[UInt8]], limits: RespParser.Limits = .init()) throws -> [RespValue] {
        var parser = RespParser(limits: limits)
        var replies: [RespValue] = []
        for piece in pieces {
            try piece.withUnsafeBytes { try parser.read($0, into: &replies) }
        }
        return replies
    }

    @Test func wholeReplies() throws {
        for (text, value) in RespParserTests.samples { #expect(try read([Array(text.utf8)]) == [value], "\(text)") }
        let all = RespParserTests.samples
        #expect(try read([Array(all.map(\.0).joined().utf8)]) == all.map(\.1))
    }

    /// Wherever a stream is cut, in two or in single bytes, the same comes out.
    @Test func everySplit() throws {
        let bytes = Array(RespParserTests.samples.map(\.0).joined().utf8)
        let expected = RespParserTests.samples.map(\.1)
        for cut in 0...bytes.count { #expect(try read([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected) }
        #expect(try read(bytes.map { [$0] }) == expected)
    }

    @Test func randomReplies() throws {
        for seed in UInt64(1)...300 {
            var dice = SplitMix(seed)
            let values = (0..<5).map { _ in RespValue.random(&dice, depth: 3) }
            let bytes = values.flatMap { $0.wire }
            var (pieces, rest): ([[UInt8]], ArraySlice<UInt8>) = ([], bytes[...])
            while !rest.isEmpty {
                pieces.append(Array(rest.prefix(Int.random(in: 1...20, using: &dice))))
                rest = rest.dropFirst(pieces[pieces.count - 1].count)
            }
            #expect(try read(pieces) == values, "seed \(seed)")
        }
    }

    /// Noise is an error or incomplete, and never a crash.
    @Test func noise() {
        for seed in UInt64(1)...3000 {
            var dice = SplitMix(seed)
            let letters = Array("*$+-:_#,(!=~%>|0123456789\r\n\r\nab".utf8)
            let bytes = (0..<Int.random(in: 1...60, using: &dice)).map { _ in letters.randomElement(using: &dice) ?? 0 }
            _ = try? read([bytes])
        }
    }

    @Test(
        arguments: [
            ("?\r\n", .unknownType(63)), ("$x\r\n", .badNumber), ("$\r\n", .badNumber), (":1x\r\n", .badNumber),
            (":99999999999999999999\r\n", .lineTooLong(limit: 10)), ("*1.5\r\n", .badNumber), ("+a\n", .badLineEnd),
            ("$1\r\nab\r\n", .badLineEnd), ("$1\r\na\rb", .badLineEnd),
            ("+12345678901\r\n", .lineTooLong(limit: 10)), ("+12345678901", .lineTooLong(limit: 10)),
            ("$21\r\n", .tooManyBytes(limit: 20)), ("*2\r\n$15\r\n123456789012345\r\n$6\r\n", .tooManyBytes(limit: 20)),
            ("*9\r\n", .tooManyItems(limit: 8)), ("%5\r\n", .tooManyItems(limit: 8)),
            ("*8\r\n*1\r\n", .tooManyItems(limit: 8)), ("*1\r\n*1\r\n*1\r\n*1\r\n", .tooDeep(limit: 3)),
            ("*9223372036854775807\r\n", .lineTooLong(limit: 10)),
        ] as [(String, RespError)])
    func errors(_ text: String, _ error: RespError) {
        let limits = RespParser.Limits(lineBytes: 10, replyBytes: 20, items: 8, depth: 3)
        #expect(throws: error) { try read([Array(text.utf8)], limits: limits) }
        #expect(throws: error) { try read(text.utf8.map { [$0] }, limits: limits) }
    }

    @Test(arguments: [":9223372036854775808\r\n", ":-9223372036854775809\r\n", "$99999999999999999999\r\n"])
    func numbersBeyondAllLimits(_ text: String) {
        #expect(throws: RespError.badNumber) { try read([Array(text.utf8)]) }
    }

    /// The limits are of one reply each.
    @Test func limitsBeginAnew() throws {
        let limits = RespParser.Limits(lineBytes: 10, replyBytes: 20, items: 8, depth: 3)
        let text = "*2\r\n$10\r\n1234567890\r\n$10\r\n1234567890\r\n"
        #expect(try read([Array((text + text + text).utf8)], limits: limits).count == 3)
    }

    /// Ten megabytes in pieces of a kilobyte are read as fast as in one: nothing is read twice.
    @Test func largeReplies() throws {
        let large = [UInt8](repeating: 7, count: 10 << 20)
        let bytes = Array("*2\r\n$\(large.count)\r\n".utf8) + large + Array("\r\n:1\r\n".utf8)
        let pieces = bytes.pieces(of: 1024)
        let clock = ContinuousClock()
        var answer: [RespValue] = []
        let time = try clock.measure { answer = try read(pieces) }
        #expect(answer == [.list([.bytes(large), .integer(1)])])
        // Quadratic would be 50 GB of work.
        #expect(time < .seconds(10))
    }

    @Test func commands() {
        var out = ByteBuffer()
        out.writeCommand(RespCommand(["SET", .text("ä"), .bytes([0, 13, 10])]))
        out.writePost("PUBLISH", "c", [1])
        #expect(
            String(buffer: out)
                == "*3\r\n$3\r\nSET\r\n$2\r\nä\r\n$3\r\n\0\r\n\r\n*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$1\r\n\u{1}\r\n")
    }
}

/// https://prng.di.unimi.it/splitmix64.c
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension RespValue {
    fileprivate static func random(_ dice: inout SplitMix, depth: Int) -> RespValue {
        switch Int.random(in: 0...(depth == 0 ? 5 : 7), using: &dice) {
        case 0: .text("t\(Int.random(in: 0...999, using: &dice))")
        case 1: .error("ERR \(Int.random(in: 0...999, using: &dice))")
        case 2: .integer(.random(in: .min ... .max, using: &dice))
        case 3: .bytes((0..<Int.random(in: 0...40, using: &dice)).map { _ in .random(in: 0...255, using: &dice) })
        case 4: .null
        case 5: .bool(.random(using: &dice))
        case 6: .list((0..<Int.random(in: 0...4, using: &dice)).map { _ in random(&dice, depth: depth - 1) })
        default: .push((0..<Int.random(in: 0...4, using: &dice)).map { _ in random(&dice, depth: depth - 1) })
        }
    }

    fileprivate var wire: [UInt8] {
        switch self {
        case .text(let text): Array("+\(text)\r\n".utf8)
        case .error(let text): Array("-\(text)\r\n".utf8)
        case .integer(let number): Array(":\(number)\r\n".utf8)
        case .bytes(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + [13, 10]
        case .null: Array("_\r\n".utf8)
        case .bool(let bool): Array("#\(bool ? "t" : "f")\r\n".utf8)
        case .list(let items): Array("*\(items.count)\r\n".utf8) + items.flatMap(\.wire)
        case .push(let items): Array(">\(items.count)\r\n".utf8) + items.flatMap(\.wire)
        }
    }
}
