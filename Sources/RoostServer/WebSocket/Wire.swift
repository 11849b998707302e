import NIOCore

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The sending half of a WebSocket: whole frames in, in order, and no other way out.
///
/// Nearly all that a send costs is the kernel's. NIO's way there (a pipeline, a list of pending writes, a promise) would
/// double that, so frames go straight to `send(2)` as long as nothing is queued in the channel. What the kernel does
/// not take, and everything behind it, is queued there; NIO then waits until the socket is writable. The rules:
///
/// - Directly only while the channel has nothing of ours (`queued`), and never from inside a write's completion.
/// - Only on a connection without TLS, for which the pipeline is asked and nobody's word is taken.
/// - The descriptor is borrowed from the channel for each call, which refuses once the channel is closed: nothing has to
///   be invalidated, whatever way a channel ends.
/// - An error is left to the channel: it tries the same bytes, meets the same error, and closes.
final class Wire {
    private let context: ChannelHandlerContext
    /// Nil where frames must pass the pipeline.
    private let core: (any NIOTransportAccessibleChannelCore<NIOBSDSocket.Handle>)?
    /// Bytes that the channel has, and has not given to the kernel.
    private var queued = 0
    /// What waits for `flush`.
    private var first: ByteBuffer?
    private var more: [ByteBuffer] = []
    private var needsFlush = false

    /// Frames that wait are joined up to so many bytes: copying them costs less than a second way through the kernel. It
    /// is also what one record of TLS may hold, and each write becomes at least one.
    private static let joinUpTo = 16_384

    /// - Parameter isDirect: whether frames may go past the pipeline, if nothing in it changes them.
    init(_ context: ChannelHandlerContext, isDirect: Bool) {
        self.context = context
        core =
            isDirect && !context.pipeline.syncOperations.isEncrypted
            ? context.channel._channelCore as? any NIOTransportAccessibleChannelCore<NIOBSDSocket.Handle> : nil
    }

    /// Queues frames until `flush`.
    func write(_ frames: ByteBuffer) {
        guard let waiting = first?.readableBytes else {
            first = frames
            return
        }
        if let last = more.indices.last {
            guard more[last].readableBytes + frames.readableBytes <= Wire.joinUpTo else { return more.append(frames) }
            more[last].writeImmutableBuffer(frames)
        } else if waiting + frames.readableBytes <= Wire.joinUpTo {
            first?.writeImmutableBuffer(frames)
        } else {
            more.append(frames)
        }
    }

    /// Sends frames now if nothing is before them. False if `flush` has to be called.
    func sendNow(_ frames: ByteBuffer) -> Bool {
        guard first == nil, !needsFlush, let core, queued == 0 else {
            write(frames)
            return false
        }
        let sent = Wire.send(frames, core)
        if sent == frames.readableBytes { return true }
        enqueue(frames, after: sent)
        return false
    }

    func flush() {
        if let frames = first {
            first = nil
            if more.isEmpty, queued == 0, let core {
                let sent = Wire.send(frames, core)
                if sent < frames.readableBytes { enqueue(frames, after: sent) }
            } else {
                enqueue(frames, after: 0)
                for frames in more { enqueue(frames, after: 0) }
                more = []
            }
        }
        guard needsFlush else { return }
        needsFlush = false
        context.flush()
    }

    /// Sends everything up to here and these bytes, and tells when they are with the kernel or can't get there.
    func finish(_ frames: ByteBuffer) -> EventLoopFuture<Void> {
        write(frames)
        let last = context.eventLoop.makePromise(of: Void.self)
        if let frames = first { enqueue(frames, after: 0) }
        for frames in more { enqueue(frames, after: 0) }
        (first, more, needsFlush) = (nil, [], false)
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: last)
        return last.futureResult
    }

    private func enqueue(_ frames: ByteBuffer, after sent: Int) {
        var rest = frames
        rest.moveReaderIndex(forwardBy: sent)
        needsFlush = true
        guard core != nil else { return context.write(NIOAny(rest), promise: nil) }
        let length = rest.readableBytes
        queued += length
        // Only counts: what became of the bytes, the channel itself sees to.
        context.write(NIOAny(rest)).assumeIsolated().whenComplete { [self] _ in queued -= length }
    }

    /// The bytes that the kernel has taken; none on an error.
    private static func send(
        _ frames: ByteBuffer, _ core: any NIOTransportAccessibleChannelCore<NIOBSDSocket.Handle>
    ) -> Int {
        let sent = frames.withUnsafeReadableBytes { bytes in
            try? core.withUnsafeTransport { descriptor in
                #if canImport(Darwin)
                Darwin.send(descriptor, bytes.baseAddress, bytes.count, MSG_DONTWAIT)
                #else
                Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                #endif
            }
        }
        return max(0, sent ?? 0)
    }
}
