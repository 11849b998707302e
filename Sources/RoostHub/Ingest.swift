import DequeModule
import RoostCore
import RoostEngine

/// Where everybody's drafts meet on their way to the log: while one append runs, the next batch grows, so that
/// throughput rises with load and latency stays at about one commit.
///
/// When an append fails, wholly or for some rooms, so does everything for these rooms that shards have handed in before
/// they heard of it: else a message could overtake an earlier one of its author that was refused.
final class Ingest: Sendable {
    /// Drafts of one shard's tick, or of one HTTP request.
    struct Parcel: Sendable {
        var drafts: [Draft]
        var weight: Int
        var origin: Origin
        /// How many failed appends the shard had heard of; nil for callers, who keep no order.
        var heard: UInt64?
        /// Its place among all that were taken in.
        fileprivate(set) var number: UInt64 = 0

        init(drafts: [Draft], weight: Int, origin: Origin, heard: UInt64? = nil) {
            self.drafts = drafts
            self.weight = weight
            self.origin = origin
            self.heard = heard
        }
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
        var committed: [Committed] = []
        /// The number of failed appends, if this was one.
        var failures: UInt64?
    }

    enum Admission: Equatable {
        case taken
        /// Too much is waiting already.
        case full
        /// Appends to these rooms have failed of which the shard has not heard yet: without their drafts it is taken.
        case outdated(Set<RoomName>)
    }

    /// Failures whose rooms are remembered; to a shard that is further behind, all rooms are outdated.
    static let mostFailures = 64

    /// One append takes no more than this, so that its latency stays bounded.
    static let maxBatch = 8192
    /// Drafts that may wait, in bytes, over all connections; what comes on top is refused as `unavailable`.
    static let maxWaitingBytes = 64 << 20

    /// What has been through the log since the start; refused messages and duplicates count, failed appends don't.
    struct Appends: Sendable, Equatable {
        var batches: UInt64 = 0
        var messages: UInt64 = 0
    }

    fileprivate struct State {
        var parcels: [Parcel] = []
        var bytes = 0
        var isRunning = false
        var failures: UInt64 = 0
        /// The rooms of the last failures, the newest last.
        var failed: Deque<Set<RoomName>> = []
        /// Parcels taken in since the start, and how many of the first of them are through.
        var taken: UInt64 = 0
        var through: UInt64 = 0
        var appended = Appends()
        var waiting: [(until: UInt64, continuation: CheckedContinuation<Void, Never>)] = []
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

    /// Hands a parcel in. Nothing of it was taken unless the answer is `taken`.
    /// - Parameter loop: where the appending begins, if it has to.
    func submit(_ parcel: Parcel, on loop: LoopExecutor? = nil) -> Admission {
        let (admission, mustStart) = state.withLock { state -> (Admission, Bool) in
            if let outdated = state.outdated(in: parcel) { return (.outdated(outdated), false) }
            guard state.bytes + parcel.weight <= Ingest.maxWaitingBytes || state.parcels.isEmpty else {
                return (.full, false)
            }
            state.taken += 1
            state.parcels.append(parcel)
            state.parcels[state.parcels.count - 1].number = state.taken
            state.bytes += parcel.weight
            defer { state.isRunning = true }
            return (.taken, !state.isRunning)
        }
        if mustStart { world.run(on: loop) { await self.run() } }
        return admission
    }

    var appended: Appends { state.withLock { $0.appended } }

    /// How many wait at fences.
    var fences: Int { state.withLock { $0.waiting.count } }

    /// Returns once everything handed in before the call is through the log, and its outcome on its way.
    func fence() async {
        await withCheckedContinuation { continuation in
            let isThrough = state.withLock { state in
                if state.through < state.taken { state.waiting.append((state.taken, continuation)) }
                return state.through == state.taken
            }
            if isThrough { continuation.resume() }
        }
    }

    private func run() async {
        while let parcels = take() {
            let drafts = parcels.flatMap(\.drafts)
            var outcome: Outcome
            do throws(StoreError) {
                let appended = try await log.append(drafts, at: world.wall())
                outcome = Outcome(
                    parcels: parcels, verdicts: split(appended.verdicts, among: parcels), committed: appended.committed)
                // One of several stores behind the log may have failed, or one of the rooms.
                let failed = Ingest.passingRefusals(of: drafts, appended.verdicts)
                if let failure = failed.first?.value {
                    complain(.failed(failure.reason))
                    fail(&outcome, failed)
                }
                finish(&outcome, appended.verdicts.count { $0.passingRefusal == nil })
            } catch {
                complain(error)
                outcome = Outcome(
                    parcels: parcels,
                    verdicts: parcels.map { Array(repeating: .rejected(error.failure), count: $0.drafts.count) })
                fail(&outcome, drafts.reduce(into: [:]) { $0[$1.room] = error.failure })
                finish(&outcome, 0)
            }
        }
    }

    /// Tells everybody what has become of a batch.
    /// - Parameter messages: how many of its messages the log has answered.
    private func finish(_ outcome: inout Outcome, _ messages: Int) {
        deliver(outcome)
        for (parcel, answer) in zip(outcome.parcels, outcome.verdicts) {
            if case .caller(let reply) = parcel.origin { reply(answer) }
        }
        finish(messages)
    }

    /// The rooms of which something was refused that may come again, each with the reason.
    private static func passingRefusals(of drafts: [Draft], _ verdicts: [Verdict]) -> [RoomName: Failure] {
        var failed: [RoomName: Failure] = [:]
        for (draft, verdict) in zip(drafts, verdicts) {
            if let failure = verdict.passingRefusal, failed[draft.room] == nil { failed[draft.room] = failure }
        }
        return failed
    }

    /// Something was refused that may come again: so is what shards have sent behind it to the same rooms.
    private func fail(_ outcome: inout Outcome, _ failed: [RoomName: Failure]) {
        let (behind, failures) = state.withLock { state in
            let rooms = Set(failed.keys)
            var behind: [Parcel] = []
            state.parcels = state.parcels.compactMap { parcel in
                guard parcel.heard != nil, let torn = parcel.tear(rooms) else { return parcel }
                behind.append(torn.out)
                state.bytes -= torn.out.weight
                return torn.rest
            }
            state.failures += 1
            state.failed.append(rooms)
            if state.failed.count > Ingest.mostFailures { state.failed.removeFirst() }
            return (behind, state.failures)
        }
        outcome.parcels += behind
        outcome.verdicts += behind.map { parcel in
            parcel.drafts.map { .rejected(failed[$0.room] ?? Hub.behindFailed) }
        }
        outcome.failures = failures
    }

    /// The next batch; nil, and the run is over, if there is none.
    private func take() -> [Parcel]? {
        state.withLock { state in
            guard !state.parcels.isEmpty else {
                state.isRunning = false
                return nil
            }
            var count = 0
            let end = state.parcels.firstIndex { parcel in
                defer { count += parcel.drafts.count }
                return count > 0 && count + parcel.drafts.count > Ingest.maxBatch
            }
            let batch = Array(state.parcels[..<(end ?? state.parcels.endIndex)])
            state.parcels.removeFirst(batch.count)
            state.bytes -= batch.reduce(0) { $0 + $1.weight }
            return batch
        }
    }

    /// A batch is through, and with it everything before what still waits.
    /// - Parameter messages: how many of its messages the log has answered; 0: the append failed.
    private func finish(_ messages: Int) {
        let done = state.withLock { state in
            if messages > 0 {
                state.appended.batches += 1
                state.appended.messages += UInt64(messages)
            }
            state.through = state.parcels.first.map { $0.number - 1 } ?? state.taken
            let through = state.through
            let done = state.waiting.filter { $0.until <= through }.map(\.continuation)
            state.waiting.removeAll { $0.until <= through }
            return done
        }
        for continuation in done { continuation.resume() }
    }

    private func split(_ verdicts: [Verdict], among parcels: [Parcel]) -> [[Verdict]] {
        var start = 0
        return parcels.map { parcel in
            defer { start += parcel.drafts.count }
            return Array(verdicts[start..<(start + parcel.drafts.count)])
        }
    }
}

extension Ingest.State {
    /// The rooms of the parcel's drafts to which an append has failed unheard; nil if there are none.
    fileprivate func outdated(in parcel: Ingest.Parcel) -> Set<RoomName>? {
        guard let heard = parcel.heard, heard != failures else { return nil }
        let rooms = Set(parcel.drafts.map(\.room))
        let unheard = failures - heard
        guard unheard <= UInt64(failed.count) else { return rooms }
        let outdated = failed.suffix(Int(unheard)).reduce(into: Set()) { $0.formUnion($1.intersection(rooms)) }
        return outdated.isEmpty ? nil : outdated
    }
}

extension Ingest.Parcel {
    /// The parcel without what is for these rooms, and that by itself; nil if there is none of it. The rest is nil if
    /// nothing is left.
    func tear(_ rooms: Set<RoomName>) -> (rest: Ingest.Parcel?, out: Ingest.Parcel)? {
        guard drafts.contains(where: { rooms.contains($0.room) }) else { return nil }
        guard case .shard(let shard, let authors) = origin else { return (nil, self) }
        var (rest, out) = (self, self)
        (rest.drafts, out.drafts) = ([], [])
        var parts: (rest: [Ingest.Author], out: [Ingest.Author]) = ([], [])
        for (draft, author) in zip(drafts, authors) {
            if rooms.contains(draft.room) {
                out.drafts.append(draft)
                parts.out.append(author)
            } else {
                rest.drafts.append(draft)
                parts.rest.append(author)
            }
        }
        (rest.origin, out.origin) = (.shard(shard, authors: parts.rest), .shard(shard, authors: parts.out))
        out.weight = parts.out.reduce(0) { $0 + $1.weight }
        rest.weight = weight - out.weight
        return (rest.drafts.isEmpty ? nil : rest, out)
    }
}

extension Verdict {
    /// Why the draft was refused, if it may be taken later.
    fileprivate var passingRefusal: Failure? {
        guard case .rejected(let failure) = self, failure.isPassing else { return nil }
        return failure
    }
}
