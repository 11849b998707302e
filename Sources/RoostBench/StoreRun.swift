/// Publishers that wait for acks, and nobody who listens: what the log takes.
final class StoreRun: LoadRun {
    private let rooms: [String]
    private let publishers: [Publisher]
    private var doubled: UInt64 = 0
    private var durability: String?

    private final class Publisher {
        var publication: Publication
        var socket: BenchSocket?
        var sent: UInt64 = 0
        var acked: UInt64 = 0
        /// The first that waits for its ack; all before have theirs.
        var oldest: UInt64 = 1
        /// Emptied by the ack.
        var times = SentTimes()

        init(_ publication: Publication) { self.publication = publication }
    }

    init(_ options: Bench.Options, publishers: Int, rooms: Int) {
        let run = UInt32.random(in: 0 ... .max)
        let names = (0..<max(1, rooms)).map { "bench-\(run)-\($0)" }
        self.rooms = names
        self.publishers = (0..<publishers).map {
            Publisher(Publication(.native, room: names[$0 % names.count], size: options.size))
        }
        super.init(options, unit: "acked messages", latencyName: "ack latency")
    }

    override var senders: Int { publishers.count }
    override var one: String { "message" }

    override func begin() {
        connect(
            publishers.count, path: { [self] in path("", user: "bench-\($0)") },
            each: { [self] number, socket in
                let publisher = publishers[number]
                publisher.socket = socket
                socket.onMessage = { [unowned(unsafe) self, unowned(unsafe) publisher] in hear($0, publisher) }
            },
            then: { [self] in start() })
    }

    override func fill() {
        for publisher in publishers {
            for _ in 0..<options.inFlight { publish(publisher, at: loop.now) }
        }
    }

    override func publish(_ sender: Int, at time: Int64) { publish(publishers[sender], at: time) }

    private func publish(_ publisher: Publisher, at time: Int64) {
        publisher.sent += 1
        let number = publisher.sent
        if publisher.times.isFull(for: number) {
            while publisher.oldest < number, publisher.times[publisher.oldest] == 0 { publisher.oldest += 1 }
            publisher.times.makeRoom(for: number, oldest: publisher.oldest)
        }
        publisher.times.note(number, at: time)
        publisher.socket?.send(publisher.publication.numbered(number))
    }

    private func hear(_ text: UnsafeRawBufferPointer, _ publisher: Publisher) {
        if text.isFrame("ack"), let number = text.number(after: "\"messageId\":\"m") {
            if durability == nil { durability = text.text(after: "\"durability\":\"") }
            return acked(number, publisher)
        }
        if text.isFrame("error") {
            let reason = text.text(after: "\"reason\":\"") ?? "?"
            fail(BenchError("a message was refused: \(reason) (start the server with --rate-limit-messages 0)"))
        }
    }

    private func acked(_ number: UInt64, _ publisher: Publisher) {
        guard let sentAt = publisher.times.take(number, newest: publisher.sent) else {
            doubled += 1
            return
        }
        done += 1
        publisher.acked += 1
        enter(loop.now - sentAt)
        if !hasStopped, options.rate == nil { publish(publisher, at: loop.now) }
    }

    override func report(_ count: UInt64, seconds: Double) -> Report {
        let load = options.rate.map { "\($0) messages/s" } ?? "\(options.inFlight) in flight each"
        var report = Report(
            "store: \(publishers.count) publishers, \(load), \(rooms.count) rooms, \(options.size) B, acked as \(durability ?? "?")"
        )
        report.add("acked messages/s", Double(count) / seconds, "1/s")
        return report
    }

    override var missing: Int { publishers.reduce(0) { $0 + Int($1.sent) - Int($1.acked) } }

    override func judge(_ missing: Int, _ report: inout Report) {
        report.add("never acked", Double(missing), "")
        if missing > 0 { report.blame("never acked: \(missing)") }
        report.add("acked again or unasked", Double(doubled), "")
        if doubled > 0 { report.blame("acked again or unasked: \(doubled)") }
    }
}
