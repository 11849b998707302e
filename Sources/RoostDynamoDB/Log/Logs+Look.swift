import RoostCore
import RoostEngine

/// Finding where logs end, and what the dedupe window has.
extension Logs {
    /// Chunks asked for at once where few are to be expected.
    private static let shortPage = 16

    /// Sees to it that the end of the log is known; false if that has to be tried again.
    /// - Parameter isCurrent: whether it is looked up, be it known or not.
    func look(_ slot: RoomSlot, _ item: RoomItem, isCurrent: Bool) async throws(TableError) -> Bool {
        let now = world.monotonic()
        let known = slot.withChain(item.epoch) { $0.isSealed ? nil : $0.head }
        guard let head = known ?? nil else {
            try await findEnd(slot, item, at: now)
            return true
        }
        // Where the item is further on, what follows the known end may have been deleted.
        let isBehind = Blocks.block(of: head + 1) < item.block || max(item.floor, item.trimmed) > head
        let isOld = slot.age(at: now) > Logs.trustMs
        guard isCurrent || isBehind || isOld else { return true }
        guard try await readOn(slot, item, from: head) else {
            slot.forgetChain()
            return false
        }
        if isOld, try await wasTrimmed(slot, item) {
            slot.forgetChain()
            return false
        }
        slot.touch(at: now)
        return true
    }

    /// Begins with the newest chunk of the log.
    private func findEnd(_ slot: RoomSlot, _ item: RoomItem, at now: Moment) async throws(TableError) {
        slot.forgetChain()
        let tail = try await logs.tail(slot.name, item.epoch, from: item.block)
        if tail == nil, item.floor > 0 {
            throw TableError(.corrupt, "the log of \(slot.name) has lost its end; restore it from a backup")
        }
        slot.install(chain(item, tail), at: now)
    }

    /// Takes in, page by page, what is in the log behind `head`: what is known of it stays known, however much has come.
    /// False if what follows is not there any more, or if it is quicker to begin with the end.
    private func readOn(_ slot: RoomSlot, _ item: RoomItem, from head: UInt64) async throws(TableError) -> Bool {
        var next = head + 1
        var limit = Logs.shortPage
        while true {
            let block = Blocks.block(of: next)
            let news = try await logs.chunks(
                slot.name, item.epoch, from: next, to: Blocks.end(of: block), limit: limit)
            let isWhole = slot.withChain(item.epoch) { chain in
                news.chunks.allSatisfy { chain.learn($0) != .gap }
            }
            guard isWhole == true else { return false }
            slot.watch(news.chunks.flatMap(\.redacts), of: item.epoch, at: world.monotonic())
            // Only the log's end, or what was deleted, can be followed by nothing.
            guard let last = news.chunks.last else { return block >= item.block }
            next = last.last + 1
            if last.isSeal || (!news.hasMore && last.last < Blocks.end(of: block)) { return true }
            if limit == Logs.shortPage, news.hasMore, try await isQuickerFromTheEnd(slot, item) { return false }
            limit = LogTables.pageChunks
        }
    }

    /// Whether nothing that is known here is of use: the window has not been read, or has moved past all of it.
    private func isQuickerFromTheEnd(_ slot: RoomSlot, _ item: RoomItem) async throws(TableError) -> Bool {
        let known = slot.withChain(item.epoch) { $0.window == nil ? nil : $0.head }
        guard let head = known ?? nil else { return true }
        let tail = try await logs.tail(slot.name, item.epoch, from: max(item.block, Blocks.block(of: head)))
        return tail.map { $0.forgotten >= head } ?? true
    }

    /// Whether chunks behind the known end may have been deleted before they were looked for, as can be after a long
    /// time without a look. The room's item names a later block before that happens.
    private func wasTrimmed(_ slot: RoomSlot, _ item: RoomItem) async throws(TableError) -> Bool {
        slot.forgetItem()
        guard let fresh = try await self.item(slot), fresh.epoch == item.epoch else { return true }
        let head = slot.withChain(item.epoch) { $0.head }
        return head.map { Blocks.block(of: $0 + 1) < fresh.block } ?? true
    }

    /// Reads the chunks that make up the dedupe window, if that has not been done. What is appended meanwhile is read,
    /// too, and nothing twice.
    func loadWindow(_ slot: RoomSlot, _ item: RoomItem) async throws(TableError) {
        let begin = slot.withChain(item.epoch) { $0.window == nil ? ($0.forgotten, $0.head) : nil }
        guard let (forgotten, known) = begin ?? nil else { return }
        var (window, end, head) = (Window?.none, forgotten, known)
        var tombstones: [Chunk] = []
        var redacted: Set<UInt64> = []
        while true {
            try await logs.walk(slot.name, item.epoch, after: end, to: head) { chunk in
                if window == nil { window = Window(options, after: max(forgotten, chunk.first - 1)) }
                window?.learn(chunk)
                if !chunk.redacts.isEmpty { tombstones.append(chunk) }
                for (seq, entry) in zip(chunk.first..., chunk.entries) where entry.kind == .redacted {
                    redacted.insert(seq)
                }
                end = chunk.last
                return true
            }
            guard end >= head else { throw TableError(.corrupt, "the log of \(slot.name) has a gap after \(end)") }
            let (loaded, read, stones) = (window ?? Window(options, after: forgotten), end, tombstones)
            let grown = slot.withChain(item.epoch) { chain -> UInt64? in
                guard chain.head == read else { return chain.head }
                chain.window = loaded
                for chunk in stones { chain.note(redactionsOf: chunk) }
                return nil
            }
            let undone = stones.flatMap(\.redacts).filter { !redacted.contains($0) }
            slot.watch(undone, of: item.epoch, at: world.monotonic())
            // Nil outside: the room has become another one, of which the caller will find out.
            guard let further = grown ?? nil, further > read else { return }
            head = further
        }
    }
}
