import Histogram
import NIOCore

/// One publication to many readers, over and over.
final class FanOutRun: BenchRun<Report> {
    private let readers: Int
    private let room = "bench-\(UInt32.random(in: 0 ... .max))"
    private var publisher: BenchSocket?
    private var joined = 0
    private var lastSeq: [UInt64]
    private var sentAt: [UInt64: NIODeadline] = [:]
    private var published: UInt64 = 0
    private var deliveries: UInt64 = 0
    private var misordered: UInt64 = 0
    private var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private var meter: Meter?
    private var countedFrom: UInt64 = 0
    private var isOver = false

    init(_ options: Bench.Options, readers: Int, loop: any EventLoop) {
        self.readers = readers
        lastSeq = Array(repeating: 0, count: readers)
        super.init(options, loop: loop)
    }

    func run() -> EventLoopFuture<Report> {
        connect(
            readers + 1,
            each: { [self] number, socket in
                socket.onClose = { [self] reason in fail(BenchError("a connection was closed: \(reason)")) }
                guard number > 0 else { return startPublisher(socket) }
                socket.onText = { [self] in hear($0, reader: number - 1) }
                socket.send(#"{"type":"join","messageId":"j","payload":{"room":"\#(room)","presence":false}}"#)
            },
            then: {})
        return done.futureResult
    }

    private func startPublisher(_ socket: BenchSocket) {
        publisher = socket
        socket.onText = { [self] text in
            if text.has("\"type\":\"error\"") {
                fail(
                    BenchError(
                        "a publication was refused: \(text.text(after: "\"reason\":\"") ?? "?") (start the server with --rate-limit-messages 0)"
                    ))
            }
        }
    }

    private func hear(_ text: UnsafeRawBufferPointer, reader: Int) {
        guard text.has("\"type\":\"message\"") else {
            if text.has("\"type\":\"joined\"") { joinedOne() }
            return
        }
        guard let seq = text.number(after: "\"seq\":") else { return }
        if seq != lastSeq[reader] + 1 { misordered += 1 }
        lastSeq[reader] = seq
        deliveries += 1
        if let sent = sentAt[seq] { latencies.record(UInt64((NIODeadline.now() - sent).nanoseconds)) }
        refill()
    }

    private func joinedOne() {
        joined += 1
        guard joined == readers else { return }
        options.progress("\(readers) readers joined; warming up")
        refill()
        after(.seconds(1)) { [self] in
            latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
            countedFrom = deliveries
            meter = Meter(pid: options.pid)
            tick(1)
        }
    }

    private func tick(_ second: Int) {
        after(.seconds(1)) { [self] in
            options.progress("\(second) s: \(deliveries - countedFrom) deliveries")
            if second < options.seconds { tick(second + 1) } else { stop() }
        }
    }

    /// Publishes as long as fewer than `inFlight` publications are not yet with every reader.
    private func refill() {
        guard !isOver, joined == readers else { return }
        while published < deliveries / UInt64(readers) + UInt64(options.inFlight) {
            published += 1
            sentAt[published] = NIODeadline.now()
            if published > 1024 { sentAt[published - 1024] = nil }
            publisher?.send(
                #"{"type":"message","messageId":"m\#(published)","payload":{"room":"\#(room)","content":"\#(filler)"}}"#
            )
        }
    }

    private func stop() {
        isOver = true
        guard let meter else { return }
        let count = deliveries - countedFrom
        var report = Report("fanout: 1 room × \(readers) readers, \(options.size) B, \(options.inFlight) in flight")
        report.add("deliveries/s", Double(count) / meter.seconds, "1/s")
        meter.report(into: &report, per: "delivery", count: count)
        report.add(latencies: latencies, "latency")
        settle(report)
    }

    /// What was published last must still reach everybody before anything can be said to be lost.
    private func settle(_ report: Report, patience: Int = 100) {
        let missing = published * UInt64(readers) - deliveries
        guard missing > 0, patience > 0 else {
            var report = report
            report.add("lost", Double(missing), "")
            report.add("doubled or out of order", Double(misordered), "")
            return finish(report)
        }
        after(.milliseconds(50)) { [self] in settle(report, patience: patience - 1) }
    }
}
