import NIOCore
import RoostCore
import RoostEngine
import RoostWire

// Entering and leaving rooms.

/// A join that waits for the store to say where the log ends and whether the user may enter.
struct PendingOpen {
    var connection: Connection
    var join: Command.Join
    var id: MessageID?
    var role: Connection.Role
    /// The room's `accessTurn` when the store was asked.
    var accessTurn: UInt32 = 0
}

extension Shard {
    // MARK: In

    func join(_ join: Command.Join, _ id: MessageID?, _ connection: Connection) {
        enter(
            PendingOpen(
                connection: connection, join: join, id: id, role: .member(hearsPresence: join.presence != false)))
    }

    /// At once where the log's end is known and everybody may enter, else after asking the store.
    func enter(_ open: PendingOpen) {
        let name = open.join.room
        if let room = rooms[name], isOpenToAll(room), isWithinReach(open.join.after, room) {
            stopWaiting(open)
            seat(open, in: room)
            return
        }
        if open.role.isMember {
            open.connection.pending += 1
            open.connection.joining.append(name)
        }
        // From now on nothing committed passes unnoticed, so whatever the store answers later leaves no hole.
        _ = localRoom(name)
        opens.append(open)
        scheduleTick()
    }

    private func isOpenToAll(_ room: LocalRoom) -> Bool {
        room.replica != nil && room.visibility == .public && !room.isReopening && room.rechecks == 0
            // What time may have dropped only the store knows.
            && room.kind.retainAgeMs == nil
    }

    /// Whether the replica can tell what a position is worth; a client may have read further elsewhere.
    private func isWithinReach(_ after: Position?, _ room: LocalRoom) -> Bool {
        guard let after, let replica = room.replica else { return true }
        return after.epoch == replica.epoch && after.seq <= replica.head
    }

    /// A participant is no longer about to hear of the room: it does now, or was not let in.
    func stopWaiting(_ open: PendingOpen) {
        if !open.role.isMember { open.connection.attending.removeAll { $0 == open.join.room } }
    }

    private func localRoom(_ name: RoomName) -> LocalRoom {
        if let room = rooms[name] { return room }
        let room = LocalRoom(name: name, kind: hub.kinds.kind(of: name))
        rooms[name] = room
        // Without other nodes all are looked at together.
        if hub.relay != nil { looks.insert(name) }
        counters.rooms = rooms.count
        hub.listen(number, to: name)
        return room
    }

    /// Asks the store for all rooms this tick wants to open, in one call.
    func openRooms() {
        guard !opens.isEmpty else { return }
        var waiting = opens
        opens = []
        for index in waiting.indices { waiting[index].accessTurn = rooms[waiting[index].join.room]?.accessTurn ?? 0 }
        let requests = waiting.map {
            OpenRequest(room: $0.join.room, user: $0.connection.identity.user, create: true)
        }
        for open in waiting { rooms[open.join.room]?.opening += 1 }
        let (store, world, relay) = (hub.store, hub.world, hub.relay)
        ask {
            // From now on what others append is heard too, and who is there elsewhere is known.
            if let relay { await relay.prime(requests.lazy.map(\.room)) }
            do throws(StoreError) {
                return try await store.open(requests, at: world.wall())
            } catch {
                return requests.map { _ in Result<RoomHead, Failure>.failure(error.failure) }
            }
        } then: { [waiting] shard, answers in
            for (open, answer) in zip(waiting, answers) { shard.opened(open, answer) }
        }
    }

    private func opened(_ open: PendingOpen, _ answer: Result<RoomHead, Failure>) {
        let (connection, name) = (open.connection, open.join.room)
        let room = localRoom(name)
        room.opening = max(0, room.opening - 1)
        guard open.accessTurn == room.accessTurn else {
            // Who may enter has changed since the store was asked.
            opens.append(open)
            return scheduleTick()
        }
        if case .success(let head) = answer {
            if let epoch = room.replica?.epoch, epoch != head.epoch {
                // One of the two is old news; the store is asked which, and then about this join again.
                reopen(room)
                opens.append(open)
                return scheduleTick()
            }
            adopt(head, room)
        }
        stopWaiting(open)
        if !connection.isOver {
            switch answer {
            case .success(let head): seat(open, in: room, storeHead: head.head)
            case .failure(let failure) where open.role.isMember:
                reply(.error(failure, room: name), to: connection, id: open.id)
            case .failure(let failure): tryAgain(open, failure)
            }
        }
        forgetIfEmpty(room)
        if open.role.isMember {
            if let index = connection.joining.firstIndex(of: name) { connection.joining.remove(at: index) }
            settled(connection)
        }
    }

    /// The store has said where the room's log ends.
    /// - Parameter mayOpen: false if who may enter has changed since it was asked.
    func adopt(_ head: RoomHead, _ room: LocalRoom, mayOpen: Bool = true) {
        if room.replica == nil {
            room.replica = RoomReplica(epoch: head.epoch, head: head.head)
            room.floor = head.floor
            room.visibility = head.visibility
            // Since the store was asked something was said about the room that it may not have taken into account.
            if lookout.forget(room.name) { askForHeads(of: [room.name]) }
        } else if room.rechecks == 0, room.visibility != head.visibility {
            if head.visibility == .private { recheck(room.name) } else if mayOpen { room.visibility = .public }
        }
        if room.replica?.epoch == head.epoch { room.floor = max(room.floor, head.floor) }
        let seq = max(head.head, room.rumour)
        room.rumour = 0
        react(room.replica?.hear(epoch: head.epoch, head: seq) ?? .stale, room)
    }

    /// - Parameter storeHead: where the store said that the log ends; nil if it was not asked.
    private func seat(_ open: PendingOpen, in room: LocalRoom, storeHead: UInt64? = nil) {
        guard let (epoch, head) = room.replica.map({ ($0.epoch, $0.head) }) else { return }
        let (connection, join) = (open.connection, open.join)
        let start = startingPoint(join, epoch, max(head, storeHead ?? head), head, floor: room.floor)
        let listener = LocalRoom.Listener(connection: connection, hearsOnlyCreated: open.role.hearsOnlyCreated)
        var wasMember = false
        if let known = connection.seat(in: room) {
            guard open.role.isMember else {
                connection.seats[known].isParticipant = open.role.hearsOnlyCreated
                return
            }
            wasMember = connection.seats[known].role.isMember
            connection.seats[known].role = open.role
            connection.seats[known].turn = connection.freshTurn()
            room.replica?.replace(connection.seats[known].index, with: listener, at: start.seq)
        } else {
            let index = room.replica?.add(listener, at: start.seq) ?? 0
            connection.seats.append(
                Connection.Seat(
                    room: room, index: index, role: open.role, turn: connection.freshTurn(),
                    isParticipant: open.role.hearsOnlyCreated))
        }
        if open.role.isMember { welcome(open, to: room, epoch, max(head, start.seq), start.isRecovered, wasMember) }
        catchUp(connection, room)
    }

    private func welcome(
        _ open: PendingOpen, to room: LocalRoom, _ epoch: Epoch, _ head: UInt64, _ isRecovered: Bool, _ wasMember: Bool
    ) {
        let (connection, join) = (open.connection, open.join)
        if join.alone {
            for seat in connection.seats where seat.role.isMember && seat.room !== room {
                stepOut(connection, seat.room)
            }
            connection.session.settle(in: room.name)
        }
        connection.transport?.entered(room.name)
        if !wasMember {
            hub.enter(room.name, room.kind, connection.identity, except: connection.id)
            hasPresenceNews = true
            scheduleTick()
        }
        let isShown = join.presence == true && room.kind.presence != .off
        let joined = Event.Joined(
            room: room.name, epoch: epoch, head: head, recovered: isRecovered,
            members: isShown ? hub.members(room.name) : nil)
        reply(.joined(joined), to: connection, id: open.id)
        if room.kind.receipts {
            hub.watchMarks(room.name)
            if let receipts = hub.receipts(of: room.name) { reply(receipts, to: connection, id: nil) }
        }
    }

    /// Where a join begins to read, and whether everything after the position asked for follows.
    /// - Parameters:
    ///   - known: where the log ends, as the store knows it.
    ///   - head: where it ends for those who are live here.
    private func startingPoint(
        _ join: Command.Join, _ epoch: Epoch, _ known: UInt64, _ head: UInt64, floor: UInt64
    ) -> (seq: UInt64, isRecovered: Bool) {
        if let after = join.after {
            guard after.epoch == epoch, after.seq <= known else { return (head, false) }
            if join.isLiveOnly { return (max(head, after.seq), after.seq >= head) }
            return (after.seq, after.seq >= floor)
        }
        let wanted = UInt64(join.history ?? 0)
        return (max(head - min(wanted, head), min(floor, head)), false)
    }

    // MARK: Out

    func leave(_ name: RoomName, _ id: MessageID?, _ connection: Connection) {
        if let room = rooms[name], connection.seat(in: room) != nil { stepOut(connection, room) }
        reply(.left(room: name), to: connection, id: id)
    }

    /// Leaves a room by its own wish: a participant goes on hearing what participants hear.
    private func stepOut(_ connection: Connection, _ room: LocalRoom) {
        guard let seat = connection.seat(in: room), connection.seats[seat].isParticipant else {
            return unseat(connection, room)
        }
        connection.seats[seat].role = .participant
        let listener = LocalRoom.Listener(connection: connection, hearsOnlyCreated: true)
        room.replica?.rename(connection.seats[seat].index, to: listener)
        leavePresence(connection, room)
    }

    private func leavePresence(_ connection: Connection, _ room: LocalRoom, isExpected: Bool = false) {
        stopTyping(room.name, connection)
        hub.exit(room.name, room.kind, connection.identity, except: connection.id, isExpected: isExpected)
        hasPresenceNews = true
        hasMarks = true
        scheduleTick()
    }

    func unseat(_ connection: Connection, _ room: LocalRoom, isExpected: Bool = false) {
        guard let index = connection.seat(in: room) else { return }
        let seat = connection.seats.remove(at: index)
        if let moved = room.replica?.remove(seat.index), let other = moved.connection.seat(in: room) {
            moved.connection.seats[other].index = seat.index
        }
        if seat.role.isMember { leavePresence(connection, room, isExpected: isExpected) }
        connection.shed.forget(room.name)
        forgetIfEmpty(room)
    }

    func forgetIfEmpty(_ room: LocalRoom) {
        guard room.replica?.readers.isEmpty ?? true, room.opening == 0, room.rechecks == 0, !room.isReopening,
            rooms[room.name] === room, !opens.contains(where: { $0.join.room == room.name })
        else { return }
        rooms[room.name] = nil
        looks.remove(room.name)
        counters.rooms = rooms.count
        hub.unlisten(number, to: room.name)
        if room.kind.receipts, hub.listeners(room.name) == 0 { hub.marks.withLock { $0.unwatch(room.name) } }
    }
}
