import Histogram
import NIOCore

/// Publishers that wait for acks, and nobody who listens: what the log takes.
final class StoreRun: BenchRun<Report> {
    private let rooms: [String]
    private let publishers: Int
    private var sentAt: [[UInt64: NIODeadline]]
    private var sent: [UInt64]
    private var acked: UInt64 = 0
    private var countedFrom: UInt64 = 0
    private var durability = "?"
    private var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private var meter: Meter?
    private var isOver = false

    init(_ options: Bench.Options, publishers: Int, rooms: Int, loop: any EventLoop) {
        self.publishers = publishers
        let run = UInt32.random(in: 0 ... .max)
        self.rooms = (0..<max(1, rooms)).map { "bench-\(run)-\($0)" }
        sentAt = Array(repeating: [:], count: publishers)
        sent = Array(repeating: 0, count: publishers)
        super.init(options, loop: loop)
    }

    func run() -> EventLoopFuture<Report> {
        connect(
            publishers,
            each: { [self] number, socket in
                socket.onClose = { [self] reason in fail(BenchError("a connection was closed: \(reason)")) }
                socket.onText = { [self] in hear($0, number, socket) }
            },
            then: { [self] in
                for (number, socket) in sockets.enumerated() {
                    socket.onText = { [self] in hear($0, number, socket) }
                    for _ in 0..<options.inFlight { publish(number, socket) }
                }
                after(.seconds(1)) { [self] in
                    latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
                    countedFrom = acked
                    meter = Meter(pid: options.pid)
                    tick(1)
                }
            })
        return done.futureResult
    }

    private func publish(_ number: Int, _ socket: BenchSocket) {
        sent[number] += 1
        let id = sent[number]
        sentAt[number][id] = NIODeadline.now()
        let room = rooms[number % rooms.count]
        socket.send(
            #"{"type":"message","messageId":"\#(id)","payload":{"room":"\#(room)","content":"\#(filler)"}}"#)
    }

    private func hear(_ text: UnsafeRawBufferPointer, _ number: Int, _ socket: BenchSocket) {
        if text.has("\"type\":\"error\"") {
            let reason = text.text(after: "\"reason\":\"") ?? "?"
            return fail(BenchError("a message was refused: \(reason) (start the server with --rate-limit-messages 0)"))
        }
        guard text.has("\"type\":\"ack\""), let id = text.number(after: "\"messageId\":\""),
            let began = sentAt[number].removeValue(forKey: id)
        else { return }
        if acked == 0 { durability = text.text(after: "\"durability\":\"") ?? "?" }
        acked += 1
        latencies.record(UInt64((NIODeadline.now() - began).nanoseconds))
        if !isOver { publish(number, socket) }
    }

    private func tick(_ second: Int) {
        after(.seconds(1)) { [self] in
            options.progress("\(second) s: \(acked - countedFrom) acked")
            if second < options.seconds { tick(second + 1) } else { stop() }
        }
    }

    private func stop() {
        isOver = true
        guard let meter else { return }
        let count = acked - countedFrom
        var report = Report(
            "store: \(publishers) publishers × \(options.inFlight) in flight, \(rooms.count) rooms, \(options.size) B, acked as \(durability)"
        )
        report.add("acked messages/s", Double(count) / meter.seconds, "1/s")
        meter.report(into: &report, per: "message", count: count)
        report.add(latencies: latencies, "ack latency")
        settle(report)
    }

    private func settle(_ report: Report, patience: Int = 100) {
        let missing = sentAt.reduce(0) { $0 + $1.count }
        guard missing > 0, patience > 0 else {
            var report = report
            report.add("never acked", Double(missing), "")
            return finish(report)
        }
        after(.milliseconds(50)) { [self] in settle(report, patience: patience - 1) }
    }
}
