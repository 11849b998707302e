internal import NIOCore
public import RoostEngine

extension RedisBus {
    /// Sees whether the bus can do its work, for a node that starts; `start` need not have been called.
    /// - Throws: `refused` for wrong credentials, for missing rights, for a server that takes no writes, and for one of
    ///   another kind than the address says; `away` if it can't be reached. Both say what to do.
    public func check() async throws(BusError) {
        _ = try await together { [$0.check()] }
    }
}

extension Switchboard {
    /// Tries what the bus does: to write, to post, to run a script, to listen.
    fileprivate func check() -> EventLoopFuture<RespValue> {
        let bound = NIOLoopBound(self, eventLoop: locator.dialer.loop)
        return locator.locate(known: []).flatMap { map in
            let board = bound.value
            let main = board.isSharded ? map[Slot(of: board.keys.check)] : map.endpoints.first
            let all = map.endpoints.map { board.check($0, does: $0 == main ? board.trials : []) }
            return EventLoopFuture.andAllSucceed(all, on: board.locator.dialer.loop).map { .null }
        }
    }

    private func check(_ endpoint: RedisEndpoint, does trials: [RespCommand]) -> EventLoopFuture<Void> {
        let peer = locator.peer(endpoint)
        return Inquiry.ask(peer, trials, hello: locator.hello(to: peer), dialer: locator.dialer)
            .flatMapThrowing { answers in
                for answer in answers {
                    if case .error(let text) = answer { throw peer.refusal(text) }
                }
            }
    }

    private var trials: [RespCommand] {
        let (key, channel) = (RespWord.text(keys.check), RespWord.text(keys.checkChannel))
        return [
            RespCommand(["SET", key, "1", "PX", "1000"]),
            RespCommand(["EVAL", "return redis.call('TIME')", "1", key]),
            RespCommand([isSharded ? "SPUBLISH" : "PUBLISH", channel, ""]),
            // The last, since nothing else may be said behind it in RESP2.
            RespCommand([isSharded ? "SSUBSCRIBE" : "SUBSCRIBE", channel]),
        ]
    }
}
