import Histogram

/// A load that is kept up: a second of warming up, then what is measured, then a wait for what is still missing.
class LoadRun: BenchRun<Report> {
    /// What is counted, in the plural.
    private let unit: String
    private let latencyName: String
    /// How many there were, the warming up included.
    final var done: UInt64 = 0
    private var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private(set) final var hasStopped = false
    private var countedFrom: UInt64 = 0
    private var timeline = Timeline(from: 0)
    private var meter: Meter?
    private var pacer: Pacer?
    /// Whose turn it is to send, where there is a rate.
    private var turn = 0

    /// - Parameters:
    ///   - unit: what is counted, in the plural.
    ///   - latencyName: what takes the time that is measured.
    init(_ options: Bench.Options, unit: String, latencyName: String = "latency") {
        self.unit = unit
        self.latencyName = latencyName
        super.init(options)
    }

    // MARK: What each load says for itself

    /// Those that send in turn at a fixed rate; for others, `fill` begins everything.
    var senders: Int { 0 }

    /// Sends one, which counts as sent at that time.
    func publish(_ sender: Int, at time: Int64) {}

    /// Begins as much as may be under way at a time.
    func fill() {}

    /// Enters what has been heard and not been entered yet into `latencies`.
    func enterLatencies() {}

    /// The report's title and figures of its own, before those that every load has.
    func report(_ count: UInt64, seconds: Double) -> Report { Report("") }

    /// What one of those that are counted is called.
    var one: String { "" }

    /// How many have not come yet.
    var missing: Int { 0 }

    /// Adds what was wrong.
    func judge(_ missing: Int, _ report: inout Report) {}

    /// Enters how many nanoseconds something took, or each of so many things.
    final func enter(_ nanoseconds: Int64, times: UInt64 = 1) {
        latencies.record(UInt64(max(1, nanoseconds)), count: times)
    }

    // MARK: Keeping it up

    /// When all is prepared.
    final func start() {
        if let rate = options.rate, senders > 0 {
            pacer = Pacer(rate: rate, from: BenchLoop.nanoseconds)
            loop.onLook = { [unowned self] in publishWhatIsDue(at: $0) }
        } else {
            fill()
        }
        after(1) { [self] in beginMeasuring() }
    }

    private func publishWhatIsDue(at now: Int64) -> Int64 {
        guard !hasStopped else { return .max }
        while let planned = pacer?.due(at: now) {
            publish(turn, at: planned)
            turn = (turn + 1) % senders
        }
        return pacer?.next ?? .max
    }

    private func beginMeasuring() {
        enterLatencies()
        latencies.reset()
        pacer?.forget()
        countedFrom = done
        timeline = Timeline(from: done)
        meter = Meter(pid: options.pid)
        watch()
        tell(1)
    }

    private func watch() {
        after(timeline.step) { [self] in
            guard !hasStopped, let meter else { return }
            timeline.note(done, at: meter.seconds)
            watch()
        }
    }

    private func tell(_ second: Int) {
        after(1) { [self] in
            options.progress("\(second) s: \(done - countedFrom) \(unit)")
            if second < options.seconds { tell(second + 1) } else { stop() }
        }
    }

    private func stop() {
        hasStopped = true
        guard let meter else { return }
        enterLatencies()
        let count = done - countedFrom
        var report = report(count, seconds: meter.seconds)
        meter.report(into: &report, per: one, count: count, isPaced: pacer != nil)
        report.add(latencies: latencies, latencyName)
        pacer?.report(into: &report, latency: latencies.valueAtPercentile(99))
        timeline.end(done, at: meter.seconds)
        report.curves = Curves(latencyName: latencyName, latencies, rateName: unit, timeline)
        settle(
            missing: { [self] in missing },
            then: { [self] missing in
                judge(missing, &report)
                finish(report)
            })
    }
}
