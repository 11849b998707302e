import RoostCore
import RoostEngine

/// Where everybody's drafts meet on their way to the log: while one append runs, the next batch grows, so that
/// throughput rises with load and latency stays at about one commit.
final class Ingest: Sendable {
    /// Drafts of one shard's tick, or of one HTTP request.
    struct Parcel: Sendable {
        var drafts: [Draft]
        var weight: Int
        var origin: Origin
    }

    enum Origin: Sendable {
        case shard(Int, authors: [Author])
        case caller(@Sendable ([Verdict]) -> Void)
    }

    /// Whom a shard owes an answer.
    struct Author: Sendable {
        var connection: UInt64
        var weight: Int
    }

    /// A batch that has been through the log.
    struct Outcome: Sendable {
        var parcels: [Parcel]
        /// Per parcel, one per draft.
        var verdicts: [[Verdict]]
        var committed: [Committed]
    }

    /// One append takes no more than this, so that its latency stays bounded.
    static let maxBatch = 8192
    /// Drafts that may wait, in bytes, over all connections; what comes on top is refused as `unavailable`.
    static let maxWaitingBytes = 64 << 20

    private struct State {
        var parcels: [Parcel] = []
        var bytes = 0
        var isRunning = false
        var idlers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())
    private let log: any MessageLog
    private let world: World
    private let deliver: @Sendable (Outcome) -> Void
    private let complain: @Sendable (StoreError) -> Void

    /// - Parameters:
    ///   - deliver: takes each batch on towards the shards, in order, on the ingest's own task.
    ///   - complain: hears of every append that failed.
    init(
        log: any MessageLog, world: World,
        deliver: @escaping @Sendable (Outcome) -> Void, complain: @escaping @Sendable (StoreError) -> Void
    ) {
        self.log = log
        self.world = world
        self.deliver = deliver
        self.complain = complain
    }

    /// Hands a parcel in. False if too much is waiting already; then nothing was taken.
    func submit(_ parcel: Parcel) -> Bool {
        let (isTaken, mustStart) = state.withLock { state in
            guard state.bytes + parcel.weight <= Ingest.maxWaitingBytes || state.parcels.isEmpty else {
                return (false, false)
            }
            state.parcels.append(parcel)
            state.bytes += parcel.weight
            defer { state.isRunning = true }
            return (true, !state.isRunning)
        }
        if mustStart { world.run { await self.run() } }
        return isTaken
    }

    /// Returns once nothing waits and nothing is under way.
    func idle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isRunning { state.idlers.append(continuation) }
                return !state.isRunning
            }
            if isIdle { continuation.resume() }
        }
    }

    private func run() async {
        while let parcels = take() {
            let drafts = parcels.flatMap(\.drafts)
            var verdicts: [Verdict]
            var committed: [Committed] = []
            do throws(StoreError) {
                let appended = try await log.append(drafts, at: world.wall())
                (verdicts, committed) = (appended.verdicts, appended.committed)
            } catch {
                complain(error)
                verdicts = Array(repeating: .rejected(error.failure), count: drafts.count)
            }
            let answers = split(verdicts, among: parcels)
            deliver(Outcome(parcels: parcels, verdicts: answers, committed: committed))
            for (parcel, answer) in zip(parcels, answers) {
                if case .caller(let reply) = parcel.origin { reply(answer) }
            }
        }
    }

    /// The next batch; nil, and the run is over, if there is none.
    private func take() -> [Parcel]? {
        let (batch, idlers) = state.withLock { state -> ([Parcel]?, [CheckedContinuation<Void, Never>]) in
            guard !state.parcels.isEmpty else {
                state.isRunning = false
                defer { state.idlers = [] }
                return (nil, state.idlers)
            }
            var count = 0
            let end = state.parcels.firstIndex { parcel in
                defer { count += parcel.drafts.count }
                return count > 0 && count + parcel.drafts.count > Ingest.maxBatch
            }
            let batch = Array(state.parcels[..<(end ?? state.parcels.endIndex)])
            state.parcels.removeFirst(batch.count)
            state.bytes -= batch.reduce(0) { $0 + $1.weight }
            return (batch, [])
        }
        for idler in idlers { idler.resume() }
        return batch
    }

    private func split(_ verdicts: [Verdict], among parcels: [Parcel]) -> [[Verdict]] {
        var start = 0
        return parcels.map { parcel in
            defer { start += parcel.drafts.count }
            return Array(verdicts[start..<(start + parcel.drafts.count)])
        }
    }
}
