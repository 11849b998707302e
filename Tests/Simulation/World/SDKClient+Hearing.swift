import RoostClient
import RoostCore

// What the SDK tells its application, and whether that may be so.
extension SDKClient {
    func heard(_ event: ClientEvent) {
        switch event {
        case .state(let state): changed(state)
        case .room(let room, let event):
            guard let index = seats.firstIndex(where: { $0.room.text == room }) else {
                return wrong("heard of \(room), which it never asked for")
            }
            heard(event, index)
        case .personal, .roomCreated: wrong("heard what nobody has said")
        // What comes behind a leave may be refused.
        case .error(let error, _): if error.code == .internal { wrong("got an internal error") }
        }
    }

    private func changed(_ state: ConnectionState) {
        stage.trace.note(name, "is \(state)")
        if case .connected = state {
            isConnected = true
            return
        }
        isConnected = false
        for index in seats.indices {
            seats[index].isIn = false
            seats[index].members = nil
        }
        if case .disconnected(let code, let reason) = state, !isAway { wrong("gave up with \(code): \(reason)") }
    }

    private func heard(_ event: RoomEvent, _ index: Int) {
        switch event {
        case .joined(let joined): self.joined(joined, index)
        case .message(let message):
            move(index, to: message.seq, "\(message.seq) \(message.id)")
            compare(message, seats[index])
        case .deleted(let deletion): move(index, to: deletion.seq, "\(deletion.seq), a tombstone")
        case .gap(let from, let to): gap(from, to, index)
        case .reset(let epoch, _):
            if epoch == seats[index].epoch { wrong("was told that \(seats[index].room) began anew without need") }
            seats[index].cursor = nil
        case .refused(let error): refused(error, index)
        case .left, .pending: break
        case .sent(let id, let receipt): sent(id, receipt, index)
        case .failed(let id, let error): failed(id, error, index)
        case .userJoined(let user, _): seats[index].members?.insert(user)
        case .userLeft(let user, _): seats[index].members?.remove(user)
        case .presence(let presence): learn(presence, index)
        case .typing(let user, let isActive):
            // Its own user may end on one connection what it began on another.
            guard user != self.user.text else { return }
            if isActive { seats[index].typists.insert(user) } else { seats[index].typists.remove(user) }
        case .receipts: break
        }
    }

    private func learn(_ presence: RoomPresence, _ index: Int) {
        // Only who hears of changes can keep the list up to date.
        guard plan.presence != false, let members = presence.members else { return }
        seats[index].members = Set(members.map(\.user))
    }

    // MARK: Places

    private func joined(_ joined: RoomEvent.Joined, _ index: Int) {
        let seat = seats[index]
        seats[index].isIn = true
        if seat.cursor == nil {
            let history = min(UInt64(plan.history), joined.head)
            (seats[index].epoch, seats[index].cursor) = (joined.epoch, joined.head - history)
            seats[index].mayStartLater = history > 0
        } else if seat.epoch != joined.epoch {
            wrong("joined \(seat.room) of \(joined.epoch), where it was in \(seat.epoch), without a word")
        }
        if plan.presence == true {
            if joined.members == nil, seats[index].members == nil { ask(.presence(index)) }
            if let members = joined.members { learn(members, index) }
        } else {
            // Who came and went while the room was being joined again was not told.
            seats[index].members = nil
        }
    }

    private func refused(_ error: RoostError, _ index: Int) {
        stage.trace.note(name, "is refused \(seats[index].room): \(error)")
        if !stage.deletesRooms { wrong("was not let into \(seats[index].room): \(error)") }
        seats[index].isIn = false
        seats[index].members = nil
        seats[index].typists = []
        stage.scheduler.after(dice.time(.ms(50) ... .ms(800))) { [self] in
            if seats[index].isWanted, !seats[index].isIn, !isAway { join(index) }
        }
    }

    private func move(_ index: Int, to seq: UInt64, _ what: String) {
        let seat = seats[index]
        guard let cursor = seat.cursor, seat.isIn, seq == cursor + 1 || mayBegin(at: seq, seat) else {
            return hole(seat.room, "heard \(what) of \(seat.room) after \(seat.cursor.map { "\($0)" } ?? "nothing")")
        }
        seats[index].cursor = seq
        seats[index].mayStartLater = false
    }

    private func gap(_ from: UInt64, _ to: UInt64, _ index: Int) {
        let seat = seats[index]
        let floor = stage.ledger.log(seat.room, seat.epoch)?.floor ?? 0
        guard let cursor = seat.cursor, from == cursor + 1 || mayBegin(at: from, seat), to >= from, to <= floor else {
            return hole(
                seat.room,
                "was told of a gap in \(seat.room) from \(from) to \(to) after \(seat.cursor ?? 0), with floor \(floor)"
            )
        }
        seats[index].cursor = to
        seats[index].mayStartLater = false
    }

    private func mayBegin(at seq: UInt64, _ seat: Seat) -> Bool {
        let floor = stage.ledger.log(seat.room, seat.epoch)?.floor ?? 0
        return seat.mayStartLater && seq > seat.cursor ?? 0 && seq - 1 <= floor
    }

    private func compare(_ message: RoostMessage, _ seat: Seat) {
        guard let truth = stage.ledger.log(seat.room, seat.epoch)?.message(at: message.seq) else {
            return hole(seat.room, "heard \(seat.room):\(message.seq) \(message.id), which was never stored")
        }
        let isSame =
            truth.id.text == message.id && truth.sender.text == message.sender
            && truth.content.bytes.elementsEqual(message.content.json.utf8)
        if !isSame {
            stage.referee.blow(
                .sameContent, "\(name) heard \(message.id) at \(seat.room):\(message.seq), where \(truth.id) is",
                [name, seat.room.text])
        }
    }

    // MARK: Messages

    private func sent(_ id: String, _ receipt: Receipt, _ index: Int) {
        guard unsettledMessages.removeValue(forKey: id) != nil else {
            return stage.referee.blow(.answered, "\(name) was told twice of \(id)", [name, id])
        }
        let seq = receipt.seq ?? 0
        let isTrue = stage.ledger.all.contains { log in
            log.room == seats[index].room && log.message(at: seq)?.id.text == id
        }
        if !isTrue {
            stage.referee.blow(.durability, "\(name) was told that \(id) is at \(seq), where it is not", [name, id])
        }
    }

    private func failed(_ id: String, _ error: RoostError, _ index: Int) {
        guard unsettledMessages.removeValue(forKey: id) != nil else {
            return stage.referee.blow(.answered, "\(name) was told twice of \(id)", [name, id])
        }
        // The place where it was first sent is gone: nobody can tell any more whether it was stored.
        let mayExpire =
            stage.deletesRooms || stage.shape.drops(seats[index].room)
            || stage.shape.sendsSince && seats[index].hasLostPlace
        if error.code == .retryExpired { stage.ledger.doubt(id) }
        if error.code != .retryExpired || !mayExpire { wrong("could not send \(id): \(error)") }
    }

    // MARK: Questions

    func answered(_ tag: String, _ result: Result<ServerFrame.Body, RoostError>) {
        guard let question = asked.removeValue(forKey: tag) else {
            return stage.referee.blow(.answered, "\(name) got an answer to what it did not ask: \(tag)", [name])
        }
        switch (question, result) {
        case (.presence(let index), .success(.presence(_, let presence))):
            if seats[index].isIn { learn(presence, index) }
        case (.history(let index, let after, let before, let limit), .success(.history(let page))):
            compare(page, index, after, before, limit)
        case (_, .failure(let error)):
            // A room may not be there yet, or be another one; or nobody answers.
            let mayBe: Set<RoostError.Code> = [
                .notFound, .conflict, .unavailable, .rateLimited, .timeout, .closed, .invalid,
            ]
            if !mayBe.contains(error.code) { wrong("got \(error) for \(tag)") }
        default: wrong("got an answer of another kind for \(tag)")
        }
    }

    private func compare(_ page: HistoryPage, _ index: Int, _ after: UInt64?, _ before: UInt64?, _ limit: Int) {
        let room = seats[index].room
        if page.entries.count > limit { wrong("got \(page.entries.count) entries of history, not \(limit)") }
        let log = stage.ledger.log(room, page.epoch)
        var last: UInt64?
        for entry in page.entries {
            let expected = last.map { $0 + 1 } ?? after.map { $0 + 1 } ?? entry.seq
            let isBehindGap = last == nil && entry.seq > expected && entry.seq - 1 <= log?.floor ?? 0
            var isSame = true
            if case .message(let message) = entry { isSame = log?.message(at: entry.seq)?.id.text == message.id }
            if entry.seq != expected && !isBehindGap || !isSame {
                hole(room, "read \(room):\(entry.seq) in its history")
            }
            last = entry.seq
        }
        if let before, let last, last + 1 != before { hole(room, "read history up to \(last) only") }
    }
}
