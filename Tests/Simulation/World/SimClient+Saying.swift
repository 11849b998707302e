import NIOCore
import RoostCore

// What a client sends.
extension SimClient {
    private func send(_ id: String, _ type: String, _ payload: String, _ request: Request) {
        var frames = ByteBuffer()
        put(id, type, payload, request, into: &frames)
        link?.send(frames)
    }

    private func put(
        _ id: String, _ type: String, _ payload: String, _ request: Request, into frames: inout ByteBuffer
    ) {
        guard let link else { return }
        var answers = 1
        if case .resume(let entries) = request { answers = entries.count }
        pending[id, default: Pending(request: request, count: 0)].count += answers
        stage.trace.note(link.name, "sends \(type) \(id) \(payload.prefix(120))")
        link.text(#"{"type":"\#(type)","messageId":"\#(id)","payload":\#(payload)}"#, into: &frames)
    }

    // MARK: Rooms

    /// Back where it was: all at once where it has positions, if it likes.
    func joinAll() {
        let wanted = seats.indices.filter { seats[$0].isWanted }
        let known = wanted.filter { seats[$0].hasPosition }
        if plan.resumes, !known.isEmpty { resume(known) }
        for index in wanted where !(plan.resumes && seats[index].hasPosition) { join(index) }
    }

    private func resume(_ indices: [Int]) {
        var entries: [Int: Entry] = [:]
        var positions: [String] = []
        for index in indices {
            let seat = seats[index]
            seats[index].joins += 1
            entries[index] = Entry(after: seat.cursor, epoch: seat.epoch)
            positions.append(#""\#(seat.room)":{"epoch":"\#(seat.epoch)","seq":\#(seat.cursor)}"#)
        }
        send(nextRequest(), "resume", #"{"rooms":{\#(positions.joined(separator: ","))}}"#, .resume(entries))
    }

    /// Enters a room, from the position in it if there is one.
    func join(_ index: Int, forgetting: Bool = false) {
        guard isOpen else { return }
        let seat = seats[index]
        var payload = #"{"room":"\#(seat.room)""#
        var entry = Entry(epoch: seat.epoch)
        if seat.hasPosition, !forgetting {
            entry.after = seat.cursor
            payload += #","after":{"epoch":"\#(seat.epoch)","seq":\#(seat.cursor)}"#
        } else if let wanted = plan.history {
            entry.history = wanted
            payload += #","history":\#(wanted)"#
        }
        if let presence = plan.presence { payload += #","presence":\#(presence)"# }
        seats[index].joins += 1
        send(nextRequest(), "join", payload + "}", .join(index, entry))
    }

    func leave(_ index: Int) {
        guard isOpen else { return }
        seats[index].leaves += 1
        send(nextRequest(), "leave", #"{"room":"\#(seats[index].room)"}"#, .leave(index))
    }

    /// Tries a join or leave again that was refused for a passing cause.
    func tryAgain(_ index: Int) {
        let link = link
        stage.scheduler.after(dice.time(.ms(50) ... .ms(800))) { [self] in
            guard isOpen, link === self.link else { return }
            let seat = seats[index]
            if seat.isWanted, !seat.isIn, seat.joins == 0 { join(index) }
            if !seat.isWanted, seat.isIn, seat.joins == 0, seat.leaves == 0 { leave(index) }
        }
    }

    // MARK: Messages

    func say(_ count: Int, in index: Int) {
        let seat = seats[index]
        // Without a position a late retry can't be told from a new message.
        guard seat.hasPosition || !stage.shape.sendsSince else { return }
        let since = #"{"epoch":"\#(seat.epoch)","seq":\#(seat.cursor)}"#
        for _ in 0..<count {
            let (id, number) = nextMessage()
            let content = content(number)
            stage.ledger.said(
                id,
                Ledger.Sent(
                    client: name, user: user, room: seats[index].room, content: Array(content.utf8), number: number))
            outgoing.append(
                Outgoing(id: id, seat: index, content: content, since: stage.shape.sendsSince ? since : nil))
        }
        guard isOpen, !seats[index].isBlocked else { return }
        sendMessages { $0.seat == index && $0.underWay == 0 }
    }

    /// On a new connection everything that was not acked is sent again.
    func resendAll() { sendMessages { _ in true } }

    private func sendMessages(_ isMeant: (Outgoing) -> Bool) {
        var frames = ByteBuffer()
        for index in outgoing.indices where isMeant(outgoing[index]) {
            outgoing[index].underWay += 1
            outgoing[index].isRefused = false
            let message = outgoing[index]
            let since = message.since.map { #","since":\#($0)"# } ?? ""
            put(
                message.id, "message",
                #"{"room":"\#(seats[message.seat].room)","content":\#(message.content)\#(since)}"#,
                .message(message.seat), into: &frames)
        }
        link?.send(frames)
    }

    /// One was refused for a passing cause: it and what was said after it is sent again, in order.
    func refused(_ id: String) {
        guard let place = outgoing.firstIndex(where: { $0.id == id }) else { return }
        outgoing[place].underWay -= 1
        guard outgoing[place].underWay == 0 else { return }
        outgoing[place].isRefused = true
        let index = outgoing[place].seat
        seats[index].isBlocked = true
        resendLater(index)
    }

    private func resendLater(_ index: Int) {
        guard !seats[index].isResendDue else { return }
        seats[index].isResendDue = true
        let link = link
        stage.scheduler.after(dice.time(.ms(50) ... .ms(900))) { [self] in
            guard isOpen, link === self.link else { return }
            seats[index].isResendDue = false
            let mine = outgoing.indices.filter { outgoing[$0].seat == index }
            if !plan.isEager, mine.contains(where: { outgoing[$0].underWay > 0 }) { return resendLater(index) }
            seats[index].isBlocked = false
            guard let first = mine.first(where: { outgoing[$0].isRefused }) else { return }
            let ids = Set(mine.filter { $0 >= first }.map { outgoing[$0].id })
            sendMessages { ids.contains($0.id) }
        }
    }

    func acked(_ id: String) { outgoing.removeAll { $0.id == id } }

    // MARK: Questions

    func askPresence(_ index: Int) {
        guard isOpen else { return }
        send(nextRequest(), "presence", #"{"room":"\#(seats[index].room)"}"#, .presence(index))
    }

    func askHistory(_ index: Int) {
        guard isOpen else { return }
        let seat = seats[index]
        var wish = HistoryWish(epoch: seat.epoch, limit: dice.int(1...50))
        var payload = #"{"room":"\#(seat.room)","limit":\#(wish.limit)"#
        if seat.hasPosition, dice.chance(0.6) {
            let isAfter = dice.chance(0.5)
            let seq = UInt64(dice.int(0...Int(seat.cursor)))
            if isAfter { wish.after = seq } else { wish.before = seq + 1 }
            payload +=
                #","\#(isAfter ? "after" : "before")":{"epoch":"\#(seat.epoch)","seq":\#(isAfter ? seq : seq + 1)}"#
        }
        send(nextRequest(), "history", payload + "}", .history(index, wish))
    }

    var hintPrefix: String { name + "-hint" }

    /// Types, or says how far it has read; there is no answer to either.
    func hint(_ index: Int) {
        guard isOpen, seats[index].isIn, let link else { return }
        let seat = seats[index]
        let (type, more) =
            dice.chance(0.5) ? ("typing", #""active":\#(dice.chance(0.7))"#) : ("read", #""seq":\#(seat.cursor)"#)
        var frames = ByteBuffer()
        stage.trace.note(link.name, "sends \(type) \(seat.room)")
        link.text(
            #"{"type":"\#(type)","messageId":"\#(hintPrefix)","payload":{"room":"\#(seat.room)",\#(more)}}"#,
            into: &frames)
        link.send(frames)
    }

    func ping() {
        guard isOpen else { return }
        send(nextRequest(), "ping", "{}", .ping)
    }

    func talkNonsense() {
        guard isOpen else { return }
        switch dice.int(0...2) {
        case 0: send(nextRequest(), "dance", "{}", .nonsense)
        case 1: send(nextRequest(), "join", #"{"room":"no such name"}"#, .nonsense)
        default: send(nextRequest(), "message", #"{"room":"r0"}"#, .nonsense)
        }
    }
}
