import Logging
import NIOCore
import RoostCore
import RoostEngine
import RoostWire

// The slow look at the store: for what nobody has told this shard.
extension Shard {
    /// Asks where the logs of all rooms with readers end.
    func askForHeads() {
        guard !isSweeping else {
            // What was read before this was called says nothing about now.
            mustSweepAgain = true
            return
        }
        let asked = rooms.values.filter { $0.replica != nil }
        guard !asked.isEmpty else { return }
        isSweeping = true
        askForHeads(of: asked) { shard in
            shard.isSweeping = false
            guard shard.mustSweepAgain else { return }
            shard.mustSweepAgain = false
            shard.askForHeads()
        }
    }

    /// Asks where the logs of these rooms end, as far as they have readers here.
    func askForHeads(of names: Set<RoomName>) {
        let asked = names.compactMap { rooms[$0] }.filter { $0.replica != nil }
        if !asked.isEmpty { askForHeads(of: asked) { _ in } }
    }

    private func askForHeads(of asked: [LocalRoom], then: @escaping (Shard) -> Void) {
        let (store, log, names) = (hub.store, hub.log, asked.map(\.name))
        ask { () -> [RoomName: RoomHead]? in
            do throws(StoreError) {
                return try await store.heads(names)
            } catch {
                log.warning("the heads of rooms could not be read", metadata: ["error": "\(error)"])
                return nil
            }
        } then: { shard, heads in
            if let heads {
                shard.hear(heads: heads, of: asked)
            } else {
                for room in asked { room.mustLook = true }
            }
            then(shard)
        }
    }

    /// Looks again at rooms of which something could not be read.
    func lookAgain() {
        let due = rooms.values.filter(\.mustLook)
        guard !due.isEmpty else { return }
        for room in due { room.mustLook = false }
        askForHeads(of: Set(due.map(\.name)))
    }

    /// Somebody has been told that this message is in the log.
    func hear(_ name: RoomName, atLeast seq: UInt64) {
        guard let epoch = rooms[name]?.replica?.epoch else { return }
        hear(name, epoch, head: seq)
    }

    /// An append may have done its work though it is said to have failed.
    func doubt(_ names: Set<RoomName>) {
        for name in names { rooms[name]?.mustLook = true }
        askForHeads(of: names)
    }

    /// Another node says where a log ends.
    func hear(_ name: RoomName, _ epoch: Epoch, head seq: UInt64) {
        guard let room = rooms[name] else { return }
        guard let arrival = room.replica?.hear(epoch: epoch, head: seq) else {
            room.rumour = max(room.rumour, seq)
            return
        }
        react(arrival, room)
    }

    private func hear(heads: [RoomName: RoomHead], of asked: [LocalRoom]) {
        for room in asked where rooms[room.name] === room && room.replica != nil {
            guard let head = heads[room.name] else {
                // Only a room that nobody is creating just now is gone.
                if room.opening == 0 { dissolve(room.name) }
                continue
            }
            adopt(head, room)
            catchUpAll(room)
            // Who may stay may have been decided elsewhere.
            // A personal room is its owner's for ever.
            if room.visibility == .private, room.name.owner == nil { recheck(room.name) }
        }
    }

    /// The log is another one than we thought: everyone starts at the end of the new one and is told so.
    func reopen(_ room: LocalRoom) {
        guard !room.isReopening else { return }
        room.isReopening = true
        let (store, log, name) = (hub.store, hub.log, room.name)
        ask { () -> RoomHead? in
            do throws(StoreError) {
                return try await store.heads([name])[name]
            } catch {
                log.warning("a room could not be opened anew", metadata: ["room": "\(name)", "error": "\(error)"])
                return nil
            }
        } then: { shard, head in
            room.isReopening = false
            if let head { shard.restart(room, head) } else { room.mustLook = true }
            shard.forgetIfEmpty(room)
        }
    }

    func restart(_ room: LocalRoom, _ head: RoomHead) {
        guard room.replica != nil, room.replica?.epoch != head.epoch else { return }
        room.replica?.restart(epoch: head.epoch, head: head.head)
        room.floor = head.floor
        // What was read of the old log says nothing about the new one.
        if room.kind.receipts {
            hub.marks.withLock { $0.unwatch(room.name) }
            hub.watchMarks(room.name)
        }
        for reader in room.replica?.readers ?? [] {
            guard let seat = reader.connection.seat(in: room) else { continue }
            reader.connection.seats[seat].turn = reader.connection.freshTurn()
            guard reader.connection.seats[seat].role.isMember else { continue }
            let joined = Event.Joined(
                room: room.name, epoch: head.epoch, head: head.head, recovered: false, members: nil)
            reply(.joined(joined), to: reader.connection, id: nil)
        }
        // A new log is a new room: who was in the old one need not be welcome.
        room.visibility = head.visibility
        if head.visibility == .private { recheck(room.name) }
    }
}
