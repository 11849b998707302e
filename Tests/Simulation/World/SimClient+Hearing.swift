import NIOCore
import RoostCore
import RoostWire

// What a client hears, and whether that may be so.
extension SimClient {
    func heard(_ text: ByteBuffer) {
        guard let link else { return }
        text.withUnsafeReadableBytes { bytes in
            do throws(JSONFields.Mismatch) {
                guard let frame = try? JSONFields(bytes), let type = try frame.string("type"),
                    let id = try frame.string("messageId"), let payload = try frame.object("payload")
                else { return wrong("got what is no frame: \(String(buffer: text))") }
                stage.trace.note(link.name, "hears \(String(buffer: text).prefix(220))")
                if !hasBeenWelcomed, type != "welcome" { wrong("heard \(type) before it was welcomed") }
                try heard(type, id, payload, frame)
            } catch {
                wrong("got a frame whose \(error.reason)")
            }
        }
    }

    private func heard(
        _ type: String, _ id: String, _ payload: JSONFields, _ frame: JSONFields
    ) throws(JSONFields.Mismatch) {
        switch type {
        case "welcome":
            if hasBeenWelcomed { wrong("was welcomed twice") }
            hasBeenWelcomed = true
        case "message": try message(id, payload)
        case "ack":
            if case .message? = take(id, type) { try acked(id, payload) }
        case "error": try error(id, payload)
        case "joined": try joined(id, payload)
        case "left": try left(id, payload)
        case "gap": try gap(payload)
        case "user_joined", "user_left": try presenceChange(type, payload)
        case "presence": try presence(id, payload)
        case "history":
            if case .history(let index, let wish)? = take(id, type) { try history(index, wish, payload) }
        case "pong": _ = take(id, type)
        case "typing": try typing(payload)
        case "reconnect": advice = try payload.unsigned("afterMs").map { Int64(clamping: $0) }
        default: break
        }
    }

    // MARK: Answers

    /// The request that a frame answers; nil, and the referee knows, if there is none.
    func take(_ id: String, _ type: String, isMaybeUnasked: Bool = false) -> Request? {
        guard let waiting = pending[id] else {
            if answered.contains(id) {
                stage.referee.blow(.answered, "\(name) got a second answer to \(id): \(type)", [name])
            } else if !isMaybeUnasked {
                stage.referee.blow(.answered, "\(name) got an answer to what it did not ask: \(type) \(id)", [name])
            }
            return nil
        }
        if waiting.count > 1 {
            pending[id]?.count -= 1
        } else {
            pending[id] = nil
            answered.insert(id)
        }
        let isFitting =
            switch (type, waiting.request) {
            case ("error", _), ("ack", .message), ("joined", .join), ("joined", .resume), ("left", .leave),
                ("presence", .presence),
                ("history", .history), ("pong", .ping):
                true
            default: false
            }
        if !isFitting { stage.referee.blow(.answered, "\(name)'s \(id) was answered with \(type)", [name]) }
        return isFitting ? waiting.request : nil
    }

    private func acked(_ id: String, _ payload: JSONFields) throws(JSONFields.Mismatch) {
        if try payload.string("durability") != Durability.stored.rawValue {
            stage.referee.blow(.durability, "\(id) was not acked as stored", [name])
        }
        acked(id)
    }

    private func error(_ id: String, _ payload: JSONFields) throws(JSONFields.Mismatch) {
        // Hints are not answered, but one that comes behind a leave may be refused.
        if id.hasPrefix(hintPrefix) { return }
        guard let request = take(id, "error") else { return }
        let code = try payload.string("code").flatMap { ErrorCode(rawValue: $0) }
        let isPassing = code == .unavailable || code == .rateLimited
        switch request {
        case .message(let index):
            if isPassing { return refused(id) }
            // The place where it was first sent is gone: nobody can tell any more whether it was stored.
            let isExpired = code == .retryExpired && (stage.deletesRooms || stage.shape.drops(seats[index].room))
            isExpired ? acked(id) : wrong("was refused its message \(id): \(code?.rawValue ?? "?")")
        case .join(let index, _): notLetIn(index, code, isPassing)
        case .resume(let entries):
            if payload.present("room") != nil, let index = try seat(payload) { return notLetIn(index, code, isPassing) }
            // Refused as a whole.
            pending[id] = nil
            answered.insert(id)
            for index in entries.keys.sorted() { notLetIn(index, code, isPassing) }
        case .leave(let index):
            seats[index].leaves -= 1
            if isPassing { return tryAgain(index) }
            if seats[index].isIn { wrong("could not leave \(seats[index].room): \(code?.rawValue ?? "?")") }
        case .history, .presence:
            // A room may not be there yet, or be another one.
            if !isPassing, code != .notFound, code != .conflict { wrong("got \(code?.rawValue ?? "?") for \(id)") }
        case .ping: if code != .rateLimited { wrong("got an error for a ping") }
        case .nonsense: if code == .internal { wrong("got an internal error for nonsense") }
        }
    }

    private func notLetIn(_ index: Int, _ code: ErrorCode?, _ isPassing: Bool) {
        seats[index].joins -= 1
        isPassing ? tryAgain(index) : wrong("was not let into \(seats[index].room): \(code?.rawValue ?? "?")")
    }

    // MARK: Places

    private func seat(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Int? {
        let room = try payload.room()
        let index = seats.firstIndex { $0.room == room }
        if index == nil { wrong("heard of \(room), which it never asked for") }
        return index
    }

    private func joined(_ id: String, _ payload: JSONFields) throws(JSONFields.Mismatch) {
        guard let index = try seat(payload), let epoch = try payload.string("epoch"),
            let head = try payload.unsigned("head"), let isRecovered = try payload.bool("recovered")
        else { return wrong("got a joined without all it should say") }
        let entry: Entry
        var hasList = plan.presence == true
        switch take(id, "joined", isMaybeUnasked: true) {
        case .join(_, let said): entry = said
        case .resume(let entries):
            entry = entries[index] ?? Entry()
            hasList = false
            if plan.presence == true { askPresence(index) }
        default: return restarted(index, epoch, head)
        }
        seats[index].joins -= 1
        seats[index].isIn = true
        var start = head
        if let after = entry.after, epoch == entry.epoch {
            start = after
            // Only what retention has dropped may be missing.
            if !isRecovered, stage.ledger.log(seats[index].room, epoch)?.floor ?? 0 <= after {
                hole(index, "joined \(seats[index].room) after \(after), which was not recovered")
            }
        } else if entry.after != nil {
            if isRecovered { hole(index, "recovered \(seats[index].room) from \(entry.epoch), which is over") }
        } else {
            start = head - min(UInt64(entry.history ?? 0), head)
        }
        seats[index].mayStartLater = entry.after == nil && start < head
        if head > stage.ledger.log(seats[index].room, epoch)?.head ?? 0 {
            hole(index, "was told the head \(head) of \(seats[index].room), which is not so far")
        }
        (seats[index].epoch, seats[index].cursor, seats[index].hasPosition) = (epoch, start, true)
        if hasList { seats[index].members = try members(payload) }
        if !seats[index].isWanted, seats[index].leaves == 0 { leave(index) }
    }

    /// The log is another one: the client starts anew, at its end.
    private func restarted(_ index: Int, _ epoch: String, _ head: UInt64) {
        if !seats[index].isIn { wrong("heard unasked of \(seats[index].room), where it is not") }
        if epoch == seats[index].epoch { wrong("was put to the end of \(seats[index].room) without need") }
        (seats[index].epoch, seats[index].cursor) = (epoch, head)
    }

    private func left(_ id: String, _ payload: JSONFields) throws(JSONFields.Mismatch) {
        guard let index = try seat(payload) else { return }
        if case .leave? = take(id, "left", isMaybeUnasked: true) {
            seats[index].leaves -= 1
        } else {
            if !stage.deletesRooms { wrong("was put out of \(seats[index].room)") }
            seats[index].hasPosition = false
        }
        seats[index].isIn = false
        seats[index].members = nil
        seats[index].typists = []
        if seats[index].isWanted, seats[index].joins == 0 { tryAgain(index) }
    }

    // MARK: Messages

    func hole(_ index: Int, _ text: String) {
        stage.referee.blow(.noHole, "\(name) \(text)", [name, seats[index].room.text])
    }

    private func message(_ id: String, _ payload: JSONFields) throws(JSONFields.Mismatch) {
        guard let index = try seat(payload), let seq = try payload.unsigned("seq") else {
            return wrong("heard a message without a place")
        }
        let seat = seats[index]
        guard seat.isIn else { return hole(index, "heard \(seat.room):\(seq) without being in the room") }
        guard seq == seat.cursor + 1 || mayBegin(at: seq, seat) else {
            return hole(index, "heard \(seat.room):\(seq) \(id) after \(seat.cursor)")
        }
        seats[index].cursor = seq
        seats[index].mayStartLater = false
        guard let truth = stage.ledger.log(seat.room, seat.epoch)?.message(at: seq) else {
            return hole(index, "heard \(seat.room):\(seq) \(id), which was never stored")
        }
        let sender = try payload.string("sender")
        let isSame =
            truth.id.text == id && truth.sender.text == sender
            && payload.raw("content").map { truth.content.bytes.elementsEqual($0) } == true
        if !isSame {
            stage.referee.blow(
                .sameContent, "\(name) heard \(id) at \(seat.room):\(seq), where \(truth.id) is",
                [name, seat.room.text])
        }
    }

    private func gap(_ payload: JSONFields) throws(JSONFields.Mismatch) {
        guard let index = try seat(payload), let from = try payload.unsigned("from"),
            let to = try payload.unsigned("to")
        else { return wrong("got a gap without ends") }
        let seat = seats[index]
        let floor = stage.ledger.log(seat.room, seat.epoch)?.floor ?? 0
        guard seat.isIn, from == seat.cursor + 1 || mayBegin(at: from, seat), to >= from, to <= floor else {
            return hole(
                index,
                "was told of a gap in \(seat.room) from \(from) to \(to) after \(seat.cursor), with floor \(floor)")
        }
        seats[index].cursor = to
        seats[index].mayStartLater = false
    }

    /// Whether the history that was asked for may begin here, since the rest of it has been dropped.
    private func mayBegin(at seq: UInt64, _ seat: Seat) -> Bool {
        let floor = stage.ledger.log(seat.room, seat.epoch)?.floor ?? 0
        return seat.mayStartLater && seq > seat.cursor && seq - 1 <= floor
    }

    // MARK: Pages

    private func history(
        _ index: Int, _ wish: HistoryWish, _ payload: JSONFields
    ) throws(JSONFields.Mismatch) {
        let room = seats[index].room
        guard let epoch = try payload.string("epoch"),
            let elements = payload.raw("messages").flatMap({ JSONFields.elements(of: $0) })
        else { return wrong("got history without messages") }
        if elements.count > wish.limit { wrong("got \(elements.count) messages of history, not \(wish.limit)") }
        var last: UInt64?
        for element in elements {
            guard let frame = try? JSONFields(element), let fields = try frame.object("payload"),
                let seq = try fields.unsigned("seq"), let id = try frame.string("messageId")
            else { return wrong("got history with a message that is none") }
            let expected = last.map { $0 + 1 } ?? wish.after.map { $0 + 1 } ?? seq
            let truth = stage.ledger.log(room, epoch)?.message(at: seq)
            let isBehindGap = last == nil && seq > expected && seq - 1 <= stage.ledger.log(room, epoch)?.floor ?? 0
            if (seq != expected && !isBehindGap) || truth?.id.text != id {
                hole(index, "read \(room):\(seq) \(id) in its history")
            }
            last = seq
        }
        if let before = wish.before, let last, last + 1 != before { hole(index, "read history up to \(last) only") }
    }
}
