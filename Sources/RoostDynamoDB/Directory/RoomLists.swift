import RoostCore
import RoostEngine

/// Lists of rooms. Public ones are in order in the index of the table `rooms`, which is a moment behind; the private
/// ones of a user are found in `user_rooms` and checked against the rooms themselves.
extension Rooms {
    func rooms(visibleTo user: UserID?, after: RoomName?, limit: Int) async throws(TableError) -> [RoomInfo] {
        guard limit > 0 else { return [] }
        var infos: [RoomInfo] = []
        var cursor = after?.text
        while infos.count < limit {
            let wanted = limit - infos.count
            let page = try await tables.query(
                Query(
                    .rooms, isIndexed: true, Visibility.public.rawValue, .after(cursor), limit: min(wanted, 1000)))
            var names = Set(page.items.compactMap { $0.text("room") })
            // Beyond the end of a page, the other source may not run ahead.
            let end = page.hasMore ? page.items.last?.text("room") : nil
            var isCut = page.hasMore
            if let user {
                let own = try await privateRooms(of: user, after: cursor, upTo: end, limit: wanted)
                names.formUnion(own.names)
                isCut = isCut || own.hasMore
            }
            let sorted = names.compactMap { RoomName($0) }.sorted().prefix(wanted)
            let shown = sorted.filter { $0.owner == nil }
            let found = try await logs.each(shown) { name throws(TableError) -> RoomInfo? in
                try await self.isVisible(name, to: user) ? try await self.info(name) : nil
            }
            infos += found.compactMap { $0 }
            if !isCut && names.count <= wanted { break }
            guard let last = sorted.last?.text ?? end else { break }
            cursor = last
        }
        return infos
    }

    /// Whether the list may show the room: the index may be behind.
    private func isVisible(_ name: RoomName, to user: UserID?) async throws(TableError) -> Bool {
        let slot = logs.slot(name)
        guard let item = try await logs.item(slot) else { return false }
        if item.visibility == .public { return true }
        guard let user else { return false }
        return try await logs.isMember(user, of: item, slot)
    }

    /// Names of private rooms in which the user was a member when that was written, after `after` and not beyond `end`.
    private func privateRooms(
        of user: UserID, after: String?, upTo end: String?, limit: Int
    ) async throws(TableError) -> (names: [String], hasMore: Bool) {
        let page = try await tables.query(Query(.userRooms, user.text, .after(after), limit: min(limit, 1000)))
        var names = page.items.compactMap { $0.text("room") }
        let count = names.count
        if let end {
            names = names.filter { RoomName($0).flatMap { name in RoomName(end).map { name <= $0 } } == true }
        }
        return (names, page.hasMore || names.count < count)
    }

    func rooms(of user: UserID, limit: Int) async throws(TableError) -> [RoomName] {
        guard limit > 0 else { return [] }
        let places = try await logs.all(.userRooms, user.text, prefix: "", limit: .max)
        var rooms: [(name: RoomName, epoch: String, createdAt: Int64)] = []
        for place in places {
            guard let name = place.text("room").flatMap({ RoomName($0) }), let epoch = place.text("epoch"),
                let createdAt = place.number("createdAt")
            else { throw TableError(.corrupt, "a room of the user \(user) can't be read") }
            rooms.append((name, epoch, createdAt))
        }
        rooms.sort { ($1.createdAt, $1.name) < ($0.createdAt, $0.name) }
        var names: [RoomName] = []
        while names.count < limit, !rooms.isEmpty {
            let piece = rooms.prefix(min(100, limit - names.count))
            rooms.removeFirst(piece.count)
            // What is left of rooms that were deleted doesn't count.
            let items = try await tables.get(piece.map { RoomItem.key($0.name) }, from: .rooms)
            let epochs = items.reduce(into: [String: String]()) { $0[$1.text("room") ?? ""] = $1.text("epoch") }
            names += piece.filter { epochs[$0.name.text] == $0.epoch }.map(\.name)
        }
        return names
    }
}
