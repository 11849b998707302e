import NIOCore
import RoostCore
import RoostEngine

/// Questions to all nodes that wait for their answers: how many connections of a user each has closed.
final class Roundup: Sendable {
    struct Answers: Sendable {
        /// Nodes that are waited for, by name.
        var silent: [NodeID: String]
        var connections: [NodeID: Int] = [:]
        /// The time is over, which may be before anybody waits.
        fileprivate var isOver = false
        fileprivate var continuation: CheckedContinuation<Void, Never>?
    }

    private let open = Locked<[UInt64: Answers]>([:])

    /// Begins to take answers; call it before anybody is asked.
    func begin(_ ask: UInt64, of nodes: [NodeID: String]) { open.withLock { $0[ask] = Answers(silent: nodes) } }

    func hear(_ ask: UInt64, from node: NodeID, connections: Int) {
        let done = open.withLock { open -> CheckedContinuation<Void, Never>? in
            // A post may come twice.
            guard open[ask]?.connections[node] == nil else { return nil }
            open[ask]?.connections[node] = connections
            open[ask]?.silent[node] = nil
            guard let answers = open[ask], answers.silent.isEmpty else { return nil }
            open[ask]?.continuation = nil
            return answers.continuation
        }
        done?.resume()
    }

    /// Waits until all have answered, or until `time` is over, and takes no more answers.
    func end(_ ask: UInt64, after time: TimeAmount, on loop: any EventLoop) async -> Answers {
        let timer = loop.scheduleTask(in: time) { self.giveUp(ask) }
        await withCheckedContinuation { continuation in
            let mustWait = open.withLock { open in
                guard let answers = open[ask], !answers.silent.isEmpty, !answers.isOver else { return false }
                open[ask]?.continuation = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
        timer.cancel()
        return open.withLock { $0.removeValue(forKey: ask) } ?? Answers(silent: [:])
    }

    private func giveUp(_ ask: UInt64) {
        let continuation = open.withLock { open in
            defer { open[ask]?.continuation = nil }
            open[ask]?.isOver = true
            return open[ask]?.continuation
        }
        continuation?.resume()
    }
}
