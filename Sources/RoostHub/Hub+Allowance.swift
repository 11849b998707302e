import Logging
import NIOCore
import RoostCore
import RoostEngine

// How much a user may send, over all its connections, whatever node they are to.
extension Hub {
    /// Takes tokens of the user's: some at a time, so that the lock is no part of a message's way, and without waiting
    /// for the other nodes.
    func lease(_ count: Int, of user: UserID) -> Session.Lease {
        let (now, rate, burst) = (world.monotonic(), limits.rateMessages, max(1, limits.rateBurst))
        let isBusThere = relay?.cluster.isConnected ?? false
        let (lease, askAfterMs) = online.withLock { online -> (Session.Lease, Int64?) in
            // Who is nobody but this connection is on no other node.
            let isShared = isBusThere && online[user]?.isLasting ?? false
            return online[user]?.allowance.lease(count, rate: rate, burst: burst, isShared: isShared, now: now)
                ?? (.tokens(count), nil)
        }
        if let askAfterMs { askForTokens(of: user, afterMs: askAfterMs) }
        return lease
    }

    func askForTokens(of user: UserID, afterMs: Int64) {
        guard afterMs > 0 else { return world.run { [self] in await fetchTokens(of: user) } }
        shards[0].loop.scheduleTask(in: .milliseconds(afterMs)) { [self] in
            world.run { [self] in await fetchTokens(of: user) }
        }
    }

    private func fetchTokens(of user: UserID) async {
        let (rate, burst) = (limits.rateMessages, max(1, limits.rateBurst))
        guard let relay, let want = online.withLock({ $0[user]?.allowance.question(rate: rate, burst: burst) })
        else { return }
        do throws(BusError) {
            let count = try await relay.cluster.take(want, from: "messages:" + user.text, rate: rate, burst: burst)
            let now = world.monotonic()
            let askAfterMs = online.withLock {
                $0[user]?.allowance.granted(count, of: want, rate: rate, burst: burst, now: now) ?? nil
            }
            if let askAfterMs { askForTokens(of: user, afterMs: askAfterMs) }
        } catch {
            log.debug("a limit is kept by this node alone", metadata: ["user": "\(user)", "error": "\(error)"])
            let now = world.monotonic()
            online.withLock { $0[user]?.allowance.failed(now: now) }
        }
    }
}
