import Foundation
import NIOCore
import RoostCore
import RoostWire
import Testing

/// The contract's section 3, server to client, frame by frame.
@Suite struct NativeEncoderTests {
    private func frame(_ event: Event) -> String {
        written { NativeEncoder.put(event, id: "r\"1", now: Timestamp(milliseconds: 1), into: &$0) }
    }

    /// The frame around a payload: the id of what is answered, the time of the frame.
    private func envelope(_ type: String, _ payload: String) -> String {
        #"{"type":"\#(type)","messageId":"r\"1","timestamp":"1970-01-01T00:00:00.001Z","payload":\#(payload)}"#
    }

    @Test func welcome() {
        #expect(
            frame(Samples.welcome)
                == envelope(
                    "welcome",
                    #"{"clientId":"c1","user":"ann","name":"Ann \"A\"","node":"host-1","session":"s1","heartbeatMs":25000,"#
                        + #""limits":{"maxMessageBytes":65536,"rateLimitMessages":200,"rateLimitBurst":1000,"#
                        + #""maxRoomsPerConnection":128,"maxUnsentBytes":1048576,"maxHistory":1000,"#
                        + #""heartbeatTimeoutMs":10000,"dedupeWindowMs":600000}}"#))
    }

    private let list =
        #""count":3,"members":[{"user":"ann","name":"Ann","since":"1970-01-01T00:00:00.000Z","connections":1},"#
        + #"{"user":"b\"b","name":"é","since":"2026-11-21T02:30:52.123Z","connections":2}],"next":"b\"b""#

    @Test func joined() {
        let start = #"{"room":"general","epoch":"e7","head":42,"recovered":"#
        #expect(frame(Samples.joined()) == envelope("joined", start + "true}"))
        #expect(frame(Samples.joined(recovered: false)) == envelope("joined", start + "false}"))
        #expect(frame(Samples.joined(members: Samples.members)) == envelope("joined", start + "true," + list + "}"))
        #expect(
            frame(Samples.joined(members: Samples.lastPage))
                == envelope("joined", start + #"true,"count":0,"members":[]}"#))
    }

    @Test func left() {
        #expect(frame(.left(room: .general)) == envelope("left", #"{"room":"general"}"#))
    }

    @Test func ack() {
        let start = #"{"room":"general","seq":42,"durability":"#
        #expect(frame(Samples.ack()) == envelope("ack", start + #""stored","duplicate":false}"#))
        #expect(frame(Samples.ack(duplicate: true)) == envelope("ack", start + #""stored","duplicate":true}"#))
        #expect(frame(Samples.ack(durability: .memory)) == envelope("ack", start + #""memory","duplicate":false}"#))
        #expect(frame(Samples.ack(.created, authorListens: false)) == frame(Samples.ack()))
    }

    @Test func error() {
        #expect(
            frame(.error(Failure(.notFound, "No \"room\"."), room: nil))
                == envelope("error", #"{"code":"not_found","reason":"No \"room\"."}"#))
        #expect(
            frame(.error(Failure(.rateLimited, "Slow.", retryAfterMs: 5), room: .random))
                == envelope("error", #"{"code":"rate_limited","reason":"Slow.","room":"random","retryAfterMs":5}"#))
    }

    @Test(arguments: ErrorCode.allCases)
    func everyErrorCodeGoesByItsName(_ code: ErrorCode) {
        #expect(frame(.error(Failure(code, "x"), room: nil)).contains(#""code":"\#(code.rawValue)""#))
    }

    private let message =
        #"{"type":"message","messageId":"m\"1","timestamp":"2026-11-21T02:30:52.123Z","#
        + #""payload":{"room":"general","seq":42,"sender":"bob","content":{ "a" : 1.50 }}}"#

    @Test func aMessageHasItsAuthorsIDAndTheTimeItWasStored() {
        #expect(frame(.message(Samples.message())) == message)
        #expect(frame(.message(Samples.message(.created))) == message)
        #expect(written { NativeEncoder.put(Samples.message(), into: &$0) } == message)
    }

    @Test func roomCreated() {
        var info = Samples.info
        let start = #"{"room":{"id":"tea","name":"Tea \\ time","visibility":"private","participants":["ann","bob"],"#
        let created = #""createdAt":"2026-11-21T02:30:52.123Z","#
        #expect(
            frame(.roomCreated(info, participants: Samples.participants))
                == envelope("room_created", start + created + #""lastMessage":null,"lastMessageAt":null}}"#))
        info.lastMessage = json("[1 ]")
        info.lastMessageAt = Timestamp(milliseconds: 0)
        #expect(
            frame(.roomCreated(info, participants: []))
                == envelope(
                    "room_created",
                    start + created + #""lastMessage":[1 ],"lastMessageAt":"1970-01-01T00:00:00.000Z"}}"#))
    }

    @Test func comingAndGoing() {
        #expect(
            frame(.userJoined(room: .general, user: user("ann"), name: "A\"n"))
                == envelope("user_joined", #"{"room":"general","user":"ann","name":"A\"n"}"#))
        #expect(
            frame(.userLeft(room: .general, user: user("ann"), name: "Ann", lastSeen: .example))
                == envelope("user_left", #"{"room":"general","user":"ann","lastSeen":"2026-11-21T02:30:52.123Z"}"#))
    }

    @Test func presence() {
        #expect(
            frame(.presenceCount(room: .general, count: 501))
                == envelope("presence", #"{"room":"general","count":501}"#))
        #expect(frame(.presence(Samples.members)) == envelope("presence", #"{"room":"general","# + list + "}"))
        #expect(
            frame(.presence(Samples.lastPage)) == envelope("presence", #"{"room":"general","count":0,"members":[]}"#))
    }

    @Test func history() {
        func page(_ messages: [Message], more: Bool) -> String {
            frame(.history(.init(room: .general, epoch: epoch("e7"), messages: messages, more: more)))
        }
        let start = #"{"room":"general","epoch":"e7","messages":["#
        #expect(page([], more: false) == envelope("history", start + #"],"more":false}"#))
        #expect(page([Samples.message()], more: true) == envelope("history", start + message + #"],"more":true}"#))
        #expect(
            page([Samples.message(), Samples.message(.created)], more: false)
                == envelope("history", start + message + "," + message + #"],"more":false}"#))
    }

    @Test func gap() {
        #expect(frame(.gap(room: .general, from: 3, to: 7)) == envelope("gap", #"{"room":"general","from":3,"to":7}"#))
    }

    @Test func typing() {
        for isActive in [true, false] {
            #expect(
                frame(.typing(room: .general, user: user("b\"b"), isActive: isActive))
                    == envelope("typing", #"{"room":"general","user":"b\"b","active":\#(isActive)}"#))
        }
    }

    @Test func receipts() {
        #expect(
            frame(.receipts(room: .general, Samples.marks))
                == envelope(
                    "receipts",
                    #"{"room":"general","members":[{"user":"ann","received":7,"read":5},"#
                        + #"{"user":"b\"b","received":18446744073709551615,"read":0}]}"#))
        #expect(frame(.receipts(room: .general, [])) == envelope("receipts", #"{"room":"general","members":[]}"#))
    }

    @Test func reconnect() {
        #expect(
            frame(.reconnect(afterMs: 250, reason: "The \"node\" restarts."))
                == envelope("reconnect", #"{"afterMs":250,"reason":"The \"node\" restarts."}"#))
    }

    @Test func aTombstoneIsToldAsWhatIsGone() {
        let tombstone =
            #"{"type":"deleted","messageId":"m\"1","timestamp":"2026-11-21T02:30:52.123Z","#
            + #""payload":{"room":"general","seq":42,"sender":"bob","ref":"m\"0","refSeq":41}}"#
        #expect(frame(.message(Samples.tombstone)) == tombstone)
        #expect(written { NativeEncoder.put(Samples.tombstone, into: &$0) } == tombstone)
    }

    @Test func ofARedactedMessageOnlyItsPlaceIsTold() {
        let start = #"{"type":"message","messageId":"m\"1","timestamp":"2026-11-21T02:30:52.123Z","#
        #expect(
            frame(.message(Samples.redacted))
                == start + #""payload":{"room":"general","seq":42,"sender":"bob","content":null,"deleted":true}}"#)
    }

    @Test func pong() {
        #expect(frame(.pong) == envelope("pong", "{}"))
    }

    @Test(arguments: Samples.all)
    func everyFrameIsJSONWithTheFourFields(_ event: Event) throws {
        let object = try JSONSerialization.jsonObject(with: Data(frame(event).utf8)) as? [String: Any]
        #expect(object?.keys.sorted() == ["messageId", "payload", "timestamp", "type"])
        #expect(object?["payload"] is [String: Any])
    }

    @Test func framesAreAppended() {
        let both = written { out in
            NativeEncoder.put(.pong, id: "1", now: .example, into: &out)
            NativeEncoder.put(Samples.message(), into: &out)
        }
        #expect(both.hasSuffix("}" + message))
    }
}
