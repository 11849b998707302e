import OrderedCollections

/// Rooms and cursors: what has been heard of each log, and how to hear the rest of it once and in order.
final class Rooms {
    private unowned let machine: ClientMachine
    private var byName: OrderedDictionary<String, RoomCursor> = [:]
    /// Rooms that we have left, until the server has said so.
    private var leaving: OrderedDictionary<String, Leave> = [:]
    /// Positions from storage, for rooms that are joined as durable.
    private var kept: [String: RoostPosition] = [:]

    /// So many holes or unanswered joins without anything heard in between, and the connection is given up.
    private static let mostRepairs = 3
    private static let joinBackoffMs: Int64 = 500
    private static let joinBackoffMaxMs: Int64 = 10_000

    private struct Leave {
        /// Nil while it waits to be repeated.
        var request: String?
        var retryAt: Int64?
    }

    init(_ machine: ClientMachine) { self.machine = machine }

    func restore(_ positions: [String: RoostPosition]) { kept = positions }

    /// Where a room has been heard up to; nil before the first join was answered.
    func position(of name: String) -> RoostPosition? { byName[name]?.position }

    func isLive(_ name: String) -> Bool { byName[name]?.phase == .live }

    // MARK: In and out

    func join(_ name: String, _ wish: JoinWish) {
        guard Rooms.isName(name) else {
            let reason = "A room's name is 1 to 128 letters, digits, _ . : or -."
            return machine.emit(.room(name, .refused(RoostError(.invalid, reason))))
        }
        let room: RoomCursor
        if let known = byName[name] {
            room = known
        } else {
            room = RoomCursor(name)
            byName[name] = room
            room.position = wish.after ?? (wish.isDurable ? kept[name] : nil)
        }
        // What has not been left for certain may have to be left again.
        if leaving.removeValue(forKey: name) != nil { room.mayBeIn = true }
        room.wish = wish
        if room.phase == .idle || room.phase == .refused, machine.isOnline { ask(room) }
    }

    private static func isName(_ name: String) -> Bool {
        (1...128).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "_.:-".utf8.contains(byte)
                }
            }
    }

    func leave(_ name: String) {
        guard let room = byName.removeValue(forKey: name) else { return }
        machine.signals.forget(name)
        kept[name] = nil
        if room.mayBeIn || room.phase == .joining, machine.isOnline { askToLeave(name) }
        if room.wish.isDurable { machine.act(.forgetPosition(room: name)) }
        machine.emit(.room(name, .left))
    }

    private func askToLeave(_ name: String) { leaving[name] = Leave(request: machine.write(.leave(room: name))) }

    /// Asks for a room: from its position on where there is one.
    private func ask(_ room: RoomCursor) {
        let history = room.position == nil && room.wish.history > 0 ? room.wish.history : nil
        let request = machine.write(
            .join(room: room.name, after: room.position, history: history, presence: room.wish.presence))
        asked(room, request)
    }

    private func asked(_ room: RoomCursor, _ request: String) {
        room.phase = .joining
        room.request = request
        room.deadline = machine.now + machine.options.answerTimeoutMs
        room.retryAt = nil
    }

    /// Several rooms that go on from a position and want no list of members share a frame.
    func online() {
        let resuming = byName.values.filter { $0.position != nil && $0.wish.presence == nil }
        let isShared = resuming.count > 1
        if isShared {
            let positions = resuming.compactMap { room in room.position.map { (room.name, $0) } }
            let request = machine.write(.resume(positions))
            for room in resuming { asked(room, request) }
        }
        for room in byName.values where !(isShared && resuming.contains { $0 === room }) { ask(room) }
    }

    func offline() {
        // Who is not connected is in no room.
        leaving = [:]
        for room in byName.values {
            room.phase = .idle
            room.mayBeIn = false
            room.request = nil
            room.deadline = nil
            room.retryAt = nil
            room.failures = 0
            keep(room)
        }
    }

    // MARK: Answers

    func joined(_ joined: ServerFrame.Joined, _ messageID: String?) {
        guard let room = byName[joined.room] else { return }
        room.mayBeIn = true
        guard room.request != nil, messageID == room.request else {
            // The log has become another one while we listened.
            if room.phase == .live, joined.epoch != room.position?.epoch { startAnew(room, joined) }
            return
        }
        room.phase = .live
        room.request = nil
        room.deadline = nil
        room.failures = 0
        if let position = room.position {
            if joined.epoch != position.epoch || joined.head < position.seq { return startAnew(room, joined) }
            room.isHole = !joined.recovered
        } else {
            begin(room, joined)
        }
        machine.emit(.room(room.name, .joined(joined.news)))
        machine.signals.flush(room.name)
    }

    /// The first time: what comes begins somewhere within the history that was asked for.
    private func begin(_ room: RoomCursor, _ joined: ServerFrame.Joined) {
        let history = UInt64(room.wish.history)
        room.position = RoostPosition(epoch: joined.epoch, seq: joined.head > history ? joined.head - history : 0)
        room.mayBeginLater = history > 0
        room.isHole = false
        room.isDirty = true
    }

    /// Another log: nothing of the old one goes on; what it has already said is joined like a room never heard.
    private func startAnew(_ room: RoomCursor, _ joined: ServerFrame.Joined) {
        machine.emit(.room(room.name, .reset(epoch: joined.epoch, head: joined.head)))
        room.position = nil
        machine.signals.forgetMarks(room.name)
        if room.wish.history > 0, joined.head > 0 { return ask(room) }
        begin(room, joined)
        machine.emit(.room(room.name, .joined(joined.news)))
    }

    /// The server says that we are out of a room. A leave of our own has been seen to, and is of no interest.
    /// - Parameter messageID: of the leave that is answered; that of an earlier one than the last is of no interest either.
    func left(_ name: String, _ messageID: String?) {
        if let messageID, ClientMachine.isOurs(messageID), leaving[name]?.request != messageID { return }
        leaving.removeValue(forKey: name)
        guard let room = byName[name] else { return }
        room.mayBeIn = false
        guard room.phase == .live else { return }
        refuse(room, RoostError(.forbidden, "You are no longer in this room."))
    }

    /// - Returns: whether a join or resume of ours was refused.
    func refused(_ messageID: String?, _ name: String?, _ error: RoostError) -> Bool {
        if stayed(messageID, error) { return true }
        let asking = byName.values.filter { $0.request != nil && $0.request == messageID }
        guard !asking.isEmpty else { return false }
        let concerned = name == nil ? asking : asking.filter { $0.name == name }
        for room in concerned {
            if error.isPassing {
                putOff(room, error.retryAfterMs)
            } else if concerned.count > 1 {
                // All of them together may be too many where some are not.
                ask(room)
            } else {
                refuse(room, error)
            }
        }
        return true
    }

    /// A leave was refused: it comes again, unless there is nothing to be left.
    private func stayed(_ messageID: String?, _ error: RoostError) -> Bool {
        guard let name = leaving.first(where: { $0.value.request != nil && $0.value.request == messageID })?.key else {
            return false
        }
        if error.isPassing {
            leaving[name] = Leave(retryAt: machine.now + (error.retryAfterMs ?? Rooms.joinBackoffMs))
        } else {
            leaving.removeValue(forKey: name)
        }
        return true
    }

    private func refuse(_ room: RoomCursor, _ error: RoostError) {
        room.phase = .refused
        room.request = nil
        room.deadline = nil
        room.retryAt = nil
        machine.emit(.room(room.name, .refused(error)))
    }

    private func putOff(_ room: RoomCursor, _ retryAfterMs: Int64?) {
        let backoff = min(Rooms.joinBackoffMaxMs, Rooms.joinBackoffMs << Int64(min(room.failures, 16)))
        room.failures += 1
        room.phase = .waiting
        room.request = nil
        room.deadline = nil
        room.retryAt = machine.now + (retryAfterMs ?? backoff)
    }

    // MARK: Entries of the log

    func entry(_ entry: ServerFrame.Entry) {
        guard let room = byName[entry.room] else { return personal(entry) }
        guard advance(room, to: entry.seq) else { return }
        let isOwn = machine.outbox.heard(entry)
        machine.signals.stopped(entry.room, entry.sender)
        machine.emit(.room(entry.room, entry.news(isOwn: isOwn)))
    }

    /// A user's own room is heard without joining; of other rooms, only what was on its way when we left.
    private func personal(_ entry: ServerFrame.Entry) {
        guard entry.room.hasPrefix("user:") else { return }
        machine.emit(.personal(entry.news(isOwn: false)))
    }

    /// Moves a cursor; false for what is not the next entry of a log we are listening to.
    private func advance(_ room: RoomCursor, to seq: UInt64) -> Bool {
        guard room.phase == .live, let position = room.position, seq > position.seq else { return false }
        if seq > position.seq + 1 {
            if room.isHole {
                machine.emit(.room(room.name, .gap(from: position.seq + 1, to: seq - 1)))
            } else if !room.mayBeginLater {
                repair(room, "A message is missing.")
                return false
            }
        }
        room.move(to: seq)
        return true
    }

    /// What the server no longer has.
    func gap(_ name: String, from: UInt64, to: UInt64) {
        guard let room = byName[name], room.phase == .live, let position = room.position, to > position.seq else {
            return
        }
        machine.emit(.room(name, .gap(from: max(from, position.seq + 1), to: to)))
        room.move(to: to)
    }

    /// Joins again from where we are; what comes in the meantime will come again.
    private func repair(_ room: RoomCursor, _ reason: String) {
        room.repairs += 1
        guard room.repairs > Rooms.mostRepairs else { return ask(room) }
        room.repairs = 0
        machine.link.drop(4000, reason)
    }

    /// Passes on what is said of a room beside its log, if we are in it.
    func tell(_ name: String, _ event: RoomEvent) { if isLive(name) { machine.emit(.room(name, event)) } }

    // MARK: Time

    var dueAt: Int64? {
        let joins = byName.values.lazy.compactMap { earliest($0.deadline, $0.retryAt, self.keepsAt($0)) }.min()
        return earliest(joins, leaving.values.lazy.compactMap(\.retryAt).min())
    }

    private func keepsAt(_ room: RoomCursor) -> Int64? {
        room.wish.isDurable && room.isDirty && room.position != nil
            ? room.keptAt + machine.options.positionEveryMs : nil
    }

    func wake() {
        for (name, leave) in leaving {
            if let at = leave.retryAt, machine.now >= at { askToLeave(name) }
        }
        for room in byName.values {
            if let at = keepsAt(room), machine.now >= at { keep(room) }
            if let at = room.retryAt, machine.now >= at {
                ask(room)
            } else if let at = room.deadline, machine.now >= at {
                repair(room, "A join was not answered.")
            }
        }
    }

    private func keep(_ room: RoomCursor) {
        guard room.wish.isDurable, room.isDirty, let position = room.position else { return }
        room.isDirty = false
        room.keptAt = machine.now
        machine.act(.keepPosition(room: room.name, position))
    }
}
