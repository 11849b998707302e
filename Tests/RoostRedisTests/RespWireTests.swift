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

    /// What is said in one turn of the loop goes out as one write, and what comes later waits for no answer.
    @Test func oneWriteATurn() throws {
        let wire = RespWire { _, _ in }
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(wire)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        func written() throws -> [String] {
            var writes: [String] = []
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) { writes.append(String(buffer: bytes)) }
            return writes
        }
        for number in 1...30 { wire.send { $0.writeString("\(number),") } }
        let early = try written()
        #expect(early == [])
        channel.embeddedEventLoop.run()
        let first = try written()
        #expect(first == [(1...30).map { "\($0)," }.joined()])
        wire.send { $0.writeString("next") }
        channel.embeddedEventLoop.run()
        let second = try written()
        #expect(second == ["next"])
        wire.close()
        _ = try channel.finish()
    }
}
