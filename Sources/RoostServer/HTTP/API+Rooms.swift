import HTTPTypes
import Hummingbird
import RoostCore
import RoostEngine
import RoostHub
import RoostWire

extension API {
    func addRooms(_ routes: RouterGroup<Context>) {
        routes.get("/rooms") { request, _ in try await listRooms(request) }
        routes.post("/rooms") { request, _ in try await createRoom(request) }
        routes.get("/rooms/:room") { request, context in
            let name = try room(context)
            let caller = try await caller(request)
            try await requireAccess(name, caller)
            let info = shown(try await existing(name), to: caller)
            let unread = try await unread(caller.user, [info])
            return jsonResponse { out in
                RoomJSON.put(info, into: &out) { out in
                    if let count = unread[info.name] { out.field("unread", count) }
                }
            }
        }
        routes.patch("/rooms/:room") { request, context in try await amendRoom(request, room(context)) }
        routes.delete("/rooms/:room") { request, context in try await deleteRoom(request, room(context)) }
    }

    private func listRooms(_ request: Request) async throws -> Response {
        let limit = try request.limit(usual: 100, most: 1000)
        var after: RoomName?
        if let text = request.query("after") {
            guard let room = RoomName(text) else { throw Problem(.invalid, "after must be a room's name.") }
            after = room
        }
        let caller = try await caller(request)
        let rooms = try await hub.store.rooms(visibleTo: caller.user, after: after, limit: limit + 1)
        // Rooms that a token does not open are not shown; a page may be shorter for it.
        let page = rooms.prefix(limit).filter { caller.grants.allows(.join, in: $0.name) }
        let unread = try await unread(caller.user, page)
        let next = rooms.count > limit ? rooms[limit - 1].name.text : nil
        let headers = next.map { request.nextLink([("after", $0)]) } ?? [:]
        return jsonResponse(headers: headers) { out in
            out.putList(page) { out, info in
                RoomJSON.put(shown(info, to: caller), into: &out) { out in
                    if let count = unread[info.name] { out.field("unread", count) }
                }
            }
        }
    }

    /// The room as it is shown: without what was said last to those who may not read what was said.
    private func shown(_ info: RoomInfo, to caller: Caller) -> RoomInfo {
        guard Session.objectionToHistory(of: info.name, caller.grants, hub.kinds, user: caller.user) != nil else {
            return info
        }
        var info = info
        info.lastMessage = nil
        return info
    }

    /// How many messages of each room the user has not read, of those that are retained; nothing for nobody.
    private func unread(_ user: UserID?, _ rooms: some Collection<RoomInfo>) async throws -> [RoomName: UInt64] {
        guard let user else { return [:] }
        let marks = try await hub.marks(of: user, in: rooms.map(\.name))
        return Dictionary(
            rooms.map { info in
                let read = max(marks[info.name]?.read ?? 0, info.floor)
                return (info.name, info.head - min(read, info.head))
            }, uniquingKeysWith: { first, _ in first })
    }

    private func createRoom(_ request: Request) async throws -> Response {
        let caller = try await caller(request)
        let plan = try await request.withFields(upTo: maxBodyBytes) { fields in
            var wish = try fields.roomWish(needsParticipants: false)
            // A room's own id may be given beside its name for people.
            if let id = try fields.string("id") {
                guard let name = RoomName(id), !name.isReserved else {
                    throw Problem(.invalid, "id must be 1 to 128 of A-Z a-z 0-9 _ . : - and not begin with user:.")
                }
                let title = wish.name
                wish.name = id
                var plan = try unwrapped(RoomPlan.from(wish, creator: caller.user, freshID: { "r-" + randomHex(8) }))
                plan.title = title ?? id
                return plan
            }
            return try unwrapped(RoomPlan.from(wish, creator: caller.user, freshID: { "r-" + randomHex(8) }))
        }
        guard caller.grants.allows(.join, in: plan.name) else {
            throw Problem(.forbidden, "Your token does not allow to create the room \(plan.name).")
        }
        let (info, _) = try unwrapped(try await hub.createRoom(plan))
        return jsonResponse(.created) { RoomJSON.put(info, into: &$0) }
    }

    private func amendRoom(_ request: Request, _ name: RoomName) async throws -> Response {
        let caller = try await requireSay(name, request)
        let (title, visibility) = try await request.withFields(upTo: maxBodyBytes) { fields in
            let title = try fields.string("name")
            if let title, !isPrintable(title, upTo: RoomInfo.maxTitleBytes) {
                throw Problem(.invalid, "name must be 1 to \(RoomInfo.maxTitleBytes) bytes of plain text.")
            }
            return (title, try fields.visibility())
        }
        if RoomName.standing.contains(name), visibility == .private {
            throw Problem(.conflict, "The room \(name) always exists for everybody.")
        }
        guard let info = try await hub.store.amendRoom(name, title: title, visibility: visibility) else {
            throw noRoom(name)
        }
        if visibility != nil { hub.recheck(name) }
        return jsonResponse { RoomJSON.put(shown(info, to: caller), into: &$0) }
    }

    /// Throws unless the caller may decide about the room; where people sign in, those who moderate it.
    @discardableResult
    func requireSay(_ name: RoomName, _ request: Request) async throws -> Caller {
        let caller = try await caller(request)
        try await requireAccess(name, caller)
        guard caller.isAnonymous || caller.grants.allows(.moderate, in: name) else {
            throw Problem(.forbidden, "Your token does not allow to moderate \(name).")
        }
        return caller
    }

    private func deleteRoom(_ request: Request, _ name: RoomName) async throws -> Response {
        try await requireSay(name, request)
        guard !RoomName.standing.contains(name) else {
            throw Problem(.conflict, "The room \(name) always exists and can't be deleted.")
        }
        guard try await hub.store.deleteRoom(name) else { throw noRoom(name) }
        hub.dissolve(name)
        return Response(status: .noContent)
    }
}
