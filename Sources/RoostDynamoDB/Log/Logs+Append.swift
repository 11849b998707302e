import RoostCore
import RoostEngine

extension Logs {
    /// Races with other nodes that one append may lose, one after the other, before it gives up as `busy`. Somebody wins
    /// each, so the room goes on all the while.
    static let maxRaces = 64

    /// What has become of one room's drafts.
    struct RoomOutcome: Sendable {
        /// Per draft, as far as they are decided.
        var verdicts: [Verdict] = []
        /// What was written, in stretches: between two chunks of one append another node's may lie, or the room's end.
        var committed: [Committed] = []
        /// Why the rest is undecided.
        var error: TableError?

        fileprivate mutating func add(_ next: Committed) {
            guard let last = committed.last, last.epoch == next.epoch,
                last.messages.last.map({ $0.seq + 1 }) == next.messages.first?.seq
            else { return committed.append(next) }
            committed[committed.count - 1].floor = next.floor
            committed[committed.count - 1].messages += next.messages
        }

        /// A message of an earlier chunk is deleted by a later one.
        fileprivate mutating func redact(_ seq: UInt64, _ epoch: Epoch) {
            for index in committed.indices where committed[index].epoch == epoch {
                committed[index].messages.redact(seq)
            }
        }
    }

    /// Appends drafts of one room, in order. Chunks that were written before a failure stay, with their verdicts.
    func append(_ drafts: [Draft], to room: RoomName, at now: Timestamp) async -> RoomOutcome {
        let slot = slot(room)
        await slot.turn.take()
        defer { slot.turn.pass() }
        let deadline = world.monotonic() + PatientTables.logPatienceMs
        let outcome = await StoreWorld.$deadline.withValue(deadline) {
            var append = Appending(logs: self, slot: slot, drafts: drafts, now: now)
            do throws(TableError) {
                try await append.run()
            } catch {
                append.outcome.error = error
            }
            return append.outcome
        }
        account(for: slot)
        return outcome
    }
}

/// One append to one room, under the slot's turn.
private struct Appending {
    let logs: Logs
    let slot: RoomSlot
    let drafts: [Draft]
    let now: Timestamp
    var outcome = Logs.RoomOutcome()
    private var races = 0
    /// Whether the end of the log is looked up before the next attempt.
    private var mustLook = false
    private var searches: [RetrySearch.Log: RetrySearch]
    private var findings = Chain.Findings(search: nil)
    private var agePages = 0

    init(logs: Logs, slot: RoomSlot, drafts: [Draft], now: Timestamp) {
        self.logs = logs
        self.slot = slot
        self.drafts = drafts
        self.now = now
        searches = RetrySearch.logs(of: drafts)
    }

    private var rest: ArraySlice<Draft> { drafts[outcome.verdicts.count...] }

    mutating func run() async throws(TableError) {
        while !rest.isEmpty {
            // What had to be read first would have to be read again by whoever comes again; the rest comes again.
            let hasOnlyRead = outcome.verdicts.isEmpty && races < 4
            guard hasOnlyRead || !logs.world.isLate else {
                throw TableError(.throttled, "\(slot.name) took longer than other rooms can wait")
            }
            guard races <= Logs.maxRaces else {
                throw TableError(.throttled, "\(races) other writes to \(slot.name) came first")
            }
            guard let view = try await logs.view(slot, isCurrent: mustLook) else {
                try await createRoom()
                races += 1
                continue
            }
            mustLook = false
            try await append(to: view.item)
        }
    }

    /// Refuses the drafts that may not create the room, and creates it for the first that may.
    private mutating func createRoom() async throws(TableError) {
        for draft in rest {
            let refusal =
                RoomRules.refusalToAppend(
                    to: draft.room, visibility: RoomRules.visibility(of: draft.room), sender: draft.sender,
                    authority: draft.authority, isMember: { false })
                ?? RoomRules.refusalToCreate(for: draft, logs.options)
            guard let refusal else {
                _ = try await logs.create(RoomPlan(name: slot.name), slot, at: now)
                return
            }
            outcome.verdicts.append(.rejected(refusal))
        }
    }

    private mutating func append(to item: RoomItem) async throws(TableError) {
        let judged = try await judge(item)
        try await StoreWorld.unhurried { () async throws(TableError) in try await logs.loadWindow(slot, item) }
        findings.search = searches[RetrySearch.Log(room: slot.name, epoch: item.epoch)]
        let writer = Chunk.writer(logs.world)
        let (findings, options, now) = (findings, logs.options, now)
        let kind = options.kinds.kind(of: slot.name)
        let step = slot.withChain(item.epoch) { chain -> Chain.Step? in
            guard chain.window != nil else { return nil }
            chain.begin(at: now)
            return chain.plan(judged, findings, kind: kind, options: options, at: now, writer: writer)
        }
        switch step ?? nil {
        case nil: lose(mustLook: true)
        case .needs(let need): try await find(need, item)
        case .write(let plan): try await carryOut(plan, item)
        }
    }

    /// Each draft with the reason why it may not go here, if there is one.
    private func judge(_ item: RoomItem) async throws(TableError) -> [(draft: Draft, refusal: Failure?)] {
        let asks = item.visibility == .private && slot.name.owner == nil
        let senders = asks ? Set(rest.lazy.filter { $0.authority == .member }.map(\.sender)) : []
        let members = try await logs.members(among: senders, of: item, slot)
        return rest.map { draft in
            let refusal = RoomRules.refusalToAppend(
                to: draft.room, visibility: item.visibility, sender: draft.sender, authority: draft.authority,
                isMember: { members.contains(draft.sender) })
            return (draft, refusal)
        }
    }

    private mutating func find(_ need: Chain.Need, _ item: RoomItem) async throws(TableError) {
        switch need {
        case .entry(let seq):
            let chunk = try await logs.logs.chunk(slot.name, item.epoch, upTo: seq)
            findings.entries[seq] = .some(chunk?[seq]?.kind)
        case .search(let stretch):
            let log = RetrySearch.Log(room: slot.name, epoch: item.epoch)
            guard var search = searches[log] else { return }
            for part in search.begin(stretch) {
                var end = part.after
                try await StoreWorld.unhurried { () async throws(TableError) in
                    try await logs.logs.walk(slot.name, item.epoch, after: part.after, to: part.to) { chunk in
                        guard chunk.first <= end + 1 else { return false }
                        end = chunk.last
                        for (index, entry) in chunk.entries.enumerated() where search.wants(entry.id) {
                            let seq = chunk.first + UInt64(index)
                            if seq > part.after, seq <= part.to {
                                search.found(entry.id, of: entry.sender, RetrySearch.Place(seq: seq, at: chunk.at))
                            }
                        }
                        return true
                    }
                }
                // What is missing may be what is looked for.
                if end < part.to { findings.isTorn = true }
            }
            searches[log] = search
        case .ages(let after):
            agePages += 1
            findings.isPatient = try await logs.learnAges(slot, item, after: after) && agePages < 8
        }
    }

    /// Writes the plan's chunk, if it has one, and draws the consequences.
    private mutating func carryOut(_ plan: Chain.Plan, _ item: RoomItem) async throws(TableError) {
        if let chunk = plan.chunk {
            guard try await write(chunk, item) else { return }
            outcome.add(
                Committed(
                    room: slot.name, epoch: item.epoch, floor: chunk.floor, messages: chunk.messages(of: slot.name)))
            for seq in plan.redactions { outcome.redact(seq, item.epoch) }
        }
        races = 0
        let decided = Array(zip(rest, plan.verdicts))
        for (draft, verdict) in decided {
            if draft.redacts != nil, case .stored(let seq, _, let isDuplicate) = verdict {
                do throws(TableError) {
                    try await logs.carryOutTombstone(at: seq, !isDuplicate ? draft.redacts : nil, item)
                } catch {
                    // It and those behind it are seen to as if their writer had died over them.
                    slot.watch(plan.redactions, of: item.epoch, at: logs.world.monotonic())
                    throw TableError(.unsure, "a tombstone is stored, its message is not redacted: \(error)")
                }
            }
            outcome.verdicts.append(verdict)
        }
        if let chunk = plan.chunk { await logs.noteBlock(of: chunk, item, slot) }
    }

    /// Whether the chunk is in the log now; if not, another one is, and has been learned.
    private mutating func write(_ chunk: Chunk, _ item: RoomItem) async throws(TableError) -> Bool {
        let begin = logs.world.monotonic()
        let result: Outcome
        do throws(TableError) {
            result = try await logs.tables.put(
                chunk.item(in: slot.name, item.epoch), into: .messages, if: .absent)
        } catch {
            // It may be there or still be on its way; what is known up to there stays so.
            if error.kind == .unsure { slot.doubt() }
            throw error
        }
        var stands = chunk
        if case .refused(let existing) = result {
            guard let existing else {
                slot.forgetChain()
                lose(mustLook: true)
                return false
            }
            stands = try Chunk(existing)
        }
        let (seen, now) = (stands, logs.world.monotonic())
        let lesson = slot.withChain(item.epoch) { $0.learn(seen) }
        if lesson == .gap { slot.forgetChain() }
        let isOld = slot.age(at: begin) > RoomSlot.beliefMs
        slot.touch(at: now)
        // After a lost answer the chunk that is in the way may be the very one that was written.
        if stands.writer == chunk.writer {
            if let pauseMs = slot.won(from: begin, to: now) { await logs.world.pause(pauseMs) }
            return true
        }
        slot.watch(stands.redacts, of: item.epoch, at: now)
        // Who has not looked for a while, or loses again and again, may have much to catch up with; else the chunk that
        // won is the end.
        lose(mustLook: isOld || lesson != .learned || races % 4 == 3)
        if races > 4 { await logs.world.pause(Int64(logs.world.random() % UInt64(min(races, 20) * 5))) }
        return false
    }

    private mutating func lose(mustLook: Bool) {
        races += 1
        slot.lost()
        self.mustLook = self.mustLook || mustLook
    }
}

extension Chunk {
    /// A name for a chunk that no other has.
    static func writer(_ world: StoreWorld) -> [UInt8] {
        [world.random(), world.random()].flatMap { bits in
            withUnsafeBytes(of: bits.bigEndian) { Array($0) }
        }
    }
}

extension Logs {
    /// Redacts what the tombstone at `seq` is for.
    /// - Parameter target: that entry; nil: the tombstone was there already, and its writer may have died before it came
    ///   to this. The one that is stored says what it is for, not the one that was sent again.
    func carryOutTombstone(at seq: UInt64, _ target: UInt64?, _ item: RoomItem) async throws(TableError) {
        var target = target
        if target == nil { target = try await logs.chunk(item.name, item.epoch, upTo: seq)?[seq]?.redacts }
        if let target { try await redact(target, item) }
    }

    /// Carries out deletions that were begun and should have been finished, by another node or this one.
    func finishOverdue(_ slot: RoomSlot, _ item: RoomItem) async {
        for seq in slot.overdue(of: item.epoch, at: world.monotonic()) where !world.isLate {
            do throws(TableError) {
                try await redact(seq, item)
                slot.isDone(seq)
            } catch {
                // What fails now comes again with the next look.
                if error.isPassing { return }
            }
        }
    }

    /// Leaves of the entry at `seq` only its place, if it is there.
    private func redact(_ seq: UInt64, _ item: RoomItem) async throws(TableError) {
        while var chunk = try await logs.chunk(item.name, item.epoch, upTo: seq), let entry = chunk[seq],
            entry.kind.isMessage
        {
            let read: Condition = .present(["revision": .number(chunk.revision)])
            chunk.redact(seq)
            let outcome = try await tables.put(chunk.item(in: item.name, item.epoch), into: .messages, if: read)
            if case .done = outcome { return }
        }
    }

    /// Writes down that the log has come to another block. Only a hint for those who look for the log's end: where it
    /// is missing, they go from block to block.
    func noteBlock(of chunk: Chunk, _ item: RoomItem, _ slot: RoomSlot) async {
        let block = Blocks.block(of: chunk.first)
        guard block > item.block, !world.isLate else { return }
        let epoch: Item = ["epoch": .text(item.epoch.text)]
        let change = Change(item.key, set: ["block": .number(Int64(block))])
        let outcome = try? await tables.update(change, in: .rooms, if: .presentAtMost(epoch, ["block": Int64(block)]))
        if outcome != nil { slot.forgetItem() }
    }

    /// Reads on in the times of the log's chunks; false if there was nothing to read.
    func learnAges(_ slot: RoomSlot, _ item: RoomItem, after: UInt64) async throws(TableError) -> Bool {
        guard let view = slot.withChain(item.epoch, { $0.head }) else { return false }
        var count = 0
        try await logs.walk(slot.name, item.epoch, after: after, to: view) { chunk in
            slot.withChain(item.epoch) { $0.learnAges(of: chunk) }
            count += 1
            return count < LogTables.pageChunks
        }
        return count > 0
    }
}
