import NIOCore
import RoostCore
import RoostEngine
import RoostWire
import Testing

@testable import RoostHub

/// A log of `count` messages, numbered from 1, every third of them too short to be compressed.
private func log(_ count: UInt64, kind: MessageKind = .message) -> [Message] {
    (1...count).map { seq in
        let text = String(repeating: "\(seq) and so on, ", count: seq.isMultiple(of: 3) ? 0 : 40)
        return Message(
            room: room("r"), seq: seq, id: id("m\(seq)"), sender: user("u"), kind: kind,
            at: Timestamp(milliseconds: Int64(seq)), content: RawJSON(validated: Array("\"\(text)\"".utf8)))
    }
}

/// The messages of a buffer of frames.
private func inflated(_ frames: ByteBuffer) throws -> [WebSocketDecoder.Output] {
    var decoder = WebSocketDecoder(side: .client, maxMessageBytes: 1 << 20, inflater: Inflater())
    var (rest, outputs) = (frames, [WebSocketDecoder.Output]())
    while let output = try decoder.next(from: &rest) { outputs.append(output) }
    return outputs
}

@Suite("Compressed frames")
struct CompressionTests {
    @Test("are made once and say the same", arguments: [(Dialect.native, false), (.simple, false), (.simple, true)])
    func encodings(dialect: Dialect, onlyCreated: Bool) throws {
        let messages = log(9, kind: onlyCreated ? .created : .message)
        var encodings = Encodings(messages[...])
        let deflater = Deflater()
        let plain = encodings.frames(for: dialect, onlyCreated: onlyCreated, by: nil)
        let deflated = encodings.frames(for: dialect, onlyCreated: onlyCreated, by: deflater)
        #expect(deflated.readableBytes < plain.readableBytes / 2)
        #expect(try inflated(deflated) == inflated(plain))
        let tally = deflater.tally
        #expect(encodings.frames(for: dialect, onlyCreated: onlyCreated, by: deflater) == deflated)
        #expect(encodings.frames(for: dialect, onlyCreated: onlyCreated, by: nil) == plain)
        #expect(deflater.tally == tally)
    }

    @Test("nobody hears of messages that are not for this audience")
    func nothing() {
        var encodings = Encodings(log(3)[...])
        let deflater = Deflater()
        #expect(encodings.frames(for: .simple, onlyCreated: true, by: deflater).readableBytes == 0)
        #expect(deflater.tally.messages == 0)
    }

    @Test("of what was missed are cut to each reader's place", arguments: [0, 20_000, 1 << 20])
    func replays(budget: Int) throws {
        let deflater = Deflater()
        var replays = Replays(budget: budget, deflater: deflater)
        let messages = log(300)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<60 {
            let first = Int.random(in: 0..<300, using: &generator)
            let last = min(299, first + Int.random(in: 0..<128, using: &generator))
            var plain = Encodings(messages[first...last])
            let frames = replays.frames(of: messages[first...last], room("r"), Epoch("e")!, readAt: 0)
            #expect(try inflated(frames) == inflated(plain.frames(for: .native, onlyCreated: false)))
        }
    }

    @Test("of what was missed are made once for all who ask")
    func replaysOnce() {
        let deflater = Deflater()
        var replays = Replays(budget: 1 << 20, deflater: deflater)
        let messages = log(100)
        for first in 0..<50 { _ = replays.frames(of: messages[first...], room("r"), Epoch("e")!, readAt: 0) }
        #expect(deflater.tally.messages <= 200)
    }

    @Test("a broadcast is compressed once per loop, for those who have agreed to it")
    func broadcast() async throws {
        try await withHub(loops: 2) { hub, loops in
            var readers: [TestClient] = []
            for number in 0..<8 {
                let reader = try await TestClient(
                    hub, on: loops[number % 2], user: "reader\(number)", deflates: number < 6)
                try await reader.send(TestClient.join(more: #","presence":false"#))
                try await reader.hear(#""type":"joined""#)
                readers.append(reader)
            }
            let content = "\"" + String(repeating: "again ", count: 100) + "\""
            for number in 1...5 {
                try await readers[7].send(
                    #"{"type":"message","messageId":"m\#(number)","payload":{"room":"r","content":\#(content)}}"#)
            }
            for reader in readers {
                try await reader.hear(#""seq":5,"#)
                #expect(try await reader.seqs() == Array(1...5))
                #expect(try await reader.frames().filter { $0.contains(content) }.count == 5)
            }
            let counters = await hub.counters()
            #expect(counters.messagesDeflated == 10)
            #expect(counters.bytesAfterDeflating < counters.bytesBeforeDeflating / 2)
        }
    }

    @Test("readers who come back to more than a tick may compress are served in several")
    func manyTicks() async throws {
        try await withHub(recentBytes: 0) { hub, loops in
            let author = try await TestClient(hub, on: loops[0], user: "author")
            let content = "\"" + String(repeating: "0123456789abcdef", count: 500) + "\""
            for number in 1...300 {
                try await author.send(
                    #"{"type":"message","messageId":"m\#(number)","payload":{"room":"r","content":\#(content)}}"#)
                try await author.hear(#""type":"ack","messageId":"m\#(number)""#)
            }
            var readers: [TestClient] = []
            for number in 0..<10 {
                let reader = try await TestClient(hub, on: loops[0], user: "reader\(number)", deflates: true)
                readers.append(reader)
            }
            for reader in readers { try await reader.send(TestClient.join(more: #","history":300"#)) }
            for reader in readers {
                try await reader.hear(#""seq":300,"#)
                #expect(try await reader.seqs() == Array(1...300))
            }
            // Nothing is kept here, so each has its own.
            #expect(await hub.counters().messagesDeflated == 3000)
        }
    }
}
