import NIOCore
import NIOPosix
import RoostWire

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A WebSocket of the load generator: as little work per frame as can be, so that the server is what is measured.
final class BenchSocket: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: String
    private var context: ChannelHandlerContext?
    private var rest: ByteBuffer?
    private var isOpen = false
    private let opened: EventLoopPromise<Void>
    /// Gets the payload of each text frame.
    var onText: (UnsafeRawBufferPointer) -> Void = { _ in }
    var onClose: (String) -> Void = { _ in }

    init(_ target: BenchTarget, user: String, opened: EventLoopPromise<Void>) {
        request =
            "GET \(target.path)/ws?user=\(user) HTTP/1.1\r\nHost: \(target.host):\(target.port)\r\n"
            + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: roost.v1.json\r\n\r\n"
        self.opened = opened
    }

    /// Connects; the future holds once the server has upgraded.
    static func connect(
        _ target: BenchTarget, user: String, on loop: any EventLoop, _ setUp: @escaping (BenchSocket) -> Void = { _ in }
    ) -> EventLoopFuture<BenchSocket> {
        let opened = loop.makePromise(of: Void.self)
        let socket = BenchSocket(target, user: user, opened: opened)
        setUp(socket)
        let bound = NIOLoopBound(socket, eventLoop: loop)
        ClientBootstrap(group: loop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .connect(host: target.host, port: target.port)
            .whenFailure { opened.fail($0) }
        return opened.futureResult.map { bound.value }
    }

    func send(_ text: String) {
        guard let context else { return }
        var frame = context.channel.allocator.buffer(capacity: text.utf8.count + 14)
        frame.putMaskedFrame(.text, key: 0x5EED_1234, text.utf8)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func close() { context?.close(promise: nil) }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if var before = rest {
            before.writeBuffer(&bytes)
            bytes = before
            rest = nil
        }
        if !isOpen {
            guard finishHandshake(&bytes) else { return }
        }
        let used = bytes.withUnsafeReadableBytes { takeFrames($0) }
        bytes.moveReaderIndex(forwardBy: used)
        if bytes.readableBytes > 0 { rest = bytes.slice() }
    }

    private func finishHandshake(_ bytes: inout ByteBuffer) -> Bool {
        let text = String(buffer: bytes)
        let end = bytes.withUnsafeReadableBytes { $0.after("\r\n\r\n") }
        guard let end else {
            rest = bytes
            return false
        }
        guard text.hasPrefix("HTTP/1.1 101") else {
            let hint = text.hasPrefix("HTTP/1.1 429") ? " (start the server with --rate-limit-connects 0)" : ""
            opened.fail(BenchError("the server refused the WebSocket: \(text.prefix { $0 != "\r\n" })\(hint)"))
            context?.close(promise: nil)
            return false
        }
        isOpen = true
        bytes.moveReaderIndex(forwardBy: end)
        opened.succeed(())
        return true
    }

    /// Hands out whole frames; returns the bytes they took.
    private func takeFrames(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 0
        while bytes.count - at >= 2 {
            var (length, header) = (Int(bytes[at + 1] & 127), 2)
            if length == 126 {
                guard bytes.count - at >= 4 else { break }
                length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
                header = 4
            } else if length == 127 {
                guard bytes.count - at >= 10 else { break }
                length = (2..<10).reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
                header = 10
            }
            guard bytes.count - at >= header + length else { break }
            let payload = UnsafeRawBufferPointer(rebasing: bytes[(at + header)..<(at + header + length)])
            switch bytes[at] & 15 {
            case 1: onText(payload)
            case 8: onClose(String(decoding: payload.dropFirst(2), as: UTF8.self))
            case 9: pong()
            default: break
            }
            at += header + length
        }
        return at
    }

    private func pong() {
        guard let context else { return }
        var frame = ByteBuffer()
        frame.putMaskedFrame(.pong, key: 0x5EED_1234, [])
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        opened.fail(BenchError("the server closed the connection"))
        onClose("the connection ended")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The bytes of a frame, looked at without parsing.
extension UnsafeRawBufferPointer {
    /// Where the text behind `key` begins.
    func after(_ key: StaticString) -> Int? {
        guard var base = baseAddress else { return nil }
        let (first, length, end) = (Int32(key.utf8Start.pointee), key.utf8CodeUnitCount, base + count)
        while base + length <= end, let found = memchr(base, first, end - base) {
            let candidate = UnsafeRawPointer(found)
            if candidate + length <= end, memcmp(candidate, key.utf8Start, length) == 0 {
                return candidate - (end - count) + length
            }
            base = candidate + 1
        }
        return nil
    }

    func has(_ key: StaticString) -> Bool { after(key) != nil }

    /// Whether this is a frame of that type, which the server writes first.
    func isFrame(_ type: StaticString) -> Bool {
        let (start, length) = (9, type.utf8CodeUnitCount)
        guard let baseAddress, count > start + length, self[start + length] == UInt8(ascii: "\"") else { return false }
        return memcmp(baseAddress, "{\"type\":\"", start) == 0
            && memcmp(baseAddress + start, type.utf8Start, length) == 0
    }

    func number(after key: StaticString) -> UInt64? {
        guard var at = after(key) else { return nil }
        var value: UInt64 = 0
        let start = at
        while at < count, (0x30...0x39).contains(self[at]) {
            value = value * 10 + UInt64(self[at] - 0x30)
            at += 1
        }
        return at > start ? value : nil
    }

    func text(after key: StaticString) -> String? {
        guard let at = after(key) else { return nil }
        return String(decoding: self[at...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }
}
