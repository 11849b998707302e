import Logging
import NIOCore
import RoostCore
import RoostEngine

// What a node does by the clock, on the loop of its first shard.
extension Hub {
    static let typingEvery = TimeAmount.milliseconds(250)
    static let tellEvery = TimeAmount.seconds(1)
    static let flushEvery = TimeAmount.seconds(5)

    func startUpkeep(on loop: any EventLoop) -> [RepeatedTask] {
        func every(_ period: TimeAmount, _ body: @escaping @Sendable (Hub) -> Void) -> RepeatedTask {
            loop.scheduleRepeatedTask(initialDelay: period, delay: period) { [weak self] _ in
                if let self { body(self) }
            }
        }
        var tasks = [
            every(Hub.typingEvery) { $0.lapseTyping() },
            every(Hub.tellEvery) { hub in
                hub.tellCounts()
                hub.tellReceipts()
            },
            every(Hub.flushEvery) { hub in
                hub.forgetOffline()
                hub.world.run { await hub.flushMarks() }
            },
        ]
        if relay != nil {
            tasks += [
                every(.milliseconds(100)) { $0.relay?.releaseWaiters() },
                every(Hub.tellEvery) { $0.remind() },
                every(.milliseconds(Neighbours.renewEveryMs)) { hub in hub.world.run { await hub.renewLease() } },
            ]
        }
        if let period = trimPeriod { tasks.append(every(period) { $0.trim() }) }
        return tasks
    }

    /// How often logs are looked through for what is too old: a quarter of the shortest time that anything is kept,
    /// within reason. Nil if everything is kept.
    private var trimPeriod: TimeAmount? {
        let rules = kinds.rules.map(\.kind) + [kinds.usual]
        guard rules.contains(where: { !$0.retainsAll }) else { return nil }
        let shortest = rules.compactMap(\.retainAgeMs).min() ?? 60_000
        return .milliseconds(min(max(250, shortest / 4), 60_000))
    }

    private func trim() {
        guard
            isTrimming.withLock({ isTrimming in
                defer { isTrimming = true }
                return !isTrimming
            })
        else { return }
        world.run { [self] in
            do throws(StoreError) {
                while try await store.retain(at: world.wall()) {}
            } catch {
                log.warning("old messages were not dropped; they will be", metadata: ["error": "\(error)"])
            }
            isTrimming.withLock { $0 = false }
        }
    }
}
