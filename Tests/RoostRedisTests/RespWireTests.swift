import NIOCore
import NIOEmbedded
import Testing

@testable import RoostRedis

@Suite struct RespWireTests {
    /// Closed while the connection is being opened: it does not stay open without anybody who knows of it.
    @Test func closedBeforeItIsOpen() throws {
        var news = 0
        let wire = RespWire { _, _ in news += 1 }
        wire.close()
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(wire)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
        #expect(news == 0)
    }

    /// Each read is told, a part of an answer, too: the server lives.
    @Test func aPartIsTold() throws {
        var replies: [[RespValue]] = []
        let wire = RespWire { _, news in
            if case .replies(let read) = news { replies.append(read) }
        }
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(wire)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        try channel.writeInbound(ByteBuffer(string: "$5\r\nhe"))
        try channel.writeInbound(ByteBuffer(string: "llo\r\n"))
        #expect(replies == [[], [.bytes(Array("hello".utf8))]])
        wire.close()
        _ = try channel.finish()
    }
}
