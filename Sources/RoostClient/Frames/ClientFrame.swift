import NIOCore
import RoostCore
import RoostWire

/// How far a member has got: `received` or `read`.
package enum MarkKind: String, CaseIterable, Sendable {
    case received, read
}

/// A room to be made.
package struct RoomRequest: Sendable, Equatable {
    package var name: String?
    package var participants: [String]
    package var isPrivate: Bool?

    package init(name: String?, participants: [String], isPrivate: Bool?) {
        self.name = name
        self.participants = participants
        self.isPrivate = isPrivate
    }
}

/// A frame of `roost.v1.json` as a client sends it.
package struct ClientFrame: Sendable, Equatable {
    package var messageID: String
    package var body: Body

    package enum Body: Sendable, Equatable {
        case auth(token: String)
        case join(room: String, after: RoostPosition?, history: Int?, presence: Bool?)
        case resume([(String, RoostPosition)])
        case leave(room: String)
        case message(room: String, content: RoostContent, since: RoostPosition?)
        case createRoom(RoomRequest)
        case typing(room: String, isActive: Bool)
        case mark(MarkKind, room: String, seq: UInt64)
        case presence(room: String, cursor: String?)
        case history(room: String, Range?, limit: Int?)
        case ping

        package static func == (one: Body, other: Body) -> Bool {
            ClientFrame(messageID: "", body: one).json == ClientFrame(messageID: "", body: other).json
        }
    }

    package enum Range: Sendable, Equatable {
        case before(RoostPosition)
        case after(RoostPosition)
    }

    package init(messageID: String, body: Body) {
        self.messageID = messageID
        self.body = body
    }

    /// The frame's text.
    package var json: String { String(buffer: bytes) }

    private var bytes: ByteBuffer {
        var out = ByteBuffer()
        out.put("{\"type\":")
        out.putString(type)
        out.put(",\"messageId\":")
        out.putString(messageID)
        out.put(",\"payload\":{")
        var object = FieldList()
        switch body {
        case .auth(let token): object.string("token", token, &out)
        case .join(let room, let after, let history, let presence):
            object.string("room", room, &out)
            if let after { object.position("after", after, &out) }
            if let history { object.number("history", history, &out) }
            if let presence { object.bool("presence", presence, &out) }
        case .resume(let positions):
            object.key("rooms", &out)
            out.put("{")
            var rooms = FieldList()
            for (room, position) in positions { rooms.position(room, position, &out) }
            out.put("}")
        case .leave(let room): object.string("room", room, &out)
        case .message(let room, let content, let since):
            object.string("room", room, &out)
            object.key("content", &out)
            out.putJSON(content.raw)
            if let since { object.position("since", since, &out) }
        case .createRoom(let plan):
            if let name = plan.name { object.string("name", name, &out) }
            object.key("participants", &out)
            out.putList(plan.participants) { $0.putString($1) }
            if let isPrivate = plan.isPrivate { object.string("visibility", isPrivate ? "private" : "public", &out) }
        case .typing(let room, let isActive):
            object.string("room", room, &out)
            object.bool("active", isActive, &out)
        case .mark(_, let room, let seq):
            object.string("room", room, &out)
            object.number("seq", seq, &out)
        case .presence(let room, let cursor):
            object.string("room", room, &out)
            if let cursor { object.string("cursor", cursor, &out) }
        case .history(let room, let range, let limit):
            object.string("room", room, &out)
            switch range {
            case .before(let position): object.position("before", position, &out)
            case .after(let position): object.position("after", position, &out)
            case nil: break
            }
            if let limit { object.number("limit", limit, &out) }
        case .ping: break
        }
        out.put("}}")
        return out
    }

    private var type: String {
        switch body {
        case .auth: "auth"
        case .join: "join"
        case .resume: "resume"
        case .leave: "leave"
        case .message: "message"
        case .createRoom: "create_room"
        case .typing: "typing"
        case .mark(let kind, _, _): kind.rawValue
        case .presence: "presence"
        case .history: "history"
        case .ping: "ping"
        }
    }
}

/// The fields of one object, with commas between.
private struct FieldList {
    private var isFirst = true

    mutating func key(_ key: String, _ out: inout ByteBuffer) {
        if !isFirst { out.put(",") }
        isFirst = false
        out.putString(key)
        out.put(":")
    }

    mutating func string(_ name: String, _ value: String, _ out: inout ByteBuffer) {
        key(name, &out)
        out.putString(value)
    }

    mutating func number(_ name: String, _ value: some FixedWidthInteger, _ out: inout ByteBuffer) {
        key(name, &out)
        out.putNumber(value)
    }

    mutating func bool(_ name: String, _ value: Bool, _ out: inout ByteBuffer) {
        key(name, &out)
        out.putBool(value)
    }

    mutating func position(_ name: String, _ value: RoostPosition, _ out: inout ByteBuffer) {
        key(name, &out)
        out.put("{")
        var fields = FieldList()
        fields.string("epoch", value.epoch, &out)
        fields.number("seq", value.seq, &out)
        out.put("}")
    }
}
