public import NIOCore
public import RoostCore

/// Writes JSON straight into a buffer.
extension ByteBuffer {
    /// As `writeStaticString`, which costs several times as much for texts as short as these.
    @inline(__always)
    public mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count) { room in
            room.copyMemory(from: bytes)
            return bytes.count
        }
    }

    /// A string with its quotes, escaped as RFC 8259 asks and no further.
    public mutating func putString(_ text: String) {
        var text = text
        text.withUTF8 { putString(UnsafeRawBufferPointer($0)) }
    }

    private mutating func putString(_ bytes: UnsafeRawBufferPointer) {
        put("\"")
        var clean = 0
        for index in 0..<bytes.count {
            let byte = bytes[index]
            guard byte < 0x20 || byte == 0x22 || byte == 0x5C else { continue }
            put(UnsafeRawBufferPointer(rebasing: bytes[clean..<index]))
            putEscape(byte)
            clean = index + 1
        }
        put(UnsafeRawBufferPointer(rebasing: bytes[clean...]))
        put("\"")
    }

    private mutating func putEscape(_ byte: UInt8) {
        switch byte {
        case 0x22: put("\\\"")
        case 0x5C: put("\\\\")
        case 0x0A: put("\\n")
        case 0x0D: put("\\r")
        case 0x09: put("\\t")
        default:
            put("\\u00")
            writeInteger(ByteBuffer.hex[Int(byte >> 4)])
            writeInteger(ByteBuffer.hex[Int(byte & 15)])
        }
    }

    private static let hex = Array("0123456789abcdef".utf8)

    public mutating func putNumber(_ number: some FixedWidthInteger) {
        // The longest there is has 20 digits.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var (left, start) = (UInt64(number.magnitude), digits.count)
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: left % 10)
                left /= 10
            } while left > 0
            if number < 0 { put("-") }
            put(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[start...]))
        }
    }

    public mutating func putBool(_ value: Bool) { if value { put("true") } else { put("false") } }

    public mutating func putJSON(_ value: RawJSON) { value.bytes.withUnsafeBytes { put($0) } }

    /// `"2026-11-21T02:30:52.123Z"` with its quotes.
    public mutating func putTime(_ time: Timestamp) {
        put("\"")
        putISO8601(time)
        put("\"")
    }

    /// A list with commas between what `item` writes.
    public mutating func putList<Element>(
        _ elements: some Sequence<Element>, _ item: (inout ByteBuffer, Element) -> Void
    ) {
        writeInteger(UInt8(ascii: "["))
        var isFirst = true
        for element in elements {
            if !isFirst { writeInteger(UInt8(ascii: ",")) }
            isFirst = false
            item(&self, element)
        }
        writeInteger(UInt8(ascii: "]"))
    }
}
