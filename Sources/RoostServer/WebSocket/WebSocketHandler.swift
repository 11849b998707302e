import NIOCore
import RoostCore
import RoostHub
import RoostWire

/// One WebSocket on its channel: bytes to frames for the shard, frames of the shard to bytes. The only handler there.
final class WebSocketHandler: ChannelInboundHandler, RemovableChannelHandler, Transport {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case open
        /// Our close frame is on its way; what the peer still sends is thrown away until it closes too.
        case closing
        case closed
    }

    private var state = State.open
    private var context: ChannelHandlerContext?
    private var wire: Wire?
    private let isDirect: Bool
    private let deflates: Bool
    private var decoder: WebSocketDecoder
    /// A piece of a frame's header that came without the rest.
    private var leftover: ByteBuffer?
    private var connection: Connection?
    private let shard: Shard
    private let admission: Admission
    /// Whose rooms are noted.
    private let visitor: Visitor?
    /// Where the client is until it has signed in.
    private var gate: SignInGate?

    /// How long a peer has to answer a close frame, so that what we sent last is not lost in a reset.
    private static let closeTimeout = TimeAmount.seconds(2)

    /// What becomes of a connection once the handler is in place.
    enum Entry {
        case welcome(Guest)
        case signIn(SignInGate)
        /// It was upgraded only to be told why not: browsers can't see an HTTP status.
        case turnAway(CloseCode, reason: String)
    }

    /// - Parameters:
    ///   - admission: has counted the connection in; it is counted out when the channel is gone.
    ///   - deflates: whether both sides have agreed to compress messages, each by itself.
    ///   - isDirect: whether frames may go past the pipeline, see `Wire`.
    ///   - visitor: the session that the client has brought, if it has.
    init(
        shard: Shard, admission: Admission, maxMessageBytes: Int, deflates: Bool, isDirect: Bool, visitor: Visitor?
    ) {
        self.isDirect = isDirect
        self.deflates = deflates
        self.shard = shard
        self.admission = admission
        self.visitor = visitor
        decoder = WebSocketDecoder(
            side: .server, maxMessageBytes: maxMessageBytes, inflater: deflates ? shard.inflater() : nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    /// The upgrade is done: from here on everything is frames.
    /// - Parameters:
    ///   - answer: the server's half of the handshake, which has to go first.
    ///   - entry: not kept, since thousands that wait would keep it too.
    func start(after answer: ByteBuffer, _ entry: Entry) {
        guard let context else { return }
        let wire = Wire(context, isDirect: isDirect)
        self.wire = wire
        wire.write(answer)
        defer { wire.flush() }
        switch entry {
        case .welcome(let guest): admit(guest)
        case .turnAway(let code, let reason): sendClose(code.rawValue, reason)
        case .signIn(let gate):
            self.gate = gate
            gate.open(for: self)
        }
    }

    /// Takes the client into the shard.
    /// - Parameter id: the `messageId` of the frame by which it has signed in.
    func admit(_ guest: Guest, answering id: MessageID? = nil) {
        guard state == .open else { return }
        gate = nil
        connection = shard.connect(
            self, dialect: guest.dialect, deflates: deflates, identity: guest.identity, session: guest.session,
            credentials: guest.credentials, answering: id)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state == .open || state == .closing else { return }
        var bytes = unwrapInboundIn(data)
        if var rest = leftover {
            leftover = nil
            rest.writeBuffer(&bytes)
            bytes = rest
        }
        do throws(WebSocketDecoder.Violation) {
            while state != .closed, let output = try decoder.next(from: &bytes) { handle(output) }
        } catch {
            if state == .open { fail(error.code, error.reason) }
            return
        }
        // A copy: the rest of the buffer is not to be held for the sake of a few bytes.
        if bytes.readableBytes > 0 { leftover = ByteBuffer(bytes: bytes.readableBytesView) }
    }

    func handle(_ output: WebSocketDecoder.Output) {
        guard let connection, state == .open else {
            if state == .open, let gate { return gate.handle(output) }
            // Only the peer's close is of interest now.
            if case .close = output, state == .closing { finish() }
            return
        }
        switch output {
        case .text(let text): shard.receive(text, from: connection)
        case .binary: fail(.unsupportedData, "Binary frames are not spoken here; send text.")
        case .pong(let payload):
            let number = payload.readableBytes == 8 ? payload.getInteger(at: payload.readerIndex, as: UInt64.self) : nil
            shard.heard(connection, pong: number)
        case .ping(let payload):
            shard.heard(connection)
            pong(payload, connection)
        case .close(let code, _): answerClose(code)
        }
    }

    private func pong(_ payload: ByteBuffer, _ connection: Connection) {
        // Who pings faster than it reads gets no further answers (RFC 6455 section 5.5.3 allows it).
        guard context?.channel.isWritable == true else { return }
        var frame = ByteBuffer()
        frame.putFrame(.pong) { $0.writeImmutableBuffer(payload) }
        shard.send(frame, to: connection)
    }

    // MARK: Transport

    func write(_ frames: ByteBuffer) {
        guard state == .open else { return }
        wire?.write(frames)
    }

    func sendNow(_ frames: ByteBuffer) -> Bool {
        guard state == .open, let wire else { return true }
        return wire.sendNow(frames)
    }

    func flush() { wire?.flush() }

    func ping(_ number: UInt64) {
        var frame = ByteBuffer()
        frame.putFrame(.ping) { $0.writeInteger(number) }
        write(frame)
    }

    func setReading(_ isOn: Bool) {
        guard state == .open, let context else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: isOn)
        if isOn { context.read() }
    }

    func close(_ code: CloseCode, reason: String) {
        sendClose(code.rawValue, reason)
    }

    func entered(_ room: RoomName) { visitor?.entered(room) }

    // MARK: Closing

    /// The peer broke the rules.
    private func fail(_ code: CloseCode, _ reason: String) {
        guard let connection else { return sendClose(code.rawValue, reason) }
        shard.end(connection, code, reason)
    }

    func answerClose(_ code: UInt16?) {
        state = .closing
        if let connection { shard.disconnect(connection) }
        guard let context, let wire else { return }
        var frame = ByteBuffer()
        if let code { frame.putClose(code, reason: "") } else { frame.putFrame(.close) { _ in } }
        wire.finish(frame).assumeIsolated().whenComplete { [self] _ in finish() }
        giveUpLater(context)
    }

    private func sendClose(_ code: UInt16, _ reason: String) {
        guard state == .open, let context else { return }
        state = .closing
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        var frame = ByteBuffer()
        frame.putClose(code, reason: reason)
        wire?.write(frame)
        wire?.flush()
        giveUpLater(context)
    }

    private func giveUpLater(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: WebSocketHandler.closeTimeout) { bound.value.finish() }
    }

    private func finish() {
        guard state != .closed else { return }
        state = .closed
        context?.close(promise: nil)
    }

    // MARK: The channel's life

    func channelInactive(context: ChannelHandlerContext) {
        state = .closed
        self.context = nil
        wire = nil
        if let connection { shard.disconnect(connection) }
        connection = nil
        gate?.close()
        gate = nil
        admission.exit()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if let connection { shard.writability(of: connection, isNow: context.channel.isWritable) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Resets and broken pipes; there is nobody left to tell.
        context.close(promise: nil)
    }
}
