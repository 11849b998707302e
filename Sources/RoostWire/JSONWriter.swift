public import NIOCore
public import RoostCore

/// Writes JSON straight into a buffer.
extension ByteBuffer {
    @inline(__always)
    public mutating func put(_ text: StaticString) { writeStaticString(text) }

    /// A string with its quotes, escaped as RFC 8259 asks and no further.
    public mutating func putString(_ text: String) {
        writeInteger(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            var clean = 0
            for (index, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
                writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[clean..<index]))
                putEscape(byte)
                clean = index + 1
            }
            writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[clean...]))
        }
        writeInteger(UInt8(ascii: "\""))
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

    public mutating func putNumber(_ number: some FixedWidthInteger) { writeString(String(number)) }

    public mutating func putBool(_ value: Bool) { if value { put("true") } else { put("false") } }

    public mutating func putJSON(_ value: RawJSON) { writeBytes(value.bytes) }

    /// `"2026-11-21T02:30:52.123Z"` with its quotes.
    public mutating func putTime(_ time: Timestamp) {
        writeInteger(UInt8(ascii: "\""))
        putISO8601(time)
        writeInteger(UInt8(ascii: "\""))
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
