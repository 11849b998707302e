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
        var committed: [Committed] = []
        var others: [Bulletin] = []
        for post in posts {
            guard let (origin, bulletins) = Bulletin.read(post.bytes), origin != relay.me else { continue }
            relay.state.withLock { state in
                state.neighbours.heard(of: origin)
            }
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
    }

    private func hear(_ bulletin: Bulletin) {
        switch bulletin {
        case .committed: break
        case .head(let room, let epoch, let seq):
            onListeners(of: room) { $0.hear(room, epoch, head: seq) }
            if !isOwnEnd(room, Position(epoch: epoch, seq: seq)) { checkOwnRooms([room]) }
        case .attendance(let news): hear(news)
        case .typing(let room, let user, let isActive): hearTyping(room, user, isActive: isActive)
        case .marks(let room, let marks): self.marks.withLock { $0.hear(room, marks) }
        case .dissolved(let room): onListeners(of: room) { $0.dissolve(room) }
        case .recheck(let room): onListeners(of: room) { $0.recheck(room) }
        case .membership(let user, let room, let isNow):
            everywhere { $0.membership(of: user, in: room, isNow: isNow) }
        case .created(let user, let room): hearOfNew(room, for: user)
        case .atLeast(let room, let seq): onListeners(of: room) { $0.hear(room, atLeast: seq) }
        case .doubt(let room):
            onListeners(of: room) { $0.doubt([room]) }
            if room.owner != nil { checkOwnRooms([room]) }
        case .lookAgain:
            everywhere { $0.askForHeads() }
            checkOwnRooms()
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
            relay.tell(room, .atLeast(room, seq))
        }
        for room in doubtful {
            onListeners(of: room) { $0.doubt([room]) }
            relay.tell(room, .doubt(room))
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

    /// A room has been made elsewhere, with a user of ours in it.
    private func hearOfNew(_ room: RoomName, for user: UserID) {
        world.run { [self] in
            do throws(StoreError) {
                guard let info = try await store.room(room), info.participants.contains(user) else { return }
                let users = try await participants(of: info)
                for target in shards {
                    target.loop.execute {
                        target.shard.value.hear(ofNew: info, participants: users, except: 0, only: user)
                    }
                }
            } catch {
                log.warning("a new room could not be told", metadata: ["room": "\(room)", "error": "\(error)"])
            }
        }
    }

    // MARK: Who is where

    private func hear(_ news: Bulletin.Attendance) {
        guard let relay, news.node != relay.me else { return }
        presence.withLock { state in
            switch relay.state.withLock({ $0.outlook.judge(news) }) {
            case .ignore: break
            case .apply:
                let until = world.monotonic() + Hub.graceMs
                for (user, row) in news.rows {
                    let attendee = row.attendee
                    let change = state.presence.place(
                        news.room, user, attendee, by: news.node, lingeringUntil: row == .expected ? until : nil)
                    if let change { note(change, in: news.room, &state) }
                }
            case .replace:
                let attendees = news.rows.compactMapValues(\.attendee)
                for change in state.presence.replace(news.room, by: news.node, with: attendees) {
                    note(change, in: news.room, &state)
                }
            }
            for (room, items) in state.news.take() { tell(room, items) }
        }
        readBoards()
    }

    private func note(_ change: Presence.Transition, in room: RoomName, _ state: inout Attendance) {
        if kinds.kind(of: room).presence == .count { return state.presence.countChanged(room) }
        switch change.change {
        case .joined: state.news.joined(room, change.user, name: change.name, except: 0)
        case .left: state.news.left(room, change.user, name: change.name, at: world.wall(), except: 0)
        case .none: break
        }
    }

    /// Reads the boards of which something is not known.
    func readBoards() {
        guard let relay else { return }
        let due = relay.state.withLock { $0.isLost ? [] : $0.outlook.takeDue() }
        guard !due.isEmpty else { return }
        world.run { [self] in
            var rest = due[...]
            while !rest.isEmpty {
                let rooms = Array(rest.prefix(100))
                rest = rest.dropFirst(100)
                do throws(BusError) {
                    let pages = try await relay.cluster.read(rooms.map { .members($0) })
                    for (room, page) in zip(rooms, pages) { learn(room, page) }
                } catch {
                    log.debug("boards could not be read; they will be", metadata: ["error": "\(error)"])
                    relay.state.withLock { $0.outlook.failedToLoad(rooms + rest) }
                    break
                }
            }
            relay.releaseWaiters()
        }
    }

    private func learn(_ room: RoomName, _ page: BoardPage) {
        guard let relay else { return }
        presence.withLock { state in
            let outcome = relay.state.withLock { relayed in
                for node in page.parts.keys { relayed.neighbours.heard(of: node) }
                let isGrace = relayed.neighbours.isGrace(world.monotonic())
                return relayed.outlook.loaded(room, page, isGrace: isGrace)
            }
            guard outcome.isWanted else { return }
            for node in outcome.gone {
                for change in state.presence.replace(room, by: node, with: [:]) { note(change, in: room, &state) }
            }
            for (node, part) in page.parts where node != relay.me {
                for change in state.presence.replace(room, by: node, with: part.attendees) {
                    note(change, in: room, &state)
                }
            }
            for (room, items) in state.news.take() { tell(room, items) }
        }
    }

    /// Nobody here listens to a room any more: what others say of it is forgotten.
    func forgetElsewhere(_ room: RoomName) {
        guard let relay else { return }
        presence.withLock { state in
            if !relay.state.withLock({ $0.outlook.isOfInterest(room) }) { state.presence.forgetElsewhere(room) }
        }
    }

    // MARK: Leases

    /// Renews this node's lease; who has lost its own is gone with all it has said.
    func renewLease() async {
        guard let relay, let findings = await relay.renew() else { return }
        if findings.isForgotten { tellAllRows() }
        flushRows()
        if findings.isForgotten || !findings.risen.isEmpty {
            relay.state.withLock { $0.outlook.doubt($0.outlook.rooms) }
        }
        readBoards()
        guard !findings.dead.isEmpty else { return }
        log.info("nodes are gone", metadata: ["nodes": "\(findings.dead.map(\.text))"])
        var boards: [RoomName] = []
        presence.withLock { state in
            for node in findings.dead {
                relay.state.withLock { $0.outlook.forget(node) }
                for room in state.presence.rooms(of: node) {
                    boards.append(room)
                    for change in state.presence.replace(room, by: node, with: [:]) { note(change, in: room, &state) }
                }
            }
            for (room, items) in state.news.take() { tell(room, items) }
        }
        // It may have died between appending and telling.
        everywhere { $0.askForHeads() }
        checkOwnRooms()
        for room in boards {
            do throws(BusError) {
                try await relay.cluster.clean(.members(room), of: findings.dead)
            } catch {
                log.debug("a board was not cleaned; who reads it will", metadata: ["error": "\(error)"])
            }
        }
    }

    func flushRows() {
        relay?.flush { [self] room in presence.withLock { $0.presence.isAttended(room) } }
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
            if state.isLost { state.neighbours.busIsBack(now: world.monotonic()) }
            defer { state.isLost = false }
            return state.isLost
        }
        if isBack {
            log.info("the bus is there")
            // What was written may be lost, whether or not the lease is.
            tellAllRows()
            world.run { [self] in await renewLease() }
        }
        readBoards()
        let names = Set(rooms)
        everywhere { $0.askForHeads(of: names) }
        checkOwnRooms(rooms)
    }

    /// Writes down everything that this node has to say: what was written may be lost.
    private func tellAllRows() {
        guard let relay else { return }
        relay.state.withLock { $0.own.beginAnew() }
        presence.withLock { state in
            for (room, user) in state.presence.attended {
                guard let attendee = state.presence.attendee(room, user) else { continue }
                relay.note(.members(room), user, .here(attendee))
            }
        }
        online.withLock { online in
            for (user, state) in online where state.connections > 0 {
                relay.note(.connections(user), user, state.row(user))
            }
        }
        flushRows()
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
