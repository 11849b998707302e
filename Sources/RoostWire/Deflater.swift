import CZlib
public import NIOCore

/// Compresses the payloads of messages (RFC 7692 section 7.2.1), with zlib. For one thread.
///
/// One that keeps no context has no memory of one message in the next, so that it serves any number of connections.
public final class Deflater {
    /// What has been compressed so far.
    public struct Tally: Sendable, Equatable {
        public var messages: UInt64 = 0
        public var bytesBefore: UInt64 = 0
        public var bytesAfter: UInt64 = 0
    }

    public private(set) var tally = Tally()
    /// zlib keeps the address, so it must stay where it is.
    private let stream: UnsafeMutablePointer<z_stream>
    private let keepsContext: Bool

    /// Bytes below which compressing gains too little for what it costs.
    public static let leastBytes = 128
    /// Other levels take up to five times as long for a few percent less.
    private static let level: Int32 = 1
    /// 32 KiB of hashes and symbols where zlib's default takes 128; for messages it makes no difference.
    private static let memory: Int32 = 6

    /// About 160 KiB of memory with the largest window.
    /// - Parameters:
    ///   - windowBits: how far back a message may refer, as a power of two from 9 to 15.
    ///   - keepsContext: whether a message may refer to those before it.
    public init(windowBits: Int = 15, keepsContext: Bool = false) {
        self.keepsContext = keepsContext
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = CZlib_deflateInit(stream, Deflater.level, Int32(windowBits), Deflater.memory)
        precondition(code == Z_OK, "zlib has no memory, or not the version that it was built for (\(code))")
    }

    deinit {
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Appends the payload, compressed, to `out`.
    public func deflate(_ payload: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        let start = out.writerIndex
        if payload.isEmpty {
            // zlib writes nothing at all for nothing; this is an empty block (section 7.2.3.6).
            out.writeInteger(UInt8(0))
        } else {
            if !keepsContext { deflateReset(stream) }
            flush(payload, into: &out)
            // The end of an empty block that every flush adds, and that the other side adds again.
            out.moveWriterIndex(to: out.writerIndex - 4)
        }
        tally.messages += 1
        tally.bytesBefore += UInt64(payload.count)
        tally.bytesAfter += UInt64(out.writerIndex - start)
    }

    private func flush(_ payload: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: payload.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(payload.count)
        var room = payload.count / 2 + 64
        repeat {
            out.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                let size = min(target.count, Int(UInt32.max))
                stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(size)
                let code = CZlib.deflate(stream, Z_SYNC_FLUSH)
                precondition(code == Z_OK || code == Z_BUF_ERROR, "zlib refuses to compress (\(code))")
                return size - Int(stream.pointee.avail_out)
            }
            room = payload.count / 4 + 64
            // A flush that has just filled the room may not be over.
        } while stream.pointee.avail_out == 0
    }
}

extension Deflater {
    /// The same messages with their payloads compressed, but for those that are short or would not get shorter.
    /// - Parameter frames: whole, unmasked, unfragmented and uncompressed frames, as the encoder makes them.
    public func deflate(frames: ByteBuffer) -> ByteBuffer {
        var out = ByteBuffer()
        frames.withUnsafeReadableBytes { bytes in
            var (at, kept) = (0, 0)
            while let frame = OwnFrame(bytes, at: at) {
                if frame.length >= Deflater.leastBytes {
                    if out.capacity == 0 { out.reserveCapacity(bytes.count / 2 + 64) }
                    out.writeBytes(bytes[kept..<at])
                    kept = deflate(frame, of: bytes, into: &out) ? frame.end : at
                }
                at = frame.end
            }
            if out.readableBytes > 0 { out.writeBytes(bytes[kept...]) }
        }
        return out.readableBytes > 0 ? out : frames
    }

    /// False if it would not get shorter; then nothing is written.
    private func deflate(
        _ frame: OwnFrame, of bytes: UnsafeRawBufferPointer, into out: inout ByteBuffer
    ) -> Bool {
        let start = out.writerIndex
        out.putFrame(frame.opcode, isDeflated: true) { target in
            deflate(UnsafeRawBufferPointer(rebasing: bytes[frame.payload]), into: &target)
        }
        guard out.writerIndex - start < frame.end - frame.start else {
            out.moveWriterIndex(to: start)
            return false
        }
        return true
    }
}

/// Where a frame lies that the encoder has made.
private struct OwnFrame {
    let opcode: WebSocketOpcode
    let start: Int
    let payload: Range<Int>

    var length: Int { payload.count }
    var end: Int { payload.upperBound }

    init?(_ bytes: UnsafeRawBufferPointer, at start: Int) {
        guard start < bytes.count, let opcode = WebSocketOpcode(rawValue: bytes[start] & 15) else { return nil }
        self.opcode = opcode
        self.start = start
        let code = bytes[start + 1]
        let more = code == 127 ? 8 : code == 126 ? 2 : 0
        let length =
            more == 0 ? Int(code) : bytes[(start + 2)..<(start + 2 + more)].reduce(0) { $0 << 8 | Int($1) }
        payload = (start + 2 + more)..<(start + 2 + more + length)
    }
}
