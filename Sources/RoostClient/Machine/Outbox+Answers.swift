import OrderedCollections

// What becomes of messages on their way.
extension Outbox {
    /// It is in the log. One that was refused besides, or may yet be, since it was written more than once over this
    /// connection, stays until that is known not to be so: the server lets nothing that was sent later pass before what
    /// it has refused has come again.
    func ack(_ id: String?, _ receipt: Receipt) {
        guard let id else { return }
        if let entry = failed.removeValue(forKey: id) { return tellSent(entry, receipt) }
        guard let entry = byID[id] else { return }
        entry.unanswered = max(0, entry.unanswered - 1)
        tellSent(entry, receipt)
        if entry.unanswered == 0, !entry.wasRefused {
            settle(entry)
        } else if entry.isWritten {
            mark(entry, comesAgain: false)
        }
        flush()
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
        tellSent(entry, Receipt(seq: entry.heardAt, durability: nil, isDuplicate: false))
        settle(entry)
        flush()
    }

    private func settle(_ entry: Entry) {
        let room = entry.message.room
        let wasProbe = lanes[room]?.probe === entry
        remove(entry)
        let left = lanes[room]?.entries ?? []
        // Nothing is on its way that could be refused because of what came before: all at once again.
        if wasProbe, lanes[room]?.again ?? 0 > 0, !left.contains(where: \.isWritten) {
            for other in left { mark(other, comesAgain: false) }
        }
    }

    /// Tells once that a message is in the log.
    private func tellSent(_ entry: Entry, _ receipt: Receipt) {
        if let writtenAt = entry.writtenAt { pace.acked(writtenAt: writtenAt, now: machine.now) }
        guard !entry.isSent else { return }
        entry.isSent = true
        forget(entry)
        machine.emit(.room(entry.message.room, .sent(id: entry.id, receipt)))
    }

    /// - Returns: whether a message of ours was refused.
    func refused(_ id: String?, _ error: RoostError) -> Bool {
        guard let id, let entry = byID[id] else { return id.map { failed[$0] != nil } ?? false }
        entry.unanswered = max(0, entry.unanswered - 1)
        entry.wasRefused = true
        if error.isPassing {
            // Being too fast is no fault of the message: it is told when to come again, as often as it takes.
            if error.code == .rateLimited {
                entry.attempts -= 1
                pace.slowDown(
                    rate: machine.link.limits.rateLimitMessages, retryAfterMs: error.retryAfterMs ?? 0,
                    writtenAt: entry.writtenAt ?? machine.now, now: machine.now)
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
            (entry.wasRefused, entry.unanswered) = (false, 0)
            guard !entry.isInLog else {
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
            // Nobody refused it: that it is in the log is answer enough.
            if entry.isInLog, !entry.comesAgain {
                settleHeard(entry)
            } else {
                putOff(entry, RoostError(.timeout, "It was not acknowledged in time."))
            }
        }
        flush()
    }
}
