import RoostCore
import RoostEngine

extension Logs {
    func read(
        _ room: RoomName, after: UInt64, limit: Int, maxBytes: Int
    ) async throws(TableError) -> LogPage? {
        let slot = slot(room)
        for _ in 0..<8 {
            guard let view = try await view(slot, isCurrent: true) else { return nil }
            var fill = PageFill(limit: limit, maxBytes: maxBytes)
            let start = max(after, view.floor)
            if limit > 0 {
                try await logs.walk(room, view.item.epoch, after: start, to: view.head) { chunk in
                    chunk.messages(of: room).allSatisfy { $0.seq <= start || fill.take($0) }
                }
            }
            // Retention may have deleted the beginning since the floor was read, or the whole room be gone.
            let isWhole = fill.messages.first.map { $0.seq == start + 1 } ?? (limit <= 0 || start >= view.head)
            if isWhole { return LogPage(head: view.roomHead, messages: current(fill.messages, slot, view)) }
            slot.forgetItem()
            slot.forgetChain()
        }
        throw TableError(.corrupt, "the log of \(room) lacks entries that are above its floor")
    }

    func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(TableError) -> LogPage? {
        let slot = slot(room)
        guard let view = try await view(slot, isCurrent: true) else { return nil }
        var fill = PageFill(limit: limit, maxBytes: maxBytes)
        let last = min(before.map { $0 == 0 ? 0 : $0 - 1 } ?? view.head, view.head)
        if limit > 0, last > view.floor {
            try await logs.walkBack(room, view.item.epoch, from: last, after: view.floor) { chunk in
                chunk.messages(of: room).reversed().allSatisfy { message in
                    message.seq > last || (message.seq > view.floor && fill.take(message))
                }
            }
        }
        return LogPage(head: view.roomHead, messages: current(fill.messages.reversed(), slot, view))
    }

    func heads(_ rooms: [RoomName]) async throws(TableError) -> [RoomName: RoomHead] {
        let heads = try await each(Array(Set(rooms))) { room throws(TableError) in
            (room, try await self.view(self.slot(room), isCurrent: true)?.roomHead)
        }
        return heads.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }

    func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(TableError) -> Message? {
        let reach = options.searchReach
        guard let view = try await view(slot(room), isCurrent: true) else { return nil }
        return try await newest(view, reach: reach) { $0.id == id && (sender == nil || $0.sender == sender) }
    }

    /// The newest message (neither deleted nor a tombstone) that is wanted, among the last `reach` entries.
    func newest(
        _ view: View, reach: UInt64, where isWanted: (Message) -> Bool
    ) async throws(TableError) -> Message? {
        guard view.head > view.floor else { return nil }
        let room = view.item.name
        let slot = slot(room)
        let end = max(view.floor, view.head - min(reach, view.head))
        var found: Message?
        try await logs.walkBack(room, view.item.epoch, from: view.head, after: end) { chunk in
            let messages = current(chunk.messages(of: room), slot, view)
            found = messages.last { $0.seq > end && $0.seq <= view.head && $0.kind.isMessage && isWanted($0) }
            return found == nil
        }
        return found
    }

    /// The messages with what tombstones redact that were seen here, should it not have been done in place yet.
    private func current(_ messages: some Sequence<Message>, _ slot: RoomSlot, _ view: View) -> [Message] {
        let messages = Array(messages)
        return slot.withChain(view.item.epoch) { chain in
            messages.map { message in
                var message = message
                if chain.isRedacted(message.seq) { message.redact() }
                return message
            }
        } ?? messages
    }
}

/// As many messages as a reader takes at once.
private struct PageFill {
    let limit: Int
    let maxBytes: Int
    private(set) var messages: [Message] = []
    private var bytes = 0

    init(limit: Int, maxBytes: Int) {
        self.limit = limit
        self.maxBytes = maxBytes
    }

    /// False once nothing more is taken.
    mutating func take(_ message: Message) -> Bool {
        guard messages.count < limit, messages.isEmpty || bytes < maxBytes else { return false }
        messages.append(message)
        bytes += message.content.bytes.count
        return true
    }
}
