import RoostCore
import RoostEngine

/// How the deleting of what is below floors is bounded.
enum Trim {
    /// Chunks younger than this stay though they are below the floor: a node that has not looked at the log's end for
    /// a while must find the place behind it taken (`Logs.trustMs`). In milliseconds.
    static let youngestMs: Int64 = 1_800_000
    /// Rooms seen to in one call.
    static let pieceRooms = 16
    /// Chunks of a room deleted in one call.
    static let pieceChunks = 25
}

extension Logs {
    /// How far `retain` has got.
    struct Round: Sendable {
        enum Stage { case publicRooms, privateRooms, graves }

        var stage = Stage.publicRooms
        /// What was seen to last; nil: nothing of this stage.
        var after: String?
        /// Why a room was passed over.
        var error: TableError?
    }

    /// Sees to the next few rooms; false when that were the last. A room that fails is passed over until the next round;
    /// what it failed of is thrown when all the others have been seen to.
    func retain(at now: Timestamp) async throws(TableError) -> Bool {
        let at = round.withLock { $0 }
        let isDone =
            switch at.stage {
            case .publicRooms: try await retain(.public, after: at.after, at: now)
            case .privateRooms: try await retain(.private, after: at.after, at: now)
            case .graves: try await emptyGraves(after: at.after, at: now)
            }
        guard isDone else { return true }
        let error = round.withLock { round -> TableError? in
            round.after = nil
            switch round.stage {
            case .publicRooms: round.stage = .privateRooms
            case .privateRooms: round.stage = .graves
            case .graves:
                defer { round = Round() }
                return round.error
            }
            return nil
        }
        if let error { throw error }
        return at.stage != .graves
    }

    /// Sees to the next rooms of a list; true if that were all.
    private func retain(
        _ list: Visibility, after: String?, at now: Timestamp
    ) async throws(TableError) -> Bool {
        let page = try await tables.query(
            Query(.rooms, isIndexed: true, list.rawValue, .after(after), limit: Trim.pieceRooms))
        let rooms = page.items.compactMap { $0.text("room").flatMap { RoomName($0) } }
        let unfinished = await inParallel(rooms) { room in
            await self.passOver("\(room)") { () async throws(TableError) in try await self.retain(room, at: now) }
        }
        if unfinished.contains(true) { return false }
        return !advance(page, by: "room")
    }

    /// Goes on behind a page that is done; false if it was the last.
    func advance(_ page: Page, by name: String) -> Bool {
        guard page.hasMore, let last = page.items.last?.text(name) else { return false }
        round.withLock { $0.after = last }
        return true
    }

    /// Runs `body`; if it fails, there is nothing more to do about it in this round.
    func passOver(_ what: String, _ body: () async throws(TableError) -> Bool) async -> Bool {
        do throws(TableError) {
            return try await body()
        } catch {
            round.withLock { $0.error = TableError(error.kind, "\(what): \(error)") }
            return false
        }
    }

    /// Moves a room's floor and deletes a piece of what is below it; whether there is more to do at once.
    private func retain(_ room: RoomName, at now: Timestamp) async throws(TableError) -> Bool {
        let kind = options.kinds.kind(of: room)
        guard !kind.retainsAll else { return false }
        let slot = slot(room)
        guard let view = try await view(slot, isCurrent: true) else { return false }
        var pages = 0
        var floor = view.floor
        while true {
            let patience = pages
            let found = slot.withChain(view.item.epoch) {
                $0.floor(kind, next: nil, at: now, isPatient: patience < 8)
            }
            switch found {
            case nil: return true
            case .unknown(let after):
                // Nothing to read means that somebody else has moved on.
                guard try await learnAges(slot, view.item, after: after) else { return false }
                pages += 1
                continue
            case .at(let seq): floor = max(floor, seq)
            }
            break
        }
        if floor > view.item.floor, floor > view.floor {
            guard try await raiseFloor(floor, of: view, slot) else { return true }
        }
        return try await trim(view, to: floor, slot, at: now) || pages >= 8
    }

    /// Writes down the floor, and with it a block that will not be emptied, before anything is deleted. False if the
    /// room was changed meanwhile.
    private func raiseFloor(_ floor: UInt64, of view: View, _ slot: RoomSlot) async throws(TableError) -> Bool {
        let block = Int64(Blocks.block(of: view.head))
        let change = Change(view.item.key, set: ["floor": .number(Int64(floor)), "block": .number(block)])
        let outcome = try await tables.update(
            change, in: .rooms,
            if: .presentAtMost(
                ["epoch": .text(view.item.epoch.text)], ["floor": Int64(floor), "block": block]))
        slot.forgetItem()
        guard case .done = outcome else { return false }
        slot.withChain(view.item.epoch) { $0.raise(floor: floor) }
        return true
    }

    /// Deletes some of the chunks below the floor, never the newest of the log; whether there are more.
    private func trim(
        _ view: View, to floor: UInt64, _ slot: RoomSlot, at now: Timestamp
    ) async throws(TableError) -> Bool {
        let begin = view.item.trimmed + 1
        guard begin <= floor else { return false }
        let end = Blocks.end(of: Blocks.block(of: begin))
        let stretch = try await logs.chunks(
            slot.name, view.item.epoch, from: begin, to: end, limit: Trim.pieceChunks)
        let due = stretch.chunks.prefix { chunk in
            chunk.last <= floor && chunk.last < view.head && !chunk.isSeal
                && now.milliseconds - chunk.clock.milliseconds >= Trim.youngestMs
                && !options.remembers(chunk.clock, at: now)
        }
        let isEmptyBlock = stretch.chunks.isEmpty && end <= floor && end < view.head
        guard let last = due.last?.last ?? (isEmptyBlock ? end : nil) else { return false }
        guard try await raiseFloor(floor, of: view, slot) else { return true }
        _ = try await each(due.map { Chunk.key($0.first, in: slot.name, view.item.epoch) }) { key throws(TableError) in
            try await self.tables.delete(key, from: .messages, if: .always)
        }
        let change = Change(view.item.key, set: ["trimmed": .number(Int64(last))])
        _ = try await tables.update(change, in: .rooms, if: view.item.isPresent)
        slot.forgetItem()
        return due.count == stretch.chunks.count
    }
}
