public import NIOCore
public import RoostCore

/// Frames of the simple dialect, flat JSON or plain text, to requests.
public enum SimpleDecoder {
    /// Decodes one text frame, which must be valid UTF-8. Any text that is no JSON object is a message.
    public static func decode(_ frame: ByteBuffer) -> Result<Request, Refusal> {
        frame.withUnsafeReadableBytes { bytes in
            do throws(JSONScanner.Problem) {
                return decode(try JSONFields(bytes))
            } catch .tooDeep {
                return .failure(Refusal(Failure(.badFrame, JSONScanner.Problem.tooDeep.reason)))
            } catch {
                let text = JSONText.string(String(decoding: bytes, as: UTF8.self))
                return .success(Request(id: nil, command: said(text)))
            }
        }
    }

    private static func said(_ content: RawJSON) -> Command {
        .message(room: nil, content: content, kind: .message, sender: nil)
    }

    private static func decode(_ fields: JSONFields) -> Result<Request, Refusal> {
        do throws(JSONFields.Mismatch) {
            if let action = try fields.string("action") { return try act(action, fields) }
            switch try fields.string("type") {
            case "join":
                let room = try fields.string("room") == nil ? .general : try fields.room()
                return .success(Request(id: nil, command: .join(Command.Join(room: room, presence: true, alone: true))))
            case "message":
                guard let content = fields.json("content") else { throw JSONFields.Mismatch("content", "given") }
                return .success(Request(id: nil, command: said(content)))
            case let type?:
                return .failure(Refusal(Failure(.unknownType, "There is no frame of type \(quoted(type)).")))
            case nil:
                throw JSONFields.Mismatch("type", "join or message, or action must be given")
            }
        } catch {
            return .failure(Refusal(Failure(error.code, error.reason)))
        }
    }

    private static func act(
        _ action: String, _ fields: JSONFields
    ) throws(JSONFields.Mismatch) -> Result<Request, Refusal> {
        switch action {
        case "create_room":
            return .success(Request(id: nil, command: .createRoom(try fields.roomWish())))
        case "create_message":
            let room = try fields.room("roomId")
            guard let content = fields.json("content") else { throw JSONFields.Mismatch("content", "given") }
            return .success(
                Request(
                    id: try fields.messageID(),
                    command: .message(room: room, content: content, kind: .created, sender: try fields.user("senderId"))
                ))
        default:
            return .failure(Refusal(Failure(.unknownType, "There is no action \(quoted(action)).")))
        }
    }
}

/// Events to frames of the simple dialect.
public enum SimpleEncoder {
    /// Appends the frames that say the event, each whole; nothing where the dialect has no word for it.
    public static func put(_ event: Event, to identity: Identity, now: Timestamp, into out: inout ByteBuffer) {
        switch event {
        case .welcome(let welcome):
            frame(&out, "connection") { out in
                out.put(",\"status\":\"connected\"")
                out.field("client_id", identity.user.text)
                out.field("hostname", welcome.node)
            }
        case .joined(let joined):
            presence(&out, "user_joined", identity.user, identity.name)
            frame(&out, "room_users") { out in
                out.put(",\"users\":")
                out.putList(joined.members?.members ?? []) { $0.putString($1.user.text) }
            }
        case .ack(let ack): put(ack, into: &out)
        case .error(let failure, _):
            frame(&out, "error") { out in
                out.field("code", failure.code.rawValue)
                out.field("message", failure.reason)
                if let wait = failure.retryAfterMs { out.field("retryAfterMs", wait) }
            }
        case .message(let message): put(message, into: &out)
        case .roomCreated(let info, let participants): put(info, participants, into: &out)
        case .userJoined(_, let user, let name): presence(&out, "user_joined", user, name)
        case .userLeft(_, let user, let name, _): presence(&out, "user_left", user, name)
        case .left, .presenceCount, .presence, .history, .gap, .pong, .typing, .receipts, .reconnect: break
        }
    }

    /// Appends a message as the room hears it.
    public static func put(_ message: Message, into out: inout ByteBuffer) {
        switch message.kind {
        case .message: said(&out, by: message.sender.text, message.content, message.at)
        case .created: created(&out, message)
        // The dialect has no word for what is gone.
        case .deleted, .redacted: break
        }
    }

    private static func put(_ ack: Event.Ack, into out: inout ByteBuffer) {
        switch ack.draft.kind {
        case .deleted, .redacted: break
        case .message: said(&out, by: "server", ack.draft.content, ack.at)
        case .created:
            // Who listens hears it as everyone does; who doesn't, or has sent it before, must hear of it here.
            guard !ack.authorListens || ack.duplicate else { return }
            let draft = ack.draft
            created(
                &out,
                Message(
                    room: draft.room, seq: ack.seq, id: draft.id, sender: draft.sender, kind: draft.kind, at: ack.at,
                    content: draft.content))
        }
    }

    private static func put(_ info: RoomInfo, _ participants: [User], into out: inout ByteBuffer) {
        frame(&out, "room_created") { out in
            out.put(",\"room\":{\"id\":")
            out.putString(info.name.text)
            out.put(",\"participants\":")
            out.putList(participants) { out, user in
                out.put("{\"id\":")
                out.putString(user.id.text)
                out.field("name", user.name)
                out.put("}")
            }
            out.put(",\"createdAt\":")
            out.putTime(info.createdAt)
            out.put("}")
        }
    }

    private static func said(_ out: inout ByteBuffer, by sender: String, _ content: RawJSON, _ at: Timestamp) {
        frame(&out, "message") { out in
            out.field("sender", sender)
            out.put(",\"content\":")
            out.putJSON(content)
            out.put(",\"timestamp\":")
            out.putTime(at)
        }
    }

    private static func created(_ out: inout ByteBuffer, _ message: Message) {
        frame(&out, "message_created") { out in
            out.put(",\"message\":")
            MessageJSON.put(message, seq: false, into: &out)
        }
    }

    private static func presence(_ out: inout ByteBuffer, _ type: StaticString, _ user: UserID, _ name: String) {
        frame(&out, type) { out in
            out.field("userId", user.text)
            out.field("username", name)
        }
    }

    private static func frame(
        _ out: inout ByteBuffer, _ type: StaticString, _ fields: (inout ByteBuffer) -> Void
    ) {
        out.putFrame(.text) { out in
            out.put("{\"type\":\"")
            out.put(type)
            out.put("\"")
            fields(&out)
            out.put("}")
        }
    }
}

/// JSON values made by the server.
public enum JSONText {
    public static func string(_ text: String) -> RawJSON {
        var buffer = ByteBuffer()
        buffer.putString(text)
        return RawJSON(validated: Array(buffer: buffer))
    }
}
