import NIOCore
import RoostCore
import RoostWire

/// The WebSocket at `/echo`: what a read has brought is answered by one write; or at `/echo/NAME`, where messages go to a
/// crowd. The only handler of its channel.
final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private enum State {
        case open
        /// Our close frame is written or on its way; what the peer still sends is thrown away.
        case closing
    }

    private var state = State.open
    private var wire: Wire?
    private let isDirect: Bool
    private var echo: WebSocketEcho
    /// Who hears the messages; nil: who has sent them.
    private let crowd: EchoCrowd?
    /// A piece of a frame that came without the rest.
    private var leftover: ByteBuffer?
    /// What is to be written; between reads its memory is kept for the next answer.
    private var out = ByteBuffer()
    private let onClose: () -> Void

    /// Bytes of one message: more than conformance suites send.
    static let maxMessageBytes = 32 << 20
    /// Bytes of `out` that a connection may keep.
    private static let maxKept = 16 << 10
    /// How long a peer has to close after our close frame, so that what we sent last is not lost in a reset.
    private static let closeTimeout = TimeAmount.seconds(2)

    /// - Parameters:
    ///   - crowd: who hears the messages, if `echo` shares them.
    ///   - isDirect: whether frames may go past the pipeline, see `Wire`.
    ///   - onClose: called once, when the channel is gone.
    init(_ echo: WebSocketEcho, crowd: EchoCrowd? = nil, isDirect: Bool, onClose: @escaping () -> Void) {
        self.echo = echo
        self.crowd = crowd
        self.isDirect = isDirect
        self.onClose = onClose
    }

    func handlerAdded(context: ChannelHandlerContext) { wire = Wire(context, isDirect: isDirect) }

    /// The upgrade is done: from here on everything is frames.
    /// - Parameter answer: the server's half of the handshake, which has to go first.
    func start(after answer: ByteBuffer) {
        wire?.write(answer)
        wire?.flush()
        crowd?.join(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state == .open else { return }
        var bytes = unwrapInboundIn(data)
        if var rest = leftover {
            leftover = nil
            rest.writeBuffer(&bytes)
            bytes = rest
        }
        if !echo.answer(&bytes, into: &out) { state = .closing }
        if bytes.readableBytes > 0 { leftover = bytes.slice() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if let crowd, let messages = echo.takeShared() { crowd.send(messages) }
        send(context)
    }

    /// Takes what somebody in the crowd has said.
    func hear(_ frames: ByteBuffer) {
        guard state == .open, let wire else { return }
        if !wire.sendNow(frames) { wire.flush() }
    }

    private func send(_ context: ChannelHandlerContext) {
        guard out.readableBytes > 0, let wire else { return }
        guard state == .open else { return sendLast(context, wire) }
        if !wire.sendNow(out) { wire.flush() }
        // Most often the kernel has it already, and the memory is ours again; else this takes new memory.
        if out.capacity <= EchoHandler.maxKept { out.clear() } else { out = ByteBuffer() }
    }

    private func sendLast(_ context: ChannelHandlerContext, _ wire: Wire) {
        wire.finish(out).assumeIsolated().whenComplete { _ in
            // Not both ways at once: what the peer is still sending would turn into a reset and eat the close frame.
            context.close(mode: .output, promise: nil)
        }
        out = ByteBuffer()
        leftover = nil
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        context.eventLoop.assumeIsolated().scheduleTask(in: EchoHandler.closeTimeout) { context.close(promise: nil) }
    }

    // MARK: The channel's life

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // Who doesn't read its answers is not asked for more.
        let isWritable = context.channel.isWritable
        try? context.channel.syncOptions?.setOption(.autoRead, value: isWritable || state == .closing)
        if isWritable { context.read() }
        guard crowd != nil, !isWritable else { return }
        // What the others say can't be held back for one. Not at once: this may come from inside a write.
        context.eventLoop.assumeIsolated().execute { [self] in
            close(context, .tooFarBehind, "You have taken too little of what the others say; connect again.")
        }
    }

    /// The server is about to stop.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        close(context, .draining, "The server is restarting; connect again.")
    }

    private func close(_ context: ChannelHandlerContext, _ code: CloseCode, _ reason: String) {
        guard state == .open, wire != nil else { return }
        state = .closing
        out.putClose(code.rawValue, reason: reason)
        send(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        crowd?.leave(self)
        wire = nil
        onClose()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Resets and broken pipes; there is nobody left to tell.
        context.close(promise: nil)
    }
}
