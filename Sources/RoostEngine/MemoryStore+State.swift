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
        private var names: [RoomName] = []
        /// Who participates where, for `rooms(of:)`.
        private var roomsOf: [UserID: Set<RoomName>] = [:]
        private var dedupe: Dedupe
        private var lastRoomID: UInt64 = 0

        init(options: StoreOptions, at now: Timestamp) {
            self.options = options
            storeID = String(options.random(), radix: 36) + String(options.random(), radix: 36)
            dedupe = Dedupe(options: options)
            for name in RoomName.standing { create(RoomPlan(name: name), at: now) }
        }

        mutating func close() {
            isClosed = true
            rooms = [:]
            users = Users()
            names = []
            roomsOf = [:]
            dedupe = Dedupe(options: options)
        }
    }
}

// Appending.
extension MemoryStore.State {
    mutating func append(_ drafts: [Draft], at now: Timestamp) -> Appended {
        dedupe.forget(at: now, atMost: 2 * drafts.count + 64)
        var verdicts: [Verdict] = []
        verdicts.reserveCapacity(drafts.count)
        var committed: [Committed] = []
        var slots: [RoomName: Int] = [:]
        for draft in drafts {
            let room: MemoryStore.Room
            switch roomToAppend(draft, at: now) {
            case .failure(let failure):
                verdicts.append(.rejected(failure))
                continue
            case .success(let found): room = found
            }
            let key = MemoryStore.Dedupe.Key(room: room.id, sender: draft.sender, id: draft.id)
            if let earlier = dedupe.find(key, at: now) {
                verdicts.append(.stored(seq: earlier.seq, at: earlier.at, duplicate: true))
                continue
            }
            let message = room.append(draft, at: now)
            dedupe.remember(key, seq: message.seq, at: message.at, clock: now)
            verdicts.append(.stored(seq: message.seq, at: message.at, duplicate: false))
            if let slot = slots[draft.room] {
                committed[slot].messages.append(message)
            } else {
                slots[draft.room] = committed.count
                committed.append(Committed(room: draft.room, epoch: room.epoch, messages: [message]))
            }
        }
        return Appended(verdicts: verdicts, committed: committed)
    }

    private mutating func roomToAppend(_ draft: Draft, at now: Timestamp) -> Result<MemoryStore.Room, Failure> {
        let known = rooms[draft.room]
        let refusal = RoomRules.refusalToAppend(
            to: draft.room, visibility: known?.visibility ?? RoomRules.visibility(of: draft.room),
            sender: draft.sender, authority: draft.authority,
            isMember: { known?.isMember(draft.sender) ?? false })
        if let refusal { return .failure(refusal) }
        if let known { return .success(known) }
        guard options.createOnJoin else { return .failure(RoomRules.unknown(draft.room)) }
        return .success(create(RoomPlan(name: draft.room), at: now))
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
        guard request.create, options.createOnJoin else { return .failure(RoomRules.unknown(request.room)) }
        return .success(create(RoomPlan(name: request.room), at: now).head)
    }

    mutating func createRoom(_ plan: RoomPlan, at now: Timestamp) -> Result<RoomInfo, Failure> {
        guard rooms[plan.name] == nil else { return .failure(RoomRules.taken(plan.name)) }
        return .success(create(plan, at: now).info)
    }

    @discardableResult
    private mutating func create(_ plan: RoomPlan, at now: Timestamp) -> MemoryStore.Room {
        lastRoomID += 1
        let room = MemoryStore.Room(id: lastRoomID, plan: plan, epoch: Epoch(random: options.random()), at: now)
        rooms[plan.name] = room
        names.insert(plan.name, at: index(after: plan.name))
        for user in room.participants { roomsOf[user, default: []].insert(plan.name) }
        return room
    }

    mutating func deleteRoom(_ name: RoomName) -> Bool {
        guard let room = rooms.removeValue(forKey: name) else { return false }
        names.remove(at: index(after: name) - 1)
        for user in room.participants { leave(name, user) }
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
        for name in names[(after.map(index(after:)) ?? 0)...] where name.owner == nil {
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

    /// Where in `names` the first one after `name` is.
    private func index(after name: RoomName) -> Int {
        names.firstIndex(notPreceding: { !precedesInBytes(name.text, $0.text) })
    }
}

extension Array {
    /// The index of the first element for which `precedes` is false; the array is sorted so that those for which it
    /// is true come first.
    func firstIndex(notPreceding precedes: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if precedes(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
