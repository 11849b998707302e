import GRDB
import RoostCore
import RoostEngine

/// Puts drafts into logs, inside the transaction of the writing connection.
///
/// Everything that decides (heads, epochs, members, what is a duplicate) is read in that transaction: other processes
/// may have changed it since. Only the statements and the index of ids live from one call to the next.
final class Appender {
    private let options: StoreOptions
    private var recent: Recent
    private let roomByName: RawStatement
    private let membership: RawStatement
    private let insertion: RawStatement
    private let headUpdate: RawStatement

    init(_ db: Database, options: StoreOptions) throws {
        self.options = options
        recent = try Recent(db, options: options)
        roomByName = try RawStatement(db, "SELECT id, epoch, visibility, head, last_at FROM rooms WHERE name = ?")
        membership = try RawStatement(db, "SELECT 1 FROM members WHERE room = ? AND user = ?")
        insertion = try RawStatement(
            db, "INSERT INTO messages (id, at, sender, message_id, kind, content) VALUES (?, ?, ?, ?, ?, ?)")
        headUpdate = try RawStatement(db, "UPDATE rooms SET head = ?, last_at = ? WHERE id = ?")
    }

    /// How many ids the index holds in memory.
    var indexed: Int { recent.indexed }

    /// The end of a log as this transaction moves it on.
    private struct Tail {
        var id: Int64
        var epoch: Epoch
        var visibility: Visibility
        var head: Int64
        var lastAt: Timestamp
        var messages: [Message] = []
        /// What has been looked up of a private room's members.
        var members: [UserID: Bool] = [:]
    }

    /// What one call has found and done so far.
    private struct Batch {
        let db: Database
        let now: Timestamp
        var tails: [Tail] = []
        var slots: [RoomName: Int] = [:]
        /// The slots of rooms that got something new, in the order in which they did.
        var grown: [Int] = []
    }

    /// Called inside the transaction. If it throws, or the commit fails, nothing of it may be kept.
    func append(_ db: Database, _ drafts: [Draft], at now: Timestamp) throws -> Appended {
        try recent.begin(at: now)
        var batch = Batch(db: db, now: now)
        var verdicts: [Verdict] = []
        verdicts.reserveCapacity(drafts.count)
        for draft in drafts {
            switch try admit(draft, &batch) {
            case .failure(let failure): verdicts.append(.rejected(failure))
            case .success(let slot): verdicts.append(try append(draft, slot, &batch))
            }
        }
        let committed = try batch.grown.map { slot in try finish(batch.tails[slot]) }
        try recent.prune(at: now, atMost: 2 * drafts.count + 64)
        return Appended(verdicts: verdicts, committed: committed)
    }

    /// Called when the transaction of the last `append` is on disk.
    func confirm() { recent.confirm() }

    /// The slot of the room the draft goes to, which is created if need be; or why it may not go there.
    private func admit(_ draft: Draft, _ batch: inout Batch) throws -> Result<Int, Failure> {
        if let slot = batch.slots[draft.room] {
            return try refusal(of: draft, &batch.tails[slot]).map { .failure($0) } ?? .success(slot)
        }
        if let tail = try find(draft.room) {
            batch.tails.append(tail)
        } else {
            // Who may not write there must not create it either, nor learn that it doesn't exist.
            let refusal = RoomRules.refusalToAppend(
                to: draft.room, visibility: RoomRules.visibility(of: draft.room), sender: draft.sender,
                authority: draft.authority, isMember: { false })
            if let refusal { return .failure(refusal) }
            guard options.createOnJoin else { return .failure(RoomRules.unknown(draft.room)) }
            batch.tails.append(try create(draft.room, batch.db, at: batch.now))
        }
        let slot = batch.tails.count - 1
        batch.slots[draft.room] = slot
        return try refusal(of: draft, &batch.tails[slot]).map { .failure($0) } ?? .success(slot)
    }

    private func append(_ draft: Draft, _ slot: Int, _ batch: inout Batch) throws -> Verdict {
        let hash = recent.hash(room: batch.tails[slot].id, sender: draft.sender, id: draft.id)
        if let earlier = try recent.find(hash, at: batch.now) {
            return .stored(seq: earlier.seq, at: earlier.at, duplicate: true)
        }
        if batch.tails[slot].messages.isEmpty { batch.grown.append(slot) }
        let message = try store(draft, &batch.tails[slot], at: batch.now)
        try recent.remember(hash, seq: message.seq, at: message.at, clock: batch.now)
        return .stored(seq: message.seq, at: message.at, duplicate: false)
    }

    private func find(_ room: RoomName) throws -> Tail? {
        defer { roomByName.reset() }
        return try room.text.withBytes { name in
            roomByName.bind(text: name, at: 1)
            guard try roomByName.step() else { return nil }
            return Tail(
                id: roomByName.int(0), epoch: try Epoch(stored: roomByName.text(1)),
                visibility: Visibility(stored: roomByName.int(2)), head: roomByName.int(3),
                lastAt: Timestamp(milliseconds: roomByName.int(4)))
        }
    }

    private func create(_ room: RoomName, _ db: Database, at now: Timestamp) throws -> Tail {
        let row = try RoomRow.create(RoomPlan(name: room), epoch: Epoch(random: options.random()), at: now, db)
        return Tail(id: row.id, epoch: row.epoch, visibility: row.visibility, head: 0, lastAt: now)
    }

    private func refusal(of draft: Draft, _ tail: inout Tail) throws -> Failure? {
        try RoomRules.refusalToAppend(
            to: draft.room, visibility: tail.visibility, sender: draft.sender, authority: draft.authority
        ) { () throws -> Bool in
            if let known = tail.members[draft.sender] { return known }
            defer { membership.reset() }
            membership.bind(tail.id, at: 1)
            let isMember = try draft.sender.text.withBytes { user in
                membership.bind(text: user, at: 2)
                return try membership.step()
            }
            tail.members[draft.sender] = isMember
            return isMember
        }
    }

    private func store(_ draft: Draft, _ tail: inout Tail, at now: Timestamp) throws -> Message {
        let seq = tail.head + 1
        guard seq <= Schema.maxSeq, tail.id <= Schema.maxRoom else {
            throw DatabaseError(resultCode: .SQLITE_TOOBIG, message: "room \(draft.room) can take no more messages")
        }
        let at = tail.head == 0 ? now : max(now, tail.lastAt)
        insertion.bind(Schema.row(tail.id, seq), at: 1)
        insertion.bind(at.milliseconds, at: 2)
        insertion.bind(Int64(draft.kind.rawValue), at: 5)
        try draft.sender.text.withBytes { sender in
            try draft.id.text.withBytes { id in
                try draft.content.bytes.withUnsafeBytes { content in
                    insertion.bind(text: sender, at: 3)
                    insertion.bind(text: id, at: 4)
                    insertion.bind(blob: content, at: 6)
                    try insertion.run()
                }
            }
        }
        tail.head = seq
        tail.lastAt = at
        let message = Message(
            room: draft.room, seq: UInt64(seq), id: draft.id, sender: draft.sender, kind: draft.kind, at: at,
            content: draft.content)
        tail.messages.append(message)
        return message
    }

    private func finish(_ tail: Tail) throws -> Committed {
        headUpdate.bind(tail.head, at: 1)
        headUpdate.bind(tail.lastAt.milliseconds, at: 2)
        headUpdate.bind(tail.id, at: 3)
        try headUpdate.run()
        return Committed(room: tail.messages[0].room, epoch: tail.epoch, messages: tail.messages)
    }
}
