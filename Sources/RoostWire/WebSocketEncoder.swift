public import NIOCore

extension ByteBuffer {
    /// Appends a whole unmasked frame whose payload `body` writes.
    /// - Parameter isDeflated: it writes it compressed (RFC 7692 section 6).
    public mutating func putFrame(
        _ opcode: WebSocketOpcode, isDeflated: Bool = false, _ body: (inout ByteBuffer) -> Void
    ) {
        let start = writerIndex
        // Room for the header of most frames; a smaller or larger one moves the payload a few bytes.
        writeInteger(UInt32(0))
        body(&self)
        let length = writerIndex - start - 4
        let header = length < 126 ? 2 : length < 65_536 ? 4 : 10
        if header != 4 { movePayload(from: start + 4, to: start + header, length: length) }
        setInteger(0x80 | (isDeflated ? 0x40 : 0) | opcode.rawValue, at: start)
        switch header {
        case 2: setInteger(UInt8(length), at: start + 1)
        case 4:
            setInteger(UInt8(126), at: start + 1)
            setInteger(UInt16(length), at: start + 2)
        default:
            setInteger(UInt8(127), at: start + 1)
            setInteger(UInt64(length), at: start + 2)
        }
    }

    private mutating func movePayload(from source: Int, to target: Int, length: Int) {
        if target > source { writeRepeatingByte(0, count: target - source) }
        withVeryUnsafeMutableBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: bytes[target..<(target + length)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[source..<(source + length)]))
        }
        moveWriterIndex(to: target + length)
    }

    /// Appends a close frame; a reason longer than fits is cut between characters.
    public mutating func putClose(_ code: UInt16, reason: String) {
        var text = Substring(reason)
        while text.utf8.count > 123 { text.removeLast() }
        putFrame(.close) { frame in
            frame.writeInteger(code)
            frame.writeSubstring(text)
        }
    }

    /// Appends a whole frame as a client sends it, masked with `key`.
    public mutating func putMaskedFrame(_ opcode: WebSocketOpcode, key: UInt32, _ payload: some Sequence<UInt8>) {
        var body = ByteBuffer(bytes: payload)
        let length = body.readableBytes
        writeInteger(0x80 | opcode.rawValue)
        if length < 126 {
            writeInteger(0x80 | UInt8(length))
        } else if length < 65_536 {
            writeInteger(UInt8(0x80 | 126))
            writeInteger(UInt16(length))
        } else {
            writeInteger(UInt8(0x80 | 127))
            writeInteger(UInt64(length))
        }
        writeInteger(key, endianness: .host)
        body.withUnsafeMutableReadableBytes { xor($0, key) }
        writeBuffer(&body)
    }
}
