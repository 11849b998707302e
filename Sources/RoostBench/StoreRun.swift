import Histogram

/// Publishers that wait for acks, and nobody who listens: what the log takes.
final class StoreRun: BenchRun<Report> {
    private let rooms: [String]
    private var publishers: [Publisher]
    private var acked: UInt64 = 0
    private var countedFrom: UInt64 = 0
    private var durability = "?"
    private var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private var meter: Meter?
    private var pacer: Pacer?
    private var nextPublisher = 0
    private var hasStopped = false

    private struct Publisher {
        var publication: Publication
        var socket: BenchSocket?
        var sent: UInt64 = 0
        var acked: UInt64 = 0
        /// When the last 4096 of them were sent, by number.
        var sentAt = [Int64](repeating: 0, count: 4096)
    }

    init(_ options: Bench.Options, publishers: Int, rooms: Int) {
        let run = UInt32.random(in: 0 ... .max)
        let names = (0..<max(1, rooms)).map { "bench-\(run)-\($0)" }
        self.rooms = names
        self.publishers = (0..<publishers).map {
            let room = names[$0 % names.count]
            return Publisher(publication: Publication(.native, room: room, size: options.size))
        }
        super.init(options)
    }

    override func begin() {
        connect(
            publishers.count, path: { [self] in path("", user: "bench-\($0)") },
            each: { [self] number, socket in
                publishers[number].socket = socket
                socket.onMessage = { [unowned self] in hear($0, number) }
            },
            then: { [self] in start() })
    }

    private func start() {
        if let rate = options.rate {
            pacer = Pacer(rate: rate, from: BenchLoop.nanoseconds)
            loop.onRound = { [unowned self] in publishWhatIsDue() }
        } else {
            for number in publishers.indices {
                for _ in 0..<options.inFlight { publish(number, at: BenchLoop.nanoseconds) }
            }
        }
        after(1) { [self] in
            latencies.reset()
            countedFrom = acked
            meter = Meter(pid: options.pid)
            measure({ [self] _ in "\(acked - countedFrom) acked" }, end: { [self] in stop() })
        }
    }

    private func publishWhatIsDue() -> Int64? {
        guard !hasStopped else { return nil }
        while let planned = pacer?.due(at: BenchLoop.nanoseconds) {
            publish(nextPublisher, at: planned)
            nextPublisher = (nextPublisher + 1) % publishers.count
        }
        return pacer?.next
    }

    private func publish(_ number: Int, at time: Int64) {
        publishers[number].sent += 1
        let id = publishers[number].sent
        publishers[number].sentAt[Int(id & 4095)] = time
        let frame = publishers[number].publication.numbered(id)
        publishers[number].socket?.send(frame)
    }

    private func hear(_ text: UnsafeRawBufferPointer, _ number: Int) {
        if text.isFrame("error") {
            let reason = text.text(after: "\"reason\":\"") ?? "?"
            return fail(BenchError("a message was refused: \(reason) (start the server with --rate-limit-messages 0)"))
        }
        guard text.isFrame("ack"), let id = text.number(after: "\"messageId\":\"m") else { return }
        if acked == 0 { durability = text.text(after: "\"durability\":\"") ?? "?" }
        acked += 1
        publishers[number].acked += 1
        latencies.record(UInt64(max(1, BenchLoop.nanoseconds - publishers[number].sentAt[Int(id & 4095)])))
        if !hasStopped, options.rate == nil { publish(number, at: BenchLoop.nanoseconds) }
    }

    private func stop() {
        hasStopped = true
        guard let meter else { return }
        let count = acked - countedFrom
        let load = options.rate.map { "\($0) messages/s" } ?? "\(options.inFlight) in flight each"
        var report = Report(
            "store: \(publishers.count) publishers, \(load), \(rooms.count) rooms, \(options.size) B, acked as \(durability)"
        )
        report.add("acked messages/s", Double(count) / meter.seconds, "1/s")
        meter.report(into: &report, per: "message", count: count, isPaced: options.rate != nil)
        report.add(latencies: latencies, "ack latency")
        pacer?.report(into: &report)
        settle(
            missing: { [self] in publishers.reduce(0) { $0 + Int($1.sent - $1.acked) } },
            then: { [self] missing in
                report.add("never acked", Double(missing), "")
                if missing > 0 { report.blame("never acked: \(missing)") }
                finish(report)
            })
    }
}
