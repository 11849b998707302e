import Histogram

/// Frames that come back as they were sent.
final class EchoRun: BenchRun<Report> {
    private let connections: Int
    private let frame: OutgoingFrame
    private var sentAt: [[Int64]]
    private var sent: [Int]
    private var heard: [Int]
    private var open = 0
    private var roundTrips: UInt64 = 0
    private var damaged: UInt64 = 0
    private var countedFrom: UInt64 = 0
    private var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private var meter: Meter?
    private var hasStopped = false

    init(_ options: Bench.Options, connections: Int) {
        self.connections = connections
        frame = OutgoingFrame(.text, String(repeating: "x", count: options.size))
        sentAt = Array(repeating: Array(repeating: 0, count: options.inFlight), count: connections)
        sent = Array(repeating: 0, count: connections)
        heard = Array(repeating: 0, count: connections)
        super.init(options)
    }

    override func begin() {
        let path = options.target.path.isEmpty ? "/echo" : options.target.path
        var waiting: [BenchSocket?] = Array(repeating: nil, count: connections)
        connect(
            connections, path: { _ in path },
            each: { [self] number, socket in
                waiting[number] = socket
                socket.onMessage = { [unowned self, unowned socket] in hear($0, number, socket) }
            },
            then: { [self] in
                for (number, socket) in waiting.enumerated() {
                    for _ in 0..<options.inFlight { if let socket { send(number, socket) } }
                }
                after(1) { [self] in
                    latencies.reset()
                    countedFrom = roundTrips
                    meter = Meter(pid: options.pid)
                    measure({ [self] _ in "\(roundTrips - countedFrom) round trips" }, end: { [self] in stop() })
                }
            })
    }

    private func send(_ number: Int, _ socket: BenchSocket) {
        sentAt[number][sent[number] % options.inFlight] = BenchLoop.nanoseconds
        sent[number] += 1
        socket.send(frame)
    }

    private func hear(_ payload: UnsafeRawBufferPointer, _ number: Int, _ socket: BenchSocket) {
        if payload.count != options.size { damaged += 1 }
        latencies.record(UInt64(max(1, BenchLoop.nanoseconds - sentAt[number][heard[number] % options.inFlight])))
        heard[number] += 1
        roundTrips += 1
        if !hasStopped { send(number, socket) }
    }

    private func stop() {
        hasStopped = true
        guard let meter else { return }
        let count = roundTrips - countedFrom
        var report = Report("echo: \(connections) connections, \(options.size) B, \(options.inFlight) in flight each")
        report.add("round trips/s", Double(count) / meter.seconds, "1/s")
        meter.report(into: &report, per: "round trip", count: count)
        report.add(latencies: latencies, "latency")
        settle(
            missing: { [self] in sent.reduce(0, +) - heard.reduce(0, +) },
            then: { [self] lost in
                report.add("lost", Double(lost), "")
                if lost > 0 { report.blame("lost: \(lost)") }
                if damaged > 0 { report.blame("came back otherwise: \(damaged)") }
                finish(report)
            })
    }
}
