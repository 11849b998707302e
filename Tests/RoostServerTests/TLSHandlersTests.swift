import NIOCore
import NIOEmbedded
import Testing

@testable import RoostServer

@Suite("What stands around TLS in the pipeline")
struct TLSHandlersTests {
    @Test("bytes that wait hold memory of their own size, in order", arguments: [0, 1, 100, 5000, 17_000])
    func trimming(_ count: Int) throws {
        let channel = EmbeddedChannel(handler: RecordTrimmer())
        for mark in UInt8(1)...3 {
            var bytes = ByteBufferAllocator().buffer(capacity: 17_000)
            bytes.writeRepeatingByte(mark, count: count)
            try channel.writeOutbound(bytes)
        }
        for mark in UInt8(1)...3 {
            let bytes = try #require(try channel.readOutbound(as: ByteBuffer.self))
            #expect(bytes == ByteBuffer(repeating: mark, count: count))
            #expect(bytes.storageCapacity <= max(256, 4 * count))
        }
        _ = try channel.finish()
    }

    @Test(
        "what is no method goes through, from the first byte on", arguments: [0x16, 0x00, 0x80, 0x61, 0x0A] as [UInt8])
    func throughPlainSpeaker(_ first: UInt8) throws {
        let channel = EmbeddedChannel(handler: PlainSpeaker())
        for piece in [[first], [1, 2], [UInt8(ascii: "G")]] {
            try channel.writeInbound(ByteBuffer(bytes: piece))
            #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(bytes: piece))
        }
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        _ = try channel.finish()
    }

    @Test("a method is answered once, and nothing of it goes on")
    func plainSpeaker() throws {
        let channel = EmbeddedChannel(handler: PlainSpeaker())
        for piece in ["G", "ET / HTTP/1.1\r\n", "\r\n"] {
            try channel.writeInbound(ByteBuffer(string: piece))
            #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        }
        let answer = String(buffer: try #require(try channel.readOutbound(as: ByteBuffer.self)))
        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(answer.contains("https://"))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
    }
}
