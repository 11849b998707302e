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
    }

    private func setMember(_ request: Request, _ context: Context, to isMember: Bool) async throws -> Response {
        let (name, member) = (try room(context), try user(context))
        try await requireAccess(name, request.caller())
        guard name.owner == nil else { throw Problem(.forbidden, "A personal room has its own user only.") }
        guard try await hub.store.setMember(member, of: name, to: isMember) else { throw noRoom(name) }
        hub.membership(of: member, in: name, isNow: isMember)
        if !isMember { hub.recheck(name) }
        return Response(status: .noContent)
    }

    private func showPresence(_ request: Request, _ name: RoomName) async throws -> Response {
        try await requireAccess(name, request.caller())
        let limit = try request.limit(usual: 1000, most: 1000)
        let after = request.query("cursor") ?? request.query("after")
        let page = hub.members(name, after: after.flatMap { UserID($0) }, limit: limit)
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
