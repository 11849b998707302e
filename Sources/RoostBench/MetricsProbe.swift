import NIOCore
import NIOPosix

/// Reads one figure of the server's `/metrics`.
final class MetricsProbe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let target: BenchTarget
    private let answer: EventLoopPromise<String>
    private var received = ByteBuffer()

    private init(_ target: BenchTarget, answer: EventLoopPromise<String>) {
        self.target = target
        self.answer = answer
    }

    /// Nil if the server doesn't tell.
    static func read(_ name: String, of target: BenchTarget, on loop: any EventLoop) -> EventLoopFuture<Double?> {
        let answer = loop.makePromise(of: String.self)
        ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(MetricsProbe(target, answer: answer))
                }
            }
            .connect(host: target.host, port: target.port)
            .whenFailure { answer.fail($0) }
        return answer.futureResult.map { value(of: name, in: $0) }.recover { _ in nil }
    }

    static func value(of name: String, in text: String) -> Double? {
        let line = text.split(whereSeparator: \.isNewline).last { $0.hasPrefix(name + " ") }
        return line.flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    func channelActive(context: ChannelHandlerContext) {
        let request =
            "GET \(target.path)/metrics HTTP/1.1\r\nHost: \(target.host):\(target.port)\r\nConnection: close\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
    }

    func channelInactive(context: ChannelHandlerContext) { answer.succeed(String(buffer: received)) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
