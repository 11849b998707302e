import ArgumentParser
import Foundation

/// Runs the seeds in processes of this same command, a stretch of them in each: it uses all cores, what one world
/// leaves in memory is gone with its process, and a crash is a failure like any other.
struct Crew {
    private static let stretch: UInt64 = 500

    private let options: Simulate
    private let end: UInt64

    private final class Worker {
        let process = Process()
        let output = Pipe()
        let seeds: Range<UInt64>

        init(seeds: Range<UInt64>) { self.seeds = seeds }
    }

    init(_ options: Simulate) {
        self.options = options
        end = options.from + options.seeds
    }

    func run() throws {
        let start = Date()
        var next = options.from
        var done: UInt64 = 0
        var workers: [Worker] = []
        defer { for worker in workers where worker.process.isRunning { worker.process.terminate() } }
        while next < end || !workers.isEmpty {
            while next < end, workers.count < options.jobs {
                let size = max(1, min(Crew.stretch, options.seeds / UInt64(2 * options.jobs)))
                let seeds = next..<min(end, next + size)
                workers.append(try begin(seeds))
                next = seeds.upperBound
            }
            let first = workers.removeFirst()
            try finish(first)
            done += UInt64(first.seeds.count)
            tell(done, since: start)
        }
    }

    private func tell(_ done: UInt64, since start: Date) {
        let seconds = max(0.001, Date().timeIntervalSince(start))
        let rate = Int(Double(done) / seconds)
        print("\(done) of \(options.seeds) seeds passed, up to \(options.from + done - 1); \(rate) a second")
    }

    private func begin(_ seeds: Range<UInt64>) throws -> Worker {
        let worker = Worker(seeds: seeds)
        worker.process.executableURL = URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0])
        var arguments = ["--worker", "--from", "\(seeds.lowerBound)", "--seeds", "\(seeds.count)"]
        if options.checkDeterminism { arguments.append("--check-determinism") }
        if let sqlite = options.sqlite { arguments.append(sqlite ? "--sqlite" : "--no-sqlite") }
        if let cluster = options.cluster { arguments.append(cluster ? "--cluster" : "--no-cluster") }
        if let dynamodb = options.dynamodb { arguments.append(dynamodb ? "--dynamodb" : "--no-dynamodb") }
        worker.process.arguments = arguments
        worker.process.standardOutput = worker.output
        try worker.process.run()
        return worker
    }

    /// Waits for the end of a stretch; stops everything if it was not a good one.
    private func finish(_ worker: Worker) throws {
        let text = String(decoding: worker.output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        worker.process.waitUntilExit()
        guard worker.process.terminationStatus != 0 || worker.process.terminationReason != .exit else { return }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let progress = lines.prefix { $0.hasPrefix("seed ") && !$0.contains(" FAILED") && !$0.contains(":") }
        lines.removeFirst(progress.count)
        if !lines.contains(where: { $0.contains(" FAILED") }) {
            let seed = progress.last?.dropFirst("seed ".count) ?? "\(worker.seeds.lowerBound)"
            print("seed \(seed) FAILED: the process crashed (\(worker.process.terminationStatus))")
            print("To run it again: make simulate SEEDS=1 FROM=\(seed) TRACE=1")
        }
        print(lines.joined(separator: "\n"))
        throw ExitCode(1)
    }
}
