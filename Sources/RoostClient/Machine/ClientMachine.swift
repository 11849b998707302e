/// The whole behaviour of a client, without a socket, clock, timer, random number or store of its own: what happens goes
/// in, what is to be done comes out. `Docs/client-machine.md` has its states, rules and numbers; `roost.js` has the same
/// machine, and both pass the same scenarios (`Tests/Clients/scenarios`).
///
/// Not thread-safe: whoever drives it keeps it on one thread.
package final class ClientMachine {
    let options: MachineOptions
    /// Random numbers from 0 up to 1.
    let random: () -> Double
    /// What a calendar's clock is ahead of `now`, in milliseconds: it matters only for what outlives the process.
    let wall: Int64
    /// Milliseconds of a clock that never goes back.
    private(set) var now: Int64 = 0
    private var actions: [ClientAction] = []
    private var frames = 0
    private var wakeAt: Int64?

    private(set) lazy var link = Link(self)
    private(set) lazy var rooms = Rooms(self)
    private(set) lazy var outbox = Outbox(self)
    private(set) lazy var requests = Requests(self)
    private(set) lazy var signals = Signals(self)

    package init(options: MachineOptions, wall: Int64 = 0, random: @escaping () -> Double) {
        self.options = options
        self.random = random
        self.wall = wall
    }

    /// Takes one input and says what is to be done, in this order.
    package func handle(_ input: ClientInput, at now: Int64) -> [ClientAction] {
        self.now = now
        actions = []
        take(input)
        askToBeWoken()
        return actions
    }

    private func take(_ input: ClientInput) {
        switch input {
        case .connect: link.connect()
        case .disconnect: link.disconnect()
        case .closed(let connection, let code, let reason): link.closed(connection, code, reason)
        case .heard(let connection): _ = link.heard(connection)
        case .frame(let connection, let frame): if link.heard(connection) { hear(frame) }
        case .wake: wake()
        case .network(let isUp): link.network(isUp: isUp)
        case .visible: link.hurry()
        case .token(let token, let expiresAt): link.takeToken(token, expiresAt: expiresAt)
        case .tokenFailed(let reason, let isFinal): link.tokenFailed(reason, isFinal: isFinal)
        case .restored(let session, let positions, let queue):
            if let session { link.session = session }
            rooms.restore(positions)
            outbox.restore(queue)
        case .join(let room, let wish): rooms.join(room, wish)
        case .leave(let room): rooms.leave(room)
        case .send(let message): outbox.send(message)
        case .retry(let id, let freshID): outbox.retry(id, freshID: freshID)
        case .discard(let id): outbox.discard(id)
        case .typing(let room, let isActive): signals.type(room, isActive)
        case .mark(let kind, let room, let seq): signals.mark(kind, room, seq)
        case .history(let tag, let room, let range, let limit): requests.history(tag, room, range, limit: limit)
        case .presence(let tag, let room, let cursor): requests.presence(tag, room, cursor: cursor)
        case .createRoom(let tag, let plan): requests.createRoom(tag, plan)
        }
    }

    // MARK: Frames

    private func hear(_ frame: ServerFrame) {
        let id = frame.messageID
        switch frame.body {
        case .welcome(let welcome): link.welcome(welcome, id)
        case .reconnect(let afterMs): link.advise(afterMs: afterMs)
        case .joined(let joined): rooms.joined(joined, id)
        case .left(let room): rooms.left(room, id)
        case .entry(let entry): rooms.entry(entry)
        case .gap(let room, let from, let to): rooms.gap(room, from: from, to: to)
        case .ack(let seq, let durability, let isDuplicate):
            outbox.ack(id, Receipt(seq: seq, durability: durability, isDuplicate: isDuplicate))
        case .error(let error, let room): refused(error, room, id)
        case .history: requests.answer(id, frame.body)
        case .presence(let room, let presence):
            if !requests.answer(id, frame.body) { rooms.tell(room, .presence(presence)) }
        case .roomCreated(let room):
            // The one who asked has an answer; every participant, this one too, is told.
            requests.answer(id, frame.body)
            emit(.roomCreated(room))
        case .typing(let room, let user, let isActive): signals.heardTyping(room, user, isActive)
        case .userJoined(let room, let user, let name): rooms.tell(room, .userJoined(user: user, name: name))
        case .userLeft(let room, let user, let lastSeen):
            signals.stopped(room, user)
            rooms.tell(room, .userLeft(user: user, lastSeen: lastSeen))
        case .receipts(let room, let marks): rooms.tell(room, .receipts(marks))
        case .pong, .unknown: break
        }
    }

    /// Whoever has sent what was refused takes the refusal; one that belongs to nobody is told to the application.
    private func refused(_ error: RoostError, _ room: String?, _ id: String?) {
        if outbox.refused(id, error) { return }
        if rooms.refused(id, room, error) { return }
        if requests.fail(id, error) { return }
        if link.refused(id, error) { return }
        emit(.error(error, room: room))
    }

    // MARK: What the parts share

    func act(_ action: ClientAction) { actions.append(action) }

    func emit(_ event: ClientEvent) { actions.append(.emit(event)) }

    /// Writes a frame, under an id of the machine's own unless one is given; returns the id.
    @discardableResult
    func write(_ body: ClientFrame.Body, id: String? = nil) -> String {
        let id = id ?? freshID()
        act(.write(connection: link.connection, ClientFrame(messageID: id, body: body)))
        return id
    }

    /// Whether a frame's id is one that the machine has made.
    static func isOurs(_ messageID: String) -> Bool { messageID.hasPrefix("~") }

    private func freshID() -> String {
        frames += 1
        return "~\(frames)"
    }

    var isOnline: Bool { link.isOnline }

    /// The connection has been welcomed. The order matters: positions first, so that what is sent again finds them.
    func cameOnline() {
        rooms.online()
        outbox.online()
        requests.online()
    }

    func wentOffline() {
        rooms.offline()
        outbox.offline()
        requests.offline()
        signals.offline()
    }

    // MARK: Time

    /// Does what is due; each part looks at the clock by itself.
    private func wake() {
        wakeAt = nil
        link.wake()
        rooms.wake()
        outbox.wake()
        requests.wake()
        signals.wake()
    }

    /// Only what is earlier than what has been said is said: a wake for nothing costs less than a timer per frame.
    private func askToBeWoken() {
        guard let due = earliest(link.dueAt, rooms.dueAt, outbox.dueAt, requests.dueAt, signals.dueAt) else { return }
        if let wakeAt, wakeAt <= due { return }
        wakeAt = due
        act(.wake(at: due))
    }
}
