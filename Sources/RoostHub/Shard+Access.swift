import Logging
import RoostCore
import RoostEngine

// Who may no longer be in a room is put out.

extension Shard {
    /// Puts every reader out.
    func dissolve(_ name: RoomName) {
        guard let room = rooms[name] else { return }
        // Joins that the store has been asked about already are of the room that is gone.
        room.accessTurn &+= 1
        for reader in room.replica?.readers ?? [] { eject(reader.connection, room) }
        forgetIfEmpty(room)
    }

    func eject(_ connection: Connection, _ room: LocalRoom) {
        let wasMember = connection.seat(in: room).map { connection.seats[$0].role.isMember } ?? false
        unseat(connection, room)
        if wasMember { reply(.left(room: room.name), to: connection, id: nil) }
    }

    /// Asks the store again whether each reader may be here. Until it has answered, nobody enters unasked.
    func recheck(_ name: RoomName) {
        guard let room = rooms[name], room.replica != nil else { return }
        room.visibility = .private
        room.accessTurn &+= 1
        room.rechecks += 1
        let turn = room.accessTurn
        let connections = (room.replica?.readers ?? []).map(\.connection)
        // One request without a user tells what the room is now.
        let requests =
            [OpenRequest(room: name, user: nil, create: false, authority: .server)]
            + connections.map { OpenRequest(room: name, user: $0.identity.user, create: false) }
        let (store, world, log) = (hub.store, hub.world, hub.log)
        ask { () -> [Result<RoomHead, Failure>]? in
            do throws(StoreError) {
                return try await store.open(requests, at: world.wall())
            } catch {
                log.error(
                    "access to a room could not be rechecked", metadata: ["room": "\(name)", "error": "\(error)"])
                return nil
            }
        } then: { shard, answers in
            room.rechecks -= 1
            shard.rechecked(room, turn, connections, answers)
        }
    }

    private func rechecked(
        _ room: LocalRoom, _ turn: UInt32, _ connections: [Connection], _ answers: [Result<RoomHead, Failure>]?
    ) {
        // Where the store failed, the room stays private and the sweep asks again.
        guard let answers, rooms[room.name] === room else {
            if rooms[room.name] === room { lookout.askLater(room.name, in: .doubted) }
            return forgetIfEmpty(room)
        }
        for (connection, answer) in zip(connections, answers.dropFirst()) {
            guard case .failure(let failure) = answer else { continue }
            // Who may stay is not known yet: it is asked with the next sweep.
            if failure.isPassing { lookout.askLater(room.name, in: .doubted) } else { eject(connection, room) }
        }
        if turn == room.accessTurn, case .success(let head)? = answers.first { room.visibility = head.visibility }
        forgetIfEmpty(room)
    }
}
