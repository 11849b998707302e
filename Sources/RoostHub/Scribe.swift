import Logging
import RoostCore
import RoostEngine

/// Writes down which users were seen, many at once and aside from everything else.
final class Scribe: Sendable {
    private struct State {
        var notes: [UserID: Sighting] = [:]
        var isRunning = false
        var idlers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())
    private let directory: any Directory
    private let log: Logger

    init(directory: any Directory, log: Logger) {
        self.directory = directory
        self.log = log
    }

    func note(_ sighting: Sighting) {
        let mustStart = state.withLock { state in
            var merged = state.notes[sighting.user] ?? sighting
            merged.name = sighting.name ?? merged.name
            merged.avatar = sighting.avatar ?? merged.avatar
            merged.lastSeen = sighting.lastSeen ?? merged.lastSeen
            state.notes[sighting.user] = merged
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { Task { await run() } }
    }

    /// Returns once everything noted so far has been written.
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
        while let notes = take() {
            do throws(StoreError) {
                try await directory.note(notes)
            } catch {
                log.warning(
                    "users seen were not written down; names and last-seen times may be old",
                    metadata: ["users": "\(notes.count)", "error": "\(error)"])
            }
        }
    }

    private func take() -> [Sighting]? {
        let (notes, idlers) = state.withLock { state -> ([Sighting]?, [CheckedContinuation<Void, Never>]) in
            guard !state.notes.isEmpty else {
                state.isRunning = false
                defer { state.idlers = [] }
                return (nil, state.idlers)
            }
            defer { state.notes = [:] }
            return (Array(state.notes.values), [])
        }
        for idler in idlers { idler.resume() }
        return notes
    }
}
