import NIOCore
import RoostCore
import RoostWire

/// What a transport tells about itself, in this order: `opened` at most once, then what it hears, then `closed` once.
enum TransportNews {
    case opened
    case text(String)
    /// Something came that is no message: the server is there.
    case heard
    /// The end. `code` is 1006 where there was no close frame.
    case closed(code: Int, reason: String)
}

/// One WebSocket on its channel, from the handshake to the last byte.
final class SocketHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case shaking(ClientHandshake)
        case open
        /// A close frame of ours is on its way.
        case closing(code: Int, reason: String)
        case closed
    }

    private var state: State
    private let endpoint: Endpoint
    private let protocols: [String]
    private let tell: (TransportNews) -> Void
    private var context: ChannelHandlerContext?
    private var decoder: WebSocketDecoder
    private var unread = ByteBuffer()
    private var refusal: (status: Int?, reason: String)?

    /// What a server may send in one message.
    private static let maxMessageBytes = 64 << 20
    /// How long a server has to answer a close frame.
    private static let closeTimeout = TimeAmount.seconds(2)

    /// - Parameter tell: called on the channel's loop.
    init(_ endpoint: Endpoint, protocols: [String], nonce: [UInt8], tell: @escaping (TransportNews) -> Void) {
        state = .shaking(ClientHandshake(nonce: nonce))
        self.endpoint = endpoint
        self.protocols = protocols
        self.tell = tell
        decoder = WebSocketDecoder(side: .client, maxMessageBytes: SocketHandler.maxMessageBytes)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { shake(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        shake(context)
        context.fireChannelActive()
    }

    private func shake(_ context: ChannelHandlerContext) {
        guard case .shaking(let handshake) = state else { return }
        let request = ByteBuffer(string: handshake.request(to: endpoint, protocols: protocols))
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        unread.writeBuffer(&bytes)
        if case .shaking(let handshake) = state {
            switch handshake.read(&unread) {
            case .incomplete: return
            case .refused(let status, let reason):
                refusal = (status, reason)
                return context.close(promise: nil)
            case .accepted:
                state = .open
                tell(.opened)
            }
        }
        do throws(WebSocketDecoder.Violation) {
            while !isOver, let output = try decoder.next(from: &unread) { handle(output) }
        } catch {
            close(Int(error.code.rawValue), error.reason)
        }
        unread.discardReadBytes()
    }

    private var isOver: Bool { if case .closed = state { true } else { false } }

    private func handle(_ output: WebSocketDecoder.Output) {
        switch output {
        case .text(let text): if case .open = state { tell(.text(String(buffer: text))) }
        case .binary: close(1003, "The server sent a binary frame.")
        case .ping(let payload):
            send(.pong, Array(buffer: payload))
            tell(.heard)
        case .pong: tell(.heard)
        case .close(let code, let reason):
            if case .closing(let code, let reason) = state { return end(code, reason) }
            let answer = code.map { [UInt8($0 >> 8), UInt8($0 & 255)] } ?? []
            send(.close, answer)
            end(code.map(Int.init) ?? 1005, reason)
        }
    }

    // MARK: Sending

    func write(_ text: String) {
        if case .open = state { send(.text, Array(text.utf8)) }
    }

    private func send(_ opcode: WebSocketOpcode, _ payload: [UInt8]) {
        guard let context else { return }
        var frame = context.channel.allocator.buffer(capacity: payload.count + 14)
        frame.putMaskedFrame(opcode, key: .random(in: .min ... .max), payload)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    // MARK: The end

    /// Says goodbye; `closed` follows when the server has answered, or soon.
    func close(_ code: Int, _ reason: String) {
        guard let context, case .open = state else {
            if case .shaking = state { end(code, reason) }
            return
        }
        var payload = [UInt8(code >> 8 & 255), UInt8(code & 255)]
        payload += Array(reason.utf8.prefix(123))
        send(.close, payload)
        state = .closing(code: code, reason: reason)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: SocketHandler.closeTimeout) { bound.value.end(code, reason) }
    }

    /// There is no channel to say it.
    func fail(_ reason: String) { end(1006, reason) }

    private func end(_ code: Int, _ reason: String) {
        guard !isOver else { return }
        state = .closed
        context?.close(promise: nil)
        tell(.closed(code: code, reason: reason))
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch state {
        case .closing(let code, let reason): end(code, reason)
        case .shaking:
            let refused = refusal ?? (nil, "The connection was closed during the handshake.")
            end(CloseCodes.code(forStatus: refused.status), refused.reason)
        case .open: end(1006, "The connection was lost.")
        case .closed: break
        }
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(1006, "The connection broke: \(error).")
    }
}
