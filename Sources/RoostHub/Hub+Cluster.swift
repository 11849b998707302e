import Logging
import NIOCore
import RoostCore
import RoostEngine

// What comes from other nodes, and what is done about it.
extension Hub {
    /// Begins to hear the others. Called once the shards are there.
    func joinCluster() {
        guard let relay else { return }
        relay.cluster.start { [weak self] event in self?.hear(event) }
        relay.cluster.listen(to: [.everyone])
        world.run { [weak self] in await self?.renewLease() }
    }

    private func hear(_ event: BusEvent) {
        switch event {
        case .posts(let posts): hear(posts)
        case .inForce(let channels): inForce(channels)
        case .lost(let reason):
            guard let relay else { return }
            let isNews = relay.state.withLock { state in
                defer { (state.isLost, state.hasBeenLost) = (true, true) }
                return !state.isLost
            }
            relay.releaseWaiters()
            if isNews { log.warning("the bus is away; this node goes on alone", metadata: ["reason": "\(reason)"]) }
        }
    }

    // MARK: Posts

    private func hear(_ posts: [BusPost]) {
        guard let relay else { return }
        // What this node has said itself comes back, too.
        let origins = Set(posts.lazy.compactMap { Bulletin.origin(of: $0.bytes) }).subtracting([relay.me])
        guard !origins.isEmpty else { return }
        let strangers = relay.state.withLock { state in
            for origin in origins { state.neighbours.heard(of: origin) }
            return state.neighbours.strangers
        }
        var committed: [Committed] = []
        var others: [Bulletin] = []
        for post in posts {
            guard let origin = Bulletin.origin(of: post.bytes), origin != relay.me, !strangers.contains(origin),
                let (_, bulletins) = Bulletin.read(post.bytes)
            else { continue }
            for bulletin in bulletins {
                if case .committed(let stretch) = bulletin {
                    committed.append(stretch)
                } else {
                    others.append(bulletin)
                }
            }
        }
        if !committed.isEmpty {
            cache.record(committed)
            hand(committed, to: [Shard.News](repeating: Shard.News(), count: shards.count))
        }
        for bulletin in others { hear(bulletin) }
        hearOfNew(others)
    }

    private func hear(_ bulletin: Bulletin) {
        switch bulletin {
        case .committed: break
        case .head(let room, let epoch, let seq):
            onListeners(of: room) { $0.hear(room, epoch, head: seq) }
            hearOwnEnd(room, Position(epoch: epoch, seq: seq))
        case .attendance(let news): hear(news)
        case .typing(let room, let user, let isActive): hearTyping(room, user, isActive: isActive)
        case .marks(let room, let marks): self.marks.withLock { $0.hear(room, marks) }
        // It may be an old one, of a room that has been made anew since.
        case .dissolved(let room):
            store.hearOfChange(to: room)
            onListeners(of: room) { $0.askForHeads(of: [room]) }
        case .recheck(let room):
            store.hearOfChange(to: room)
            onListeners(of: room) { $0.recheck(room) }
        case .membership(let user, let room, _):
            store.hearOfChange(to: room)
            hearOfMembership(of: user, in: room)
        // Together with others of their kind.
        case .created: break
        case .atLeast(let room, let seq): onListeners(of: room) { $0.hear(room, atLeast: seq) }
        case .doubt(let room):
            onListeners(of: room) { $0.doubt(room) }
            if let owner = room.owner { ownEnds.withLock { $0.doubtLater(owner) } }
        case .disconnect(let user, let reason, let ask): hearDisconnect(user, reason: reason, ask: ask)
        case .disconnected(let ask, let node, let connections):
            roundup.hear(ask, from: node, connections: connections)
        }
    }

    /// What an append says beside what it has stored: messages that were there already, of which others may not have
    /// heard, and failures that may be none.
    func relayDoubts(_ outcome: Ingest.Outcome) {
        guard let relay else { return }
        var known: [RoomName: UInt64] = [:]
        var doubtful: Set<RoomName> = []
        for (parcel, verdicts) in zip(outcome.parcels, outcome.verdicts) {
            for (draft, verdict) in zip(parcel.drafts, verdicts) {
                switch verdict {
                case .stored(let seq, _, duplicate: true): known[draft.room] = max(seq, known[draft.room] ?? 0)
                case .rejected(let failure) where failure.isPassing: doubtful.insert(draft.room)
                default: break
                }
            }
        }
        for (room, seq) in known {
            onListeners(of: room) { $0.hear(room, atLeast: seq) }
            relay.tell(room, atLeast: seq)
        }
        for room in doubtful {
            onListeners(of: room) { $0.doubt(room) }
            if let owner = room.owner { ownEnds.withLock { $0.doubtLater(owner) } }
            relay.tellDoubt(room)
        }
    }

    private func onListeners(of room: RoomName, _ body: @escaping @Sendable (Shard) -> Void) {
        var mask = listeners(room)
        while mask != 0 {
            let target = shards[mask.trailingZeroBitCount]
            target.loop.execute { body(target.shard.value) }
            mask &= mask - 1
        }
    }

    func everywhere(_ body: @escaping @Sendable (Shard) -> Void) {
        for target in shards { target.loop.execute { body(target.shard.value) } }
    }

    private func hearTyping(_ room: RoomName, _ user: UserID, isActive: Bool) {
        let now = world.monotonic()
        typing.withLock { typing in
            guard typing.set(room, user, isActive: isActive, now: now) else { return }
            tell(room, .typing(room: room, user: user, isActive: isActive), except: 0)
        }
    }

    /// Rooms have been made elsewhere, with users of ours in them: what they are like is asked once.
    private func hearOfNew(_ bulletins: [Bulletin]) {
        var rooms: [RoomName: Set<UserID>] = [:]
        for bulletin in bulletins {
            if case .created(let user, let room) = bulletin { rooms[room, default: []].insert(user) }
        }
        guard !rooms.isEmpty else { return }
        // Of that name, there may have been another one.
        for room in rooms.keys { store.hearOfChange(to: room) }
        world.run { [self, rooms] in
            for (room, users) in rooms { await hearOfNew(room, for: users) }
        }
    }

    private func hearOfNew(_ room: RoomName, for owners: Set<UserID>) async {
        do throws(StoreError) {
            guard let info = try await store.room(room) else { return }
            let concerned = owners.intersection(info.participants)
            guard !concerned.isEmpty else { return }
            let users = try await participants(of: info)
            everywhere { $0.hear(ofNew: info, participants: users, except: 0, only: concerned) }
        } catch {
            log.warning("a new room could not be told", metadata: ["room": "\(room)", "error": "\(error)"])
        }
    }

    /// A user has become a participant of a room elsewhere, or is one no longer: the store says which, since such news
    /// may be old.
    private func hearOfMembership(of user: UserID, in room: RoomName) {
        world.run { [self] in
            do throws(StoreError) {
                let isNow = try await store.room(room)?.participants.contains(user) ?? false
                everywhere { $0.membership(of: user, in: room, isNow: isNow) }
            } catch {
                log.warning("a membership could not be read", metadata: ["room": "\(room)", "error": "\(error)"])
            }
        }
    }

    // MARK: The bus comes back

    /// Channels are heard from now on; what was said before may not have been.
    private func inForce(_ channels: [BusChannel]) {
        guard let relay else { return }
        let rooms = channels.compactMap { channel -> RoomName? in
            if case .room(let room) = channel { room } else { nil }
        }
        let isBack = relay.state.withLock { state in
            state.outlook.doubt(rooms)
            // Of a bus of several servers one may be back before the others.
            guard state.isLost, relay.cluster.isConnected else { return false }
            state.neighbours.busIsBack(now: world.monotonic())
            state.isLost = false
            state.mustSayAll = true
            return true
        }
        if isBack {
            log.info("the bus is there")
            world.run { [self] in await renewLease() }
        }
        cache.forget(rooms)
        readBoards()
        let names = Set(rooms)
        let owners = Set(rooms.compactMap(\.owner))
        everywhere { shard in
            shard.askForHeads(of: names, in: .unheard)
            shard.attendRooms(of: owners)
        }
        checkOwnRooms(rooms)
        readMarksAgain(of: rooms)
    }
}

extension Bulletin.Row {
    var attendee: Attendee? {
        if case .here(let attendee) = self { attendee } else { nil }
    }
}

extension OnlineUser {
    /// What the board of a user's connections says of this node.
    func row(_ user: UserID) -> Bulletin.Row {
        guard connections > 0 else { return .gone }
        return .here(Attendee(name: user.text, since: Timestamp(milliseconds: 0), connections: connections))
    }
}
