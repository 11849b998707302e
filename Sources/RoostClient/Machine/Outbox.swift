import OrderedCollections

/// Messages to be sent: each is acked once or reported as failed, those of one room in their order.
final class Outbox {
    /// One message on its way.
    final class Entry {
        let message: Outgoing
        /// The room's position at the first attempt; when that was, by the calendar; and by whom.
        var since: RoostPosition?
        var attemptedAt: Int64?
        var sender: String?
        var attempts = 0
        var isWritten = false
        /// How many times it was written over this connection without an answer so far.
        var unanswered = 0
        /// Whether it was refused over this connection and has not been written since.
        var wasRefused = false
        /// Whether it was refused for now, or not acked in time, over this connection.
        var comesAgain = false
        /// Whether storage has it.
        var isKept = false
        /// When it was last written.
        var writtenAt: Int64?
        /// Until when the attempt on its way must be answered.
        var deadline: Int64?
        /// Its seq, where it was heard before it was acked.
        var heardAt: UInt64?
        /// Whether the application was told that it is in the log.
        var isSent = false
        /// Why it failed.
        var code: RoostError.Code?

        init(_ kept: KeptMessage) {
            message = kept.message
            since = kept.since
            attemptedAt = kept.attemptedAt
            sender = kept.sender
        }

        var id: String { message.id }
        /// Whether the log is known to have it.
        var isInLog: Bool { isSent || heardAt != nil }
        var bytes: Int { message.content.byteCount }
        var kept: KeptMessage {
            KeptMessage(message, since: since, attemptedAt: attemptedAt, sender: sender)
        }
    }

    /// The messages of one room that wait to be acked, in order.
    struct Lane {
        var entries: [Entry] = []
        /// Nothing is written before then.
        var holdUntil: Int64?
        /// How many of them come again.
        var again = 0

        /// The message that goes first, and alone, while something comes again that was refused for now, or not acked in
        /// time: the first of those that come again and those that are to go before them.
        var probe: Entry? { again > 0 ? entries.first { $0.comesAgain || !$0.isWritten } : nil }
    }

    unowned let machine: ClientMachine
    var byID: [String: Entry] = [:]
    var lanes: OrderedDictionary<String, Lane> = [:]
    var failed: OrderedDictionary<String, Entry> = [:]
    private var bytes = 0
    /// Those that have been written and wait for their acks, in no order.
    private(set) var inFlight: [Entry] = []
    var pace = Pace()

    /// Failed messages that are remembered for `retry`; of more, the oldest are forgotten.
    private static let mostFailed = 1_000
    /// A message that was written may take so long until it is stored.
    private static let onItsWayMs: Int64 = 10_000

    init(_ machine: ClientMachine) { self.machine = machine }

    // MARK: In

    func send(_ message: Outgoing) {
        if let known = byID[message.id] {
            guard known.isSent else { return }
            remove(known)
        }
        take(Entry(KeptMessage(message)))
    }

    /// Takes a message, or reports it as failed where too much waits already.
    /// - Parameter replaced: the name of the failed message that it takes the place of.
    private func take(_ entry: Entry, replacing replaced: String? = nil) {
        guard byID.count < machine.options.queueLimit, bytes + entry.bytes <= machine.options.queueBytes else {
            entry.code = .queueFull
            remember(entry)
            let reason = "Too much waits to be sent. Send it again when the connection is back."
            return tellFailed(entry, RoostError(.queueFull, reason))
        }
        add(entry, replacing: replaced)
        flush()
        if !entry.isKept, byID[entry.id] === entry { keep(entry) }
    }

    /// Puts a message at the end of its room's lane.
    private func add(_ entry: Entry, replacing replaced: String? = nil) {
        byID[entry.id] = entry
        bytes += entry.bytes
        lanes[entry.message.room, default: Lane()].entries.append(entry)
        machine.emit(.room(entry.message.room, .pending(entry.message, replaces: replaced)))
    }

    /// What storage has kept, in its order; what was sent since goes behind it.
    func restore(_ queue: [KeptMessage]) {
        let later = lanes
        lanes = [:]
        for kept in queue where byID[kept.message.id] == nil {
            let entry = Entry(kept)
            entry.isKept = true
            add(entry)
        }
        for (room, lane) in later {
            lanes[room, default: Lane()].entries += lane.entries
            lanes[room]?.again += lane.again
        }
        flush()
    }

    /// Sends a failed message again; one that may be in the log where nobody can see it becomes a new message.
    func retry(_ id: String, freshID: String) {
        guard let entry = failed.removeValue(forKey: id) else { return }
        var again = entry.kept
        let isNew = entry.code == .retryExpired || entry.code == .otherUser
        if isNew {
            again = KeptMessage(entry.message)
            again.message.id = freshID
        }
        if byID[again.message.id] == nil { take(Entry(again), replacing: isNew ? id : nil) }
    }

    /// Gives a message up; one that is on its way may arrive all the same.
    func discard(_ id: String) {
        if failed.removeValue(forKey: id) != nil { return }
        guard let entry = byID[id], !entry.isSent else { return }
        remove(entry)
        forget(entry)
        tellFailed(entry, RoostError(.discarded, "It was discarded."))
        flush()
    }

    // MARK: Out

    func online() {
        pace = Pace()
        for entry in waiting {
            guard let sender = entry.sender, sender != machine.link.user else { continue }
            fail(entry, RoostError(.otherUser, "It was written by another user."))
        }
        flush()
    }

    /// Writes what may be written: lane by lane, each in its order, one alone where it is not known to be welcome.
    func flush() {
        guard machine.isOnline else { return }
        for (room, lane) in lanes {
            if let until = lane.holdUntil, machine.now >= until { lanes[room]?.holdUntil = nil }
        }
        for room in lanes.keys {
            while let entry = next(in: room) {
                guard inFlight.count < machine.options.inFlightLimit, pace.allows(at: machine.now) else { return }
                if attempt(entry) { pace.wrote(at: machine.now) }
            }
        }
    }

    /// What a lane may write next: while something must come again, the first of that alone, so that nothing overtakes
    /// it.
    private func next(in room: String) -> Entry? {
        guard let lane = lanes[room], lane.holdUntil == nil else { return nil }
        guard let probe = lane.probe else { return lane.entries.first { !$0.isWritten } }
        return probe.isWritten ? nil : probe
    }

    /// Writes a message, unless it can be seen that it would be in vain or stored twice.
    private func attempt(_ entry: Entry) -> Bool {
        let (link, now) = (machine.link, machine.now)
        let window = link.limits.dedupeWindowMs
        // The server remembers for the window; the copy has to get there within it.
        let safeMs = window - min(Outbox.onItsWayMs, window / 2)
        if let first = entry.attemptedAt, entry.since == nil, now + machine.wall - first > safeMs {
            let reason = "It was sent too long ago to know whether it was stored."
            fail(entry, RoostError(.retryExpired, reason))
            return false
        }
        let since = entry.attemptedAt == nil ? nil : entry.since
        let frame = ClientFrame.Body.message(room: entry.message.room, content: entry.message.content, since: since)
        let limit = link.limits.maxMessageBytes
        guard ClientFrame(messageID: entry.id, body: frame).json.utf8.count <= limit else {
            fail(entry, RoostError(.tooLarge, "It is longer than \(limit) bytes."))
            return false
        }
        let isFirst = entry.attemptedAt == nil
        if isFirst {
            entry.since = machine.rooms.position(of: entry.message.room)
            entry.attemptedAt = now + machine.wall
            entry.sender = link.user
        }
        // Before it is written: what may be in the log is known to have been tried.
        if isFirst || (!entry.isKept && !entry.isInLog) { keep(entry) }
        entry.isWritten = true
        entry.wasRefused = false
        entry.unanswered += 1
        entry.attempts += 1
        entry.writtenAt = now
        entry.deadline = now + machine.options.messageTimeoutMs
        inFlight.append(entry)
        machine.write(frame, id: entry.id)
        return true
    }

    private func keep(_ entry: Entry) {
        entry.isKept = true
        machine.act(.keep(entry.kept))
    }

    func forget(_ entry: Entry) {
        if entry.isKept { machine.act(.forget(id: entry.id)) }
        entry.isKept = false
    }

    // MARK: The books

    /// All that wait to be acked, room by room.
    var waiting: [Entry] { lanes.values.flatMap(\.entries) }

    func takeBack(_ entry: Entry) {
        guard entry.isWritten else { return }
        entry.isWritten = false
        entry.deadline = nil
        inFlight.removeAll { $0 === entry }
    }

    /// Whether it has to come again, alone, over this connection.
    func mark(_ entry: Entry, comesAgain: Bool) {
        guard entry.comesAgain != comesAgain else { return }
        entry.comesAgain = comesAgain
        lanes[entry.message.room]?.again += comesAgain ? 1 : -1
    }

    func remove(_ entry: Entry) {
        takeBack(entry)
        byID.removeValue(forKey: entry.id)
        bytes -= entry.bytes
        let room = entry.message.room
        if lanes[room]?.probe === entry { lanes[room]?.holdUntil = nil }
        mark(entry, comesAgain: false)
        // Those that are answered stand near the front.
        if let place = lanes[room]?.entries.firstIndex(where: { $0 === entry }) {
            lanes[room]?.entries.remove(at: place)
        }
        if lanes[room]?.entries.isEmpty == true { lanes.removeValue(forKey: room) }
    }

    /// Reports a message as failed, unless it is known to be in the log; those behind it go on.
    func fail(_ entry: Entry, _ error: RoostError) {
        guard !entry.isInLog else { return settleHeard(entry) }
        remove(entry)
        forget(entry)
        entry.code = error.code
        remember(entry)
        tellFailed(entry, error)
    }

    private func remember(_ entry: Entry) {
        if failed.count >= Outbox.mostFailed { failed.removeFirst() }
        failed[entry.id] = entry
    }

    private func tellFailed(_ entry: Entry, _ error: RoostError) {
        machine.emit(.room(entry.message.room, .failed(id: entry.id, RoostError(error.code, error.reason))))
    }
}
