import HTTPTypes
import Hummingbird
import RoostCore
import RoostEngine
import RoostHub
import RoostWire

extension API {
    func addMembers(_ routes: RouterGroup<Context>) {
        routes.put("/rooms/:room/members/:user") { request, context in
            try await setMember(request, context, to: true)
        }
        routes.delete("/rooms/:room/members/:user") { request, context in
            try await setMember(request, context, to: false)
        }
        routes.get("/rooms/:room/presence") { request, context in
            try await showPresence(request, room(context))
        }
        routes.post("/rooms/:room/typing") { request, context in try await type(request, room(context)) }
        routes.post("/rooms/:room/read") { request, context in try await read(request, room(context)) }
    }

    private func type(_ request: Request, _ name: RoomName) async throws -> Response {
        let caller = try await caller(request)
        try await requireAccess(name, caller)
        if let refusal = caller.objectionToPublishing(in: name, hub.kinds) { throw Problem(refusal) }
        let (isActive, claimed) = try await request.withFields(upTo: maxBodyBytes) { fields in
            (try fields.isActive(), try fields.user("user"))
        }
        hub.type(name, try caller.named(claimed), isActive: isActive)
        return Response(status: .noContent)
    }

    private func read(_ request: Request, _ name: RoomName) async throws -> Response {
        let caller = try await caller(request)
        let head = try await requireAccess(name, caller)
        let (mark, claimed) = try await request.withFields(upTo: maxBodyBytes) { fields in
            (try fields.mark(isRead: true), try fields.user("user"))
        }
        hub.mark(name, try caller.named(claimed), Mark(read: min(mark.read, head.head)))
        return Response(status: .noContent)
    }

    private func setMember(_ request: Request, _ context: Context, to isMember: Bool) async throws -> Response {
        let (name, member) = (try room(context), try user(context))
        let caller = try await caller(request)
        let head = try await requireAccess(name, caller)
        // Members of a private room see to it themselves, and everybody to himself.
        if head.visibility == .public, member != caller.user { try await requireSay(name, request) }
        guard name.owner == nil else { throw Problem(.forbidden, "A personal room has its own user only.") }
        guard try await hub.store.setMember(member, of: name, to: isMember) else { throw noRoom(name) }
        hub.membership(of: member, in: name, isNow: isMember)
        if !isMember { hub.recheck(name) }
        return Response(status: .noContent)
    }

    private func showPresence(_ request: Request, _ name: RoomName) async throws -> Response {
        try await requireAccess(name, caller(request), .presence)
        guard hub.kinds.kind(of: name).presence != .off else {
            throw Problem(.forbidden, "Presence is not kept in \(name).")
        }
        let limit = try request.limit(usual: 1000, most: 1000)
        let after = request.query("cursor") ?? request.query("after")
        let page = await hub.roster(name, after: after.flatMap { UserID($0) }, limit: limit)
        let headers = page.next.map { request.nextLink([("cursor", $0.text)]) } ?? [:]
        return jsonResponse(headers: headers) { out in
            out.put("{\"room\":")
            out.putString(name.text)
            out.field("count", page.count)
            out.put(",\"members\":")
            out.putList(page.members) { PresenceJSON.put($1, into: &$0) }
            if let next = page.next { out.field("next", next.text) }
            out.put("}")
        }
    }
}
