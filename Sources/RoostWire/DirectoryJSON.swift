public import NIOCore
public import RoostCore

// Rooms, users and members as frames and HTTP answers show them.

public enum RoomJSON {
    /// - Parameter extra: further fields, each beginning with a comma.
    public static func put(
        _ info: RoomInfo, into out: inout ByteBuffer, extra: (inout ByteBuffer) -> Void = { _ in }
    ) {
        out.put("{\"id\":")
        out.putString(info.name.text)
        out.field("name", info.title)
        out.field("visibility", info.visibility.rawValue)
        out.put(",\"participants\":")
        out.putList(info.participants) { $0.putString($1.text) }
        out.put(",\"createdAt\":")
        out.putTime(info.createdAt)
        out.put(",\"lastMessage\":")
        out.putJSON(info.lastMessage ?? .null)
        out.put(",\"lastMessageAt\":")
        if let at = info.lastMessageAt { out.putTime(at) } else { out.put("null") }
        extra(&out)
        out.put("}")
    }
}

public enum UserJSON {
    /// - Parameter online: given where one user is shown, which adds `online` and `lastSeen`.
    public static func put(_ user: User, online: Bool? = nil, into out: inout ByteBuffer) {
        out.put("{\"id\":")
        out.putString(user.id.text)
        out.field("name", user.name)
        out.put(",\"avatar\":")
        if let avatar = user.avatar { out.putString(avatar) } else { out.put("null") }
        if let online {
            out.put(",\"online\":")
            out.putBool(online)
            out.put(",\"lastSeen\":")
            if let at = user.lastSeen { out.putTime(at) } else { out.put("null") }
        }
        out.put("}")
    }
}

public enum PresenceJSON {
    public static func put(_ member: PresencePage.Member, into out: inout ByteBuffer) {
        out.put("{\"user\":")
        out.putString(member.user.text)
        out.field("name", member.name)
        out.put(",\"since\":")
        out.putTime(member.since)
        out.field("connections", member.connections)
        out.put("}")
    }
}

public enum MessageJSON {
    /// A message as `GET /rooms/{room}/messages` and `message_created` show it.
    /// - Parameter seq: whether to show the `seq`.
    public static func put(_ message: Message, seq: Bool, into out: inout ByteBuffer) {
        out.put("{\"roomId\":")
        out.putString(message.room.text)
        out.field("messageId", message.id.text)
        if seq { out.field("seq", message.seq) }
        out.put(",\"content\":")
        out.putJSON(message.content)
        out.field("senderId", message.sender.text)
        out.put(",\"createdAt\":")
        out.putTime(message.at)
        if message.kind == .redacted { out.put(",\"deleted\":true") }
        out.put(",\"status\":\"success\"}")
    }
}
