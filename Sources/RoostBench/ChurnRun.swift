/// Clients that connect, join a room, say something, hear it and go: so many at a time, each in a room with others.
final class ChurnRun: LoadRun {
    private let atOnce: Int
    private let run = UInt32.random(in: 0 ... .max)
    private var begun: UInt64 = 0

    init(_ options: Bench.Options, atOnce: Int) {
        self.atOnce = atOnce
        super.init(options, unit: "cycles", latencyName: "cycle")
    }

    override var one: String { "cycle" }

    override func begin() { start() }

    override func fill() {
        for _ in 0..<atOnce { cycle() }
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
        done += 1
        enter(BenchLoop.nanoseconds - startedAt)
        // Not at once: we are being called by the socket that is gone.
        after(0) { [self] in cycle() }
    }

    override func report(_ count: UInt64, seconds: Double) -> Report {
        var report = Report("churn: connect, join, say, hear, close; \(atOnce) at a time, \(options.size) B")
        report.add("cycles/s", Double(count) / seconds, "1/s")
        return report
    }
}
