import HTTPTypes
import Hummingbird
import NIOCore
import RoostCore
import RoostEngine
import RoostHub
import RoostSettings
import RoostWire

/// The HTTP API of a node: one method per group of endpoints, each in a file of its own.
struct API: Sendable {
    typealias Context = BasicRequestContext

    let hub: Hub
    let admission: Admission
    let vitals: Vitals
    let storeProbe: StoreProbe
    let settings: Settings
    /// Nil: none are kept.
    let sessions: Sessions?

    func router() -> Router<Context> {
        let router = Router(context: Context.self)
        router.addMiddleware {
            DrainMiddleware(vitals: vitals)
            OriginMiddleware(admission: admission)
            ProblemMiddleware(noHTTP: settings.noHTTP)
        }
        let base = router.group(RouterPath(settings.basePath))
        addOperations(base)
        addUpgrades(base)
        guard settings.planes.contains(.http) else { return router }
        addFront(base)
        addSession(base)
        addUsers(base)
        addRooms(base)
        addMembers(base)
        addMessages(base)
        addModeration(base)
        return router
    }

    var maxBodyBytes: Int { settings.maxBodyBytes }

    // MARK: What several endpoints need

    func room(_ context: Context) throws -> RoomName {
        let text = try decoded(context.parameters.require("room"))
        guard let room = RoomName(text) else {
            throw Problem(.invalid, "A room's name is 1 to \(RoomName.maxBytes) of A-Z a-z 0-9 _ . : -")
        }
        return room
    }

    func user(_ context: Context) throws -> UserID {
        let text = try decoded(context.parameters.require("user"))
        guard let user = UserID(text) else {
            throw Problem(.invalid, "A user's id is 1 to \(UserID.maxBytes) bytes of plain text.")
        }
        return user
    }

    private func decoded(_ text: String) -> String { percentDecoded(text, plusIsSpace: false) ?? text }

    func messageID(_ context: Context) throws -> MessageID {
        let text = try decoded(context.parameters.require("message"))
        guard let id = MessageID(text) else {
            throw Problem(.invalid, "A message's id is 1 to \(MessageID.maxBytes) bytes of plain text.")
        }
        return id
    }

    /// Throws unless the room exists and the caller may enter it; returns where its log ends.
    @discardableResult
    func requireAccess(_ room: RoomName, _ caller: Caller, _ right: Right = .join) async throws -> RoomHead {
        guard room.owner != nil || caller.grants.allows(right, in: room) else {
            throw Problem(.forbidden, "Your token does not allow that in \(room).")
        }
        let isServer = room.owner != nil && (caller.isServer || caller.grants.allowsServing(room))
        let request = OpenRequest(
            room: room, user: caller.user, create: false, authority: isServer ? .server : .member)
        return try await unwrapped(hub.store.open([request], at: Vitals.wall())[0])
    }

    func unwrapped<Value>(_ result: Result<Value, Failure>) throws -> Value {
        switch result {
        case .success(let value): return value
        case .failure(let failure): throw Problem(failure)
        }
    }

    func existing(_ room: RoomName) async throws -> RoomInfo {
        guard let info = try await hub.store.room(room) else { throw noRoom(room) }
        return info
    }

    func noRoom(_ room: RoomName) -> Problem { Problem(.notFound, "There is no room \(room).") }
}
