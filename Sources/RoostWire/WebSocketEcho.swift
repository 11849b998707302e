public import NIOCore
import RoostCore

/// A peer that answers every message with itself (what conformance suites and benchmarks talk to): the frames of a
/// client in, the frames of the server out, RFC 6455; compressed both ways where that was agreed on, RFC 7692.
///
/// A message that is whole in what has been read goes from there into the answer in one step; anything else (pieces,
/// fragments, control frames, what is wrong) takes the way through the decoder that every other connection takes.
public struct WebSocketEcho {
    private var decoder: WebSocketDecoder
    private let maxMessageBytes: Int
    private let deflater: Deflater?
    private let isShared: Bool
    private var shared = ByteBuffer()

    /// - Parameters:
    ///   - maxMessageBytes: bytes of one message; above it the connection is closed with 1009.
    ///   - deflate: how messages are compressed; nil: they are not.
    ///   - isShared: whether messages are for others too, who would not know how to inflate them: see `takeShared`.
    public init(maxMessageBytes: Int, deflate: DeflateAgreement? = nil, isShared: Bool = false) {
        self.maxMessageBytes = maxMessageBytes
        self.isShared = isShared
        deflater = deflate.map {
            Deflater(windowBits: $0.server.windowBits, keepsContext: $0.server.keepsContext)
        }
        decoder = WebSocketDecoder(
            side: .server, maxMessageBytes: maxMessageBytes,
            inflater: deflate.map {
                Inflater(windowBits: $0.client.windowBits, keepsContext: $0.client.keepsContext)
            })
    }

    /// Appends to `out` what answers the frames in `bytes`, and consumes what it has looked at; a piece of a header
    /// or of a control frame stays.
    /// - Returns: whether the connection goes on; if not, the last thing in `out` is a close frame.
    public mutating func answer(_ bytes: inout ByteBuffer, into out: inout ByteBuffer) -> Bool {
        do throws(WebSocketDecoder.Violation) {
            while true {
                if try copy(&bytes, into: &out) { continue }
                guard let output = try decoder.next(from: &bytes) else { return true }
                guard answer(output, into: &out) else { return false }
            }
        } catch {
            out.putClose(error.code.rawValue, reason: error.reason)
            return false
        }
    }

    /// The messages that `answer` has left out of its answers because they are shared, as whole frames; nil if there
    /// are none.
    public mutating func takeShared() -> ByteBuffer? {
        guard shared.readableBytes > 0 else { return nil }
        defer { shared = ByteBuffer() }
        return shared
    }

    private mutating func answer(_ output: WebSocketDecoder.Output, into out: inout ByteBuffer) -> Bool {
        switch output {
        case .text(let text): put(.text, text, into: &out)
        case .binary(let bytes): put(.binary, bytes, into: &out)
        case .ping(let payload): out.putFrame(.pong) { $0.writeImmutableBuffer(payload) }
        case .pong: break
        case .close(let code, _):
            if let code { out.putClose(code, reason: "") } else { out.putFrame(.close) { _ in } }
            return false
        }
        return true
    }

    /// Whatever its size: what suites want to see is compression.
    private mutating func put(_ opcode: WebSocketOpcode, _ payload: ByteBuffer, into out: inout ByteBuffer) {
        if isShared { return shared.putFrame(opcode) { $0.writeImmutableBuffer(payload) } }
        guard let deflater else { return out.putFrame(opcode) { $0.writeImmutableBuffer(payload) } }
        out.putFrame(opcode, isDeflated: true) { out in
            payload.withUnsafeReadableBytes { deflater.deflate($0, into: &out) }
        }
    }

    /// Answers a message that is whole in `bytes`; false if there is none at its beginning.
    private mutating func copy(
        _ bytes: inout ByteBuffer, into out: inout ByteBuffer
    ) throws(WebSocketDecoder.Violation) -> Bool {
        guard deflater == nil, decoder.isBetweenMessages,
            let message = bytes.withUnsafeReadableBytes({ WholeMessage($0, atMost: maxMessageBytes) })
        else { return false }
        let written = bytes.withUnsafeReadableBytes { source in
            isShared ? message.write(source, to: &shared) : message.write(source, to: &out)
        }
        guard written > 0 else { throw WebSocketDecoder.badText }
        bytes.moveReaderIndex(forwardBy: message.bytes)
        return true
    }
}

/// An unfragmented, masked data frame of less than 64 KiB that is all there.
private struct WholeMessage {
    /// Bytes of its header without the mask, which are those of the answer's too.
    private let header: Int
    private let length: Int

    var bytes: Int { header + 4 + length }
    var answerBytes: Int { header + length }

    /// Nil if that is not what `bytes` begins with.
    init?(_ bytes: UnsafeRawBufferPointer, atMost limit: Int) {
        guard bytes.count >= 6, bytes[0] == 0x81 || bytes[0] == 0x82, bytes[1] & 0x80 != 0 else { return nil }
        let code = Int(bytes[1] & 0x7F)
        guard code < 127 else { return nil }
        header = code == 126 ? 4 : 2
        length = code == 126 ? Int(bytes[2]) << 8 | Int(bytes[3]) : code
        // A length that is not written as short as can be would have to be written anew.
        guard code < 126 || length >= 126, bytes.count >= self.bytes, length <= limit else { return nil }
    }

    /// Appends the frame as a server sends it; returns its bytes, 0 if it is a text that is not UTF-8.
    func write(_ source: UnsafeRawBufferPointer, to out: inout ByteBuffer) -> Int {
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: answerBytes) { answer(source, $0) }
    }

    private func answer(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) -> Int {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<header]))
        target[1] &= 0x7F
        let payload = UnsafeMutableRawBufferPointer(rebasing: target[header..<answerBytes])
        payload.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[(header + 4)..<bytes]))
        xor(payload, source.loadUnaligned(fromByteOffset: header, as: UInt32.self))
        let isText = source[0] & 15 == WebSocketOpcode.text.rawValue
        return isText && !UTF8Validator.isValid(UnsafeRawBufferPointer(payload)) ? 0 : answerBytes
    }
}
