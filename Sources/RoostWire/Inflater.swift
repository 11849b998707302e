import CZlib
public import NIOCore

/// Inflates the payloads of messages (RFC 7692 section 7.2.2), with zlib. For one thread.
///
/// One that keeps no context has no memory of one message in the next, so that it serves any number of connections.
public final class Inflater {
    public enum Failure: Error, Sendable, Equatable {
        /// The message is larger than it may be.
        case tooBig
        /// It was not compressed so, or not all of it is there.
        case corrupt
    }

    /// Messages inflated so far.
    public private(set) var messages: UInt64 = 0
    /// zlib keeps the address, so it must stay where it is.
    private let stream: UnsafeMutablePointer<z_stream>
    private let keepsContext: Bool
    /// What comes out is gathered here first: most messages take one piece and then memory of their own size.
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)

    /// The end of an empty block that the sender has left out.
    private static let tail: [UInt8] = [0, 0, 0xFF, 0xFF]

    /// About 60 KiB of memory with the largest window.
    /// - Parameters:
    ///   - windowBits: how far back a message may refer, as a power of two from 8 to 15.
    ///   - keepsContext: whether a message may refer to those before it.
    public init(windowBits: Int = 15, keepsContext: Bool = false) {
        self.keepsContext = keepsContext
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Some compressors take a window of 2^9 for one of 2^8.
        let code = CZlib_inflateInit(stream, Int32(max(9, windowBits)))
        precondition(code == Z_OK, "zlib has no memory, or not the version that it was built for (\(code))")
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        scratch.deallocate()
    }

    /// The most bytes of a compressed message that is worth reading if it may have so many when it is inflated: what no
    /// block makes shorter becomes longer by an eighth at worst (nine bits for a byte, RFC 1951 section 3.2.6).
    static func mostBytes(of message: Int) -> Int {
        let (sum, isTooMuch) = message.addingReportingOverflow(message / 8 + 64)
        return isTooMuch ? Int.max : sum
    }

    /// The message, from all of its payload. After a failure of one that keeps its context, nothing more can be read.
    /// - Parameter limit: bytes; inflating stops where there are more, with no more memory taken than that.
    public func inflate(_ payload: ByteBuffer, atMost limit: Int) throws(Failure) -> ByteBuffer {
        // There should be at least the header of an empty block; what it means is plain.
        guard payload.readableBytes > 0 else { return ByteBuffer() }
        if !keepsContext { inflateReset(stream) }
        var out = ByteBuffer()
        let hasEnded = try feed(payload, &out, limit)
        if !hasEnded {
            _ = try feed(ByteBuffer(bytes: Inflater.tail), &out, limit)
            guard isBetweenBlocks else { throw .corrupt }
        }
        messages += 1
        return out
    }

    /// Inflates the next bytes; whether the compressor has ended its stream with the last of them.
    private func feed(_ bytes: ByteBuffer, _ out: inout ByteBuffer, _ limit: Int) throws(Failure) -> Bool {
        var outcome = Result<Bool, Failure>.success(false)
        bytes.withUnsafeReadableBytes { source in
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(source.count)
            outcome = drain(into: &out, limit)
        }
        return try outcome.get()
    }

    private func drain(into out: inout ByteBuffer, _ limit: Int) -> Result<Bool, Failure> {
        while true {
            stream.pointee.next_out = scratch.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(scratch.count)
            let code = CZlib.inflate(stream, Z_SYNC_FLUSH)
            let made = scratch.count - Int(stream.pointee.avail_out)
            guard made <= limit - out.readableBytes else { return .failure(.tooBig) }
            out.writeBytes(UnsafeRawBufferPointer(rebasing: scratch[..<made]))
            switch code {
            case Z_STREAM_END:
                if stream.pointee.avail_in == 0 {
                    inflateReset(stream)
                    return .success(true)
                }
                // A message may have several streams in it (section 7.2.3.5), the next with nothing to refer to.
                inflateReset(stream)
            case Z_OK, Z_BUF_ERROR:
                if stream.pointee.avail_out > 0 { return .success(false) }
            default: return .failure(.corrupt)
            }
        }
    }

    /// zlib tells by bit 7 that it waits for a block's header, by the lower ones how many bits of a byte are left over.
    private var isBetweenBlocks: Bool { stream.pointee.data_type & 0b1011_1111 == 0b1000_0000 }
}
