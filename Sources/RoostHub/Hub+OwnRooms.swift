import Logging
import RoostCore
import RoostEngine

// Users' own rooms in a cluster: what of them was said elsewhere is heard by the connections here, also where the bus
// lost it.
extension Hub {
    /// Where the owners' connections begin to hear these rooms, by room; of those left out it is not known yet.
    func ownStarts(_ batch: [Committed]) -> [RoomName: UInt64] {
        var starts: [RoomName: UInt64] = [:]
        for committed in batch {
            guard let owner = committed.room.owner, let first = committed.messages.first?.seq,
                let last = committed.messages.last?.seq
            else { continue }
            let stretch = OwnEnds.Stretch(epoch: committed.epoch, first: first, last: last)
            guard let start = relay == nil ? first : ownEnds.withLock({ $0.heard(stretch, of: owner) }) else {
                continue
            }
            starts[committed.room] = min(start, starts[committed.room] ?? start)
        }
        return starts
    }

    /// Another node says where a log ends: if it is a user's own room, and that is news, the store is asked.
    func hearOwnEnd(_ room: RoomName, _ end: Position) {
        guard let owner = room.owner, ownEnds.withLock({ $0.isNews(end, of: owner) }) else { return }
        checkOwnRooms([room])
    }

    /// Asks the store where these users' rooms end, or all that matter here (nil); who has missed something is given it.
    func checkOwnRooms(_ rooms: [RoomName]? = nil) {
        guard relay != nil else { return }
        ownEnds.withLock { ends in
            if let rooms { ends.doubt(rooms.lazy.compactMap(\.owner)) } else { ends.doubtAll() }
        }
        lookAtOwnRooms()
    }

    /// The slow look, for what could not be asked, for some in their turn, or for all.
    func sweepOwnRooms(all: Bool, some: Bool) {
        guard relay != nil else { return }
        ownEnds.withLock { ends in
            if all { ends.doubtAll() } else { ends.lookAgain() }
            if some { ends.doubtNext(atMost: Hub.mostLooks) }
        }
        lookAtOwnRooms()
    }

    /// Asks the store about everyone who is due, unless that is being done.
    func lookAtOwnRooms() {
        guard ownEnds.withLock({ $0.beginLooking() }) else { return }
        world.run { [self] in
            while true {
                let users = ownEnds.withLock { $0.take(Lookout.atOnce) }
                guard !users.isEmpty else { return }
                await look(at: users)
            }
        }
    }

    private func look(at users: [UserID]) async {
        let names = users.compactMap { RoomName("user:" + $0.text) }
        for answer in await heads(of: names) {
            let asked = names[answer.places]
            if let heads = answer.heads {
                for name in asked { learn(name, heads[name]) }
            } else {
                ownEnds.withLock { ends in for name in asked { if let owner = name.owner { ends.doubtLater(owner) } } }
            }
        }
    }

    private func learn(_ name: RoomName, _ head: RoomHead?) {
        guard let owner = name.owner else { return }
        let (start, epoch) = ownEnds.withLock { ends in
            let start = ends.learn(head.map { Position(epoch: $0.epoch, seq: $0.head) }, of: owner)
            return (start, ends.epoch(of: owner))
        }
        guard let start, let epoch else { return }
        everywhere { shard in
            shard.seatOwner(owner, name, epoch, before: start)
            if let head { shard.hear(name, head.epoch, head: head.head) }
        }
    }
}
