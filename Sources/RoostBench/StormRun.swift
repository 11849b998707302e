import Histogram

/// The storm: everybody comes back at once and goes on where they stood.
final class StormRun: BenchRun<Report> {
    private let state: StormState
    /// Seconds after which nobody is waited for any more.
    private let within: Int
    private var author: StormAuthor?
    private var hearings: [Hearing]
    private var live = 0
    private var heardLast = 0
    private var finished = 0
    private var unrecovered = 0
    private var connectedAfter: Double?
    private var liveAfter = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private var startedAt = BenchLoop.nanoseconds
    private var meter: Meter?
    private var report: Report
    private var hasEnded = false
    private var timeline = Timeline(from: 0)

    init(_ options: Bench.Options, state: StormState, within: Int) {
        self.state = state
        self.within = within
        hearings = state.clients.map { Hearing(after: $0.seq) }
        report = Report(
            "storm: \(state.clients.count) clients resume \(state.isStaggered ? "up to " : "")\(state.most) messages each, "
                + "\(state.rooms.count) rooms, \(state.size) B")
        super.init(options)
    }

    override func begin() {
        connect(
            1, path: { [self] _ in path("", user: "storm-author") },
            each: { [self] _, socket in
                author = StormAuthor(socket, rooms: state.rooms.map(\.name), filler: filler) { [self] in fail($0) }
                begin(readsBefore: readsOfLog)
            })
    }

    private var readsOfLog: Double? { MetricsProbe.read("roost_log_reads_total", of: options.target) }

    private func begin(readsBefore: Double?) {
        options.progress("\(state.clients.count) clients come back")
        meter = Meter(pid: options.pid)
        startedAt = BenchLoop.nanoseconds
        connect(
            state.clients.count, atOnce: 256, path: { [self] in path("", user: "storm-\($0)") },
            each: {
                [self] number, socket in
                socket.onMessage = { [unowned self, unowned socket] in hear($0, number, socket, readsBefore) }
                let room = state.rooms[state.clients[number].room]
                socket.send(
                    #"{"type":"resume","messageId":"r","payload":{"rooms":"#
                        + #"{"\#(room.name)":{"epoch":"\#(room.epoch)","seq":\#(state.clients[number].seq)}}}}"#)
            }, then: { [self] in connectedAfter = seconds })
        watch()
        tick(1)
    }

    private var heard: UInt64 { hearings.reduce(0) { $0 + $1.heard } }

    private func watch() {
        after(timeline.step) { [self] in
            guard !hasEnded else { return }
            timeline.note(heard, at: seconds)
            watch()
        }
    }

    private var seconds: Double { Double(BenchLoop.nanoseconds - startedAt) / 1e9 }

    private func tick(_ second: Int) {
        after(1) { [self] in
            guard !hasEnded else { return }
            options.progress("\(second) s: \(live) live, \(heard) messages heard")
            if second < within { tick(second + 1) } else { giveUp() }
        }
    }

    // MARK: Hearing

    private func hear(_ text: UnsafeRawBufferPointer, _ number: Int, _ socket: BenchSocket, _ readsBefore: Double?) {
        let head = state.rooms[state.clients[number].room].head
        if text.isFrame("message"), let seq = text.number(after: "\"seq\":") {
            let before = hearings[number].reached
            hearings[number].hear(seq)
            let reached = hearings[number].reached
            if before < head, reached >= head { isLive(readsBefore) }
            if before <= head, reached > head {
                heardLast += 1
                // Whatever is sent twice is on its way before the answer to this.
                socket.send(#"{"type":"ping","messageId":"p","payload":{}}"#)
            }
        } else if text.isFrame("joined") {
            if !text.has("\"recovered\":true") { unrecovered += 1 }
            if state.clients[number].seq == head { isLive(readsBefore) }
        } else if text.isFrame("pong") {
            finished += 1
            if finished == hearings.count { end() }
        } else if text.isFrame("error") {
            fail(BenchError("a client was refused: \(text.text(after: "\"reason\":\"") ?? "?")"))
        }
    }

    private func isLive(_ readsBefore: Double?) {
        live += 1
        liveAfter.record(UInt64(max(1, BenchLoop.nanoseconds - startedAt)))
        guard live == hearings.count else { return }
        reportStorm()
        if let readsBefore, let now = readsOfLog { reportReads(now - readsBefore) } else { warnOfReads() }
        author?.publish(1) { _ in }
    }

    // MARK: Reporting

    private func reportStorm() {
        let elapsed = seconds
        report.add("all live again after", elapsed, "s")
        report.add("all connected after", connectedAfter, "s")
        report.add(latencies: liveAfter, "live again")
        report.add("messages replayed/s", Double(state.total) / elapsed, "1/s")
        meter?.report(into: &report, per: "message replayed", count: state.total)
        report.add("server RSS peak", options.pid.flatMap { ProcessProbe(pid: $0).peakBytes }.map(mebibytes), "MiB")
    }

    private func mebibytes(_ bytes: Int) -> Double { Double(bytes) / 1_048_576 }

    private func reportReads(_ reads: Double) {
        let blocks = state.blocks()
        report.add("reads of the log", reads, "")
        report.add("blocks of 128 messages", Double(blocks), "")
        report.add("reads per block", reads / Double(max(1, blocks)), "")
    }

    private func warnOfReads() { report.warn("reads of the log are not known: /metrics does not tell them") }

    private func giveUp() {
        if live < hearings.count {
            report.blame("\(hearings.count - live) of \(hearings.count) clients were not live after \(within) s")
        } else {
            report.blame("\(hearings.count - heardLast) clients did not hear the last message within \(within) s")
        }
        end()
    }

    private func end() {
        hasEnded = true
        let faults: [(String, UInt64)] = [
            ("duplicates", hearings.reduce(0) { $0 + $1.duplicates }),
            ("holes", hearings.reduce(0) { $0 + $1.holes }),
            ("out of order", hearings.reduce(0) { $0 + $1.late }),
            ("not recovered", UInt64(unrecovered)),
        ]
        for (name, count) in faults {
            report.add(name, Double(count), "")
            if count > 0 { report.blame("\(name): \(count)") }
        }
        timeline.end(heard, at: seconds)
        report.curves = Curves(
            latencyName: "time until live again", liveAfter, rateName: "messages replayed", timeline)
        finish(report)
    }
}
