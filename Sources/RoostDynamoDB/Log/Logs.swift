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
        /// How many ids each room remembered when it was last looked at, and all together.
        var counts: [RoomName: Int] = [:]
        var ids = 0
    }

    private let maxIDs: Int

    init(tables: any Tables, options: StoreOptions, world: StoreWorld, maxIDs: Int) {
        self.maxIDs = maxIDs
        self.tables = tables
        logs = LogTables(tables: tables)
        self.options = options
        self.world = world
    }

    func slot(_ room: RoomName) -> RoomSlot {
        slots.withLock { slots in
            if let slot = slots.young[room] { return slot }
            if slots.young.count >= Logs.maxSlots / 2 {
                for name in slots.old.keys { slots.ids -= slots.counts.removeValue(forKey: name) ?? 0 }
                (slots.old, slots.young) = (slots.young, [:])
            }
            let slot = slots.old.removeValue(forKey: room) ?? RoomSlot(room)
            slots.young[room] = slot
            return slot
        }
    }

    /// The room's, if anything is remembered of it.
    func known(_ room: RoomName) -> RoomSlot? { slots.withLock { $0.young[room] ?? $0.old[room] } }

    /// Keeps what is remembered for dedupe windows within its bound; called after each append to a room.
    func account(for slot: RoomSlot) {
        let (count, now) = (slot.ids, world.monotonic())
        let quiet = slots.withLock { slots -> [RoomSlot] in
            slots.ids += count - (slots.counts.updateValue(count, forKey: slot.name) ?? 0)
            guard slots.ids > maxIDs else { return [] }
            let others = slots.counts.keys.filter { $0 != slot.name }.compactMap { slots.young[$0] ?? slots.old[$0] }
            var quiet: [RoomSlot] = []
            // Some more than need be, so that not every append comes to this.
            for slot in others.sorted(by: { ($0.age(at: now), $1.name) > ($1.age(at: now), $0.name) })
            where slots.ids > maxIDs / 10 * 9 {
                slots.ids -= slots.counts.removeValue(forKey: slot.name) ?? 0
                quiet.append(slot)
            }
            return quiet
        }
        for slot in quiet { slot.forgetIDs() }
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
            guard try await look(slot, item, isCurrent: isCurrent) else { continue }
            let seen = slot.withChain(item.epoch) { ($0.head, $0.floor, $0.isSealed) }
            guard let (head, floor, isSealed) = seen else { continue }
            guard isSealed else {
                await finishOverdue(slot, item)
                return View(item: item, head: head, floor: max(floor, item.floor))
            }
            // Whoever was deleting the room may have died over it.
            try await finishDeletion(of: item, end: head)
            slot.forgetItem()
            slot.forgetChain()
        }
        throw TableError(.throttled, "the room \(slot.name) changes faster than it can be read")
    }

    func chain(_ item: RoomItem, _ tail: Chunk?) -> Chain {
        Chain(
            room: item.name, epoch: item.epoch, tail: tail, floor: item.floor,
            expires: options.kinds.kind(of: item.name).retainAgeMs != nil)
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
        let answers = await inParallel(elements) { element in
            await caught { () async throws(TableError) in try await body(element) }
        }
        var values: [Answer] = []
        for answer in answers { values.append(try answer.get()) }
        return values
    }
}

/// What `body` returns or throws.
func caught<Answer: Sendable>(
    _ body: () async throws(TableError) -> Answer
) async -> Result<Answer, TableError> {
    do throws(TableError) {
        return .success(try await body())
    } catch {
        return .failure(error)
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
