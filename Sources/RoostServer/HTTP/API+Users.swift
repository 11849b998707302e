import HTTPTypes
import Hummingbird
import RoostCore
import RoostEngine
import RoostHub
import RoostWire

extension API {
    func addUsers(_ routes: RouterGroup<Context>) {
        routes.get("/users") { request, _ in try await listUsers(request) }
        routes.post("/users") { request, _ in try await createUser(request) }
        routes.get("/users/:user") { request, context in
            _ = try await caller(request)
            return try await showUser(context)
        }
    }

    private func listUsers(_ request: Request) async throws -> Response {
        _ = try await caller(request)
        let limit = try request.limit(usual: 100, most: 1000)
        var after: UserID?
        if let text = request.query("after") {
            guard let user = UserID(text) else { throw Problem(.invalid, "after must be a user's id.") }
            after = user
        }
        await hub.settleUsers()
        let users = try await hub.store.users(after: after, limit: limit + 1)
        let page = users.prefix(limit)
        let next = users.count > limit ? page.last?.id.text : nil
        let headers = next.map { request.nextLink([("after", $0)]) } ?? [:]
        return jsonResponse(headers: headers) { out in
            out.putList(page) { UserJSON.put($1, into: &$0) }
        }
    }

    private func createUser(_ request: Request) async throws -> Response {
        let caller = try await caller(request)
        let user = try await request.withFields(upTo: maxBodyBytes) { fields in
            guard let name = try fields.string("name"), isPrintable(name, upTo: User.maxNameBytes) else {
                throw Problem(.invalid, "name must be 1 to \(User.maxNameBytes) bytes of plain text.")
            }
            let avatar = try fields.string("avatar")
            if let avatar, !avatar.isEmpty, !isPrintable(avatar, upTo: User.maxAvatarBytes) {
                throw Problem(.invalid, "avatar must be at most \(User.maxAvatarBytes) bytes of plain text.")
            }
            let given = try fields.user("id")
            guard let id = try caller.isAnonymous ? given ?? UserID("u-" + randomHex(8)) : caller.sender(given) else {
                throw Problem(.internal, "The server could not make up an id.")
            }
            return User(id: id, name: name, avatar: avatar)
        }
        try await hub.note(Sighting(user: user.id, name: user.name, avatar: user.avatar))
        return jsonResponse(.created) { UserJSON.put(user, into: &$0) }
    }

    private func showUser(_ context: Context) async throws -> Response {
        let id = try user(context)
        await hub.settleUsers()
        guard let user = try await hub.store.users([id])[id] else {
            throw Problem(.notFound, "There is no user \(id).")
        }
        let isOnline = await hub.isOnlineAnywhere(id)
        return jsonResponse { UserJSON.put(user, online: isOnline, into: &$0) }
    }
}
