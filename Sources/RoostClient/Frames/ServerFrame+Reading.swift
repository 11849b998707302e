import RoostCore
import RoostWire

extension ServerFrame {
    /// Reads a frame. What is no JSON object of known shape is `unknown`: a client does not fall over what it does not
    /// know.
    package init(_ text: String) {
        var text = text
        self = text.withUTF8 { bytes in
            guard let fields = try? JSONFields(UnsafeRawBufferPointer(bytes)) else {
                return ServerFrame(messageID: nil, body: .unknown)
            }
            let id = (try? fields.string("messageId")) ?? nil
            let body = try? Body(fields, id: id ?? "")
            return ServerFrame(messageID: id, body: body ?? .unknown)
        }
    }
}

/// A field that must be there is not.
private struct Missing: Error {}

extension JSONFields {
    fileprivate func need(_ key: StaticString) throws -> String {
        guard let text = try string(key) else { throw Missing() }
        return text
    }

    fileprivate func number(_ key: StaticString) throws -> UInt64 {
        guard let number = try unsigned(key) else { throw Missing() }
        return number
    }

    fileprivate func list<Element>(_ key: StaticString, _ read: (JSONFields) throws -> Element) throws -> [Element]? {
        guard let value = present(key), let elements = JSONFields.elements(of: value) else { return nil }
        return try elements.map { try read(try JSONFields($0)) }
    }
}

extension ServerFrame.Body {
    fileprivate init(_ frame: JSONFields, id: String) throws {
        let payload = try frame.object("payload") ?? .empty
        switch try frame.string("type") {
        case "welcome": self = .welcome(try ServerFrame.Welcome(payload))
        case "reconnect": self = .reconnect(afterMs: Int64(clamping: try payload.number("afterMs")))
        case "joined": self = .joined(try ServerFrame.Joined(payload))
        case "left": self = .left(room: try payload.need("room"))
        case "message", "deleted": self = .entry(try ServerFrame.Entry(frame, payload))
        case "gap":
            self = .gap(room: try payload.need("room"), from: try payload.number("from"), to: try payload.number("to"))
        case "ack":
            self = .ack(
                seq: try payload.unsigned("seq"), durability: try payload.string("durability") ?? "",
                isDuplicate: try payload.bool("duplicate") ?? false)
        case "error": self = .error(try RoostError(payload), room: try payload.string("room"))
        case "history": self = .history(try HistoryPage(payload))
        case "presence": self = .presence(room: try payload.need("room"), try RoomPresence(payload))
        case "room_created": self = .roomCreated(try RoomInfo(try payload.object("room") ?? .empty))
        case "typing":
            self = .typing(
                room: try payload.need("room"), user: try payload.need("user"),
                isActive: try payload.bool("active") ?? false)
        case "user_joined":
            self = .userJoined(
                room: try payload.need("room"), user: try payload.need("user"), name: try payload.string("name") ?? "")
        case "user_left":
            self = .userLeft(
                room: try payload.need("room"), user: try payload.need("user"),
                lastSeen: try payload.string("lastSeen") ?? "")
        case "receipts":
            self = .receipts(
                room: try payload.need("room"), try payload.list("members", MemberMark.init) ?? [])
        case "pong": self = .pong
        default: self = .unknown
        }
    }
}

extension ServerFrame.Welcome {
    fileprivate init(_ fields: JSONFields) throws {
        clientID = try fields.string("clientId") ?? ""
        user = try fields.string("user") ?? ""
        name = try fields.string("name") ?? user
        node = try fields.string("node") ?? ""
        session = try fields.string("session")
        heartbeatMs = Int64(clamping: try fields.unsigned("heartbeatMs") ?? 0)
        guard let given = try fields.object("limits") else { return }
        if let bytes = try given.unsigned("maxMessageBytes") { limits.maxMessageBytes = Int(clamping: bytes) }
        if let rate = try given.unsigned("rateLimitMessages") { limits.rateLimitMessages = Int64(clamping: rate) }
        if let window = try given.unsigned("dedupeWindowMs") { limits.dedupeWindowMs = Int64(clamping: window) }
        limits.heartbeatTimeoutMs = try given.unsigned("heartbeatTimeoutMs").map { Int64(clamping: $0) }
    }
}

extension ServerFrame.Joined {
    fileprivate init(_ fields: JSONFields) throws {
        room = try fields.need("room")
        epoch = try fields.need("epoch")
        head = try fields.number("head")
        recovered = try fields.bool("recovered") ?? false
        members = fields.present("members") == nil ? nil : try RoomPresence(fields)
    }
}

extension ServerFrame.Entry {
    /// - Parameter frame: the envelope, which has the author's id and the time.
    fileprivate init(_ frame: JSONFields, _ payload: JSONFields) throws {
        room = try payload.need("room")
        seq = try payload.number("seq")
        messageID = try frame.string("messageId") ?? ""
        sender = try payload.string("sender") ?? ""
        timestamp = try frame.string("timestamp") ?? ""
        if try frame.string("type") == "deleted" {
            matter = .tombstone(ref: try payload.need("ref"), refSeq: try payload.unsigned("refSeq") ?? 0)
        } else {
            matter = .message(
                content: RoostContent(payload.json("content") ?? .null),
                isRedacted: try payload.bool("deleted") ?? false)
        }
    }
}

extension RoostError {
    fileprivate init(_ fields: JSONFields) throws {
        self.init(
            Code(rawValue: try fields.need("code")), try fields.string("reason") ?? "",
            retryAfterMs: try fields.unsigned("retryAfterMs").map { Int64(clamping: $0) })
    }
}

extension HistoryPage {
    fileprivate init(_ fields: JSONFields) throws {
        room = try fields.need("room")
        epoch = try fields.string("epoch") ?? ""
        // Entries come as the room has heard them: whole frames.
        entries =
            try fields.list("messages") { frame in
                try ServerFrame.Entry(frame, try frame.object("payload") ?? .empty).news(isOwn: false)
            }?.compactMap(LogEntry.init) ?? []
        hasMore = try fields.bool("more") ?? false
    }
}

extension RoomPresence {
    fileprivate init(_ fields: JSONFields) throws {
        members = try fields.list("members", Member.init)
        count = try fields.unsigned("count").map { Int(clamping: $0) } ?? members?.count ?? 0
        next = try fields.string("next")
    }
}

extension RoomPresence.Member {
    fileprivate init(_ fields: JSONFields) throws {
        user = try fields.need("user")
        name = try fields.string("name") ?? user
        since = try fields.string("since") ?? ""
        connections = try fields.unsigned("connections").map { Int(clamping: $0) } ?? 1
    }
}

extension MemberMark {
    fileprivate init(_ fields: JSONFields) throws {
        user = try fields.need("user")
        received = try fields.unsigned("received") ?? 0
        read = try fields.unsigned("read") ?? 0
    }
}

extension RoomInfo {
    fileprivate init(_ fields: JSONFields) throws {
        id = try fields.need("id")
        name = try fields.string("name") ?? id
        isPrivate = try fields.string("visibility") == "private"
        participants = try fields.strings("participants") ?? []
        createdAt = try fields.string("createdAt") ?? ""
    }
}
