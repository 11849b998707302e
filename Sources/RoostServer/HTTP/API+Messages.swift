import HTTPTypes
import Hummingbird
import NIOCore
import RoostCore
import RoostEngine
import RoostHub
import RoostWire

extension API {
    func addMessages(_ routes: RouterGroup<Context>) {
        routes.post("/messages") { request, _ in try await publishMany(request) }
        routes.get("/rooms/:room/messages") { request, context in try await listMessages(request, room(context)) }
        routes.post("/rooms/:room/messages") { request, context in try await publish(request, room(context)) }
        routes.delete("/rooms/:room/messages/:message") { request, context in
            try await deleteMessage(request, room(context), messageID(context))
        }
    }

    /// History, oldest first. `Link: rel="next"` leads to older messages, or with `after` to newer ones.
    private func listMessages(_ request: Request, _ name: RoomName) async throws -> Response {
        let limit = try request.limit(usual: 50, most: hub.limits.maxHistory > 0 ? hub.limits.maxHistory : 100_000)
        let (before, after) = (try cursor(request, "before"), try cursor(request, "after"))
        let turn: Command.HistoryRequest.Turn = after.map { .after($0) } ?? before.map { .before($0) } ?? .latest
        let wish = Command.HistoryRequest(room: name, turn: turn, limit: limit)
        let caller = try await caller(request)
        if let refusal = Session.objectionToHistory(of: name, caller.grants, hub.kinds, user: caller.user) {
            throw Problem(refusal)
        }
        let page = try unwrapped(try await hub.history(wish, user: caller.user))
        var headers: HTTPFields = [:]
        if page.more, let edge = after == nil ? page.messages.first : page.messages.last {
            let position = Position(epoch: page.epoch, seq: edge.seq).description
            let (way, other): (Substring, Substring) = after == nil ? ("before", "after") : ("after", "before")
            headers = request.nextLink([(way, position), (other, nil)])
        }
        return jsonResponse(headers: headers) { out in
            // A tombstone is no message; what it is about shows that it is gone.
            out.putList(page.messages.filter { $0.kind != .deleted }) { MessageJSON.put($1, seq: true, into: &$0) }
        }
    }

    private func cursor(_ request: Request, _ name: Substring) throws -> Cursor? {
        guard let text = request.query(name) else { return nil }
        guard let cursor = Cursor(text) else {
            throw Problem(.invalid, "\(name) must be a position, EPOCH:42, or a bare 42.")
        }
        return cursor
    }

    private func publish(_ request: Request, _ name: RoomName) async throws -> Response {
        let caller = try await caller(request)
        let draft = try await request.withFields(upTo: maxBodyBytes) { try makeDraft($0, to: name, caller) }
        switch await hub.publish([draft])[0] {
        case .rejected(let failure): throw Problem(failure)
        case .stored(let seq, _, let duplicate):
            return jsonResponse(duplicate ? .ok : .created) { put(draft, seq, duplicate, into: &$0) }
        }
    }

    private func makeDraft(_ fields: JSONFields, to name: RoomName, _ caller: Caller) throws -> Draft {
        if let refusal = caller.objectionToPublishing(in: name, hub.kinds) { throw Problem(refusal) }
        guard let content = fields.json("content") else {
            throw Problem(.invalid, "content must be given: any JSON value.")
        }
        let most = hub.limits.maxMessageBytes
        guard content.bytes.count <= most else {
            throw Problem(.tooLarge, "A message may have \(most) bytes at most.")
        }
        let claimed = try fields.user("senderId") ?? fields.user("sender")
        guard let sender = try caller.sender(claimed) ?? UserID("anonymous"),
            let id = try fields.messageID() ?? MessageID(randomHex(16))
        else { throw Problem(.internal, "The server could not name the message.") }
        return Draft(
            room: name, sender: sender, id: id, content: content,
            authority: name.owner == nil ? .member : .server, since: try fields.position("since"))
    }

    /// The body of the native ack.
    private func put(_ draft: Draft, _ seq: UInt64, _ duplicate: Bool, into out: inout ByteBuffer) {
        out.put("{\"room\":")
        out.putString(draft.room.text)
        out.field("seq", seq)
        out.field("durability", hub.store.durability(of: draft.room).rawValue)
        out.put(",\"duplicate\":")
        out.putBool(duplicate)
        out.field("messageId", draft.id.text)
        out.put("}")
    }

    /// Messages that one `POST /messages` may carry.
    private static let mostAtOnce = 1000

    /// Publishes to several rooms; one result each, in order: the body of an ack, or of an error.
    private func publishMany(_ request: Request) async throws -> Response {
        let caller = try await caller(request)
        let wishes: [Result<Draft, any Error>] = try await request.withList(
            upTo: maxBodyBytes, most: API.mostAtOnce
        ) { list in
            list.map { fields in Result { try makeDraft(fields, to: fields.room(), caller) } }
        }
        let drafts = wishes.compactMap { try? $0.get() }
        var verdicts = await hub.publish(drafts)[...]
        return jsonResponse { out in
            out.putList(wishes) { out, wish in
                switch wish {
                case .failure(let error): out.writeImmutableBuffer(Problem.body(of: error))
                case .success(let draft):
                    switch verdicts.removeFirst() {
                    case .stored(let seq, _, let duplicate): put(draft, seq, duplicate, into: &out)
                    case .rejected(let failure): out.writeImmutableBuffer(Problem.body(of: Problem(failure)))
                    }
                }
            }
        }
    }

    /// Puts a tombstone in the log and takes the content out of the message. What is gone already is not found.
    private func deleteMessage(_ request: Request, _ name: RoomName, _ id: MessageID) async throws -> Response {
        let caller = try await caller(request)
        try await requireAccess(name, caller)
        let isModerator = caller.isServer || caller.grants.allows(.moderate, in: name)
        let wish = Deletion(room: name, id: id, by: caller.user, isModerator: isModerator)
        _ = try unwrapped(try await hub.delete(wish))
        return Response(status: .noContent)
    }
}
