public import NIOCore
public import RoostCore

/// Events to frames of `roost.v1.json`.
public enum NativeEncoder {
    /// Appends the JSON of a frame.
    /// - Parameters:
    ///   - id: the `messageId` of what the event answers, or a fresh one; a message carries its author's instead.
    ///   - now: the frame's `timestamp`; a message carries the time it was stored instead.
    public static func put(_ event: Event, id: String, now: Timestamp, into out: inout ByteBuffer) {
        switch event {
        case .message(let message): put(message, into: &out)
        default: envelope(type(of: event), id, now, &out) { payload(event, &$0) }
        }
    }

    /// Appends the JSON of a log's entry, as rooms hear it and history lists it.
    public static func put(_ message: Message, into out: inout ByteBuffer) {
        let isTombstone = message.kind == .deleted
        envelope(isTombstone ? "deleted" : "message", message.id.text, message.at, &out) { out in
            out.put("{\"room\":")
            out.putString(message.room.text)
            out.put(",\"seq\":")
            out.putNumber(message.seq)
            out.put(",\"sender\":")
            out.putString(message.sender.text)
            if isTombstone {
                // Its content is an object of what else there is to say.
                out.put(",")
                out.writeBytes(message.content.bytes.dropFirst())
            } else {
                out.put(",\"content\":")
                out.putJSON(message.content)
                out.put(message.kind == .redacted ? ",\"deleted\":true}" : "}")
            }
        }
    }

    private static func envelope(
        _ type: StaticString, _ id: String, _ now: Timestamp, _ out: inout ByteBuffer,
        _ payload: (inout ByteBuffer) -> Void
    ) {
        out.put("{\"type\":\"")
        out.put(type)
        out.put("\",\"messageId\":")
        out.putString(id)
        out.put(",\"timestamp\":")
        out.putTime(now)
        out.put(",\"payload\":")
        payload(&out)
        out.put("}")
    }

    private static func type(of event: Event) -> StaticString {
        switch event {
        case .welcome: "welcome"
        case .joined: "joined"
        case .left: "left"
        case .ack: "ack"
        case .error: "error"
        case .message: "message"
        case .roomCreated: "room_created"
        case .userJoined: "user_joined"
        case .userLeft: "user_left"
        case .presenceCount, .presence: "presence"
        case .history: "history"
        case .gap: "gap"
        case .typing: "typing"
        case .receipts: "receipts"
        case .reconnect: "reconnect"
        case .pong: "pong"
        }
    }

    private static func payload(_ event: Event, _ out: inout ByteBuffer) {
        switch event {
        case .welcome(let welcome): put(welcome, &out)
        case .joined(let joined): put(joined, &out)
        case .left(let room): fields(&out, room) { _ in }
        case .ack(let ack): put(ack, &out)
        case .error(let failure, let room): put(failure, room, &out)
        case .message: break
        case .roomCreated(let info, _):
            out.put("{\"room\":")
            RoomJSON.put(info, into: &out)
            out.put("}")
        case .userJoined(let room, let user, let name):
            fields(&out, room) { out in
                out.field("user", user.text)
                out.field("name", name)
            }
        case .userLeft(let room, let user, _, let lastSeen):
            fields(&out, room) { out in
                out.field("user", user.text)
                out.put(",\"lastSeen\":")
                out.putTime(lastSeen)
            }
        case .presenceCount(let room, let count): fields(&out, room) { $0.field("count", count) }
        case .presence(let page):
            fields(&out, page.room) { put(members: page, &$0) }
        case .history(let page): put(page, &out)
        case .gap(let room, let from, let to):
            fields(&out, room) { out in
                out.field("from", from)
                out.field("to", to)
            }
        case .typing(let room, let user, let isActive):
            fields(&out, room) { out in
                out.field("user", user.text)
                out.put(",\"active\":")
                out.putBool(isActive)
            }
        case .receipts(let room, let marks):
            fields(&out, room) { out in
                out.put(",\"members\":")
                out.putList(marks) { put($1, into: &$0) }
            }
        case .reconnect(let afterMs, let reason):
            out.put("{\"afterMs\":")
            out.putNumber(afterMs)
            out.field("reason", reason)
            out.put("}")
        case .pong: out.put("{}")
        }
    }

    // MARK: Payloads

    private static func put(_ welcome: Event.Welcome, _ out: inout ByteBuffer) {
        out.put("{\"clientId\":")
        out.putString(welcome.identity.client)
        out.field("user", welcome.identity.user.text)
        out.field("name", welcome.identity.name)
        out.field("node", welcome.node)
        if !welcome.session.isEmpty { out.field("session", welcome.session) }
        let limits = welcome.limits
        out.field("heartbeatMs", limits.heartbeatMs)
        out.put(",\"limits\":{\"maxMessageBytes\":")
        out.putNumber(limits.maxMessageBytes)
        out.field("rateLimitMessages", limits.rateMessages)
        out.field("rateLimitBurst", limits.rateBurst)
        out.field("maxRoomsPerConnection", limits.maxRooms)
        out.field("maxUnsentBytes", limits.maxUnsentBytes)
        out.field("maxHistory", limits.maxHistory)
        out.field("heartbeatTimeoutMs", limits.heartbeatTimeoutMs)
        out.field("dedupeWindowMs", limits.dedupeWindowMs)
        out.put("}}")
    }

    private static func put(_ joined: Event.Joined, _ out: inout ByteBuffer) {
        fields(&out, joined.room) { out in
            out.field("epoch", joined.epoch.text)
            out.field("head", joined.head)
            out.put(",\"recovered\":")
            out.putBool(joined.recovered)
            if let members = joined.members { put(members: members, &out) }
        }
    }

    private static func put(_ ack: Event.Ack, _ out: inout ByteBuffer) {
        fields(&out, ack.draft.room) { out in
            out.field("seq", ack.seq)
            out.field("durability", ack.durability.rawValue)
            out.put(",\"duplicate\":")
            out.putBool(ack.duplicate)
        }
    }

    private static func put(_ failure: Failure, _ room: RoomName?, _ out: inout ByteBuffer) {
        out.put("{\"code\":")
        out.putString(failure.code.rawValue)
        out.field("reason", failure.reason)
        if let room { out.field("room", room.text) }
        if let wait = failure.retryAfterMs { out.field("retryAfterMs", wait) }
        out.put("}")
    }

    private static func put(_ mark: MemberMark, into out: inout ByteBuffer) {
        out.put("{\"user\":")
        out.putString(mark.user.text)
        out.field("received", mark.mark.received)
        out.field("read", mark.mark.read)
        out.put("}")
    }

    private static func put(members page: PresencePage, _ out: inout ByteBuffer) {
        out.field("count", page.count)
        out.put(",\"members\":")
        out.putList(page.members) { PresenceJSON.put($1, into: &$0) }
        if let next = page.next { out.field("next", next.text) }
    }

    private static func put(_ page: Event.HistoryPage, _ out: inout ByteBuffer) {
        fields(&out, page.room) { out in
            out.field("epoch", page.epoch.text)
            out.put(",\"messages\":")
            out.putList(page.messages) { put($1, into: &$0) }
            out.put(",\"more\":")
            out.putBool(page.more)
        }
    }

    private static func fields(_ out: inout ByteBuffer, _ room: RoomName, _ more: (inout ByteBuffer) -> Void) {
        out.put("{\"room\":")
        out.putString(room.text)
        more(&out)
        out.put("}")
    }
}

extension ByteBuffer {
    /// `,"key":"text"`
    public mutating func field(_ key: StaticString, _ text: String) {
        put(",\"")
        put(key)
        put("\":")
        putString(text)
    }

    /// `,"key":42`
    public mutating func field(_ key: StaticString, _ number: some FixedWidthInteger) {
        put(",\"")
        put(key)
        put("\":")
        putNumber(number)
    }
}
