internal import RoostCore

extension MemoryStore {
    /// What the lock guards.
    struct State {
        let options: StoreOptions
        let storeID: String
        var rooms: [RoomName: Room] = [:]
        var users = Users()
        private(set) var isClosed = false
        /// Every room's name in the order of lists.
        private var names = SortedList<RoomName>()
        /// Who participates where, for `rooms(of:)`.
        private var roomsOf: [UserID: Set<RoomName>] = [:]
        private var dedupe: Dedupe
        private var lastRoomID: UInt64 = 0
        /// Where `retain` goes on; nil: with the first room.
        private var retained: RoomName?

        init(options: StoreOptions, standing: [RoomName], at now: Timestamp) {
            self.options = options
            storeID = String(options.random(), radix: 36) + String(options.random(), radix: 36)
            dedupe = Dedupe(options: options)
            for name in standing { create(RoomPlan(name: name), at: now) }
        }

        mutating func close() {
            isClosed = true
            rooms = [:]
            users = Users()
            names = SortedList()
            roomsOf = [:]
            retained = nil
            dedupe = Dedupe(options: options)
        }
    }
}

// Appending.
extension MemoryStore.State {
    mutating func append(_ drafts: [Draft], at now: Timestamp) -> Appended {
        dedupe.forget(at: now, atMost: 2 * drafts.count + 64)
        var batch = MemoryStore.Batch(searches: RetrySearch.logs(of: drafts))
        let verdicts = drafts.map { draft -> Verdict in
            switch roomToAppend(draft, at: now) {
            case .failure(let failure): .rejected(failure)
            case .success(let room): append(draft, to: room, &batch, at: now)
            }
        }
        for index in batch.committed.indices {
            let room = batch.rooms[index]
            room.retain(at: now)
            batch.committed[index].floor = room.log.floor
        }
        return Appended(verdicts: verdicts, committed: batch.committed)
    }

    private mutating func append(
        _ draft: Draft, to room: MemoryStore.Room, _ batch: inout MemoryStore.Batch, at now: Timestamp
    ) -> Verdict {
        let key = MemoryStore.Dedupe.Key(room: room.id, sender: draft.sender, id: draft.id)
        if let earlier = dedupe.find(key, at: now) {
            return .stored(seq: earlier.seq, at: earlier.at, duplicate: true)
        }
        if let since = draft.since, let verdict = retry(draft, key, since, in: room, &batch) { return verdict }
        if let seq = draft.redacts {
            if let failure = RoomRules.refusalToRedact(room.log[seq]?.kind, seq, in: room.name) {
                return .rejected(failure)
            }
            room.redact(seq)
            batch.redact(seq, in: room.name)
        }
        let message = room.append(draft, at: now)
        dedupe.remember(message, in: room, clock: now)
        batch.add(message, room)
        return .stored(seq: message.seq, at: message.at, duplicate: false)
    }

    /// What a draft gets that was first sent when the log ended at `since`; nil if it is to be appended.
    private func retry(
        _ draft: Draft, _ key: MemoryStore.Dedupe.Key, _ since: Position, in room: MemoryStore.Room,
        _ batch: inout MemoryStore.Batch
    ) -> Verdict? {
        guard since.epoch == room.epoch, since.seq >= room.log.floor else {
            return .rejected(RoomRules.retryExpired(room.name))
        }
        if let earlier = dedupe.find(key, after: since.seq) {
            return .stored(seq: earlier.seq, at: earlier.at, duplicate: true)
        }
        // Only what the ids no longer have needs to be looked for.
        let stretch = RetrySearch.Stretch(after: since.seq, to: room.forgotten)
        guard stretch.after < stretch.to else { return nil }
        guard stretch.to - stretch.after <= options.searchReach else {
            return .rejected(RoomRules.retryExpired(room.name))
        }
        let log = RetrySearch.Log(room: room.name, epoch: room.epoch)
        guard var search = batch.searches.removeValue(forKey: log) else { return nil }
        defer { batch.searches[log] = search }
        room.log.search(stretch, &search)
        return search.place(of: draft, after: since.seq).map { .stored(seq: $0.seq, at: $0.at, duplicate: true) }
    }

    private mutating func roomToAppend(_ draft: Draft, at now: Timestamp) -> Result<MemoryStore.Room, Failure> {
        let known = rooms[draft.room]
        let refusal = RoomRules.refusalToAppend(
            to: draft.room, visibility: known?.visibility ?? RoomRules.visibility(of: draft.room),
            sender: draft.sender, authority: draft.authority,
            isMember: { known?.isMember(draft.sender) ?? false })
        if let refusal { return .failure(refusal) }
        if let known { return .success(known) }
        if let failure = RoomRules.refusalToCreate(for: draft, options) { return .failure(failure) }
        return .success(create(RoomPlan(name: draft.room), at: now))
    }
}

extension MemoryStore {
    /// What one append has found and done so far.
    struct Batch {
        var searches: [RetrySearch.Log: RetrySearch]
        private(set) var rooms: [Room] = []
        /// One per room of `rooms`.
        var committed: [Committed] = []
        private var slots: [RoomName: Int] = [:]

        init(searches: [RetrySearch.Log: RetrySearch]) { self.searches = searches }

        mutating func add(_ message: Message, _ room: Room) {
            if let slot = slots[room.name] { return committed[slot].messages.append(message) }
            slots[room.name] = committed.count
            rooms.append(room)
            committed.append(Committed(room: room.name, epoch: room.epoch, messages: [message]))
        }

        /// Redacts what this very batch has brought.
        mutating func redact(_ seq: UInt64, in room: RoomName) {
            if let slot = slots[room] { committed[slot].messages.redact(seq) }
        }
    }
}

// Rooms and members.
extension MemoryStore.State {
    mutating func open(_ request: OpenRequest, at now: Timestamp) -> Result<RoomHead, Failure> {
        let known = rooms[request.room]
        let refusal = RoomRules.refusalToOpen(
            request.room, visibility: known?.visibility ?? RoomRules.visibility(of: request.room),
            user: request.user, authority: request.authority,
            isMember: { known?.isMember($0) ?? false })
        if let refusal { return .failure(refusal) }
        if let known { return .success(known.head) }
        guard request.create, options.creates(request.room) else { return .failure(RoomRules.unknown(request.room)) }
        return .success(create(RoomPlan(name: request.room), at: now).head)
    }

    mutating func createRoom(_ plan: RoomPlan, at now: Timestamp) -> Result<RoomInfo, Failure> {
        guard rooms[plan.name] == nil else { return .failure(RoomRules.taken(plan.name)) }
        return .success(create(plan, at: now).info)
    }

    @discardableResult
    private mutating func create(_ plan: RoomPlan, at now: Timestamp) -> MemoryStore.Room {
        lastRoomID += 1
        let room = MemoryStore.Room(
            id: lastRoomID, plan: plan, kind: options.kinds.kind(of: plan.name),
            epoch: Epoch(random: options.random()), at: now)
        rooms[plan.name] = room
        names.insert(plan.name)
        for user in room.participants { roomsOf[user, default: []].insert(plan.name) }
        return room
    }

    mutating func deleteRoom(_ name: RoomName) -> Bool {
        guard let room = rooms.removeValue(forKey: name) else { return false }
        names.remove(name)
        for user in room.participants { leave(name, user) }
        room.empty()
        // A standing room always exists: only its log and its epoch are new.
        if RoomName.standing.contains(name) { create(RoomPlan(name: name), at: room.createdAt) }
        return true
    }

    mutating func setMember(_ user: UserID, of name: RoomName, to isMember: Bool) -> Bool {
        guard let room = rooms[name] else { return false }
        room.setMember(user, to: isMember)
        if isMember { roomsOf[user, default: []].insert(name) } else { leave(name, user) }
        return true
    }

    private mutating func leave(_ name: RoomName, _ user: UserID) {
        roomsOf[user]?.remove(name)
        if roomsOf[user]?.isEmpty == true { roomsOf[user] = nil }
    }

    func rooms(visibleTo user: UserID?, after: RoomName?, limit: Int) -> [RoomInfo] {
        var page: [RoomInfo] = []
        for name in names.after(after) where name.owner == nil {
            guard page.count < limit else { break }
            guard let room = rooms[name] else { continue }
            if room.visibility == .public || user.map(room.isMember) == true { page.append(room.info) }
        }
        return page
    }

    func rooms(of user: UserID, limit: Int) -> [RoomName] {
        let theirs = (roomsOf[user] ?? []).compactMap { rooms[$0] }
        return theirs.sorted { $0.id > $1.id }.prefix(max(0, limit)).map(\.name)
    }

    /// Moves the floors of the next `pieceRooms` rooms; false if they were the last.
    mutating func retain(at now: Timestamp) -> Bool {
        let piece = Array(names.after(retained).prefix(MemoryStore.pieceRooms))
        for name in piece { rooms[name]?.retain(at: now) }
        retained = piece.count == MemoryStore.pieceRooms ? piece.last : nil
        return retained != nil
    }
}
