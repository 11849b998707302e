import OrderedCollections

// What becomes of messages on their way.
extension Outbox {
    func ack(_ id: String?, _ receipt: Receipt) {
        guard let id, let entry = byID[id] ?? failed[id] else { return }
        settle(entry, receipt)
    }

    /// Its author hears it: it is in the log, whether or not the ack comes. One that was refused over this connection is
    /// sent again all the same, since the server lets nothing that was sent later pass before it comes.
    /// - Returns: whether it is one of this user's.
    func heard(_ heard: ServerFrame.Entry) -> Bool {
        guard heard.sender == machine.link.user else { return false }
        guard let entry = byID[heard.messageID], entry.message.room == heard.room else { return true }
        entry.heardAt = heard.seq
        forget(entry)
        if !entry.isWritten, !entry.comesAgain { settleHeard(entry) }
        return true
    }

    func settleHeard(_ entry: Entry) {
        settle(entry, Receipt(seq: entry.heardAt, durability: nil, isDuplicate: false))
    }

    private func settle(_ entry: Entry, _ receipt: Receipt) {
        let sent = ClientEvent.room(entry.message.room, .sent(id: entry.id, receipt))
        if failed.removeValue(forKey: entry.id) != nil { return machine.emit(sent) }
        let wasProbe = lanes[entry.message.room]?.probe === entry
        remove(entry)
        let left = lanes[entry.message.room]?.entries ?? []
        // Nothing is on its way that could be refused because of what came before: all at once again.
        if wasProbe, lanes[entry.message.room]?.again ?? 0 > 0, !left.contains(where: \.isWritten) {
            for other in left { mark(other, comesAgain: false) }
        }
        forget(entry)
        machine.emit(sent)
        flush()
    }

    /// - Returns: whether a message of ours was refused.
    func refused(_ id: String?, _ error: RoostError) -> Bool {
        guard let id, let entry = byID[id] else { return id.map { failed[$0] != nil } ?? false }
        if error.isPassing {
            // Being too fast is no fault of the message: it is told when to come again, as often as it takes.
            if error.code == .rateLimited {
                entry.attempts -= 1
                pace.slowDown(
                    rate: machine.link.limits.rateLimitMessages, retryAfterMs: error.retryAfterMs ?? 0, now: machine.now
                )
            }
            putOff(entry, error)
        } else {
            fail(entry, error)
        }
        flush()
        return true
    }

    /// Sends a message again later, and its room's later ones behind it.
    private func putOff(_ entry: Entry, _ error: RoostError) {
        takeBack(entry)
        let options = machine.options
        if entry.attempts >= options.messageAttempts { return fail(entry, error) }
        let doublings = Int64(max(0, min(entry.attempts, 30) - 1))
        let backoff = min(options.messageBackoffMaxMs, options.messageBackoffMs << doublings)
        mark(entry, comesAgain: true)
        // Those behind it wait for it anyway.
        if lanes[entry.message.room]?.probe === entry {
            lanes[entry.message.room]?.holdUntil = machine.now + (error.retryAfterMs ?? backoff)
        }
    }

    /// What was on its way is sent again over the next connection, in the order in which it was given.
    func offline() {
        for room in lanes.keys { lanes[room]?.holdUntil = nil }
        let error = RoostError(.timeout, "The connection was lost too often before it was acknowledged.")
        for entry in waiting {
            mark(entry, comesAgain: false)
            guard entry.heardAt == nil else {
                settleHeard(entry)
                continue
            }
            guard entry.isWritten else { continue }
            takeBack(entry)
            if entry.attempts >= machine.options.messageAttempts { fail(entry, error) }
        }
    }

    // MARK: Time

    var dueAt: Int64? {
        guard machine.isOnline else { return nil }
        var due = byID.isEmpty ? nil : pace.dueAt(machine.now)
        for lane in lanes.values { due = earliest(due, lane.holdUntil) }
        for entry in inFlight { due = earliest(due, entry.deadline) }
        return due
    }

    func wake() {
        guard machine.isOnline else { return }
        for entry in inFlight {
            guard let deadline = entry.deadline, machine.now >= deadline else { continue }
            // Nobody refused it: that it was heard is answer enough.
            if entry.heardAt != nil, !entry.comesAgain {
                settleHeard(entry)
            } else {
                putOff(entry, RoostError(.timeout, "It was not acknowledged in time."))
            }
        }
        flush()
    }
}
