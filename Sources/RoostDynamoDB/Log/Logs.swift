import RoostCore
import RoostEngine

/// The logs of all rooms, over tables.
final class Logs: Sendable {
    /// Rooms remembered, at most; those that nobody asks for are forgotten first.
    static let maxSlots = 50_000
    /// After so long without a look at the log's end, it is looked up before an append. Chunks are deleted only when
    /// they are older than `Trim.youngestMs`, which is longer: what lies behind a remembered end is still there to
    /// refuse a write.
    static let trustMs: Int64 = 600_000

    let tables: any Tables
    let logs: LogTables
    let options: StoreOptions
    let world: StoreWorld
    private let slots = Locked(Slots())
    /// Where `retain` goes on.
    let round = Locked(Round())

    private struct Slots {
        var young: [RoomName: RoomSlot] = [:]
        /// Those of the generation before: dropped unless they are asked for again.
        var old: [RoomName: RoomSlot] = [:]
    }

    init(tables: any Tables, options: StoreOptions, world: StoreWorld) {
        self.tables = tables
        logs = LogTables(tables: tables)
        self.options = options
        self.world = world
    }

    func slot(_ room: RoomName) -> RoomSlot {
        slots.withLock { slots in
            if let slot = slots.young[room] { return slot }
            if slots.young.count >= Logs.maxSlots / 2 { (slots.old, slots.young) = (slots.young, [:]) }
            let slot = slots.old.removeValue(forKey: room) ?? RoomSlot(room)
            slots.young[room] = slot
            return slot
        }
    }

    /// What a room and the end of its log are.
    struct View: Sendable {
        var item: RoomItem
        var head: UInt64
        var floor: UInt64

        var roomHead: RoomHead {
            RoomHead(epoch: item.epoch, head: head, floor: floor, visibility: item.visibility)
        }
    }

    /// The room's item; nil if there is no such room.
    func item(_ slot: RoomSlot) async throws(TableError) -> RoomItem? {
        if let known = slot.item(at: world.monotonic()) { return known }
        let (changes, now) = (slot.changes, world.monotonic())
        guard let found = try await tables.get([RoomItem.key(slot.name)], from: .rooms).first else {
            slot.forgetChain()
            return nil
        }
        let item = try RoomItem(found)
        slot.remember(item, at: now, changes: changes)
        return item
    }

    /// The room as it is; nil if there is none.
    /// - Parameter isCurrent: whether the log's end is looked up, be it known or not.
    func view(_ slot: RoomSlot, isCurrent: Bool) async throws(TableError) -> View? {
        for _ in 0..<16 {
            guard let item = try await item(slot) else { return nil }
            if try await look(slot, item, isCurrent: isCurrent) { continue }
            let seen = slot.withChain(item.epoch) { ($0.head, $0.floor, $0.isSealed) }
            guard let (head, floor, isSealed) = seen else { continue }
            guard isSealed else { return View(item: item, head: head, floor: max(floor, item.floor)) }
            // Whoever was deleting the room may have died over it.
            try await finishDeletion(of: item, end: head)
            slot.forgetItem()
            slot.forgetChain()
        }
        throw TableError(.throttled, "the room \(slot.name) changes faster than it can be read")
    }

    /// Sees to it that the end of the log is known; true if that has to be tried again.
    private func look(_ slot: RoomSlot, _ item: RoomItem, isCurrent: Bool) async throws(TableError) -> Bool {
        let now = world.monotonic()
        let known = slot.withChain(item.epoch) { chain in
            // Where the item is further on, what follows the known end may have been deleted.
            chain.isSealed || Blocks.block(of: chain.head + 1) < item.block ? nil : chain.head
        }
        guard let head = known ?? nil else {
            slot.forgetChain()
            let tail = try await logs.tail(slot.name, item.epoch, from: item.block)
            if tail == nil, item.floor > 0 {
                throw TableError(.corrupt, "the log of \(slot.name) has lost its end; restore it from a backup")
            }
            slot.install(chain(item, tail), at: now)
            return false
        }
        guard slot.age(at: now) > Logs.trustMs || isCurrent else { return false }
        let end = Blocks.end(of: Blocks.block(of: head + 1))
        let news = try await logs.chunks(slot.name, item.epoch, from: head + 1, to: end, limit: 16)
        let hasGap = slot.withChain(item.epoch) { chain in news.chunks.contains { chain.learn($0) == .gap } }
        // So much has come meanwhile that it is quicker to begin with the end.
        guard hasGap == false, !news.hasMore else {
            slot.forgetChain()
            return true
        }
        slot.touch(at: now)
        return news.chunks.last.map { $0.last == end && !$0.isSeal } ?? false
    }

    private func chain(_ item: RoomItem, _ tail: Chunk?) -> Chain {
        Chain(
            room: item.name, epoch: item.epoch, tail: tail, floor: item.floor,
            expires: options.kinds.kind(of: item.name).retainAgeMs != nil)
    }

    /// Reads the chunks that make up the dedupe window, if that has not been done.
    func loadWindow(_ slot: RoomSlot, _ item: RoomItem) async throws(TableError) {
        for _ in 0..<16 {
            let begin = slot.withChain(item.epoch) { $0.window == nil ? ($0.forgotten, $0.head) : nil }
            guard let (forgotten, head) = begin ?? nil else { return }
            var window: Window?
            var tombstones: [Chunk] = []
            var end = forgotten
            try await logs.walk(slot.name, item.epoch, after: forgotten, to: head) { chunk in
                if window == nil { window = Window(options, after: max(forgotten, chunk.first - 1)) }
                window?.learn(chunk)
                if chunk.entries.contains(where: { $0.redacts != nil }) { tombstones.append(chunk) }
                end = chunk.last
                return true
            }
            guard end == head else { throw TableError(.corrupt, "the log of \(slot.name) has a gap after \(end)") }
            let loaded = window ?? Window(options, after: forgotten)
            let stones = tombstones
            let isInstalled = slot.withChain(item.epoch) { chain in
                guard chain.head == head else { return false }
                chain.window = loaded
                for chunk in stones { chain.note(redactionsOf: chunk) }
                return true
            }
            if isInstalled != false { return }
        }
        throw TableError(.throttled, "the log of \(slot.name) grows faster than it can be read")
    }

    /// Creates the room if there is none; the one that there is now.
    func create(_ plan: RoomPlan, _ slot: RoomSlot, at now: Timestamp) async throws(TableError) -> RoomItem {
        let room = RoomItem(plan: plan, epoch: Epoch(random: options.random()), at: now)
        let (changes, read) = (slot.changes, world.monotonic())
        let outcome = try await tables.put(room.item, into: .rooms, if: .absent)
        guard case .refused(let existing?) = outcome else {
            slot.remember(room, at: read, changes: changes)
            slot.install(chain(room, nil), at: read)
            return room
        }
        return try RoomItem(existing)
    }

    /// Runs `body` for each, so many at once that the tables are busy and not flooded.
    func each<Element: Sendable, Answer: Sendable>(
        _ elements: [Element], _ body: @escaping @Sendable (Element) async throws(TableError) -> Answer
    ) async throws(TableError) -> [Answer] {
        let answers = await inParallel(elements) { element async -> Result<Answer, TableError> in
            do throws(TableError) {
                return .success(try await body(element))
            } catch {
                return .failure(error)
            }
        }
        var values: [Answer] = []
        for answer in answers { values.append(try answer.get()) }
        return values
    }
}

/// How many calls one operation on several items has under way at most.
let maxInParallel = 32

/// Runs `body` for each element, a bounded number at once; the answers in order.
func inParallel<Element: Sendable, Answer: Sendable>(
    _ elements: [Element], _ body: @escaping @Sendable (Element) async -> Answer
) async -> [Answer] {
    if elements.count == 1 { return [await body(elements[0])] }
    return await withTaskGroup(of: (Int, Answer).self) { group in
        var answers = [Answer?](repeating: nil, count: elements.count)
        var started = 0
        while started < min(maxInParallel, elements.count) {
            let index = started
            group.addTask { (index, await body(elements[index])) }
            started += 1
        }
        for await (index, answer) in group {
            answers[index] = answer
            guard started < elements.count else { continue }
            let next = started
            group.addTask { (next, await body(elements[next])) }
            started += 1
        }
        return answers.compactMap { $0 }
    }
}
