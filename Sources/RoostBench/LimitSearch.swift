/// Looks for the load that a server just about bears: the rate is doubled until latency or loss breaks, and then what
/// lies between is halved a few times.
struct LimitSearch {
    /// The highest rate that was borne, and the lowest that was not.
    private(set) var borne: Int?
    private(set) var tooMuch: Int?
    private let first: Int
    private var halvings = 0

    /// - Parameter first: where to begin.
    init(from first: Int) { self.first = first }

    /// How often what lies between is halved: to within a twentieth.
    private static let mostHalvings = 4
    private static let most = 10_000_000

    /// The next rate to try; nil once the limit is known well enough.
    mutating func next() -> Int? {
        switch (borne, tooMuch) {
        case (nil, nil): return first
        case (let borne?, nil): return borne < LimitSearch.most ? 2 * borne : nil
        case (nil, let tooMuch?): return tooMuch > 1 ? max(1, tooMuch / 4) : nil
        case (let borne?, let tooMuch?):
            halvings += 1
            guard halvings <= LimitSearch.mostHalvings, tooMuch - borne > 1 else { return nil }
            return (borne + tooMuch) / 2
        }
    }

    mutating func tried(_ rate: Int, wasBorne: Bool) {
        if wasBorne { borne = max(borne ?? 0, rate) } else { tooMuch = min(tooMuch ?? .max, rate) }
    }
}

extension Bench {
    /// The most publications a second that rooms with so many readers each bear.
    /// - Parameter mostMs: milliseconds that the 99th percentile of latency may reach.
    public static func findLimit(_ options: Options, rooms: Int, readers: Int, mostMs: Double) throws -> Report {
        try OpenFiles.provide(for: rooms * readers)
        var search = LimitSearch(from: 20)
        var best: Report?
        var last = ""
        while let rate = search.next() {
            var paced = options
            paced.rate = rate
            paced.progress = { _ in }
            let (report, objection) = trial(paced, rooms, readers, mostMs)
            search.tried(rate, wasBorne: objection == nil)
            if objection == nil { best = report }
            last = objection ?? last
            options.progress("\(rate) publications/s: \(objection ?? "borne")")
        }
        guard var report = best, let rate = search.borne else {
            throw BenchError("not even one publication a second is borne: \(last)")
        }
        report.title =
            "find-limit: \(rooms) × \(readers) readers, \(options.size) B, p99 up to \(Int(mostMs)) ms: \(rate) publications/s; "
            + "beyond that \(last.isEmpty ? "nothing was tried" : last)"
        SystemSettings(pid: options.pid).report(into: &report)
        return report
    }

    /// Why the load was too much, if it was.
    private static func trial(
        _ options: Options, _ rooms: Int, _ readers: Int, _ mostMs: Double
    ) -> (Report?, String?) {
        do {
            let report = try FanOutRun(options, rooms: rooms, readers: readers).run()
            if let fault = report.faults.first { return (report, fault) }
            let wanted = Double(options.rate ?? 0)
            if let latency = report["latency p99"], latency > mostMs { return (report, "p99 was \(Int(latency)) ms") }
            if let done = report["publications/s"], done < 0.9 * wanted {
                return (report, "only \(Int(done)) publications/s came through")
            }
            return (report, nil)
        } catch {
            return (nil, "\(error)")
        }
    }
}
