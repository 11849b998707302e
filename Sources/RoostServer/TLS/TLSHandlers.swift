import NIOCore
import NIOSSL

extension ChannelPipeline.SynchronousOperations {
    /// Makes the connection one of TLS; what comes behind in the pipeline reads and writes plain bytes.
    func addTLS(_ certificates: Certificates) throws {
        var configuration = NIOSSLHandler.Configuration()
        // What encrypting a page of history took is not to be kept for the frames after it.
        configuration.maximumPreservedOutboundBufferCapacity = 4096
        try addHandlers([
            PlainSpeaker(), RecordTrimmer(),
            NIOSSLServerHandler(context: certificates.context, configuration: configuration),
        ])
    }

    /// Whether bytes are encrypted on their way through the pipeline, so that none may go past it.
    var isEncrypted: Bool { (try? handler(type: NIOSSLServerHandler.self)) != nil }
}

/// Answers who speaks plain HTTP where TLS is spoken; anybody else's first bytes it lets through, and is gone.
final class PlainSpeaker: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var isAnswered = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswered else { return }
        let bytes = unwrapInboundIn(data)
        // A method begins with a capital letter, a handshake with 22.
        guard let first = bytes.readableBytesView.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) else {
            context.fireChannelRead(data)
            return context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
        isAnswered = true
        answer(context)
    }

    private func answer(_ context: ChannelHandlerContext) {
        let body = Problem.body(
            status: 400, code: Problem.code(for: 400), detail: "TLS is spoken here: use https:// or wss://.",
            retryAfterMs: nil)
        var out = context.channel.allocator.buffer(capacity: 320)
        out.writeStaticString("HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n")
        out.writeString("Content-Length: \(body.readableBytes)\r\nConnection: close\r\n\r\n")
        out.writeImmutableBuffer(body)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(out)).whenComplete { _ in
            // Not both ways at once: what the peer is still sending would turn into a reset and eat the answer.
            bound.value.close(mode: .output, promise: nil)
        }
        context.eventLoop.scheduleTask(in: .seconds(2)) { bound.value.close(promise: nil) }
    }
}

/// Gives encrypted bytes a buffer of their size.
///
/// They come in one of at least 4 KiB, whatever they are. Where the socket doesn't take them at once they wait in it, and
/// `--max-unsent-bytes` of small frames would be many times as much memory.
final class RecordTrimmer: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        guard bytes.readableBytes < bytes.storageCapacity / 2 else { return context.write(data, promise: promise) }
        context.write(wrapOutboundOut(ByteBuffer(bytes: bytes.readableBytesView)), promise: promise)
    }
}

/// Closes a connection that is one too many before its handshake, which is what costs most of it.
final class ClosedDoor: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelActive(context: ChannelHandlerContext) { context.close(promise: nil) }
}
