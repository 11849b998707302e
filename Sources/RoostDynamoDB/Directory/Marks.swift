import RoostCore
import RoostEngine

/// How far members have got: parts of their room.
extension Rooms {
    private static func markPrefix(_ epoch: Epoch) -> String { "\(epoch)#mark#" }

    private static func markKey(_ user: UserID, _ name: RoomName, _ epoch: Epoch) -> Key {
        Key(name.text, text: markPrefix(epoch) + user.text)
    }

    func mark(_ marks: [MemberMark]) async throws(TableError) {
        var merged: [RoomName: [UserID: Mark]] = [:]
        for mark in marks { merged[mark.room, default: [:]][mark.user, default: Mark()].merge(mark.mark) }
        let heads = await inParallel(Array(merged.keys)) { room in
            await caught { () async throws(TableError) in
                (room, try await self.logs.view(self.logs.slot(room), isCurrent: true)?.roomHead)
            }
        }
        var failures: [TableError] = []
        var due: [MarkToWrite] = []
        for head in heads {
            switch head {
            case .failure(let error): failures.append(error)
            case .success((_, nil)): break
            case .success((let room, let head?)):
                for (user, mark) in merged[room] ?? [:] {
                    let within = Mark(received: min(mark.received, head.head), read: min(mark.read, head.head))
                    if within == Mark() { continue }
                    due.append(MarkToWrite(room: room, epoch: head.epoch, user: user, mark: within))
                }
            }
        }
        let written = await inParallel(due) { mark in
            await caught { () async throws(TableError) in try await self.write(mark) }
        }
        failures += written.compactMap { if case .failure(let error) = $0 { error } else { nil } }
        // What fails keeps no other's from being written; a log that is broken is no reason to come again.
        if let failure = failures.first(where: { $0.kind != .corrupt }) { throw failure }
    }

    private struct MarkToWrite: Sendable {
        var room: RoomName
        var epoch: Epoch
        var user: UserID
        var mark: Mark
    }

    private func write(_ wanted: MarkToWrite) async throws(TableError) {
        var mark = wanted.mark
        while true {
            var item = Rooms.markKey(wanted.user, wanted.room, wanted.epoch).item(in: .rooms)
            item["user"] = .text(wanted.user.text)
            item["received"] = .number(Int64(clamping: mark.received))
            item["read"] = .number(Int64(clamping: mark.read))
            let outcome = try await tables.put(
                item, into: .rooms,
                if: .absentOrAtMost(["received": Int64(clamping: mark.received), "read": Int64(clamping: mark.read)]))
            guard case .refused(let existing?) = outcome else { return }
            // One of the two numbers was further on already.
            let known = Rooms.mark(existing)
            guard mark.merge(known), mark != known else { return }
        }
    }

    private static func mark(_ item: Item) -> Mark {
        Mark(
            received: UInt64(clamping: item.number("received") ?? 0), read: UInt64(clamping: item.number("read") ?? 0))
    }

    func marks(of user: UserID, in rooms: [RoomName]) async throws(TableError) -> [RoomName: Mark] {
        let found = try await logs.each(Array(Set(rooms))) { room throws(TableError) -> (RoomName, Mark)? in
            guard let item = try await self.logs.item(self.logs.slot(room)) else { return nil }
            let mark = try await self.tables.get([Rooms.markKey(user, room, item.epoch)], from: .rooms).first
            return mark.map { (room, Rooms.mark($0)) }
        }
        return found.reduce(into: [:]) { marks, found in if let found { marks[found.0] = found.1 } }
    }

    func marks(in room: RoomName, limit: Int) async throws(TableError) -> [MemberMark] {
        guard limit > 0, let item = try await logs.view(logs.slot(room), isCurrent: false)?.item else { return [] }
        let found = try await logs.all(
            .rooms, room.text, prefix: Rooms.markPrefix(item.epoch), limit: limit)
        return found.compactMap { mark in
            mark.text("user").flatMap { UserID($0) }.map {
                MemberMark(room: room, user: $0, mark: Rooms.mark(mark))
            }
        }
    }
}
