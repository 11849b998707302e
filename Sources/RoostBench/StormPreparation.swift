/// The calm before: rooms with a history, clients who join them and are dropped, and what is said while they are away.
final class StormPreparation: BenchRun<StormState> {
    private let plan: StormPlan
    private let rooms: [String]
    private var epochs: [String]
    private var joined = 0
    private var author: StormAuthor?

    init(_ options: Bench.Options, plan: StormPlan) {
        self.plan = plan
        let run = UInt32.random(in: 0 ... .max)
        rooms = (0..<plan.rooms).map { "storm-\(run)-\($0)" }
        epochs = Array(repeating: "", count: plan.rooms)
        super.init(options)
    }

    override func begin() {
        connect(
            1, path: { [self] _ in path("", user: "storm-author") },
            each: { [self] _, socket in
                author = StormAuthor(socket, rooms: rooms, filler: filler) { [self] in fail($0) }
                options.progress("publishing \(plan.messages) messages to each of \(plan.rooms) rooms")
                author?.publish(plan.messages) { [self] _ in gather() }
            })
    }

    private func gather() {
        options.progress("\(plan.clients) clients connect and join")
        connect(
            plan.clients, path: { [self] in path("", user: "storm-\($0)") },
            each: { [self] number, socket in
                let room = number % plan.rooms
                socket.onMessage = { [unowned self] text in
                    guard text.isFrame("joined") else { return }
                    epochs[room] = text.text(after: "\"epoch\":\"") ?? ""
                    joined += 1
                    if joined == plan.clients { drop() }
                }
                socket.send(#"{"type":"join","messageId":"j","payload":{"room":"\#(rooms[room])"}}"#)
            })
    }

    /// All but the author.
    private func drop() {
        options.progress("all are dropped, and miss \(plan.messages) messages")
        for socket in sockets.dropFirst() {
            socket.close()
        }
        author?.publish(plan.messages) { [self] in finish(state(heads: $0)) }
    }

    private func state(heads: [UInt64]) -> StormState {
        let clients = (0..<plan.clients).map { number in
            let (row, room) = number.quotientAndRemainder(dividingBy: plan.rooms)
            let inRoom = (plan.clients - room + plan.rooms - 1) / plan.rooms
            let missed = plan.isStaggered ? plan.messages - row * plan.messages / inRoom : plan.messages
            return StormState.Client(room: room, seq: heads[room] - UInt64(missed))
        }
        return StormState(
            rooms: rooms.indices.map { StormState.Room(name: rooms[$0], epoch: epochs[$0], head: heads[$0]) },
            clients: clients, size: options.size, isStaggered: plan.isStaggered)
    }
}
