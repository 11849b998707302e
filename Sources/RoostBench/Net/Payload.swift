#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The bytes of a frame, looked at without parsing.
extension UnsafeRawBufferPointer {
    /// Where the text behind `key` begins.
    func after(_ key: StaticString) -> Int? {
        guard var base = baseAddress else { return nil }
        let (first, length, end) = (Int32(key.utf8Start.pointee), key.utf8CodeUnitCount, base + count)
        while base + length <= end, let found = memchr(base, first, end - base) {
            let candidate = UnsafeRawPointer(found)
            if candidate + length <= end, memcmp(candidate, key.utf8Start, length) == 0 {
                return candidate - (end - count) + length
            }
            base = candidate + 1
        }
        return nil
    }

    func has(_ key: StaticString) -> Bool { after(key) != nil }

    /// Whether this is a frame of that type, which the server writes first.
    func isFrame(_ type: StaticString) -> Bool {
        let (start, length) = (9, type.utf8CodeUnitCount)
        guard let baseAddress, count > start + length, self[start + length] == UInt8(ascii: "\"") else { return false }
        return memcmp(baseAddress, "{\"type\":\"", start) == 0
            && memcmp(baseAddress + start, type.utf8Start, length) == 0
    }

    func number(after key: StaticString) -> UInt64? { after(key).flatMap { number(at: $0) } }

    /// The decimal number that begins there.
    func number(at start: Int) -> UInt64? {
        var (value, at) = (UInt64(0), start)
        while at < count, (0x30...0x39).contains(self[at]) {
            value = value &* 10 &+ UInt64(self[at] - 0x30)
            at += 1
        }
        return at > start ? value : nil
    }

    func text(after key: StaticString) -> String? {
        guard let at = after(key) else { return nil }
        return String(decoding: self[at...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }
}
