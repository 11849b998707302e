/// What the server and the generator have spent between two moments.
struct Meter {
    private let server: ProcessProbe?
    private let startedAt = BenchLoop.nanoseconds
    private let serverCPU: ProcessProbe.CPU?
    private let ownCPU: ProcessProbe.CPU?

    init(pid: Int32?) {
        server = pid.map { ProcessProbe(pid: $0) }
        serverCPU = server?.cpu
        ownCPU = ProcessProbe.own.cpu
    }

    var seconds: Double { Double(BenchLoop.nanoseconds - startedAt) / 1e9 }

    /// - Parameter isPaced: the load is fixed, so that a busy generator says nothing.
    func report(into report: inout Report, per name: String, count: UInt64, isPaced: Bool = false) {
        let elapsed = seconds
        if let before = serverCPU, let after = server?.cpu, count > 0 {
            let each = 1e6 / Double(count)
            report.add("server CPU per \(name)", (after.total - before.total) * each, "µs")
            report.add("of which user", (after.user - before.user) * each, "µs")
            report.add("server CPU", (after.total - before.total) / elapsed * 100, "%")
        }
        report.add("server RSS", server?.residentBytes.map { Double($0) / 1_048_576 }, "MiB")
        if let before = ownCPU, let after = ProcessProbe.own.cpu {
            let share = (after.total - before.total) / elapsed * 100
            report.add("generator CPU", share, "%")
            if share > 90, !isPaced { report.warn("the generator itself was the bottleneck; the server can do more") }
        }
    }
}
