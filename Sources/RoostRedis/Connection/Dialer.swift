import NIOCore
import NIOPosix
import NIOSSL
import RoostEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Opens connections to Redis, on one event loop.
struct Dialer {
    let loop: any EventLoop
    /// Nil: TLS is not spoken.
    let tls: NIOSSLContext?

    private static let connectTimeout = TimeAmount.seconds(3)

    /// Opens a connection; `wire` hears of it from then on.
    func dial(_ endpoint: RedisEndpoint, _ wire: RespWire) -> EventLoopFuture<Void> {
        let bound = NIOLoopBound((self, wire), eventLoop: loop)
        return ClientBootstrap(group: loop)
            .connectTimeout(Dialer.connectTimeout)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (dialer, wire) = bound.value
                    try dialer.furnish(channel.pipeline.syncOperations, wire, endpoint)
                }
            }
            .connect(host: endpoint.host, port: endpoint.port)
            .map { _ in }
    }

    private func furnish(
        _ pipeline: ChannelPipeline.SynchronousOperations, _ wire: RespWire, _ endpoint: RedisEndpoint
    ) throws {
        if let tls {
            // Not for addresses, which are no names to be asked for (RFC 6066 section 3).
            let isName = (try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port)) == nil
            try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: isName ? endpoint.host : nil))
        }
        try pipeline.addHandler(wire)
    }
}

/// The cause, in a few words.
func explain(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
        if let failure = error.connectionErrors.first?.error { return explain(failure) }
        return "the name \(error.host) is unknown"
    case let error as IOError: return String(cString: strerror(error.errnoCode)).lowercased()
    case ChannelError.connectTimeout: return "it did not answer in time"
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return "TLS failed (\(error))"
    default: return "\(error)"
    }
}
