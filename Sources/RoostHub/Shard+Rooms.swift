import Logging
import NIOCore
import RoostCore
import RoostEngine

// Entering and leaving rooms.

/// A join that waits for the store to say where the log ends and whether the user may enter.
struct PendingOpen {
    var connection: Connection
    var join: Command.Join
    var id: MessageID?
    var role: Connection.Role
}

extension Shard {
    // MARK: In

    func join(_ join: Command.Join, _ id: MessageID?, _ connection: Connection) {
        if join.alone {
            for seat in connection.seats where seat.role.isMember && seat.room.name != join.room {
                unseat(connection, seat.room)
            }
        }
        enter(
            PendingOpen(
                connection: connection, join: join, id: id, role: .member(hearsPresence: join.presence != false)))
    }

    /// Whoever participates in rooms hears of new messages there without joining.
    func attendRooms(_ connection: Connection) {
        let (user, limit, store) = (connection.identity.user, hub.limits.maxRooms, hub.store)
        let bound = NIOLoopBound((self, connection), eventLoop: loop)
        let (loop, log) = (loop, hub.log)
        Task {
            do throws(StoreError) {
                let rooms = try await store.rooms(of: user, limit: limit)
                loop.execute {
                    for room in rooms { bound.value.0.attend(room, bound.value.1) }
                }
            } catch {
                log.warning("a participant's rooms could not be read", metadata: ["error": "\(error)"])
            }
        }
    }

    func attend(_ room: RoomName, _ connection: Connection) {
        guard !connection.isOver, !connection.seats.contains(where: { $0.room.name == room }),
            connection.seats.count < 2 * hub.limits.maxRooms
        else { return }
        enter(PendingOpen(connection: connection, join: Command.Join(room: room), id: nil, role: .participant))
    }

    /// At once where the log's end is known and everybody may enter, else after asking the store.
    private func enter(_ open: PendingOpen) {
        let name = open.join.room
        if let room = rooms[name], room.replica != nil, room.visibility == .public, !room.isReopening {
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

    private func localRoom(_ name: RoomName) -> LocalRoom {
        if let room = rooms[name] { return room }
        let room = LocalRoom(name: name)
        rooms[name] = room
        counters.rooms = rooms.count
        hub.listen(number, to: name)
        return room
    }

    /// Asks the store for all rooms this tick wants to open, in one call.
    func openRooms() {
        guard !opens.isEmpty else { return }
        let waiting = opens
        opens = []
        let requests = waiting.map {
            OpenRequest(room: $0.join.room, user: $0.connection.identity.user, create: hub.limits.createOnJoin)
        }
        for open in waiting { rooms[open.join.room]?.opening += 1 }
        let bound = NIOLoopBound((self, waiting), eventLoop: loop)
        let (loop, store, clock) = (loop, hub.store, hub.clock)
        Task {
            var answers: [Result<RoomHead, Failure>]
            do throws(StoreError) {
                answers = try await store.open(requests, at: clock.wall())
            } catch {
                answers = requests.map { _ in .failure(error.failure) }
            }
            let told = answers
            loop.execute {
                let (shard, waiting) = bound.value
                for (open, answer) in zip(waiting, told) { shard.opened(open, answer) }
            }
        }
    }

    private func opened(_ open: PendingOpen, _ answer: Result<RoomHead, Failure>) {
        let (connection, name) = (open.connection, open.join.room)
        let room = localRoom(name)
        room.opening = max(0, room.opening - 1)
        if case .success(let head) = answer { adopt(head, room) }
        if !connection.isOver {
            switch answer {
            case .success: seat(open, in: room)
            case .failure(let failure) where open.role.isMember:
                reply(.error(failure, room: name), to: connection, id: open.id)
            case .failure: break
            }
        }
        forgetIfEmpty(room)
        if open.role.isMember {
            if let index = connection.joining.firstIndex(of: name) { connection.joining.remove(at: index) }
            settled(connection)
        }
    }

    /// The store has said where the room's log ends.
    func adopt(_ head: RoomHead, _ room: LocalRoom) {
        room.visibility = head.visibility
        if room.replica == nil {
            room.replica = RoomReplica(epoch: head.epoch, head: head.head)
        }
        let seq = max(head.head, room.rumour)
        room.rumour = 0
        react(room.replica?.hear(epoch: head.epoch, head: seq) ?? .stale, room)
    }

    private func seat(_ open: PendingOpen, in room: LocalRoom) {
        guard var replica = room.replica else { return }
        let (connection, join) = (open.connection, open.join)
        let start = startingPoint(join, replica)
        let known = connection.seat(in: room)
        if known != nil, !open.role.isMember { return }
        let wasMember = known.map { connection.seats[$0].role.isMember } ?? false
        let reader = LocalRoom.Listener(connection: connection, hearsOnlyCreated: !open.role.isMember)
        if let known {
            connection.seats[known].role = open.role
            connection.seats[known].turn &+= 1
            replica.replace(connection.seats[known].index, with: reader, at: start.seq)
        } else {
            let index = replica.add(reader, at: start.seq)
            connection.seats.append(Connection.Seat(room: room, index: index, role: open.role))
        }
        let head = replica.head
        room.replica = replica
        guard open.role.isMember else { return }
        if !wasMember { hub.enter(room.name, connection.identity, except: connection.id) }
        let joined = Event.Joined(
            room: room.name, epoch: replica.epoch, head: head, recovered: start.isRecovered,
            members: join.presence == true ? hub.members(room.name) : nil)
        reply(.joined(joined), to: connection, id: open.id)
        catchUp(connection, room)
    }

    /// Where a join begins to read, and whether that is all the client asked for.
    private func startingPoint(
        _ join: Command.Join, _ replica: RoomReplica<LocalRoom.Listener>
    ) -> (seq: UInt64, isRecovered: Bool) {
        if let after = join.after {
            let isKnown = after.epoch == replica.epoch && after.seq <= replica.head
            return isKnown ? (after.seq, true) : (replica.head, false)
        }
        let wanted = UInt64(join.history ?? 0)
        return (replica.head - min(wanted, replica.head), false)
    }

    // MARK: Out

    func leave(_ name: RoomName, _ id: MessageID?, _ connection: Connection) {
        if let room = rooms[name], connection.seat(in: room) != nil { unseat(connection, room) }
        reply(.left(room: name), to: connection, id: id)
    }

    func unseat(_ connection: Connection, _ room: LocalRoom) {
        guard let index = connection.seat(in: room) else { return }
        let seat = connection.seats.remove(at: index)
        if let moved = room.replica?.remove(seat.index), let other = moved.connection.seat(in: room) {
            moved.connection.seats[other].index = seat.index
        }
        if seat.role.isMember { hub.exit(room.name, connection.identity, except: connection.id) }
        forgetIfEmpty(room)
    }

    private func forgetIfEmpty(_ room: LocalRoom) {
        guard room.replica?.readers.isEmpty ?? true, room.opening == 0, !room.isReopening,
            rooms[room.name] === room, !opens.contains(where: { $0.join.room == room.name })
        else { return }
        rooms[room.name] = nil
        counters.rooms = rooms.count
        hub.unlisten(number, to: room.name)
    }

    /// Puts every reader out.
    func dissolve(_ name: RoomName) {
        guard let room = rooms[name] else { return }
        for reader in room.replica?.readers ?? [] { eject(reader.connection, room) }
    }

    private func eject(_ connection: Connection, _ room: LocalRoom) {
        let wasMember = connection.seat(in: room).map { connection.seats[$0].role.isMember } ?? false
        unseat(connection, room)
        if wasMember { reply(.left(room: room.name), to: connection, id: nil) }
    }

    /// Asks the store again whether each reader may be here.
    func recheck(_ name: RoomName) {
        guard let room = rooms[name], let readers = room.replica?.readers, !readers.isEmpty else { return }
        let connections = readers.map(\.connection)
        let requests = connections.map { OpenRequest(room: name, user: $0.identity.user, create: false) }
        let bound = NIOLoopBound((self, room, connections), eventLoop: loop)
        let (loop, store, clock, log) = (loop, hub.store, hub.clock, hub.log)
        Task {
            do throws(StoreError) {
                let answers = try await store.open(requests, at: clock.wall())
                loop.execute {
                    let (shard, room, connections) = bound.value
                    for (connection, answer) in zip(connections, answers) {
                        switch answer {
                        case .success(let head): room.visibility = head.visibility
                        case .failure: shard.eject(connection, room)
                        }
                    }
                }
            } catch {
                log.error(
                    "access to a room could not be rechecked", metadata: ["room": "\(name)", "error": "\(error)"])
            }
        }
    }
}
