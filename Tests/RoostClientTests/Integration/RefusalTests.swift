import Foundation
import NIOCore
import NIOPosix
import RoostClient
import Testing

/// What a client makes of servers that say no, and of what is no server.
@Suite(.serialized) struct RefusalTests {
    private static let secret = "a-secret-that-is-long-enough-for-a-test"

    private func end(_ roost: Roost) async throws -> (code: Int, reason: String) {
        try await within("the end") {
            for await state in roost.states {
                if case .disconnected(let code, let reason) = state { return (code, reason) }
            }
            throw TooLate(what: "the end")
        }
    }

    @Test func aTokenThatExpiresIsRenewed() async throws {
        let node = try RealNode(["--auth", "jwt"], environment: ["ROOST_JWT_SECRET": Self.secret])
        try node.start()
        let asked = Counter()
        let roost = try Roost(node.url) {
            asked.add()
            return try RealNode.run(["token", "--user", "ada", "--ttl", "2s", "--secret", Self.secret])
        }
        let room = roost.join("team")
        let begin = ContinuousClock.now
        // Over several lives of a token.
        var sent = 0
        while asked.value < 4 {
            try await room.send(RoostContent(text: "\(sent)"))
            sent += 1
            // Eight seconds where nothing else runs; minutes beside all other tests with a sanitizer.
            try #require(ContinuousClock.now - begin < .seconds(900), "\(asked.value) tokens after \(sent) messages")
        }
        let last = try await room.history(limit: 1).entries.first?.seq
        #expect(last == UInt64(sent))
        await roost.close()
    }

    @Test func aBadTokenIsToldInWords() async throws {
        let node = try RealNode(["--auth", "jwt"], environment: ["ROOST_JWT_SECRET": Self.secret])
        try node.start()
        let roost = try Roost(node.url) { "this.is.none" }
        let room = roost.room("team")
        let (code, reason) = try await end(roost)
        #expect(code == 4501)
        #expect(reason.lowercased().contains("token"))
        let waiting = Task { try await room.send("never") }
        await roost.close()
        await #expect(throws: RoostError.self) { try await waiting.value }
    }

    @Test func aWrongPathIsToldAtOnce() async throws {
        let node = try RealNode()
        try node.start()
        let roost = try Roost("ws://127.0.0.1:\(node.port)/nowhere")
        let (code, reason) = try await end(roost)
        #expect(code == 1002)
        #expect(reason.contains("/nowhere"))
        await roost.close()
    }

    @Test(arguments: ["", "foo", "ftp://host/", "ws://", "http:///ws"])
    func aURLThatIsNoneIsRefusedBeforeAnythingIsTried(_ url: String) {
        #expect(throws: RoostError.self) { try Roost(url) }
    }

    @Test func whatIsNoServerIsToldInWords() async throws {
        let talker = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    channel.writeAndFlush(ByteBuffer(string: "220 mail.example ESMTP\r\n\r\n"), promise: nil)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let roost = try Roost("ws://127.0.0.1:\(talker.localAddress?.port ?? 0)/ws")
        let reason = try await within("a reason") {
            for await state in roost.states { if case .connecting(let loss?) = state { return loss.reason } }
            return ""
        }
        #expect(reason == "What answers there does not speak HTTP.")
        await roost.close()
        try await talker.close()
    }

    @Test func aRefusedMessageFailsAndTheNextGoesOn() async throws {
        let node = try RealNode(["--max-message-bytes", "2000"])
        try node.start()
        try await Roost.connected(to: node.url, user: "ada") { roost in
            let room = roost.join("team")
            try await room.send("small")
            await #expect(throws: RoostError(.tooLarge, "It is longer than 2000 bytes.")) {
                try await room.send(RoostContent(text: String(repeating: "x", count: 3000)))
            }
            let next = try await room.send("small again").seq
            #expect(next == 2)
        }
    }
}

final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func add() { lock.withLock { count += 1 } }
    var value: Int { lock.withLock { count } }
}
