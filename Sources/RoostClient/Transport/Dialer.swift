import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Opens WebSockets, on one event loop.
struct Dialer {
    let loop: any EventLoop
    /// What TLS trusts; nil: the system's authorities.
    let trust: NIOSSLContext?
    let connectTimeout: TimeAmount

    /// Opens a WebSocket; what becomes of it is told, `closed` at the latest.
    /// - Parameter tell: called on the loop, never before this returns.
    /// - Returns: the socket, to write to; what is written before it has opened is lost.
    func dial(
        _ endpoint: Endpoint, protocols: [String], tell: @escaping (TransportNews) -> Void
    ) -> SocketHandler {
        let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        let handler = SocketHandler(endpoint, protocols: protocols, nonce: nonce, tell: tell)
        let bound = NIOLoopBound((self, handler), eventLoop: loop)
        ClientBootstrap(group: loop)
            .connectTimeout(connectTimeout)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (dialer, handler) = bound.value
                    try dialer.furnish(channel.pipeline.syncOperations, handler, endpoint)
                }
            }
            .connect(host: endpoint.host, port: endpoint.port)
            .whenFailure { error in
                bound.value.1.fail("\(endpoint.authority) can't be reached: \(Dialer.explain(error))")
            }
        return handler
    }

    private func furnish(
        _ pipeline: ChannelPipeline.SynchronousOperations, _ handler: SocketHandler, _ endpoint: Endpoint
    ) throws {
        if endpoint.isSecure {
            let context = try trust ?? NIOSSLContext(configuration: .makeClientConfiguration())
            // Not for addresses, which are no names to be asked for (RFC 6066 section 3).
            let isName = (try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port)) == nil
            try pipeline.addHandler(
                NIOSSLClientHandler(context: context, serverHostname: isName ? endpoint.host : nil))
        }
        try pipeline.addHandler(handler)
    }

    private static func explain(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first?.error { return explain(failure) }
            return "the name \(error.host) is unknown."
        case let error as IOError: return "\(String(cString: strerror(error.errnoCode)).lowercased())."
        case ChannelError.connectTimeout: return "it did not answer in time."
        default: return "\(error)."
        }
    }
}
