/// The rooms to which a connection's messages are refused because an earlier one was, for a passing cause: else those
/// already on their way behind it would overtake it.
///
/// A stoppage ends when the refused message comes again. It also ends when the client goes on without it, with a message
/// that was not sent before. Such a one can't be told from those on their way already until two things are known: the
/// client has heard of the refusal (it has answered a ping sent behind it; TCP keeps their order), and the time it was
/// asked to wait is over.
struct Stoppages: Sendable {
    /// Where a message was refused, the farthest first: what is refused farther on was sent before what is refused
    /// nearer by now.
    enum Place: Int, Sendable {
        case log
        /// On the way to the log, with everything else that was handed in together.
        case way
        case door
    }

    enum Outcome: Sendable {
        case began
        case lasts
        case tooMany
    }

    private struct Stoppage: Sendable {
        var id: MessageID
        var failure: Failure
        var place: Place
        var until: Moment
        /// The ping behind the refusal, until it is answered.
        var ping: UInt64?
        /// Those that were refused because of it: they don't go before it, whatever happens.
        var behind: Set<MessageID> = []

        func isOver(_ now: Moment) -> Bool { ping == nil && now >= until }

        /// How long a message behind the refused one is to wait, should that one never come.
        func waitMs(_ now: Moment) -> Int64 {
            max(1, isOver(now) ? until + Stoppages.givenUpAfterMs - now : until - now)
        }

        /// Whether another message than the refused one must wait.
        func holdsBack(_ id: MessageID, _ now: Moment) -> Bool {
            !isOver(now) || (now < until + Stoppages.givenUpAfterMs && behind.contains(id))
        }
    }

    static let most = 128
    /// Milliseconds after the wait was over from which on the refused message is taken to be given up, so that those
    /// behind it may come without it.
    static let givenUpAfterMs: Int64 = 10_000
    /// So many of the messages refused because of one are remembered.
    static let mostBehind = 1024

    private var byRoom: [RoomName: Stoppage] = [:]
    private var pings: UInt64 = 0

    var count: Int { byRoom.count }

    mutating func stop(
        _ id: MessageID, in room: RoomName, for failure: Failure, at place: Place, now: Moment
    ) -> Outcome {
        // The earliest counts; the same one again begins anew.
        if let known = byRoom[room], known.id != id, known.place.rawValue <= place.rawValue, known.holdsBack(id, now) {
            remember(id, behind: room)
            return .lasts
        }
        // Those behind an earlier stoppage stay behind this one, and so does its message where this one was sent before.
        var behind = byRoom[room]?.behind ?? []
        if let known = byRoom[room], place.rawValue < known.place.rawValue { behind.insert(known.id) }
        if byRoom.count >= Stoppages.most { byRoom = byRoom.filter { !$1.isOver(now) } }
        guard byRoom[room] != nil || byRoom.count < Stoppages.most else { return .tooMany }
        byRoom[room] = Stoppage(
            id: id, failure: failure, place: place, until: now + (failure.retryAfterMs ?? 0), ping: pings + 1,
            behind: behind.subtracting([id]))
        return .began
    }

    /// Why this message can't be taken now; nil if it can, which ends the stoppage.
    mutating func objection(to id: MessageID, in room: RoomName, now: Moment) -> Failure? {
        guard !byRoom.isEmpty, let stoppage = byRoom[room] else { return nil }
        guard stoppage.id != id, stoppage.holdsBack(id, now) else {
            byRoom[room] = nil
            return nil
        }
        remember(id, behind: room)
        let reason = "An earlier message to this room, \(stoppage.id), was refused: send that one again first."
        return Failure(stoppage.failure.code, reason, retryAfterMs: stoppage.waitMs(now))
    }

    private mutating func remember(_ id: MessageID, behind room: RoomName) {
        guard byRoom[room]?.behind.count ?? 0 < Stoppages.mostBehind else { return }
        byRoom[room]?.behind.insert(id)
    }

    mutating func numberPing() -> UInt64 {
        pings += 1
        return pings
    }

    mutating func hear(pong number: UInt64) {
        for (room, stoppage) in byRoom where stoppage.ping.map({ $0 <= number }) ?? false { byRoom[room]?.ping = nil }
    }
}
