import RoostCore

// When each connection is looked at: heartbeats, tokens that expire, sockets that take nothing.

extension Shard {
    /// Has the timer look at a connection.
    func lookAgain(_ connection: Connection, at due: Moment) {
        if let known = connection.due, known <= due, known > now { return }
        connection.due = due
        wheel.add(connection.id, due: due)
    }

    func beat() {
        let moment = now
        for id in wheel.advance(to: moment) {
            guard let connection = connections[id], let due = connection.due, due <= moment else { continue }
            connection.due = nil
            look(at: connection, moment)
        }
    }

    private func look(at connection: Connection, _ moment: Moment) {
        if let expires = connection.expires, moment >= expires {
            return end(connection, .tokenExpired, "The token has expired. Renew it and connect again.")
        }
        guard let next = beat(connection, moment) else { return }
        // One entry at a time, and none far ahead: it would stay there however short the connection.
        let soon = moment + Shard.lookAtLeastEvery
        lookAgain(connection, at: min(next, connection.expires ?? next, soon))
    }

    static let lookAtLeastEvery: Int64 = 60_000

    /// What the heartbeat wants done, and when it wants to be asked again; nil if the connection is over.
    private func beat(_ connection: Connection, _ moment: Moment) -> Moment? {
        let limits = hub.limits
        guard limits.heartbeatMs > 0 else { return connection.expires ?? moment + Shard.lookAtLeastEvery }
        if let since = connection.shutSince {
            // It can't answer a ping that it doesn't take.
            let patience = 2 * (limits.heartbeatMs + limits.heartbeatTimeoutMs)
            guard moment - since <= patience else {
                let reason = "The client has taken nothing for \(patience / 1000) seconds."
                end(connection, .tooFarBehind, reason)
                return nil
            }
            return moment + limits.heartbeatMs
        }
        // Whom we don't read, we can't hear.
        if !connection.isReading { connection.session.hear(now: moment) }
        switch connection.session.beat(limits: limits, now: moment) {
        case .wait(let until): return until
        case .ping(let nextCheck):
            ping(connection)
            return nextCheck
        case .close(let code, let reason):
            end(connection, code, reason)
            return nil
        }
    }

    func ping(_ connection: Connection) {
        connection.transport?.ping(connection.session.numberPing())
        flushLater(connection)
    }
}
