import NIOCore
import RoostClient
import RoostCore

/// A client that is the SDK's own machine. What it tells its application is checked against the ledger at once.
final class SDKClient: SimGuest, @unchecked Sendable {
    let name: String
    let user: UserID
    let stage: Stage
    let dice: Dice
    let plan: Plan
    private let nodes: [SimNode]
    private var machine: ClientMachine
    private(set) var link: Link?
    /// The machine's number for the link.
    private var connection = 0
    private var connections = 0
    private var wakes = 0
    /// How often in a row it has asked to be woken at once.
    private var idleWakes = 0
    private var waiting: [ClientInput] = []
    private var isHandling = false
    private var messages = 0
    private var questions = 0

    var seats: [Seat]
    var isConnected = false
    /// The application has closed the client, for a while or for good.
    private(set) var isAway = false
    /// What was said and neither sent nor failed, with its room.
    var unsettledMessages: [String: Int] = [:]
    /// Questions that wait for their answer.
    var asked: [String: Question] = [:]
    /// What would outlive the process.
    private var kept: [KeptMessage] = []
    private var keptPositions: [String: RoostPosition] = [:]

    struct Plan {
        var presence: Bool?
        var history: Int
        var isDurable: Bool
        var isSilent: Bool
    }

    struct Seat {
        let room: RoomName
        var isWanted = false
        var isIn = false
        var epoch = ""
        /// Heard up to here; nil where nothing was joined yet.
        var cursor: UInt64?
        /// The history that was asked for may begin later, since retention has dropped its beginning.
        var mayStartLater = false
        var members: Set<String>?
        var typists: Set<String> = []
        /// The client has lost its position here once: what it sent then it can't say where it was.
        var hasLostPlace = false
    }

    enum Question {
        case history(Int, after: UInt64?, before: UInt64?, limit: Int)
        case presence(Int)
    }

    init(_ stage: Stage, number: Int, nodes: [SimNode], rooms: [RoomName]) {
        self.stage = stage
        self.nodes = nodes
        name = "s\(number)"
        dice = stage.dice(name)
        user = SimClient.user(number, dice)
        plan = Plan(
            presence: dice.pick([true, true, nil, false]), history: dice.pick([0, 0, 5, 100]),
            isDurable: dice.chance(0.3), isSilent: dice.chance(0.2))
        seats = rooms.map { Seat(room: $0) }
        for index in seats.indices where index == 0 || dice.chance(0.6) { seats[index].isWanted = true }
        machine = SDKClient.machine(stage, dice)
    }

    private static func machine(_ stage: Stage, _ dice: Dice) -> ClientMachine {
        var options = MachineOptions()
        // Nothing is given up here: what is said must be stored.
        options.messageAttempts = 100_000
        // Shorter than a slow line takes, it would fill the line with what was sent already.
        options.messageTimeoutMs = dice.pick([5000, 10_000])
        options.reconnectMaxMs = 3000
        options.openTimeoutMs = 5000
        return ClientMachine(options: options, wall: stage.wall.milliseconds - stage.now / 1000) {
            Double(dice.int(0...999_999)) / 1_000_000
        }
    }

    // MARK: The machine

    func handle(_ input: ClientInput) {
        waiting.append(input)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while !waiting.isEmpty {
            for action in machine.handle(waiting.removeFirst(), at: stage.now / 1000) { perform(action) }
        }
    }

    private func perform(_ action: ClientAction) {
        switch action {
        case .open(let number, _, _, _): open(number)
        case .close(let number, _, _): if number == connection { giveUp() }
        case .write(let number, let frame): if number == connection { write(frame) }
        case .wake(let at): wake(at: at)
        case .fetchToken: handle(.token(nil, expiresAt: nil))
        case .keep(let message): keep(message)
        case .forget(let id): kept.removeAll { $0.message.id == id }
        case .keepPosition(let room, let position): keptPositions[room] = position
        case .forgetPosition(let room): keptPositions[room] = nil
        case .keepSession: break
        case .answer(let request, let result): answered(request, result)
        case .emit(let event): heard(event)
        }
    }

    private func keep(_ message: KeptMessage) {
        if let place = kept.firstIndex(where: { $0.message.id == message.message.id }) {
            kept[place] = message
        } else {
            kept.append(message)
        }
    }

    private func wake(at: Int64) {
        wakes += 1
        let turn = wakes
        idleWakes = .ms(at) <= stage.now ? idleWakes + 1 : 0
        if idleWakes > 100 { wrong("asks to be woken at once, again and again") }
        stage.scheduler.after(max(0, .ms(at) - stage.now)) { [self] in if turn == wakes { handle(.wake) } }
    }

    // MARK: The connection

    func connect() {
        guard !isGone else { return }
        // It may have rested before the first time.
        isAway = false
        for index in seats.indices where seats[index].isWanted { join(index) }
        handle(.connect)
    }

    private func open(_ number: Int) {
        giveUp()
        connections += 1
        connection = number
        let link = Link(stage, name: "\(name)/\(connections)", client: self, node: dice.pick(nodes))
        self.link = link
        stage.trace.note(link.name, "connects to \(link.node.name)")
        link.open()
    }

    /// Lets go of the connection there is.
    private func giveUp() {
        guard let link else { return }
        self.link = nil
        link.end(.closed)
        link.abandon()
    }

    private func write(_ frame: ClientFrame) {
        guard let link else { return }
        var bytes = ByteBuffer()
        stage.trace.note(link.name, "sends \(frame.json.prefix(200))")
        link.text(frame.json, into: &bytes)
        link.send(bytes)
    }

    func opened(_ link: Link) {}

    func heard(_ text: ByteBuffer) {
        guard let link else { return }
        let text = String(buffer: text)
        stage.trace.note(link.name, "hears \(text.prefix(220))")
        handle(.frame(connection: connection, ServerFrame(text)))
    }

    func heardPing() { handle(.heard(connection: connection)) }

    func lost(_ link: Link, code: UInt16?) {
        guard link === self.link else { return }
        stage.trace.note(link.name, "is lost, \(code.map { "code \($0)" } ?? "no code")")
        link.abandon()
        self.link = nil
        handle(.closed(connection: connection, code: Int(code ?? 1006), reason: ""))
    }

    // MARK: What the application does

    func join(_ index: Int) {
        stage.trace.note(name, "joins \(seats[index].room)")
        seats[index].isWanted = true
        let wish = JoinWish(history: plan.history, presence: plan.presence, isDurable: plan.isDurable)
        handle(.join(room: seats[index].room.text, wish))
    }

    func leave(_ index: Int) {
        stage.trace.note(name, "leaves \(seats[index].room)")
        seats[index] = Seat(room: seats[index].room, hasLostPlace: true)
        handle(.leave(room: seats[index].room.text))
    }

    func say(_ count: Int, in index: Int) {
        let seat = seats[index]
        // Without a position a late retry can't be told from a new message.
        guard !isAway, seat.cursor != nil || !stage.shape.sendsSince else { return }
        for _ in 0..<count {
            messages += 1
            let id = "\(name)-\(messages)"
            let content = content(messages)
            stage.ledger.said(
                id,
                Ledger.Sent(
                    client: name, user: user, room: seat.room, content: Array(content.utf8), number: messages))
            unsettledMessages[id] = index
            handle(
                .send(
                    RoostClient.Outgoing(
                        room: seat.room.text, id: id, content: RoostContent(validated: content), createdAt: 0)))
        }
    }

    func ask(_ question: Question) {
        guard !isAway else { return }
        questions += 1
        let tag = "\(name)-q\(questions)"
        asked[tag] = question
        switch question {
        case .history(let index, let after, let before, let limit):
            let range: HistoryRange =
                after.map { .after(.seq($0)) } ?? before.map { .before(.seq($0)) } ?? .latest
            handle(.history(request: tag, room: seats[index].room.text, range, limit: limit))
        case .presence(let index): handle(.presence(request: tag, room: seats[index].room.text, cursor: nil))
        }
    }

    /// The process ends and begins anew with what it had kept.
    func restart() {
        guard !isAway else { return }
        stage.trace.note(name, "begins anew")
        giveUp()
        isConnected = false
        wakes += 1
        asked = [:]
        machine = SDKClient.machine(stage, dice)
        // Numbers begin anew as well; nothing comes from the old connection any more.
        connection = 0
        for index in seats.indices {
            let place = plan.isDurable ? keptPositions[seats[index].room.text] : nil
            let isWanted = seats[index].isWanted
            seats[index] = Seat(room: seats[index].room, isWanted: isWanted, hasLostPlace: true)
            guard let place, isWanted else { continue }
            (seats[index].epoch, seats[index].cursor) = (place.epoch, place.seq)
        }
        // A message that was heard is in the log; its ack was for the process that is gone.
        let known = Set(kept.map(\.message.id))
        unsettledMessages = unsettledMessages.filter { known.contains($0.key) }
        handle(.restored(session: nil, positions: keptPositions, queue: kept))
        connect()
    }

    /// Closes the client for a while.
    func rest() {
        guard !isAway else { return }
        isAway = true
        handle(.disconnect)
        stage.scheduler.after(dice.time(.ms(10) ... .ms(2000))) { [self] in comeBack() }
    }

    func comeBack() {
        guard isAway, !isGone else { return }
        isAway = false
        handle(.connect)
    }

    private var isGone = false

    func goHome() {
        isGone = true
        isAway = true
        handle(.disconnect)
    }

    var isSilent: Bool { plan.isSilent }
    func isIn(_ index: Int) -> Bool { seats[index].isIn }
    func members(_ index: Int) -> Set<String>? { seats[index].members }
    func typists(_ index: Int) -> Set<String> { seats[index].typists }

    var mostAnswerBytes: Int { 500 * 20 + asked.count * 50 * (stage.shape.maxContent + 400) }
}
