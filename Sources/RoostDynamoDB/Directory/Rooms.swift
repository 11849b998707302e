import RoostCore
import RoostEngine

/// Rooms and their members, over tables. A member and a mark are parts of their room, under its epoch; who is where is
/// written a second time by user, as a way to find the rooms of one.
struct Rooms: Sendable {
    let logs: Logs

    var tables: any Tables { logs.tables }

    static func memberPrefix(_ epoch: Epoch) -> String { "\(epoch)#member#" }

    static func memberKey(_ user: UserID, _ room: RoomItem) -> Key {
        Key(room.name.text, text: memberPrefix(room.epoch) + user.text)
    }

    // MARK: Opening and creating

    func open(_ requests: [OpenRequest], at now: Timestamp) async -> [Result<RoomHead, Failure>] {
        var slots: [RoomName: [Int]] = [:]
        for (index, request) in requests.enumerated() { slots[request.room, default: []].append(index) }
        let answered = await inParallel(slots.values.sorted { $0[0] < $1[0] }) { indices in
            zip(indices, await self.open(indices.map { requests[$0] }, of: requests[indices[0]].room, at: now))
        }
        var answers = [Result<RoomHead, Failure>?](repeating: nil, count: requests.count)
        for (index, answer) in answered.joined() { answers[index] = answer }
        return answers.compactMap { $0 }
    }

    /// What those who want into one room are judged by.
    private struct Door: Sendable {
        var view: Logs.View?
        /// Those of them who are members, if that matters.
        var members: Set<UserID> = []
    }

    /// Opens one room for all who want in, which is looked at once, and again when one of them creates it.
    private func open(
        _ requests: [OpenRequest], of room: RoomName, at now: Timestamp
    ) async -> [Result<RoomHead, Failure>] {
        let slot = logs.slot(room)
        var answers: [Result<RoomHead, Failure>] = []
        do throws(TableError) {
            for _ in 0..<4 {
                let door = try await door(slot, requests)
                while answers.count < requests.count, let answer = answer(requests[answers.count], door) {
                    answers.append(answer)
                }
                if answers.count == requests.count { return answers }
                _ = try await logs.create(RoomPlan(name: room), slot, at: now)
            }
            throw TableError(.throttled, "the room \(room) is deleted as often as it is created")
        } catch {
            // A room that fails is no reason to refuse the others.
            let failure = error.storeError.failure
            return answers + [Result](repeating: .failure(failure), count: requests.count - answers.count)
        }
    }

    private func door(_ slot: RoomSlot, _ requests: [OpenRequest]) async throws(TableError) -> Door {
        guard let view = try await logs.view(slot, isCurrent: true) else { return Door() }
        guard view.item.visibility == .private, slot.name.owner == nil else { return Door(view: view) }
        let users = Set(requests.lazy.filter { $0.authority == .member }.compactMap(\.user))
        return Door(view: view, members: try await logs.members(among: users, of: view.item, slot))
    }

    /// Nil: the room is to be created for this one.
    private func answer(_ request: OpenRequest, _ door: Door) -> Result<RoomHead, Failure>? {
        let refusal = RoomRules.refusalToOpen(
            request.room, visibility: door.view?.item.visibility ?? RoomRules.visibility(of: request.room),
            user: request.user, authority: request.authority, isMember: { door.members.contains($0) })
        if let refusal { return .failure(refusal) }
        if let view = door.view { return .success(view.roomHead) }
        guard request.create, logs.options.creates(request.room) else {
            return .failure(RoomRules.unknown(request.room))
        }
        return nil
    }

    func create(_ plan: RoomPlan, at now: Timestamp) async throws(TableError) -> Result<RoomInfo, Failure> {
        let slot = logs.slot(plan.name)
        if try await logs.view(slot, isCurrent: false) != nil { return .failure(RoomRules.taken(plan.name)) }
        let room = RoomItem(plan: plan, epoch: Epoch(random: logs.options.random()), at: now)
        var seen: Set<UserID> = []
        let participants = plan.participants.filter { seen.insert($0).inserted }
        // The members first: under an epoch that no room has yet, nobody sees them. So should this node die before it comes
        // to the room, nothing is wrong, and should it die after, nobody is missing. What users have of another room of
        // that name stays until this one is theirs.
        let isListed = try await logs.each(Array(participants.enumerated())) { place, user throws(TableError) in
            try await self.write(user, order: Int64(place), of: room, listing: .absent)
        }
        var item = room.item
        item["joins"] = .number(Int64(participants.count))
        let outcome = try await tables.put(item, into: .rooms, if: .absent)
        slot.forgetItem()
        // After a lost answer it may be this very room that is in the way.
        if case .refused(let existing) = outcome, existing?.text("epoch") != room.epoch.text {
            _ = try await logs.each(participants) { user throws(TableError) in try await self.erase(user, of: room) }
            return .failure(RoomRules.taken(plan.name))
        }
        let unlisted = zip(participants, isListed).filter { !$0.1 }.map(\.0)
        _ = try await logs.each(unlisted) { user throws(TableError) in
            try await self.list(user, of: room, if: .always)
        }
        guard let info = try await info(plan.name) else {
            throw TableError(.unsure, "the room \(plan.name) was deleted as it was created")
        }
        return .success(info)
    }

    func info(_ name: RoomName) async throws(TableError) -> RoomInfo? {
        let slot = logs.slot(name)
        guard let view = try await logs.view(slot, isCurrent: true) else { return nil }
        let participants = try await participants(of: view.item)
        let last = try await logs.newest(view, reach: RoomInfo.lastMessageReach) { _ in true }
        return RoomInfo(
            name: name, title: view.item.title, visibility: view.item.visibility, participants: participants,
            createdAt: view.item.createdAt, epoch: view.item.epoch, head: view.head, floor: view.floor,
            lastMessage: last?.content, lastMessageAt: last?.at)
    }

    func amend(_ name: RoomName, title: String?, visibility: Visibility?) async throws(TableError) -> RoomInfo? {
        let slot = logs.slot(name)
        guard let view = try await logs.view(slot, isCurrent: false) else { return nil }
        var change = Change(view.item.key)
        if let title { change.set["title"] = .text(title) }
        if let visibility {
            let visibility = RoomRules.visibility(of: name, asked: visibility)
            change.set["visibility"] = .text(visibility.rawValue)
            change.set[Table.listing] = .text(visibility.rawValue)
        }
        if !change.set.isEmpty {
            let outcome = try await tables.update(change, in: .rooms, if: view.item.isPresent)
            slot.forgetItem()
            guard case .done = outcome else { return nil }
        }
        return try await info(name)
    }

    // MARK: Members

    func setMember(_ user: UserID, of room: RoomName, to isMember: Bool) async throws(TableError) -> Bool {
        let slot = logs.slot(room)
        guard let item = try await logs.view(slot, isCurrent: false)?.item else { return false }
        defer { slot.forgetItem() }
        guard isMember else {
            try await erase(user, of: item)
            return true
        }
        let known = try await tables.get([Rooms.memberKey(user, item)], from: .rooms).first
        var order = known?.number("order")
        if order == nil {
            let outcome = try await tables.update(
                Change(item.key, add: ["joins": 1]), in: .rooms, if: item.isPresent)
            guard case .done(let after) = outcome else { return false }
            order = after?.number("joins") ?? 0
        }
        _ = try await write(user, order: order ?? 0, of: item, listing: .always)
        return true
    }

    /// Members in the order in which they came.
    private func participants(of room: RoomItem) async throws(TableError) -> [UserID] {
        let members = try await logs.all(
            .rooms, room.name.text, prefix: Rooms.memberPrefix(room.epoch), limit: .max)
        let ordered = members.compactMap { item in
            item.text("user").flatMap { UserID($0) }.map { (order: item.number("order") ?? 0, user: $0) }
        }
        return ordered.sorted { ($0.order, $0.user) < ($1.order, $1.user) }.map(\.user)
    }

    /// Whether the room is among the user's now.
    /// - Parameter listing: of what is there of a room of that name.
    private func write(
        _ user: UserID, order: Int64, of room: RoomItem, listing: Condition
    ) async throws(TableError) -> Bool {
        var member = Rooms.memberKey(user, room).item(in: .rooms)
        member["user"] = .text(user.text)
        member["order"] = .number(order)
        _ = try await tables.put(member, into: .rooms, if: .absent)
        return try await list(user, of: room, if: listing)
    }

    private func list(_ user: UserID, of room: RoomItem, if condition: Condition) async throws(TableError) -> Bool {
        var place = Key(user.text, text: room.name.text).item(in: .userRooms)
        place["epoch"] = .text(room.epoch.text)
        place["createdAt"] = .number(room.createdAt.milliseconds)
        switch try await tables.put(place, into: .userRooms, if: condition) {
        case .done: return true
        case .refused(let existing): return existing?.text("epoch") == room.epoch.text
        }
    }

    private func erase(_ user: UserID, of room: RoomItem) async throws(TableError) {
        _ = try await tables.delete(Rooms.memberKey(user, room), from: .rooms, if: .always)
        _ = try await tables.delete(
            Key(user.text, text: room.name.text), from: .userRooms,
            if: .present(["epoch": .text(room.epoch.text)]))
    }
}

extension Logs {
    /// Whether the user is a member, as it was a moment ago at most.
    func isMember(_ user: UserID, of room: RoomItem, _ slot: RoomSlot) async throws(TableError) -> Bool {
        try await !members(among: [user], of: room, slot).isEmpty
    }

    /// Those of the users who are members, as it was a moment ago at most.
    func members(
        among users: Set<UserID>, of room: RoomItem, _ slot: RoomSlot
    ) async throws(TableError) -> Set<UserID> {
        let now = world.monotonic()
        var members: Set<UserID> = []
        var unknown: [UserID] = []
        for user in users {
            switch slot.isMember(user, at: now) {
            case true?: members.insert(user)
            case false?: break
            case nil: unknown.append(user)
            }
        }
        guard !unknown.isEmpty else { return members }
        let changes = slot.changes
        // In pieces, so that of many not all are asked for again when some are throttled.
        let pieces = stride(from: 0, to: unknown.count, by: 100).map { unknown[$0..<min($0 + 100, unknown.count)] }
        let found = try await each(pieces) { [tables] piece throws(TableError) in
            try await tables.get(piece.map { Rooms.memberKey($0, room) }, from: .rooms)
        }
        let present = Set(found.joined().compactMap { $0.text("user").flatMap { UserID($0) } })
        for user in unknown {
            slot.remember(user, isMember: present.contains(user), at: now, changes: changes)
            if present.contains(user) { members.insert(user) }
        }
        return members
    }

    /// All items of a collection that begin so, up to `limit`, in order.
    func all(_ table: Table, _ collection: String, prefix: String, limit: Int) async throws(TableError) -> [Item] {
        var items: [Item] = []
        var bounds = Query.Bounds.prefix(prefix)
        while items.count < limit {
            let page = try await tables.query(
                Query(table, collection, bounds, limit: min(1000, limit - items.count)))
            let fitting = page.items.prefix { $0.text(table.sort ?? "")?.utf8.starts(with: prefix.utf8) ?? false }
            items += fitting
            guard page.hasMore, fitting.count == page.items.count, let last = fitting.last?.text(table.sort ?? "")
            else { break }
            bounds = .after(last)
        }
        return items
    }
}
