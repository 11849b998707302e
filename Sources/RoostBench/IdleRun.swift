/// Connections that are there and do nothing: what one costs in memory.
final class IdleRun: BenchRun<Report> {
    private let connections: Int
    private let room = "bench-idle-\(UInt32.random(in: 0 ... .max))"
    private let before: Int?
    private let meter: Meter
    private var joined = 0

    init(_ options: Bench.Options, connections: Int) {
        self.connections = connections
        before = options.pid.flatMap { ProcessProbe(pid: $0).residentBytes }
        meter = Meter(pid: options.pid)
        super.init(options)
    }

    override func begin() {
        connect(
            connections,
            path: { [self] in path(room, user: "bench-\($0)") },
            each: { [self] _, socket in
                var hasJoined = false
                socket.onMessage = { [unowned self, unowned socket] frame in
                    if let answer = options.dialect.answer(frame) { socket.send(answer) }
                    guard !hasJoined, options.dialect.isJoined(frame) else { return }
                    hasJoined = true
                    joinedOne()
                }
                guard let join = options.dialect.join(room, hearsPresence: true) else { return joinedOne() }
                socket.send(join)
            })
    }

    private func joinedOne() {
        joined += 1
        if joined % 1000 == 0 { options.progress("\(joined) joined") }
        if joined == connections { after(2) { [self] in stop() } }
    }

    private func stop() {
        var report = Report("idle: \(connections) connections, each joined to one room with presence")
        if let before, let now = options.pid.flatMap({ ProcessProbe(pid: $0).residentBytes }) {
            report.add("server RSS per connection", Double(now - before) / Double(connections), "B")
            report.add("server RSS before", Double(before) / 1_048_576, "MiB")
        } else {
            report.warn("without --pid of a process on this machine its memory is not known")
        }
        meter.report(into: &report, per: "connection", count: UInt64(connections))
        finish(report)
    }
}
