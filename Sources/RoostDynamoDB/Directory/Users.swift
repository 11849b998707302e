import RoostCore
import RoostEngine

/// Users, over tables. The index lists all of them by id.
struct Users: Sendable {
    /// The one list of the index.
    static let list = "users"

    let logs: Logs

    func note(_ sightings: [Sighting]) async throws(TableError) {
        // Of one user in order, since the later ones count.
        var changes: [UserID: Item] = [:]
        for sighting in sightings {
            var set = changes[sighting.user] ?? [Table.listing: .text(Users.list)]
            if let name = sighting.name { set["name"] = .text(name) }
            if let avatar = sighting.avatar { set["avatar"] = .text(avatar) }
            if let lastSeen = sighting.lastSeen { set["lastSeen"] = .number(lastSeen.milliseconds) }
            changes[sighting.user] = set
        }
        _ = try await logs.each(Array(changes)) { change throws(TableError) in
            try await self.logs.tables.update(
                Change(Key(change.key.text), set: change.value), in: .users, if: .always)
        }
    }

    func users(_ ids: [UserID]) async throws(TableError) -> [UserID: User] {
        guard !ids.isEmpty else { return [:] }
        let items = try await logs.tables.get(Set(ids).map { Key($0.text) }, from: .users)
        var users: [UserID: User] = [:]
        for item in items {
            guard let id = item.text("id").flatMap({ UserID($0) }) else {
                throw TableError(.corrupt, "a user can't be read")
            }
            users[id] = User(
                id: id, name: item.text("name") ?? id.text, avatar: item.text("avatar"),
                lastSeen: item.number("lastSeen").map { Timestamp(milliseconds: $0) })
        }
        return users
    }

    func users(after: UserID?, limit: Int) async throws(TableError) -> [User] {
        guard limit > 0 else { return [] }
        var users: [User] = []
        var cursor = after?.text
        while users.count < limit {
            let page = try await logs.tables.query(
                Query(.users, isIndexed: true, Users.list, .after(cursor), limit: min(1000, limit - users.count)))
            let ids = page.items.compactMap { $0.text("id").flatMap { UserID($0) } }
            let found = try await self.users(ids)
            users += ids.compactMap { found[$0] }
            guard page.hasMore, let last = ids.last else { break }
            cursor = last.text
        }
        return users
    }
}
