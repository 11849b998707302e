import Logging
import RoostCore
import RoostEngine

// Who is where, as nodes tell each other and write it down on boards; and which of them live.
extension Hub {
    func hear(_ news: Bulletin.Attendance) {
        guard let relay, news.node != relay.me else { return }
        presence.withLock { state in
            let verdict = relay.state.withLock { relayed -> Outlook.Verdict in
                // What one says that was taken for dead is read from its boards once it has a lease.
                guard relayed.neighbours.lives(news.node) else { return .ignore }
                return relayed.outlook.judge(news)
            }
            switch verdict {
            case .ignore: return
            case .apply:
                let until = world.monotonic() + Hub.graceMs
                for (user, row) in news.rows {
                    let attendee = row.attendee
                    let change = state.presence.place(
                        news.room, user, attendee, by: news.node, lingeringUntil: row == .expected ? until : nil)
                    if let change { note(change, in: news.room, &state) }
                }
            case .replace: replace(news.room, by: news.node, news.rows.compactMapValues(\.attendee), &state)
            }
            for (room, items) in state.news.take() { tell(room, items) }
        }
        readBoards()
    }

    private func replace(
        _ room: RoomName, by node: NodeID, _ attendees: [UserID: Attendee], _ state: inout Attendance
    ) {
        for change in state.presence.replace(room, by: node, with: attendees) { note(change, in: room, &state) }
    }

    private func note(_ change: Presence.Transition, in room: RoomName, _ state: inout Attendance) {
        if kinds.kind(of: room).presence == .count { return state.presence.countChanged(room) }
        switch change.change {
        case .joined: state.news.joined(room, change.user, name: change.name, except: 0)
        case .left: state.news.left(room, change.user, name: change.name, at: world.wall(), except: 0)
        case .none: break
        }
    }

    // MARK: Reading boards

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
                    await learn(Array(zip(rooms, pages)))
                } catch {
                    log.debug("boards could not be read; they will be", metadata: ["error": "\(error)"])
                    relay.state.withLock { $0.outlook.failedToLoad(rooms + rest) }
                    return relay.releaseWaiters()
                }
            }
            relay.releaseWaiters()
            // What was told meanwhile may be newer.
            readBoards()
        }
    }

    private func learn(_ pages: [(RoomName, BoardPage)]) async {
        let isSure = await knowsWhoLives(beside: pages.map(\.1))
        let strays = pages.flatMap { learn($0.0, $0.1) }
        if isSure { await clean(strays) }
    }

    /// - Returns: the parts of nodes that are not known to live.
    private func learn(_ room: RoomName, _ page: BoardPage) -> [BoardPart] {
        guard let relay else { return [] }
        return presence.withLock { state in
            let reading = relay.state.withLock { relayed in
                relayed.outlook.loaded(
                    room, page.without(relayed.neighbours.strangers), me: relay.me,
                    isGrace: relayed.neighbours.isGrace(world.monotonic()),
                    lives: relayed.neighbours.lives)
            }
            guard reading.isWanted else { return [] }
            for node in reading.gone { replace(room, by: node, [:], &state) }
            for node in reading.news { replace(room, by: node, page.parts[node]?.attendees ?? [:], &state) }
            for (room, items) in state.news.take() { tell(room, items) }
            return reading.strays.map {
                BoardPart(.members(room), of: $0, version: page.parts[$0]?.version ?? 0)
            }
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
    /// - Returns: whether it is known now who lives.
    @discardableResult
    func renewLease() async -> Bool {
        guard let relay, let findings = await relay.renew() else { return false }
        if findings.isForgotten { tellAllRows() }
        flushRows()
        if findings.isForgotten || !findings.risen.isEmpty {
            relay.state.withLock { $0.outlook.doubt($0.outlook.rooms) }
        }
        readBoards()
        // What strangers have written down is theirs.
        if !findings.estranged.isEmpty { _ = forget(findings.estranged) }
        if !findings.dead.isEmpty {
            log.info("nodes are gone", metadata: ["nodes": "\(findings.dead.map(\.text))"])
            await clean(forget(findings.dead))
        }
        return true
    }

    /// Nodes are not to be listened to any more.
    /// - Returns: their parts of boards, as far as this node knows of them.
    private func forget(_ gone: [NodeID]) -> [BoardPart] {
        guard let relay else { return [] }
        var parts: [BoardPart] = []
        var rooms: Set<RoomName> = []
        presence.withLock { state in
            for node in gone {
                let said = relay.state.withLock { $0.outlook.forget(node) }
                rooms.formUnion(said.keys)
                parts += said.map { BoardPart(.members($0.key), of: node, version: $0.value) }
                for room in state.presence.rooms(of: node) { replace(room, by: node, [:], &state) }
            }
            for (room, items) in state.news.take() { tell(room, items) }
        }
        // They may have died between appending and telling, most likely in rooms in which their users were; others may
        // have been written to over HTTP.
        everywhere { [rooms] shard in
            shard.askForHeads(of: rooms, in: .unheard)
            shard.askForHeads()
        }
        checkOwnRooms()
        return parts
    }

    // MARK: This node's own

    func flushRows() {
        relay?.flush { [self] room in presence.withLock { $0.presence.isAttended(room) } }
    }

    /// Writes down everything that this node has to say: what was written may be lost.
    private func tellAllRows() {
        guard let relay else { return }
        // Under all locks at once: nobody comes or goes between what is read here and what is noted.
        presence.withLock { state in
            online.withLock { online in
                var all: [BoardName: [UserID: Bulletin.Row]] = [:]
                for (room, user) in state.presence.attended {
                    all[.members(room), default: [:]][user] = state.presence.attendee(room, user).map { .here($0) }
                }
                for (user, state) in online where state.connections > 0 {
                    all[.connections(user)] = [user: state.row(user)]
                }
                relay.state.withLock { $0.own.beginAnew(all) }
            }
        }
        flushRows()
    }

    /// Every second: reminds others, sees whether this node's parts of boards are still there, and writes what could not
    /// be written.
    func remind() {
        guard let relay else { return }
        relay.state.withLock { $0.outlook.lookAgain() }
        if !relay.isLost { flushRows() }
        let round = relay.remind()
        readBoards()
        guard !round.kept.isEmpty || !round.cleaned.isEmpty else { return }
        world.run { [self] in
            await clean(round.cleaned)
            await keep(round.kept)
        }
    }

    /// Keeps parts of boards from being forgotten; what is lost all the same is written again.
    func keep(_ parts: [BoardPart]) async {
        guard let relay, !parts.isEmpty else { return }
        do throws(BusError) {
            let answers = try await relay.cluster.keep(parts)
            for (part, isThere) in zip(parts, answers) where !isThere { tellAgain(part) }
        } catch {
            log.debug("boards were not kept; they will be", metadata: ["error": "\(error)"])
        }
        flushRows()
    }

    private func tellAgain(_ part: BoardPart) {
        guard let relay else { return }
        presence.withLock { state in
            online.withLock { online in
                var rows: [UserID: Bulletin.Row] = [:]
                switch part.board {
                case .members(let room): rows = state.presence.attendees(room).mapValues { .here($0) }
                case .connections(let user): rows[user] = online[user]?.row(user)
                }
                relay.state.withLock { relayed in
                    if relayed.own.isLatest(part) { relayed.own.beginAnew(part.board, rows) }
                }
            }
        }
    }
}
