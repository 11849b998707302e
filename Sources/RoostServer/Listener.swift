import NIOCore
import NIOPosix

/// The listening socket: every connection begins at the `Entrance`, behind TLS where that is spoken.
struct Listener {
    let channel: any Channel

    /// - Parameter certificates: what TLS is spoken with; nil: it is not.
    static func bind(
        host: String, port: Int, group: MultiThreadedEventLoopGroup, entrance: Entrance, certificates: Certificates?,
        maxUnsentBytes: Int
    ) async throws -> Listener {
        let unsent = maxUnsentBytes > 0 ? maxUnsentBytes : Int.max / 2
        let marks = ChannelOptions.Types.WriteBufferWaterMark(low: max(1, unsent / 4), high: unsent)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            // Connections have it from the listening socket, as they have TCP_NODELAY, which NIO sets.
            .serverChannelOption(.tcpOption(Listener.unsentMark), value: Listener.unsentInKernel)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Here, and not as options of the bootstrap, which takes a chain of futures to set them.
                    let options = channel.syncOptions
                    try options?.setOption(.recvAllocator, value: ReceiveBuffers())
                    try options?.setOption(.maxMessagesPerRead, value: 1)
                    try options?.setOption(.writeBufferWaterMark, value: marks)
                    let pipeline = channel.pipeline.syncOperations
                    if let wait = entrance.admission.waitBeforeConnecting(from: channel.remoteAddress?.ipAddress ?? "")
                    {
                        // A 429 could be read only after the handshake, which is what must be saved.
                        return try pipeline.addHandler(certificates == nil ? TurnedAway(waitMs: wait) : ClosedDoor())
                    }
                    if let certificates { try pipeline.addTLS(certificates) }
                    try pipeline.addHandler(entrance.firstHandler())
                }
            }
            .bind(host: host, port: port).get()
        return Listener(channel: channel)
    }

    /// `TCP_NOTSENT_LOWAT`: how many bytes that have not left yet the kernel takes of one connection. More would only
    /// be older by the time they go.
    private static let unsentInKernel: SocketOptionValue = 131_072
    #if canImport(Darwin)
    private static let unsentMark = NIOBSDSocket.Option(rawValue: 0x201)
    #else
    private static let unsentMark = NIOBSDSocket.Option(rawValue: 25)
    #endif

    var port: Int { channel.localAddress?.port ?? 0 }

    /// Takes no more connections.
    func close() async { try? await channel.close() }
}

/// Tells somebody who connects too often to come back later.
private final class TurnedAway: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let waitMs: Int64

    init(waitMs: Int64) { self.waitMs = waitMs }

    func channelActive(context: ChannelHandlerContext) {
        let reason = "Too many connections from this address. Come back in \(waitMs) ms."
        let body = Problem.body(status: 429, code: "rate_limited", detail: reason, retryAfterMs: waitMs)
        let answer = httpAnswer(429, body, "Retry-After: \((waitMs + 999) / 1000)\r\n")
        context.sendLast(wrapOutboundOut(answer))
    }
}
