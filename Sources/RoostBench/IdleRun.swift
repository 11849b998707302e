import NIOCore

/// Connections that are there and do nothing: what one costs in memory.
final class IdleRun: BenchRun<Report> {
    private let connections: Int
    private let before: Int?
    private var joined = 0

    init(_ options: Bench.Options, connections: Int, loop: any EventLoop) {
        self.connections = connections
        before = options.pid.flatMap { ProcessProbe(pid: $0).residentBytes }
        super.init(options, loop: loop)
    }

    func run() -> EventLoopFuture<Report> {
        let started = Meter(pid: options.pid)
        connect(
            connections,
            each: { [self] _, socket in
                socket.onClose = { [self] reason in fail(BenchError("a connection was closed: \(reason)")) }
                socket.onText = { [self] text in
                    guard text.has("\"type\":\"joined\"") else { return }
                    joined += 1
                    if joined % 1000 == 0 { options.progress("\(joined) joined") }
                    if joined == connections { after(.seconds(2)) { [self] in stop(started) } }
                }
                socket.send(#"{"type":"join","messageId":"j","payload":{"room":"bench-idle"}}"#)
            },
            then: {})
        return done.futureResult
    }

    private func stop(_ meter: Meter) {
        var report = Report("idle: \(connections) connections, each joined to one room with presence")
        if let before, let now = options.pid.flatMap({ ProcessProbe(pid: $0).residentBytes }) {
            report.add("server RSS per connection", Double(now - before) / Double(connections), "B")
            report.add("server RSS before", Double(before) / 1_048_576, "MiB")
        } else {
            report.warn("without --pid of a process on this machine its memory is not known")
        }
        meter.report(into: &report, per: "connect and join", count: UInt64(connections))
        finish(report)
    }
}
