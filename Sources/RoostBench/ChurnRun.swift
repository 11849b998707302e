import Histogram

/// Clients that connect, join a room, say something, hear it and go: so many at a time, each in a room with others.
final class ChurnRun: BenchRun<Report> {
    private let atOnce: Int
    private let run = UInt32.random(in: 0 ... .max)
    private var begun: UInt64 = 0
    private var cycles: UInt64 = 0
    private var countedFrom: UInt64 = 0
    private var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private var meter: Meter?
    private var hasStopped = false

    init(_ options: Bench.Options, atOnce: Int) {
        self.atOnce = atOnce
        super.init(options)
    }

    override func begin() {
        for _ in 0..<atOnce { cycle() }
        after(1) { [self] in
            latencies.reset()
            countedFrom = cycles
            meter = Meter(pid: options.pid)
            measure({ [self] _ in "\(cycles - countedFrom) cycles" }, end: { [self] in stop() })
        }
    }

    private func cycle() {
        guard !hasStopped else { return }
        begun += 1
        let (number, startedAt) = (begun, BenchLoop.nanoseconds)
        // Ten share a room.
        let room = "bench-\(run)-\(number / 10 % UInt64(max(1, atOnce / 10)))"
        var publication = Publication(options.dialect, room: room, size: options.size)
        let frame = publication.numbered(number)
        var finder = NumberFinder(options.dialect)
        var isJoined = false
        connect(path: path(room, user: "churn-\(number)"), subprotocol: options.dialect.subprotocol) { [self] socket in
            socket.onMessage = { [unowned self, unowned socket] text in
                var isOwn = false
                finder.find(text) { if $0 == number { isOwn = true } }
                if isOwn { return finishCycle(socket, startedAt) }
                if let reason = options.dialect.refusal(text) { fail(BenchError("the server refused: \(reason)")) }
                guard !isJoined, options.dialect.isJoined(text) else { return }
                isJoined = true
                socket.send(frame)
            }
            if let join = options.dialect.join(room, hearsPresence: true) {
                socket.send(join)
            } else {
                socket.send(frame)
            }
        }
    }

    private func finishCycle(_ socket: BenchSocket, _ startedAt: Int64) {
        socket.close()
        cycles += 1
        latencies.record(UInt64(max(1, BenchLoop.nanoseconds - startedAt)))
        // Not at once: we are being called by the socket that is gone.
        after(0) { [self] in cycle() }
    }

    private func stop() {
        hasStopped = true
        guard let meter else { return }
        let count = cycles - countedFrom
        var report = Report("churn: connect, join, say, hear, close; \(atOnce) at a time, \(options.size) B")
        report.add("cycles/s", Double(count) / meter.seconds, "1/s")
        meter.report(into: &report, per: "cycle", count: count)
        report.add(latencies: latencies, "cycle")
        finish(report)
    }
}
