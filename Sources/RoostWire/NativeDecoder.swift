public import NIOCore
public import RoostCore

/// Frames of `roost.v1.json` to requests.
public enum NativeDecoder {
    /// Decodes one text frame, which must be valid UTF-8. Unknown fields are ignored.
    public static func decode(_ frame: ByteBuffer) -> Result<Request, Refusal> {
        frame.withUnsafeReadableBytes { bytes in
            let (envelope, problem) = JSONFields.scan(bytes)
            guard let problem else { return decode(envelope) }
            let id = (try? envelope.messageID()) ?? nil
            return .failure(Refusal(id: id, Failure(.badFrame, problem.reason)))
        }
    }

    private static func decode(_ envelope: JSONFields) -> Result<Request, Refusal> {
        var id: MessageID?
        do throws(JSONFields.Mismatch) {
            id = try envelope.messageID()
            guard let type = try envelope.string("type") else { throw JSONFields.Mismatch("type", "given") }
            guard let read = readers[type] else {
                return .failure(Refusal(id: id, Failure(.unknownType, "There is no frame of type \(quoted(type)).")))
            }
            let payload = try envelope.object("payload") ?? .empty
            let command = try read(payload)
            if case .message = command, id == nil { throw JSONFields.Mismatch("messageId", "given", .invalid) }
            return .success(Request(id: id, command: command))
        } catch {
            return .failure(Refusal(id: id, Failure(error.code, error.reason)))
        }
    }

    private typealias Reader = @Sendable (JSONFields) throws(JSONFields.Mismatch) -> Command

    private static let readers: [String: Reader] = [
        "join": join, "leave": leave, "message": message, "create_room": createRoom, "presence": presence,
        "history": history, "ping": { _ in .ping }, "auth": auth, "resume": resume,
        "typing": typing, "received": received, "read": read,
    ]

    // MARK: One function per type

    @Sendable
    private static func join(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        .join(
            Command.Join(
                room: try payload.room(), after: try payload.position("after"),
                history: try payload.unsigned("history").map { Int(clamping: $0) },
                presence: try payload.bool("presence")))
    }

    @Sendable
    private static func leave(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        .leave(try payload.room())
    }

    @Sendable
    private static func message(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        guard let content = payload.json("content") else { throw JSONFields.Mismatch("content", "given") }
        return .message(
            room: try payload.room(), content: content, kind: .message, sender: try payload.user("sender"),
            since: try payload.position("since"))
    }

    @Sendable
    private static func createRoom(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        .createRoom(try payload.roomWish())
    }

    @Sendable
    private static func auth(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        guard let token = try payload.string("token") else { throw JSONFields.Mismatch("token", "given") }
        return .auth(token: token)
    }

    @Sendable
    private static func resume(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        .resume(try payload.resumption())
    }

    @Sendable
    private static func typing(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        .typing(room: try payload.room(), isActive: try payload.isActive())
    }

    @Sendable
    private static func received(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        .mark(room: try payload.room(), try payload.mark(isRead: false))
    }

    @Sendable
    private static func read(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        .mark(room: try payload.room(), try payload.mark(isRead: true))
    }

    @Sendable
    private static func presence(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        .presence(room: try payload.room(), after: try payload.user("cursor"))
    }

    @Sendable
    private static func history(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Command {
        let room = try payload.room()
        let turn: Command.HistoryRequest.Turn =
            if let after = try payload.cursor("after") {
                .after(after)
            } else if let before = try payload.cursor("before") {
                .before(before)
            } else {
                .latest
            }
        let limit = try payload.unsigned("limit").map { Int(clamping: $0) }
        return .history(Command.HistoryRequest(room: room, turn: turn, limit: limit))
    }
}

extension JSONScanner.Problem {
    var reason: String {
        switch self {
        case .malformed(let at): "The frame is not one JSON object: look at byte \(at)."
        case .tooDeep: "The JSON is nested deeper than \(JSONScanner.maxDepth) levels."
        }
    }
}

/// A client's own text in an error, kept short: by scalars, since one character may be of any length.
func quoted(_ text: String) -> String { "\"\(String.UnicodeScalarView(text.unicodeScalars.prefix(64)))\"" }
