import Logging
import NIOCore
import RoostCore
import RoostEngine
import RoostWire

// The slow look at the store: for what nobody has told this shard.
extension Shard {
    /// Asks the store what nobody may have told of.
    func sweep() {
        let isAlone = hub.relay?.isLost ?? true
        let looksAtSome = !isAlone && hub.settings.sweepsPerLook > 0
        // Those that could not be read by themselves, before they come up among all the others.
        lookAgain(some: looksAtSome)
        if isAlone { askForHeads() }
        if number == 0 { hub.sweepOwnRooms(all: isAlone, some: looksAtSome) }
    }

    /// Asks where the logs of all rooms with readers end.
    func askForHeads() {
        for (name, room) in rooms where room.replica != nil { lookout.ask(name, in: .other) }
        goOnAsking()
    }

    /// Asks where the logs of these rooms end, as far as they have readers here; of a room that is being opened once it
    /// is.
    func askForHeads(of names: Set<RoomName>, in line: Lookout.Line = .doubted) {
        for name in names where rooms[name] != nil { lookout.ask(name, in: line) }
        goOnAsking()
    }

    /// Asks about rooms of which something could not be read, and about some of which nobody has a doubt.
    /// - Parameter some: whether to ask about the latter.
    func lookAgain(some: Bool = false) {
        lookout.sweep()
        if some {
            for name in looks.take(atMost: Hub.mostLooks / hub.shards.count) {
                lookout.ask(name, in: .other)
            }
        }
        goOnAsking()
    }

    /// Asks about the next rooms.
    private func goOnAsking() {
        for line in Lookout.Line.allCases { goOnAsking(line) }
    }

    private func goOnAsking(_ line: Lookout.Line) {
        while true {
            let names = lookout.take(line)
            guard !names.isEmpty else { return }
            let known = names.compactMap { rooms[$0] }
            // A room that is being opened is asked about then.
            for room in known where room.replica == nil { lookout.askLater(room.name, in: line) }
            let asked = known.filter { $0.replica != nil }
            if !asked.isEmpty { askForHeads(of: asked, line) }
        }
    }

    private func askForHeads(of asked: [LocalRoom], _ line: Lookout.Line) {
        lookout.isAsking(line)
        let (hub, names) = (hub, asked.map(\.name))
        let known = asked.map { Known(end: $0.end, accessTurn: $0.accessTurn) }
        ask {
            await hub.heads(of: names)
        } then: { shard, answers in
            for answer in answers {
                if let heads = answer.heads {
                    shard.hear(heads: heads, of: asked[answer.places], knowing: known[answer.places])
                } else {
                    for name in names[answer.places] { shard.lookout.askLater(name, in: line) }
                }
            }
            shard.lookout.isAnswered(line)
            // A store that answers nothing is left alone until the next sweep.
            if answers.contains(where: { $0.heads != nil }) { shard.goOnAsking(line) }
        }
    }

    /// Somebody has been told that this message is in the log.
    func hear(_ name: RoomName, atLeast seq: UInt64) {
        guard let epoch = rooms[name]?.replica?.epoch else { return }
        hear(name, epoch, head: seq)
    }

    /// An append may have done its work though it is said to have failed. Not asked at once: a store that fails would be
    /// asked by every node for each append.
    func doubt(_ name: RoomName) { if rooms[name] != nil { lookout.askLater(name, in: .doubted) } }

    /// Another node says where a log ends.
    func hear(_ name: RoomName, _ epoch: Epoch, head seq: UInt64) {
        guard let room = rooms[name] else { return }
        guard let arrival = room.replica?.hear(epoch: epoch, head: seq) else {
            room.rumour = max(room.rumour, seq)
            return
        }
        react(arrival, room)
    }

    /// What was known of a room when the store was asked.
    private struct Known {
        var end: Position?
        var accessTurn: UInt32
    }

    private func hear(
        heads: [RoomName: RoomHead], of asked: ArraySlice<LocalRoom>, knowing known: ArraySlice<Known>
    ) {
        for (room, known) in zip(asked, known) where rooms[room.name] === room && room.replica != nil {
            guard let head = heads[room.name] else {
                // Only a room that nobody is creating just now is gone. One that has been made anew since, or has grown,
                // is there all the same.
                if room.end != known.end || room.isReopening || room.opening > 0 {
                    lookout.askLater(room.name, in: .doubted)
                } else {
                    dissolve(room.name)
                }
                continue
            }
            // That it is open to all may be old news.
            adopt(head, room, mayOpen: room.accessTurn == known.accessTurn)
            catchUpAll(room)
            // Who may stay may have been decided elsewhere.
            // A personal room is its owner's for ever. What is being asked need not be asked beside that.
            if room.visibility == .private, room.name.owner == nil, room.rechecks == 0 { recheck(room.name) }
        }
    }

    /// The log is another one than we thought: everyone starts at the end of the new one and is told so.
    func reopen(_ room: LocalRoom) {
        guard !room.isReopening else {
            room.isReopeningLate = true
            return
        }
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
            if let head { shard.restart(room, head) } else { shard.lookout.askLater(name, in: .doubted) }
            // What was heard since may not be in the answer, and is said only once.
            if room.isReopeningLate, head != nil { shard.askForHeads(of: [name]) }
            room.isReopeningLate = false
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

extension Hub {
    /// So many rooms with readers, and so many users' own rooms, this node asks the store about in a sweep without a
    /// doubt: of 5,000 of each, about each every 10 s. A room that is on several loops counts for each.
    static let mostLooks = 1000

    /// Where the logs of some of the rooms end that were asked for.
    struct Heads: Sendable {
        /// Which of them.
        var places: Range<Int>
        /// Nil: it could not be read.
        var heads: [RoomName: RoomHead]?
    }

    /// In how many pieces rooms are asked for whose heads can't be read together.
    static let headPieces = 32

    /// Where these logs end. A room of which that can't be read keeps few others from being answered for: what fails is
    /// asked for again in pieces, and of the rooms of a piece that fails, there are fewer to ask for the next time.
    func heads(of names: [RoomName]) async -> [Heads] {
        let all = 0..<names.count
        if let heads = await readHeads(names) { return [Heads(places: all, heads: heads)] }
        guard names.count > 1 else { return [Heads(places: all)] }
        let size = max(1, (names.count + Hub.headPieces - 1) / Hub.headPieces)
        return await withTaskGroup(of: Heads.self) { group in
            for start in stride(from: 0, to: names.count, by: size) {
                let places = start..<min(start + size, names.count)
                group.addTask { Heads(places: places, heads: await self.readHeads(Array(names[places]))) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func readHeads(_ names: [RoomName]) async -> [RoomName: RoomHead]? {
        do throws(StoreError) {
            return try await store.heads(names)
        } catch {
            log.warning(
                "the heads of rooms could not be read", metadata: ["rooms": "\(names.count)", "error": "\(error)"])
            return nil
        }
    }
}
