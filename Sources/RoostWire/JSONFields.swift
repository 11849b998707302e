public import RoostCore

/// The fields of one JSON object, found in one pass and decoded only when asked for.
///
/// Keys that nobody asks for cost a place in a list; of a repeated key the last one counts.
public struct JSONFields {
    private let text: UnsafeRawBufferPointer
    private var entries: [(key: JSONScanner.Span, value: JSONScanner.Span)] = []

    /// Why a field is not what was wanted.
    public struct Mismatch: Error, Equatable, Sendable {
        public var field: String
        public var wanted: String
        /// `bad_frame` for the wrong type, `invalid` for a value that is not allowed.
        public var code: ErrorCode

        public init(_ field: String, _ wanted: String, _ code: ErrorCode = .badFrame) {
            self.field = field
            self.wanted = wanted
            self.code = code
        }

        public var reason: String { "\(field) must be \(wanted)." }
    }

    /// An object without fields.
    public static var empty: JSONFields { JSONFields(over: UnsafeRawBufferPointer(start: nil, count: 0)) }

    private init(over text: UnsafeRawBufferPointer) { self.text = text }

    /// Scans an object; throws unless the whole of `text` is one.
    public init(_ text: UnsafeRawBufferPointer) throws(JSONScanner.Problem) {
        let (fields, problem) = JSONFields.scan(text)
        if let problem { throw problem }
        self = fields
    }

    /// Scans an object as far as it is one: the fields up to the problem, so that its answer can be addressed.
    static func scan(_ text: UnsafeRawBufferPointer) -> (JSONFields, JSONScanner.Problem?) {
        var fields = JSONFields(over: text)
        fields.entries.reserveCapacity(8)
        var scanner = JSONScanner(text)
        do throws(JSONScanner.Problem) {
            try scanner.object { key, inner throws(JSONScanner.Problem) in
                fields.entries.append((key, try inner.value(depth: 1)))
            }
            try scanner.end()
            return (fields, nil)
        } catch {
            return (fields, error)
        }
    }

    /// The value of `key` as it stands in the text; nil if absent.
    public func raw(_ key: StaticString) -> UnsafeRawBufferPointer? {
        for entry in entries.reversed() where matches(entry.key, key) {
            return UnsafeRawBufferPointer(rebasing: text[entry.value])
        }
        return nil
    }

    /// As `raw`, but null counts as absent.
    public func present(_ key: StaticString) -> UnsafeRawBufferPointer? {
        guard let value = raw(key), value.first != UInt8(ascii: "n") else { return nil }
        return value
    }

    /// Every field in order, its key as text (nil if that has half a surrogate pair), its value as it stands there.
    public func all() -> [(key: String?, value: UnsafeRawBufferPointer)] {
        entries.map { entry in
            (
                JSONFields.unescape(UnsafeRawBufferPointer(rebasing: text[entry.key])),
                UnsafeRawBufferPointer(rebasing: text[entry.value])
            )
        }
    }

    public func json(_ key: StaticString) -> RawJSON? {
        raw(key).map { RawJSON(validated: Array($0)) }
    }

    public func string(_ key: StaticString) throws(Mismatch) -> String? {
        guard let value = present(key) else { return nil }
        guard let text = JSONFields.decodeString(value) else { throw Mismatch("\(key)", "a string") }
        return text
    }

    public func bool(_ key: StaticString) throws(Mismatch) -> Bool? {
        switch present(key)?.first {
        case nil: return nil
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: throw Mismatch("\(key)", "true or false")
        }
    }

    /// A whole number that is not negative.
    public func unsigned(_ key: StaticString) throws(Mismatch) -> UInt64? {
        guard let value = present(key) else { return nil }
        guard value.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt64(String(decoding: value, as: UTF8.self))
        else { throw Mismatch("\(key)", "a whole number of 0 or more") }
        return number
    }

    public func object(_ key: StaticString) throws(Mismatch) -> JSONFields? {
        guard let value = present(key) else { return nil }
        guard value.first == UInt8(ascii: "{"), let fields = try? JSONFields(value) else {
            throw Mismatch("\(key)", "an object")
        }
        return fields
    }

    public func strings(_ key: StaticString) throws(Mismatch) -> [String]? {
        guard let value = present(key) else { return nil }
        let mismatch = Mismatch("\(key)", "a list of strings")
        guard let elements = JSONFields.elements(of: value) else { throw mismatch }
        var result: [String] = []
        for element in elements {
            guard let text = JSONFields.decodeString(element) else { throw mismatch }
            result.append(text)
        }
        return result
    }

    /// The elements of an array as they stand in the text; nil if it is none.
    public static func elements(of value: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer]? {
        guard value.first == UInt8(ascii: "[") else { return nil }
        var result: [UnsafeRawBufferPointer] = []
        var scanner = JSONScanner(value)
        do throws(JSONScanner.Problem) {
            try scanner.array { inner throws(JSONScanner.Problem) in
                let span = try inner.value(depth: 1)
                result.append(UnsafeRawBufferPointer(rebasing: value[span]))
            }
            try scanner.end()
        } catch { return nil }
        return result
    }

    private func matches(_ key: JSONScanner.Span, _ wanted: StaticString) -> Bool {
        let bytes = UnsafeRawBufferPointer(rebasing: text[key])
        if bytes.count == wanted.utf8CodeUnitCount {
            return zip(bytes, UnsafeBufferPointer(start: wanted.utf8Start, count: bytes.count)).allSatisfy { $0 == $1 }
        }
        // A key may be written with escapes; that is longer than the name, and rare.
        guard bytes.count > wanted.utf8CodeUnitCount, bytes.contains(UInt8(ascii: "\\")) else { return false }
        return JSONFields.unescape(bytes) == "\(wanted)"
    }

    // MARK: Strings

    /// The text of a JSON string with its quotes; nil if `value` is no string or has half a surrogate pair.
    public static func decodeString(_ value: UnsafeRawBufferPointer) -> String? {
        guard value.count >= 2, value[0] == UInt8(ascii: "\"") else { return nil }
        return unescape(UnsafeRawBufferPointer(rebasing: value[1..<(value.count - 1)]))
    }

    private static func unescape(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var at = 0
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "\\") else {
                plain.append(bytes[at])
                at += 1
                continue
            }
            guard at + 1 < bytes.count else { return nil }
            if bytes[at + 1] == UInt8(ascii: "u") {
                guard let (scalar, length) = codePoint(bytes, at) else { return nil }
                plain.append(contentsOf: Array(String(Character(scalar)).utf8))
                at += length
            } else {
                plain.append(simpleEscape(bytes[at + 1]))
                at += 2
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }

    private static func simpleEscape(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: byte
        }
    }

    /// The scalar written at `at` as `\uXXXX` or as a pair of those, and how many bytes it took.
    private static func codePoint(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> (Unicode.Scalar, Int)? {
        guard let high = unit(bytes, at) else { return nil }
        if let scalar = Unicode.Scalar(high) { return (scalar, 6) }
        guard (0xD800..<0xDC00).contains(high), let low = unit(bytes, at + 6), (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
        else { return nil }
        return (scalar, 12)
    }

    private static func unit(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt32? {
        guard at + 6 <= bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u") else {
            return nil
        }
        return bytes[(at + 2)..<(at + 6)].reduce(0 as UInt32?) { sum, byte in
            guard let sum, let digit = hexDigit(byte) else { return nil }
            return sum << 4 | digit
        }
    }
}
