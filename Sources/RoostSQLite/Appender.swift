import Foundation
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
    /// What the window covers as of the last append, for whoever prepares the next.
    private let coverage: Locked<Coverage>
    private let roomByName: RawStatement
    private let membership: RawStatement
    private let insertion: RawStatement
    private let roomUpdate: RawStatement
    private let deletion: RawStatement

    init(_ db: Database, options: StoreOptions, coverage: Locked<Coverage>) throws {
        self.options = options
        self.coverage = coverage
        let recent = try Recent(db, options: options)
        self.recent = recent
        coverage.withLock { $0 = recent.coverage }
        roomByName = try RawStatement(
            db, "SELECT id, epoch, visibility, head, last_at, floor, trimmed FROM rooms WHERE name = ?")
        membership = try RawStatement(db, "SELECT 1 FROM members WHERE room = ? AND user = ?")
        insertion = try RawStatement(
            db, "INSERT INTO messages (id, at, sender, message_id, kind, content) VALUES (?, ?, ?, ?, ?, ?)")
        roomUpdate = try RawStatement(
            db, "UPDATE rooms SET head = ?, last_at = ?, floor = ?, trimmed = ? WHERE id = ?")
        deletion = try RawStatement(db, "DELETE FROM messages WHERE id BETWEEN ? AND ?")
    }

    /// How many ids the index holds in memory.
    var indexed: Int { recent.indexed }

    /// Called inside the transaction. If it throws, or the commit fails, nothing of it may be kept.
    /// - Parameter searches: how far the logs have been searched for messages that are sent again.
    func append(
        _ db: Database, _ drafts: [Draft], _ searches: [RetrySearch.Log: RetrySearch], at now: Timestamp
    ) throws -> Appended {
        try recent.begin(at: now)
        let bound = 2 * drafts.count + 64
        var batch = AppendBatch(db: db, now: now, searches: searches, deletions: bound)
        var verdicts: [Verdict] = []
        verdicts.reserveCapacity(drafts.count)
        for draft in drafts {
            switch try admit(draft, &batch) {
            case .failure(let failure): verdicts.append(.rejected(failure))
            case .success(let slot): verdicts.append(try append(draft, slot, &batch))
            }
        }
        let committed = try batch.grown.map { slot in try finish(slot, &batch) }
        try recent.prune(at: now, atMost: bound)
        coverage.withLock { $0 = recent.coverage }
        return Appended(verdicts: verdicts, committed: committed)
    }

    /// Called when the transaction of the last `append` is on disk.
    func confirm() { recent.confirm() }

    /// The slot of the room the draft goes to, which is created if need be; or why it may not go there.
    private func admit(_ draft: Draft, _ batch: inout AppendBatch) throws -> Result<Int, Failure> {
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
            if let refusal = RoomRules.refusalToCreate(for: draft, options) { return .failure(refusal) }
            batch.tails.append(try create(draft.room, batch.db, at: batch.now))
        }
        let slot = batch.tails.count - 1
        batch.slots[draft.room] = slot
        return try refusal(of: draft, &batch.tails[slot]).map { .failure($0) } ?? .success(slot)
    }

    private func append(_ draft: Draft, _ slot: Int, _ batch: inout AppendBatch) throws -> Verdict {
        let hash = recent.hash(room: batch.tails[slot].id, sender: draft.sender, id: draft.id)
        if let earlier = try recent.find(hash, at: batch.now) {
            return .stored(seq: earlier.seq, at: earlier.at, duplicate: true)
        }
        if let since = draft.since, let verdict = try retry(draft, since, slot, &batch) { return verdict }
        if let seq = draft.redacts, let refusal = try redact(seq, slot, &batch) { return .rejected(refusal) }
        if batch.tails[slot].messages.isEmpty { batch.grown.append(slot) }
        let message = try store(draft, &batch.tails[slot], at: batch.now)
        try recent.remember(hash, seq: message.seq, at: message.at, clock: batch.now)
        return .stored(seq: message.seq, at: message.at, duplicate: false)
    }

    /// What a draft gets that was first sent when the log ended at `since`; nil if it is to be appended.
    private func retry(
        _ draft: Draft, _ since: Position, _ slot: Int, _ batch: inout AppendBatch
    ) throws -> Verdict? {
        let tail = batch.tails[slot]
        guard since.epoch == tail.epoch, since.seq >= UInt64(tail.floor) else {
            return .rejected(RoomRules.retryExpired(draft.room))
        }
        guard since.seq < UInt64(tail.head) else { return nil }
        if let next = try Retries.time(of: Int64(since.seq) + 1, in: tail.id, batch.db),
            try recent.covers(next, at: batch.now)
        {
            return nil
        }
        let stretch = RetrySearch.Stretch(after: since.seq, to: UInt64(tail.head))
        let log = RetrySearch.Log(room: draft.room, epoch: tail.epoch)
        guard stretch.to - stretch.after <= options.searchReach, var search = batch.searches.removeValue(forKey: log)
        else { return .rejected(RoomRules.retryExpired(draft.room)) }
        defer { batch.searches[log] = search }
        guard search.cost(of: stretch) <= RetrySearch.maxInTransaction else { return .rejected(RoomRules.searching) }
        try Retries.scan(stretch, of: tail.id, &search, batch.db)
        return search.place(of: draft, after: since.seq).map { .stored(seq: $0.seq, at: $0.at, duplicate: true) }
    }

    /// Leaves of the entry at `seq` only its place; or says why not.
    private func redact(_ seq: UInt64, _ slot: Int, _ batch: inout AppendBatch) throws -> Failure? {
        let tail = batch.tails[slot]
        var kind: MessageKind?
        if seq > UInt64(tail.floor), seq <= UInt64(tail.head) {
            let statement = try batch.db.cachedStatement(sql: "SELECT kind FROM messages WHERE id = ?")
            let stored = try Int64.fetchOne(statement, arguments: [Schema.row(tail.id, Int64(seq))])
            kind = try stored.map(MessageKind.init(stored:))
        }
        if let refusal = RoomRules.refusalToRedact(kind, seq, in: tail.name) { return refusal }
        try batch.db.cachedStatement(sql: "UPDATE messages SET kind = ?, content = ? WHERE id = ?")
            .execute(
                arguments: [
                    MessageKind.redacted.rawValue, Data(RawJSON.null.bytes), Schema.row(tail.id, Int64(seq)),
                ])
        batch.tails[slot].messages.redact(seq)
        return nil
    }

    private func find(_ room: RoomName) throws -> Tail? {
        defer { roomByName.reset() }
        return try room.text.withBytes { name in
            roomByName.bind(text: name, at: 1)
            guard try roomByName.step() else { return nil }
            return Tail(
                id: roomByName.int(0), name: room, kind: options.kinds.kind(of: room),
                epoch: try Epoch(stored: roomByName.text(1)), visibility: Visibility(stored: roomByName.int(2)),
                head: roomByName.int(3), floor: roomByName.int(5), trimmed: roomByName.int(6),
                lastAt: Timestamp(milliseconds: roomByName.int(4)))
        }
    }

    private func create(_ room: RoomName, _ db: Database, at now: Timestamp) throws -> Tail {
        let row = try RoomRow.create(RoomPlan(name: room), epoch: Epoch(random: options.random()), at: now, db)
        return Tail(
            id: row.id, name: room, kind: options.kinds.kind(of: room), epoch: row.epoch, visibility: row.visibility,
            head: 0, floor: 0, trimmed: 0, lastAt: now)
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

    /// Moves the floor and writes down where the log ends now.
    private func finish(_ slot: Int, _ batch: inout AppendBatch) throws -> Committed {
        var tail = batch.tails[slot]
        if !tail.kind.retainsAll {
            tail.floor = try Retention.floor(
                of: tail.id, tail.kind, head: tail.head, floor: tail.floor, at: batch.now, batch.db)
        }
        let last = min(tail.floor, tail.trimmed + Int64(batch.deletions))
        if last > tail.trimmed {
            deletion.bind(Schema.row(tail.id, tail.trimmed + 1), at: 1)
            deletion.bind(Schema.row(tail.id, last), at: 2)
            try deletion.run()
            batch.deletions -= Int(last - tail.trimmed)
            tail.trimmed = last
        }
        roomUpdate.bind(tail.head, at: 1)
        roomUpdate.bind(tail.lastAt.milliseconds, at: 2)
        roomUpdate.bind(tail.floor, at: 3)
        roomUpdate.bind(tail.trimmed, at: 4)
        roomUpdate.bind(tail.id, at: 5)
        try roomUpdate.run()
        return Committed(room: tail.name, epoch: tail.epoch, floor: UInt64(tail.floor), messages: tail.messages)
    }
}
