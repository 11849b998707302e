import RoostCore
import RoostEngine

/// Deleting a room. Its log is closed by a seal at its end, the one place where everybody who appends comes by; then its
/// item goes, and with it the room. What it leaves (chunks, members, marks; all under its epoch, so that nobody takes
/// them for another room's) is written down as a grave first and deleted when no node can believe any more that the log
/// goes on.
extension Logs {
    /// The collection of graves in the table `rooms`; no room is called so.
    static let graves = "#graves"
    /// Graves seen to in one call of `retain`.
    static let pieceGraves = 8

    /// False if there is no such room.
    func delete(_ room: RoomName) async throws(TableError) -> Bool {
        let slot = slot(room)
        await slot.turn.take()
        defer { slot.turn.pass() }
        // Appends to the room wait, and with them all others. Whoever meets the seal finishes what is left.
        let deadline = world.monotonic() + PatientTables.logPatienceMs
        let result = await StoreWorld.$deadline.withValue(deadline) {
            await caught { () async throws(TableError) in try await delete(slot) }
        }
        return try result.get()
    }

    private func delete(_ slot: RoomSlot) async throws(TableError) -> Bool {
        let room = slot.name
        var races = 0
        while let view = try await view(slot, isCurrent: true) {
            races += 1
            guard races <= Logs.maxRaces else {
                throw TableError(.throttled, "\(races) writes to \(room) came before its deletion")
            }
            var seal = Chunk(
                first: view.head + 1, entries: [], at: Timestamp(milliseconds: 0), clock: Timestamp(milliseconds: 0),
                floor: view.floor, forgotten: 0, writer: Chunk.writer(world))
            seal.isSeal = true
            let outcome = try await tables.put(seal.item(in: room, view.item.epoch), into: .messages, if: .absent)
            if case .refused(let existing) = outcome {
                let isSealed = try existing.map { item throws(TableError) in try Chunk(item).isSeal }
                guard isSealed == true else { continue }
            }
            defer {
                slot.forgetItem()
                slot.forgetChain()
            }
            do throws(TableError) {
                try await finishDeletion(of: view.item, end: view.head)
            } catch {
                // Sealed it is gone: whoever asks for it finishes this.
                guard error.isPassing else { throw error }
            }
            return true
        }
        return false
    }

    /// Removes a room whose log has been sealed behind `end`. May be done by several nodes at once, and again.
    func finishDeletion(of room: RoomItem, end: UInt64) async throws(TableError) {
        let grave = Key(Logs.graves, text: "\(room.name)#\(room.epoch)")
        var item = grave.item(in: .rooms)
        item["name"] = .text(room.name.text)
        item["epoch"] = .text(room.epoch.text)
        item["block"] = .number(Int64(Blocks.block(of: room.trimmed + 1)))
        item["lastBlock"] = .number(Int64(Blocks.block(of: end + 1)))
        _ = try await tables.put(item, into: .rooms, if: .absent)
        _ = try await tables.delete(room.key, from: .rooms, if: room.isPresent)
        // A standing room always exists: only its log and its epoch are new.
        if RoomName.standing.contains(room.name) {
            _ = try await create(RoomPlan(name: room.name), slot(room.name), at: room.createdAt)
        }
    }

    /// Sees to the next few graves; true if that were all.
    func emptyGraves(after: String?, at now: Timestamp) async throws(TableError) -> Bool {
        let page = try await tables.query(
            Query(.rooms, Logs.graves, .after(after), limit: Logs.pieceGraves))
        var isUnfinished = false
        for grave in page.items {
            let hasMore = await passOver(grave.text("part") ?? "a grave") { () async throws(TableError) in
                try await empty(grave, at: now)
            }
            isUnfinished = isUnfinished || hasMore
        }
        if isUnfinished { return false }
        return !advance(page, by: "part")
    }

    /// Empties a piece of the grave if it is due; whether there is more to do at once.
    private func empty(_ grave: Item, at now: Timestamp) async throws(TableError) -> Bool {
        guard let part = grave.text("part"), let room = grave.text("name").flatMap({ RoomName($0) }),
            let epoch = grave.text("epoch").flatMap({ Epoch($0) })
        else { throw TableError(.corrupt, "a deleted room can't be read") }
        let key = Key(Logs.graves, text: part)
        guard let due = grave.number("due") else {
            let change = Change(key, set: ["due": .number(now.milliseconds + Trim.youngestMs)])
            _ = try await tables.update(change, in: .rooms, if: .present())
            return false
        }
        guard due <= now.milliseconds else { return false }
        return try await empty(room, epoch, grave, key)
    }

    /// Deletes a piece of what a room has left; whether there is more.
    private func empty(
        _ room: RoomName, _ epoch: Epoch, _ grave: Item, _ key: Key
    ) async throws(TableError) -> Bool {
        let parts = try await tables.query(Query(.rooms, room.text, .prefix("\(epoch)#"), limit: 100))
        _ = try await each(parts.items) { item throws(TableError) in
            if let part = item.text("part") {
                if let user = item.text("user") {
                    _ = try await self.tables.delete(
                        Key(user, text: room.text), from: .userRooms, if: .present(["epoch": .text(epoch.text)]))
                }
                _ = try await self.tables.delete(Key(room.text, text: part), from: .rooms, if: .always)
            }
        }
        let block = UInt64(clamping: grave.number("block") ?? 0)
        let stretch = try await logs.chunks(
            room, epoch, from: 1, to: Blocks.end(of: block), limit: Trim.pieceChunks)
        _ = try await each(stretch.chunks) { chunk throws(TableError) in
            try await self.tables.delete(Chunk.key(chunk.first, in: room, epoch), from: .messages, if: .always)
        }
        if parts.hasMore || stretch.hasMore { return true }
        if block >= UInt64(clamping: grave.number("lastBlock") ?? 0) {
            _ = try await tables.delete(key, from: .rooms, if: .always)
            return false
        }
        let change = Change(key, set: ["block": .number(Int64(block + 1))])
        _ = try await tables.update(change, in: .rooms, if: .present())
        return true
    }
}
