import NIOCore
import RoostCore
import RoostWire
import Testing

/// Rooms, users and messages as the HTTP API shows them.
@Suite struct DirectoryJSONTests {
    @Test func aRoomMayHaveFurtherFields() {
        let plain = written { RoomJSON.put(Samples.info, into: &$0) }
        let extra = written { RoomJSON.put(Samples.info, into: &$0) { $0.field("unread", 3) } }
        #expect(plain.hasSuffix(#","lastMessageAt":null}"#))
        #expect(extra == plain.dropLast() + #","unread":3}"#)
    }

    @Test func aUserInAList() {
        let ann = User(id: user("ann"), name: "A\"n", avatar: nil, lastSeen: .example)
        #expect(written { UserJSON.put(ann, into: &$0) } == #"{"id":"ann","name":"A\"n","avatar":null}"#)
        let bob = User(id: user("bob"), name: "Bob", avatar: "https://a.example/\"b")
        #expect(
            written { UserJSON.put(bob, into: &$0) }
                == #"{"id":"bob","name":"Bob","avatar":"https://a.example/\"b"}"#)
    }

    @Test func oneUserAddsWhetherAndWhenItWasThere() {
        let ann = User(id: user("ann"), name: "Ann", avatar: nil, lastSeen: .example)
        #expect(
            written { UserJSON.put(ann, online: true, into: &$0) }
                == #"{"id":"ann","name":"Ann","avatar":null,"online":true,"lastSeen":"2026-11-21T02:30:52.123Z"}"#)
        let bob = User(id: user("bob"), name: "Bob")
        #expect(
            written { UserJSON.put(bob, online: false, into: &$0) }
                == #"{"id":"bob","name":"Bob","avatar":null,"online":false,"lastSeen":null}"#)
    }

    @Test func aMemberOfARoom() {
        #expect(
            written { PresenceJSON.put(Samples.members.members[1], into: &$0) }
                == #"{"user":"b\"b","name":"é","since":"2026-11-21T02:30:52.123Z","connections":2}"#)
    }

    @Test func aMessageOfTheHistory() {
        let rest =
            #""content":{ "a" : 1.50 },"senderId":"bob","createdAt":"2026-11-21T02:30:52.123Z","status":"success"}"#
        #expect(
            written { MessageJSON.put(Samples.message(), seq: true, into: &$0) }
                == #"{"roomId":"general","messageId":"m\"1","seq":42,"# + rest)
        #expect(
            written { MessageJSON.put(Samples.message(), seq: false, into: &$0) }
                == #"{"roomId":"general","messageId":"m\"1","# + rest)
    }
}
