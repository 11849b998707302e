import NIOCore
import RoostCore
import RoostWire
import Testing

/// The contract's section 4, what clients of the simple dialect hear.
@Suite struct SimpleEncoderTests {
    /// The texts of the frames that say the event; each must be one whole frame of a server.
    private func frames(_ event: Event) -> [String] {
        var out = ByteBuffer()
        SimpleEncoder.put(event, to: Samples.identity, now: Timestamp(milliseconds: 1), into: &out)
        return texts(out)
    }

    private func texts(_ out: ByteBuffer) -> [String] {
        let reading = Reading(Array(buffer: out), side: .client)
        #expect(reading.violation == nil)
        return reading.outputs.map { output in
            guard case .text(let text) = output else { return "\(output)" }
            return String(buffer: text)
        }
    }

    private let spoken =
        #"{"type":"message","sender":"bob","content":{ "a" : 1.50 },"timestamp":"2026-11-21T02:30:52.123Z"}"#
    private let created =
        #"{"type":"message_created","message":{"roomId":"general","messageId":"m\"1","content":{ "a" : 1.50 },"#
        + #""senderId":"bob","createdAt":"2026-11-21T02:30:52.123Z","status":"success"}}"#
    private let createdAck =
        #"{"type":"message_created","message":{"roomId":"general","messageId":"m1","content":"hi","#
        + #""senderId":"bob","createdAt":"2026-11-21T02:30:52.123Z","status":"success"}}"#

    @Test func onConnecting() {
        #expect(
            frames(Samples.welcome) == [
                #"{"type":"connection","status":"connected","client_id":"ann","hostname":"host-1"}"#
            ])
    }

    @Test func whoJoinsHearsOfItselfAndThenOfEveryone() {
        let itself = #"{"type":"user_joined","userId":"ann","username":"Ann \"A\""}"#
        #expect(
            frames(Samples.joined(members: Samples.members)) == [
                itself, #"{"type":"room_users","users":["ann","b\"b"]}"#,
            ])
        #expect(frames(Samples.joined()) == [itself, #"{"type":"room_users","users":[]}"#])
    }

    @Test func aMessageIsEchoedByTheServerToItsAuthor() {
        #expect(
            frames(Samples.ack()) == [
                #"{"type":"message","sender":"server","content":"hi","timestamp":"2026-11-21T02:30:52.123Z"}"#
            ])
        #expect(frames(Samples.ack(duplicate: true, authorListens: false)) == frames(Samples.ack()))
    }

    @Test func aMessageIsHeardWithItsSender() {
        #expect(frames(.message(Samples.message())) == [spoken])
        var out = ByteBuffer()
        SimpleEncoder.put(Samples.message(), into: &out)
        #expect(texts(out) == [spoken])
    }

    @Test func aCreatedMessageIsHeardAsThat() {
        #expect(frames(.message(Samples.message(.created))) == [created])
        var out = ByteBuffer()
        SimpleEncoder.put(Samples.message(.created), into: &out)
        #expect(texts(out) == [created])
    }

    @Test(arguments: [(false, true, false), (false, false, true), (true, true, true), (true, false, true)])
    func whoCreatedAMessageHearsOfItExactlyOnce(_ duplicate: Bool, _ listens: Bool, _ isTold: Bool) {
        let told = frames(Samples.ack(.created, duplicate: duplicate, authorListens: listens))
        #expect(told == (isTold ? [createdAck] : []))
    }

    @Test func errors() {
        #expect(
            frames(.error(Failure(.badFrame, "No \"x\"."), room: .general)) == [
                #"{"type":"error","code":"bad_frame","message":"No \"x\"."}"#
            ])
        #expect(
            frames(.error(Failure(.rateLimited, "Slow.", retryAfterMs: 5), room: nil)) == [
                #"{"type":"error","code":"rate_limited","message":"Slow.","retryAfterMs":5}"#
            ])
    }

    @Test func aRoomIsCreatedWithItsParticipants() {
        #expect(
            frames(.roomCreated(Samples.info, participants: Samples.participants)) == [
                #"{"type":"room_created","room":{"id":"tea","participants":[{"id":"ann","name":"Ann"},"#
                    + #"{"id":"b\"b","name":"B\\b"}],"createdAt":"2026-11-21T02:30:52.123Z"}}"#
            ])
        #expect(
            frames(.roomCreated(Samples.info, participants: [])) == [
                #"{"type":"room_created","room":{"id":"tea","participants":[],"createdAt":"2026-11-21T02:30:52.123Z"}}"#
            ])
    }

    @Test func comingAndGoing() {
        #expect(
            frames(.userJoined(room: .general, user: user("bob"), name: "B\"b")) == [
                #"{"type":"user_joined","userId":"bob","username":"B\"b"}"#
            ])
        #expect(
            frames(.userLeft(room: .general, user: user("bob"), name: "Bob", lastSeen: .example)) == [
                #"{"type":"user_left","userId":"bob","username":"Bob"}"#
            ])
    }

    @Test(arguments: [
        Event.left(room: .general), .presenceCount(room: .general, count: 501), .presence(Samples.members),
        .history(.init(room: .general, epoch: epoch("e"), messages: [], more: false)),
        .gap(room: .general, from: 1, to: 2), .pong, .typing(room: .general, user: user("ann"), isActive: true),
        .receipts(room: .general, Samples.marks), .reconnect(afterMs: 1, reason: ""), .message(Samples.tombstone),
        .message(Samples.redacted),
    ])
    func forTheRestTheDialectHasNoWord(_ event: Event) {
        #expect(frames(event) == [])
    }

    @Test func aLongMessageIsOneFrameToo() {
        let content = "\"" + String(repeating: "x", count: 70_000) + "\""
        var out = ByteBuffer(string: "")
        SimpleEncoder.put(.message(Samples.message(content: content)), to: Samples.identity, now: .example, into: &out)
        let reading = Reading(Array(buffer: out), side: .client, limit: 100_000)
        #expect(reading.outputs.count == 1)
        #expect(reading.violation == nil)
    }
}
