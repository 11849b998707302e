/// Publishes to the rooms of a storm, so many messages waiting for their ack at a time.
final class StormAuthor {
    private let socket: BenchSocket
    private let rooms: [String]
    private let filler: String
    private let fail: (BenchError) -> Void
    private let series = UInt32.random(in: 0 ... .max)
    private var sent = 0
    private var acked = 0
    private var wanted = 0
    private var heads: [UInt64]
    private var then: ([UInt64]) -> Void = { _ in }

    private static let inFlight = 256

    init(_ socket: BenchSocket, rooms: [String], filler: String, fail: @escaping (BenchError) -> Void) {
        self.socket = socket
        self.rooms = rooms
        self.filler = filler
        self.fail = fail
        heads = Array(repeating: 0, count: rooms.count)
        socket.onMessage = { [weak self] in self?.hear($0) }
        socket.onClose = { reason in fail(BenchError("the author's connection was closed: \(reason)")) }
    }

    /// Publishes so many messages to every room; tells where each room's log then ends.
    func publish(_ messages: Int, then: @escaping ([UInt64]) -> Void) {
        self.then = then
        wanted += messages * rooms.count
        sendMore()
    }

    private func sendMore() {
        while sent < wanted, sent - acked < StormAuthor.inFlight {
            let room = rooms[sent % rooms.count]
            // The number in front is read from the ack.
            let id = "\(sent)-\(series)"
            socket.send(
                #"{"type":"message","messageId":"\#(id)","payload":{"room":"\#(room)","content":"\#(filler)"}}"#)
            sent += 1
        }
    }

    private func hear(_ text: UnsafeRawBufferPointer) {
        if text.isFrame("error") {
            let reason = text.text(after: "\"reason\":\"") ?? "?"
            return fail(BenchError("a message was refused: \(reason) (start the server with --rate-limit-messages 0)"))
        }
        guard text.isFrame("ack"), let number = text.number(after: "\"messageId\":\""),
            let seq = text.number(after: "\"seq\":")
        else { return }
        let room = Int(number) % rooms.count
        heads[room] = max(heads[room], seq)
        acked += 1
        if acked == wanted { then(heads) } else { sendMore() }
    }
}
