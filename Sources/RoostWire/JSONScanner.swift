/// Walks over JSON text (RFC 8259) without building anything: checks that it is well-formed and tells where values are.
///
/// The text must be valid UTF-8 already. Nothing is decoded unless asked for, so a value can be passed on as the bytes
/// in which it came.
public struct JSONScanner {
    /// Deeper nesting is refused, so that no text can exhaust a stack, here or in a client.
    public static let maxDepth = 64

    /// Where a value stands in the text.
    public typealias Span = Range<Int>

    public enum Problem: Error, Equatable, Sendable {
        case malformed(at: Int)
        case tooDeep
    }

    @usableFromInline let text: UnsafeRawBufferPointer
    @usableFromInline private(set) var at: Int

    /// A scanner over `text`, which must outlive it.
    public init(_ text: UnsafeRawBufferPointer, at start: Int = 0) {
        self.text = text
        at = start
    }

    /// Checks that the whole text is one value with nothing but white space around it; returns where it stands.
    public static func validate(_ text: UnsafeRawBufferPointer) throws(Problem) -> Span {
        var scanner = JSONScanner(text)
        let span = try scanner.value()
        try scanner.end()
        return span
    }

    /// Walks over an object: `visit` gets the span of each key (without quotes) and stands before its value, which it
    /// must consume with `value()` or `object(_:)`.
    public mutating func object(
        depth: Int = 0, _ visit: (Span, inout JSONScanner) throws(Problem) -> Void
    ) throws(Problem) {
        try sequence(open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), depth: depth) { scanner throws(Problem) in
            let key = try scanner.string()
            try scanner.expect(UInt8(ascii: ":"))
            scanner.skipSpace()
            try visit(key, &scanner)
        }
    }

    /// Walks over an array: `visit` stands before each element and must consume it.
    public mutating func array(
        depth: Int = 0, _ visit: (inout JSONScanner) throws(Problem) -> Void
    ) throws(Problem) {
        try sequence(open: UInt8(ascii: "["), close: UInt8(ascii: "]"), depth: depth, visit)
    }

    /// Consumes any value; returns its span without surrounding white space.
    @discardableResult
    public mutating func value(depth: Int = 0) throws(Problem) -> Span {
        skipSpace()
        let start = at
        switch peek {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"):
            try object(depth: depth) { _, inner throws(Problem) in try inner.value(depth: depth + 1) }
        case UInt8(ascii: "["): try array(depth: depth) { inner throws(Problem) in try inner.value(depth: depth + 1) }
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: try number()
        }
        return start..<at
    }

    /// Nothing but white space may be left.
    public mutating func end() throws(Problem) {
        skipSpace()
        guard at == text.count else { throw .malformed(at: at) }
    }

    /// The next byte that is no white space, without consuming it; 0 at the end.
    public var next: UInt8 {
        var copy = self
        copy.skipSpace()
        return copy.peek
    }

    // MARK: Grammar

    @inline(__always)
    private var peek: UInt8 { at < text.count ? text[at] : 0 }

    @inline(__always)
    private mutating func skipSpace() {
        while at < text.count {
            switch text[at] {
            case 0x20, 0x09, 0x0A, 0x0D: at += 1
            default: return
            }
        }
    }

    private mutating func expect(_ byte: UInt8) throws(Problem) {
        skipSpace()
        guard peek == byte, at < text.count else { throw .malformed(at: at) }
        at += 1
    }

    private mutating func sequence(
        open: UInt8, close: UInt8, depth: Int, _ item: (inout JSONScanner) throws(Problem) -> Void
    ) throws(Problem) {
        guard depth < JSONScanner.maxDepth else { throw .tooDeep }
        try expect(open)
        skipSpace()
        if peek == close {
            at += 1
            return
        }
        while true {
            skipSpace()
            try item(&self)
            skipSpace()
            let separator = peek
            guard at < text.count, separator == UInt8(ascii: ",") || separator == close else {
                throw .malformed(at: at)
            }
            at += 1
            if separator == close { return }
        }
    }

    /// Consumes a string; returns the span between its quotes.
    private mutating func string() throws(Problem) -> Span {
        try expect(UInt8(ascii: "\""))
        let start = at
        while at < text.count {
            skipPlain()
            guard at < text.count else { break }
            let byte = text[at]
            if byte == UInt8(ascii: "\"") {
                at += 1
                return start..<(at - 1)
            }
            if byte == UInt8(ascii: "\\") {
                try escape()
            } else if byte < 0x20 {
                throw .malformed(at: at)
            } else {
                at += 1
            }
        }
        throw .malformed(at: at)
    }

    /// Passes over bytes that mean themselves, eight at a time, up to a quote, a backslash or a control character.
    ///
    /// The test for a byte that is zero, or less than another, in all bytes of a word at once: Mycroft's, in Anderson,
    /// "Bit Twiddling Hacks".
    @inline(__always)
    private mutating func skipPlain() {
        let (ones, tops): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        while at + 8 <= text.count {
            let word = text.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let quote = word ^ ones &* 0x22
            let backslash = word ^ ones &* 0x5C
            let found =
                (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word
            guard found & tops == 0 else { return }
            at += 8
        }
    }

    private mutating func escape() throws(Problem) {
        at += 1
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 1
        case UInt8(ascii: "u"):
            guard at + 4 < text.count, text[(at + 1)...(at + 4)].allSatisfy({ hexDigit($0) != nil }) else {
                throw .malformed(at: at)
            }
            at += 5
        default: throw .malformed(at: at)
        }
    }

    private mutating func literal(_ word: StaticString) throws(Problem) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard peek == word.utf8Start[offset] else { throw .malformed(at: at) }
            at += 1
        }
    }

    private mutating func number() throws(Problem) {
        if peek == UInt8(ascii: "-") { at += 1 }
        if peek == UInt8(ascii: "0") {
            at += 1
        } else {
            try digits()
        }
        if peek == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            at += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(Problem) {
        let start = at
        while (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(peek) { at += 1 }
        guard at > start else { throw .malformed(at: at) }
    }
}

@inline(__always)
func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
}
