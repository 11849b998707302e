import NIOCore
import RoostCore
import RoostHub
import RoostWire

/// Somebody in a `Scale`: hears everything, says little, and sits on one node after another.
final class Member: Transport, @unchecked Sendable {
    private let stage: Stage
    private let user: UserID
    private let rooms: [String]
    private let nodes: [SimNode]
    private let dice: Dice
    private var node = 0
    private var seat: (shard: Shard, loop: SimLoop, connection: Connection)?
    private var sent = 0

    init(_ stage: Stage, _ user: UserID, rooms: [String], nodes: [SimNode], number: Int) {
        self.stage = stage
        self.user = user
        self.rooms = rooms
        self.nodes = nodes
        dice = stage.dice("member \(number)")
    }

    var seats: [Seat] { rooms.map { Seat(room: $0, node: node) } }

    func connect() {
        node = dice.int(0...(nodes.count - 1))
        nodes[node].onSomeLoop { [self] shard, loop in
            let connection = shard.connect(
                self, dialect: .native, identity: Identity(user: user, name: user.text, client: user.text),
                session: "s")
            seat = (shard, loop, connection)
            for room in rooms { send("join", #"{"room":"\#(room)"}"#) }
        }
    }

    func reconnect() {
        guard let (shard, loop, connection) = seat else { return }
        seat = nil
        loop.perform { shard.disconnect(connection) }
        stage.scheduler.after(dice.time(.ms(100) ... .ms(1000))) { [self] in connect() }
    }

    func say() {
        guard let loop = seat?.loop, let room = RoomName(dice.pick(rooms)) else { return }
        loop.perform { [self] in
            let content = #""hello""#
            stage.ledger.said(
                "\(user)-\(sent + 1)",
                Ledger.Sent(
                    client: user.text, user: user, room: room, content: Array(content.utf8), number: sent + 1))
            send("message", #"{"room":"\#(room)","content":\#(content)}"#)
        }
    }

    private func send(_ type: String, _ payload: String) {
        guard let (shard, _, connection) = seat else { return }
        sent += 1
        let text = #"{"type":"\#(type)","messageId":"\#(user)-\#(sent)","payload":\#(payload)}"#
        shard.receive(ByteBuffer(string: text), from: connection)
    }

    // MARK: Transport

    func write(_ frames: ByteBuffer) {}
    func sendNow(_ frames: ByteBuffer) -> Bool { true }

    func flush() {}

    func ping(_ number: UInt64) {
        guard let (shard, loop, connection) = seat else { return }
        loop.perform { shard.heard(connection, pong: number) }
    }

    func setReading(_ isOn: Bool) {}

    func close(_ code: CloseCode, reason: String) {
        stage.referee.blow(.finishes, "\(user) was sent away with \(code): \(reason)")
    }
}
