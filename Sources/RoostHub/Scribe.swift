import Logging
import RoostCore
import RoostEngine

/// Writes down which users were seen, many at once and aside from everything else.
final class Scribe: Sendable {
    private struct State {
        var notes: [UserID: Sighting] = [:]
        var isRunning = false
        /// Notes taken and written so far; who waits, waits for a number of them.
        var taken: UInt64 = 0
        var written: UInt64 = 0
        var waiting: [(until: UInt64, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Locked(State())
    private let directory: any Directory
    private let world: World
    private let log: Logger

    init(directory: any Directory, world: World, log: Logger) {
        self.world = world
        self.directory = directory
        self.log = log
    }

    /// - Parameter loop: where the writing begins, if it has to.
    func note(_ sighting: Sighting, on loop: LoopExecutor) {
        let mustStart = state.withLock { state in
            var merged = state.notes[sighting.user] ?? sighting
            merged.name = sighting.name ?? merged.name
            merged.avatar = sighting.avatar ?? merged.avatar
            merged.lastSeen = sighting.lastSeen ?? merged.lastSeen
            state.notes[sighting.user] = merged
            state.taken += 1
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { world.run(on: loop) { await self.run() } }
    }

    /// Returns once everything noted before the call has been written.
    func flush() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.written < state.taken { state.waiting.append((state.taken, continuation)) }
                return state.written >= state.taken
            }
            if isDone { continuation.resume() }
        }
    }

    private func run() async {
        while let (notes, upTo) = take() {
            do throws(StoreError) {
                try await directory.note(notes)
            } catch {
                log.warning(
                    "users seen were not written down; names and last-seen times may be old",
                    metadata: ["users": "\(notes.count)", "error": "\(error)"])
            }
            finish(upTo)
        }
    }

    private func take() -> (notes: [Sighting], upTo: UInt64)? {
        state.withLock { state in
            guard !state.notes.isEmpty else {
                state.isRunning = false
                return nil
            }
            defer { state.notes = [:] }
            return (Array(state.notes.values), state.taken)
        }
    }

    private func finish(_ upTo: UInt64) {
        let done = state.withLock { state in
            state.written = upTo
            let done = state.waiting.filter { $0.until <= upTo }.map(\.continuation)
            state.waiting.removeAll { $0.until <= upTo }
            return done
        }
        for continuation in done { continuation.resume() }
    }
}
