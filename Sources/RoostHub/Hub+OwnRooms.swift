import Logging
import RoostCore
import RoostEngine

/// Where a user's own room ended when last seen; nil: there was none yet.
struct OwnEnd: Sendable {
    var end: Position?
}

// Users' own rooms in a cluster. Nobody is seated there before something is said, so no replica notices what the bus has
// lost; where each of them ends is remembered instead, for as long as the user is connected here.
extension Hub {
    func noteOwnEnds(_ batch: [Committed]) {
        guard relay != nil else { return }
        for committed in batch {
            guard let owner = committed.room.owner, let last = committed.messages.last?.seq else { continue }
            ownEnds.withLock { ends in
                guard let known = ends[owner] else { return }
                if known.end?.epoch == committed.epoch, known.end?.seq ?? 0 >= last { return }
                ends[owner] = OwnEnd(end: Position(epoch: committed.epoch, seq: last))
            }
        }
    }

    /// Whether it is no user's own room, or this node has seen it to end there.
    func isOwnEnd(_ room: RoomName, _ position: Position) -> Bool {
        guard let owner = room.owner else { return true }
        return ownEnds.withLock { $0[owner]?.end == position }
    }

    /// Asks the store where these users' rooms end, or all that matter here; who has missed something is given it.
    func checkOwnRooms(_ rooms: [RoomName]? = nil) {
        guard relay != nil else { return }
        let users = online.withLock { online in
            rooms.map { $0.compactMap(\.owner).filter { online[$0]?.connections ?? 0 > 0 } }
                ?? online.filter { $0.value.connections > 0 }.map(\.key)
        }
        guard !users.isEmpty else { return }
        world.run { [self] in
            var rest = users[...]
            while !rest.isEmpty {
                let some = rest.prefix(100)
                rest = rest.dropFirst(100)
                await checkOwnRooms(of: Array(some))
            }
        }
    }

    private func checkOwnRooms(of users: [UserID]) async {
        let names = users.compactMap { RoomName("user:" + $0.text) }
        do throws(StoreError) {
            let heads = try await store.heads(names)
            for name in names {
                guard let owner = name.owner else { continue }
                learn(owner, name, heads[name])
            }
        } catch {
            log.warning("users' own rooms could not be looked at", metadata: ["error": "\(error)"])
        }
    }

    private func learn(_ owner: UserID, _ name: RoomName, _ head: RoomHead?) {
        let missedAfter = ownEnds.withLock { ends -> UInt64? in
            let known = ends[owner]
            ends[owner] = OwnEnd(end: head.map { Position(epoch: $0.epoch, seq: $0.head) })
            guard let known, let head else { return nil }
            let seen = known.end?.epoch == head.epoch ? known.end?.seq ?? 0 : 0
            return head.head > seen ? seen : nil
        }
        guard let head, let missedAfter else { return }
        everywhere { shard in
            shard.seatOwner(owner, name, head.epoch, before: missedAfter + 1)
            shard.hear(name, head.epoch, head: head.head)
        }
    }
}
