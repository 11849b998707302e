import NIOCore

/// One connection on its channel: bytes to replies, commands to bytes.
final class RespWire: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What a wire tells, on its loop: `opened` once, then replies, then `closed` once.
    enum News {
        case opened
        /// All that one read brought; nothing where it brought only a part of one.
        case replies([RespValue])
        /// Nil: the other side closed it in good order.
        case closed((any Error)?)
    }

    private var tell: ((RespWire, News) -> Void)?
    private var context: ChannelHandlerContext?
    private var parser = RespParser()
    private var replies: [RespValue] = []
    private var error: (any Error)?
    private var isClosed = false

    private var out = ByteBuffer()
    private var isFlushPlanned = false
    /// Bytes that the system has not taken yet.
    private(set) var unsent = 0

    /// - Parameter tell: called on the channel's loop until `closed` has been told.
    init(tell: @escaping (RespWire, News) -> Void) { self.tell = tell }

    // MARK: Writing

    /// Adds to what is written at the end of this turn of the loop, all in one write.
    func send(_ write: (inout ByteBuffer) -> Void) {
        guard let context else { return }
        let before = out.writerIndex
        write(&out)
        unsent += out.writerIndex - before
        guard !isFlushPlanned else { return }
        isFlushPlanned = true
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute { bound.value.flush() }
    }

    private func flush() {
        isFlushPlanned = false
        guard let context, out.readableBytes > 0 else { return }
        let bytes = out
        out = context.channel.allocator.buffer(capacity: 256)
        let bound = NIOLoopBound((self, bytes.readableBytes), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(bytes)).whenComplete { _ in bound.value.0.unsent -= bound.value.1 }
    }

    /// Closes it; nothing more is told.
    func close() {
        tell = nil
        isClosed = true
        // Without a channel as yet: it is closed as soon as it is there.
        guard let context else { return }
        self.context = nil
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        // Not from within a read, whose buffers are still on their way through the pipeline.
        context.eventLoop.execute { bound.value.close(promise: nil) }
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        if !isClosed { self.context = context }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        if isClosed { context.close(promise: nil) } else { tell?(self, .opened) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard error == nil else { return }
        let bytes = unwrapInboundIn(data)
        do throws(RespError) {
            try bytes.withUnsafeReadableBytes { bytes throws(RespError) in try parser.read(bytes, into: &replies) }
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        let read = replies
        replies.removeAll(keepingCapacity: true)
        tell?(self, .replies(read))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The first tells what happened, the later ones what came of it.
        if self.error == nil { self.error = error }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        let last = tell
        tell = nil
        last?(self, .closed(error))
    }
}
