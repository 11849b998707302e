import Logging
import NIOCore
import RoostCore
import RoostEngine
import RoostWire

// Hearing rooms that nobody has asked to enter: one's own, and with the simple dialect those one participates in.

extension Shard {
    /// Something was said in a user's own room: its connections hear it, from there on, without having joined.
    func seatOwner(_ owner: UserID, _ name: RoomName, _ epoch: Epoch, before first: UInt64) {
        for connection in (users[owner] ?? []).compactMap({ connections[$0] }) {
            guard !connection.seats.contains(where: { $0.room.name == name }), !connection.joining.contains(name),
                !connection.attending.contains(name)
            else { continue }
            connection.attending.append(name)
            let join = Command.Join(room: name, after: Position(epoch: epoch, seq: first - 1))
            enter(PendingOpen(connection: connection, join: join, id: nil, role: .owner))
        }
    }

    /// Whoever participates in rooms hears of new messages there without joining.
    func attendRooms(_ connection: Connection, then: @escaping (Shard) -> Void = { _ in }) {
        let (user, limit, store) = (connection.identity.user, hub.limits.maxRooms, hub.store)
        let log = hub.log
        ask {
            do throws(StoreError) {
                return try await store.rooms(of: user, limit: limit)
            } catch {
                log.warning("a participant's rooms could not be read", metadata: ["error": "\(error)"])
                return []
            }
        } then: { shard, rooms in
            for room in rooms { shard.attend(room, connection) }
            then(shard)
        }
    }

    /// What was said of these users' memberships may have been missed: the store is asked again, for one after another.
    func attendRooms(of users: Set<UserID>) {
        let known = users.flatMap { self.users[$0] ?? [] }.compactMap { connections[$0] }
        attendRooms(known.filter { $0.dialect == .simple && $0.identity.isLasting }[...])
    }

    private func attendRooms(_ connections: ArraySlice<Connection>) {
        guard let first = connections.first else { return }
        attendRooms(first) { shard in shard.attendRooms(connections.dropFirst()) }
    }

    /// - Parameter after: where to begin; nil is at the end of the log.
    func attend(_ name: RoomName, _ connection: Connection, after: Position? = nil) {
        guard connection.dialect == .simple, !connection.isOver, connection.session.grants.allows(.join, in: name)
        else { return }
        if let seat = connection.seats.firstIndex(where: { $0.room.name == name }) {
            connection.seats[seat].isParticipant = true
            return
        }
        guard connection.seats.count + connection.attending.count < 2 * hub.limits.maxRooms,
            !connection.attending.contains(name)
        else { return }
        connection.attending.append(name)
        enter(
            PendingOpen(
                connection: connection, join: Command.Join(room: name, after: after), id: nil, role: .participant))
    }

    /// A user has become a participant of a room, or is one no longer.
    func membership(of user: UserID, in name: RoomName, isNow isMember: Bool) {
        for connection in (users[user] ?? []).compactMap({ connections[$0] }) {
            if isMember {
                attend(name, connection)
            } else if let seat = connection.seats.firstIndex(where: { $0.room.name == name }) {
                connection.seats[seat].isParticipant = false
                if !connection.seats[seat].role.isMember { unseat(connection, connection.seats[seat].room) }
            }
        }
    }

    /// Nobody asked for this one, so nobody can ask again: a passing cause is waited for.
    func tryAgain(_ open: PendingOpen, _ failure: Failure) {
        guard failure.isPassing else { return }
        open.connection.attending.append(open.join.room)
        let bound = NIOLoopBound((self, open), eventLoop: loop)
        loop.scheduleTask(in: .seconds(1)) {
            let (shard, open) = bound.value
            shard.stopWaiting(open)
            if !open.connection.isOver { shard.attendAgain(open) }
        }
    }

    private func attendAgain(_ open: PendingOpen) {
        open.connection.attending.append(open.join.room)
        enter(open)
    }
}
