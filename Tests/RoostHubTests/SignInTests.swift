import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// Signing in again, and when a token ends.
@Suite("Sign-in")
struct SignInTests {
    private static func auth(_ token: String, _ id: String = "auth") -> String {
        #"{"type":"auth","messageId":"\#(id)","payload":{"token":"\#(token)"}}"#
    }

    /// Tokens say whose they are, until when, and which rooms are open: `ann 20 general`; others are bad.
    private static func judge(_ token: String) -> Result<Credentials, TokenObjection> {
        let words = token.split(separator: " ").map(String.init)
        guard words.first != "old" else { return .failure(.expired("It has expired.")) }
        guard words.count == 3, let seconds = Int64(words[1]), let match = RoomPattern(words[2]) else {
            return .failure(.bad("It is no token."))
        }
        let entry = Grants.Entry(match: match, rights: Grants.usual)
        return .success(
            Credentials(
                user: user(words[0]), name: "Ann", grants: Grants([entry]),
                expiresAt: Timestamp(milliseconds: 1_700_000_000_000 + seconds * 1000)))
    }

    private func withAnn(
        _ token: String = "ann 10 *", limits: Limits = .unhurried, judge: TokenJudge? = nil,
        _ body: (Hub, TestClient, TestClock) async throws -> Void
    ) async throws {
        let clock = TestClock()
        let judge = judge ?? { token, _ in SignInTests.judge(token) }
        try await withHub(limits: limits, judge: judge, clock: clock) { hub, loops in
            let credentials = try Self.judge(token).get()
            let client = try await TestClient(hub, on: loops[0], user: "ann", credentials: credentials)
            try await body(hub, client, clock)
        }
    }

    @Test("when its token ends the connection ends, and not before")
    func expiry() async throws {
        var limits = Limits.unhurried
        (limits.heartbeatMs, limits.heartbeatTimeoutMs) = (1000, 60_000)
        try await withAnn(limits: limits) { hub, client, clock in
            clock.advance(by: 9999)
            // The timer has looked at it.
            try await client.feel("ping 1")
            #expect(try await client.closes().isEmpty)
            clock.advance(by: 1)
            try await client.feel("close tokenExpired")
            #expect(try await client.closes() == [.tokenExpired])
        }
    }

    @Test("it ends also where there is no heartbeat")
    func expiryWithoutHeartbeat() async throws {
        var limits = Limits.unhurried
        limits.heartbeatMs = 0
        try await withAnn(limits: limits) { hub, client, clock in
            clock.advance(by: 10_000)
            try await client.feel("close tokenExpired")
        }
    }

    @Test("a new token in time keeps it open until that one ends")
    func renewal() async throws {
        var limits = Limits.unhurried
        (limits.heartbeatMs, limits.heartbeatTimeoutMs) = (11_000, 60_000)
        try await withAnn(limits: limits) { hub, client, clock in
            let before = try await client.frames().count
            try await client.send(Self.auth("ann 20 *"))
            #expect(try await client.hear(#""type":"welcome""#, from: before).contains(#""messageId":"auth""#))
            clock.advance(by: 11_000)
            try await client.feel("ping 1")
            #expect(try await client.closes().isEmpty)
            clock.advance(by: 9000)
            try await client.feel("close tokenExpired")
        }
    }

    @Test("a new token that ends sooner counts too")
    func shortened() async throws {
        try await withAnn("ann 1000 *") { hub, client, clock in
            try await client.send(Self.auth("ann 5 *"))
            try await client.settle()
            clock.advance(by: 5000)
            try await client.feel("close tokenExpired")
        }
    }

    @Test("what it no longer allows is over: rooms are left, and messages there refused")
    func fewerRights() async throws {
        try await withAnn { hub, client, _ in
            for name in ["tea", "talk", "user:ann"] {
                try await client.send(TestClient.join(name, id: name))
                try await client.hear(#""type":"joined","messageId":"\#(name)""#)
            }
            try await client.send(Self.auth("ann 20 ta*"), TestClient.message(1, room: "tea"))
            #expect(try await client.hear(#""messageId":"m1""#).contains(#""code":"forbidden""#))
            let left = try await client.heard("left")
            #expect(left.count == 1 && left[0].contains(#""room":"tea""#))
            try await client.send(TestClient.message(2, room: "talk"), TestClient.join("tea", id: "j2"))
            try await client.hear(#""type":"ack","messageId":"m2""#)
            #expect(try await client.hear(#""messageId":"j2""#).contains(#""code":"forbidden""#))
        }
    }

    @Test("nobody becomes somebody else")
    func somebodyElse() async throws {
        try await withAnn { hub, client, _ in
            try await client.send(Self.auth("bob 20 *"))
            let refusal = try await client.hear(#""type":"error","messageId":"auth""#)
            #expect(refusal.contains(#""code":"forbidden""#) && refusal.contains("ann"))
            #expect(try await client.closes().isEmpty)
        }
    }

    @Test("a token that is not taken ends the connection: a bad one for good, an old one until it is renewed")
    func badTokens() async throws {
        for (token, code) in [("nonsense", CloseCode.unauthenticated), ("old", .tokenExpired)] {
            try await withAnn { hub, client, _ in
                try await client.send(Self.auth(token))
                try await client.feel("close \(code)")
                #expect(try await client.closes() == [code])
            }
        }
    }

    @Test("what is sent behind a token that is being judged is done with what the token allows")
    func order() async throws {
        let gate = Gate()
        let judge: TokenJudge = { token, _ in
            await gate.pass()
            return SignInTests.judge(token)
        }
        try await withAnn("ann 10 nothing", judge: judge) { hub, client, _ in
            try await client.send(Self.auth("ann 20 *"), TestClient.join("tea"), TestClient.message(1, room: "tea"))
            #expect(try await client.heard("joined", "ack", "error").isEmpty)
            #expect(try await client.isRead() == false)
            gate.open()
            try await client.hear(#""type":"ack","messageId":"m1""#)
            #expect(try await client.heard("joined").count == 1)
        }
    }

    @Test("a connection that is gone before the answer comes is not renewed")
    func goneMeanwhile() async throws {
        let gate = Gate()
        let judge: TokenJudge = { token, _ in
            await gate.pass()
            return SignInTests.judge(token)
        }
        try await withAnn(judge: judge) { hub, client, _ in
            try await client.send(Self.auth("ann 20 *"))
            let frames = try await client.frames().count
            try await client.drop()
            gate.open()
            await gate.isThrough()
            #expect(try await client.frames().count == frames)
        }
    }
}

/// A gate before a judge.
private final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var passed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Locked(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
        state.withLock { $0.passed = true }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func isThrough() async {
        while !state.withLock({ $0.passed }) { await Task.yield() }
    }
}
