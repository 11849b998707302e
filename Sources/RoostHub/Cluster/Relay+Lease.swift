import Logging
import RoostCore
import RoostEngine

// This node's lease, and those of the others.
extension Relay {
    /// Renews the lease and finds out who else has one. Nil if the bus is away, or it is being done already.
    func renew() async -> Neighbours.Findings? {
        guard
            state.withLock({ state in
                defer { state.isRenewing = true }
                return !state.isRenewing
            })
        else { return nil }
        defer { state.withLock { $0.isRenewing = false } }
        do throws(BusError) {
            let renewal = try await cluster.renew(card, forMs: Neighbours.leaseMs)
            let now = world.monotonic()
            let findings = state.withLock { state in
                defer { state.mustSayAll = false }
                var findings = state.neighbours.renewed(renewal.nodes, storeID: card.storeID, now: now)
                findings.isForgotten = renewal.isNew || state.mustSayAll
                state.outlook.renewed()
                return findings
            }
            complain(of: findings.strangers)
            return findings
        } catch {
            // It may have been the one that says that the lease was gone.
            state.withLock { $0.mustSayAll = true }
            log.debug("the lease could not be renewed; it will be", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func complain(of strangers: [NodeCard]) {
        // A node that starts refuses to, with a sentence of its own.
        guard state.withLock(\.isIntroduced) else {
            return state.withLock { state in for card in strangers { state.strangers[card.node] = card } }
        }
        for card in strangers where state.withLock({ $0.strangers.updateValue(card, forKey: card.node) == nil }) {
            log.error(
                "another node on this bus has another store, so it is ignored: give all nodes the same --store, or this one another --bus",
                metadata: ["node": "\(card.name)", "its store": "\(card.storeID)", "ours": "\(self.card.storeID)"])
        }
    }

    /// Gives everything back, after what is to be written is written.
    func stop() async {
        await rest()
        do throws(BusError) {
            try await cluster.release(me)
            try await cluster.clean(state.withLock { $0.own.parts(of: me) })
        } catch {
            log.debug("not everything was given back; it will lapse", metadata: ["error": "\(error)"])
        }
        await cluster.stop()
        state.withLock { $0.isLost = true }
        releaseWaiters()
    }
}
