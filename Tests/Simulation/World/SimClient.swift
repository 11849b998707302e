import NIOCore
import RoostCore

/// A client as a good SDK would be: it connects again, resends what was not acked in the order in which it was first
/// sent, and joins from where it was. What it hears is checked against the ledger at once.
final class SimClient: SimGuest, @unchecked Sendable {
    let name: String
    let user: UserID
    let stage: Stage
    let dice: Dice
    let plan: Plan
    private let nodes: [SimNode]
    var link: Link?
    /// The connection is there and may be written to.
    var isOpen = false
    var hasBeenWelcomed = false
    /// One for each room there is, joined or not.
    var seats: [Seat]
    /// What has been said and not been acked, in the order of saying.
    var outgoing: [Outgoing] = []
    /// Requests of this connection that wait for their answer.
    var pending: [String: Pending] = [:]
    /// Requests of this connection that have had it.
    var answered: Set<String> = []
    var isLeaving = false
    /// The node has said when to come back, in milliseconds.
    var advice: Int64?
    private var connections = 0
    private var requests = 0
    private var messages = 0

    /// What kind of client it is.
    struct Plan {
        /// What joins say about presence.
        var presence: Bool?
        /// How much history the first join of a room asks for.
        var history: Int?
        /// Resends as soon as one message is refused, rather than when all are answered.
        var isEager: Bool
        var isSilent: Bool
        /// Comes back with one `resume` rather than with joins.
        var resumes: Bool
    }

    struct Seat {
        let room: RoomName
        /// Whether the client wants to be in.
        var isWanted = false
        /// Whether the node has said that it is in.
        var isIn = false
        var joins = 0
        var leaves = 0
        /// Where it was when it last heard of the room, and whether the next join is to go on from there.
        var hasPosition = false
        var epoch = ""
        var cursor: UInt64 = 0
        /// Who is in the room, as far as it was told.
        var members: Set<String>?
        /// A message was refused; later ones wait for it to be sent again.
        var isBlocked = false
        var isResendDue = false
        /// History was asked for, of which retention may have dropped the beginning.
        var mayStartLater = false
        /// Who types, as far as it was told.
        var typists: Set<String> = []
    }

    /// What a join said, to understand its answer by.
    struct Entry: Equatable {
        var after: UInt64?
        var epoch = ""
        var history: Int?
    }

    struct Outgoing {
        var id: String
        var seat: Int
        var content: String
        /// How often it was sent on this connection without having been answered.
        /// Where the client was when it said it.
        var since: String?
        var underWay = 0
        var isRefused = false
    }

    struct Pending {
        var request: Request
        var count = 1
    }

    enum Request: Equatable {
        case join(Int, Entry)
        /// By seat.
        case resume([Int: Entry])
        case leave(Int)
        case message(Int)
        case presence(Int)
        case history(Int, HistoryWish)
        case ping
        /// A frame that must be refused.
        case nonsense
    }

    struct HistoryWish: Equatable {
        var after: UInt64?
        var before: UInt64?
        var epoch: String
        var limit: Int
    }

    init(_ stage: Stage, number: Int, nodes: [SimNode], rooms: [RoomName]) {
        self.stage = stage
        self.nodes = nodes
        name = "c\(number)"
        dice = stage.dice(name)
        // Two clients may be the same user.
        user = SimClient.user(number, dice)
        let presence = dice.pick([true, true, nil, false])
        plan = Plan(
            presence: presence, history: dice.pick([nil, nil, 5, 100]), isEager: dice.chance(0.5),
            isSilent: dice.chance(0.2),
            // A resume can't say that nobody's coming and going is of interest.
            resumes: presence != false && dice.chance(0.5))
        seats = rooms.map { Seat(room: $0) }
        for index in seats.indices where index == 0 || dice.chance(0.6) { seats[index].isWanted = true }
    }

    static func user(_ number: Int, _ dice: Dice) -> UserID {
        let isTwin = number > 1 && dice.chance(0.2)
        guard let user = UserID("u\(isTwin ? number - 1 : number)") else { preconditionFailure("a user id is illegal") }
        return user
    }

    var isSilent: Bool { plan.isSilent }
    func isIn(_ index: Int) -> Bool { seats[index].isIn }
    func members(_ index: Int) -> Set<String>? { seats[index].members }
    func typists(_ index: Int) -> Set<String> { seats[index].typists }

    // MARK: The connection

    func connect() {
        guard link == nil, !isLeaving else { return }
        connections += 1
        let link = Link(stage, name: "\(name)/\(connections)", client: self, node: dice.pick(nodes))
        self.link = link
        stage.trace.note(link.name, "connects to \(link.node.name)")
        link.open()
        watch(link)
    }

    func opened(_ link: Link) {
        guard link === self.link else { return }
        isOpen = true
        stage.trace.note(link.name, "is open")
        if dice.chance(0.5) {
            joinAll()
            resendAll()
        } else {
            resendAll()
            joinAll()
        }
    }

    /// The connection is over; nil if nobody said why.
    func lost(_ link: Link, code: UInt16?) {
        guard link === self.link else { return }
        stage.trace.note(link.name, "is lost, \(code.map { "code \($0)" } ?? "no code")")
        if let code { judge(code) }
        link.abandon()
        self.link = nil
        isOpen = false
        hasBeenWelcomed = false
        pending = [:]
        answered = []
        for index in seats.indices {
            seats[index].isIn = false
            (seats[index].joins, seats[index].leaves) = (0, 0)
            seats[index].members = nil
            seats[index].typists = []
            (seats[index].isBlocked, seats[index].isResendDue) = (false, false)
        }
        for index in outgoing.indices { (outgoing[index].underWay, outgoing[index].isRefused) = (0, false) }
        let pause = advice.map { .ms($0) } ?? dice.time(.ms(10) ... .ms(stage.isCalm ? 200 : 1200))
        advice = nil
        stage.scheduler.after(pause) { [self] in connect() }
    }

    /// Nothing these clients do is a reason to send them away for good.
    private func judge(_ code: UInt16) {
        let mayReturn = (4000..<4500).contains(code) || [1001, 1011, 1012, 1013].contains(code)
        if !mayReturn || code == CloseCode.internal.rawValue {
            stage.referee.blow(.protocolKept, "\(name) was closed with \(code)", [name])
        }
        if code == CloseCode.draining.rawValue, advice == nil {
            stage.referee.blow(.protocolKept, "\(name) was sent away without being told when to come back", [name])
        }
        // Behind all that is queued on a slow line a ping may come too late.
        let isFast = stage.shape.network.latency.upperBound < .ms(50)
        if code == CloseCode.heartbeatMissed.rawValue, stage.shape.faults.isEmpty, isFast {
            stage.referee.blow(.protocolKept, "\(name) is said to have missed a heartbeat", [name])
        }
    }

    /// A connection on which nothing comes for long is given up, also while it is being made.
    private func watch(_ link: Link) {
        let limits = stage.shape.limits
        let patience = Int64.ms(2 * limits.heartbeatMs + limits.heartbeatTimeoutMs + 1000)
        stage.scheduler.after(.ms(1000)) { [self] in
            guard link === self.link else { return }
            if stage.now - link.heardAt > patience {
                stage.trace.note(link.name, "has heard nothing for too long")
                lost(link, code: nil)
            } else {
                watch(link)
            }
        }
    }

    // MARK: Names

    func nextRequest() -> String {
        requests += 1
        return "\(name)-q\(requests)"
    }

    func nextMessage() -> (id: String, number: Int) {
        messages += 1
        return ("\(name)-\(messages)", messages)
    }

    /// Bytes that answers to requests under way may take at most.
    var mostAnswerBytes: Int {
        let page = 50 * (stage.shape.maxContent + 400)
        return pending.values.reduce(0) { sum, pending in
            if case .history = pending.request { sum + page } else { sum + 500 * pending.count }
        }
    }
}
