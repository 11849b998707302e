import OrderedCollections

/// What is said beside the log: who is typing, and how far has been read.
final class Signals {
    private struct Mark {
        var seq: UInt64 = 0
        var told: UInt64 = 0
        var toldAt: Int64?
    }

    private unowned let machine: ClientMachine
    /// Room → when we last said that we are typing; absent if we have not, or have said that we stopped.
    private var saidAt: [String: Int64] = [:]
    /// Room → user → when they are taken to have stopped.
    private var typing: OrderedDictionary<String, OrderedDictionary<String, Int64>> = [:]
    /// Room → what is to be told of our marks, and what has been.
    private var marks: OrderedDictionary<String, OrderedDictionary<MarkKind, Mark>> = [:]

    init(_ machine: ClientMachine) { self.machine = machine }

    // MARK: Our own typing

    func type(_ room: String, _ isActive: Bool) {
        guard machine.rooms.isLive(room) else { return }
        let said = saidAt[room]
        if isActive {
            if let said, machine.now < said + machine.options.typingEveryMs { return }
            saidAt[room] = machine.now
        } else {
            saidAt[room] = nil
            // The server has noticed by itself by now.
            guard let said, machine.now < said + machine.options.typingLapseMs else { return }
        }
        machine.write(.typing(room: room, isActive: isActive))
    }

    // MARK: Others' typing

    func heardTyping(_ room: String, _ user: String, _ isActive: Bool) {
        guard machine.rooms.isLive(room) else { return }
        guard isActive else { return stopped(room, user) }
        let isNews = typing[room]?[user] == nil
        typing[room, default: [:]][user] = machine.now + machine.options.typingLapseMs
        if isNews { machine.emit(.room(room, .typing(user: user, isActive: true))) }
    }

    /// They have said so, sent what they typed, left, or were not heard of for too long.
    func stopped(_ room: String, _ user: String) {
        if user == machine.link.user { saidAt[room] = nil }
        guard typing[room]?.removeValue(forKey: user) != nil else { return }
        if typing[room]?.isEmpty == true { typing.removeValue(forKey: room) }
        machine.emit(.room(room, .typing(user: user, isActive: false)))
    }

    // MARK: Marks

    /// Notes how far we have got; the highest is told, now or when it may be.
    func mark(_ kind: MarkKind, _ room: String, _ seq: UInt64) {
        if marks[room] == nil { marks[room] = [.received: Mark(), .read: Mark()] }
        guard seq > marks[room]?[kind]?.seq ?? 0 else { return }
        marks[room]?[kind]?.seq = seq
        flush(room)
    }

    func flush(_ room: String) {
        guard marks[room] != nil, machine.rooms.isLive(room) else { return }
        for kind in MarkKind.allCases { tell(room, kind) }
    }

    private func tell(_ room: String, _ kind: MarkKind) {
        guard let mark = marks[room]?[kind], mark.seq > mark.told else { return }
        if let toldAt = mark.toldAt, machine.now < toldAt + machine.options.markEveryMs { return }
        marks[room]?[kind]?.told = mark.seq
        marks[room]?[kind]?.toldAt = machine.now
        machine.write(.mark(kind, room: room, seq: mark.seq))
    }

    // MARK: Comings and goings

    /// Nobody is known to be typing any more; the newest marks are told again, since they may not have arrived.
    func offline() {
        saidAt = [:]
        for (room, users) in typing { for user in users.keys { stopped(room, user) } }
        for room in marks.keys {
            for kind in MarkKind.allCases {
                marks[room]?[kind]?.told = 0
                marks[room]?[kind]?.toldAt = nil
            }
        }
    }

    func forgetMarks(_ room: String) { marks.removeValue(forKey: room) }

    func forget(_ room: String) {
        saidAt[room] = nil
        typing.removeValue(forKey: room)
        marks.removeValue(forKey: room)
    }

    // MARK: Time

    var dueAt: Int64? {
        var times = typing.values.flatMap(\.values)
        for (room, kinds) in marks where machine.rooms.isLive(room) {
            for mark in kinds.values where mark.seq > mark.told {
                if let toldAt = mark.toldAt { times.append(toldAt + machine.options.markEveryMs) }
            }
        }
        return times.min()
    }

    func wake() {
        for (room, users) in typing {
            for (user, until) in users where machine.now >= until { stopped(room, user) }
        }
        for room in marks.keys { flush(room) }
    }
}
