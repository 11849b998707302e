// How much a connection may send, and how long it may be silent.
extension Session {
    // MARK: Rate

    /// What the user's own bucket gives.
    public enum Lease: Sendable, Equatable {
        case tokens(Int)
        case wait(milliseconds: Int64)
    }

    private static let leaseSize = 16

    /// Takes a token for one frame from the connection's bucket and one from the user's; how long to wait if there is
    /// none.
    mutating func spend(_ around: some SessionSurroundings) -> Int64? {
        let limits = around.limits
        guard limits.rateMessages > 0 else { return nil }
        if let wait = messages.take(rate: limits.rateMessages, burst: max(1, limits.rateBurst), now: around.now) {
            return wait
        }
        if leased == 0 {
            switch around.lease(min(Session.leaseSize, max(1, limits.rateBurst / 16))) {
            case .tokens(let count): leased = max(1, count)
            case .wait(let milliseconds): return milliseconds
            }
        }
        leased -= 1
        return nil
    }

    mutating func slowDown(_ wait: Int64, _ request: Request, _ now: Moment) -> Action {
        guard strikes.take(rate: Session.strikeRate, burst: Session.strikeBurst, now: now) == nil else {
            return .close(.rateLimited, "Too many messages, even after being told to slow down.")
        }
        let reason = "Too many messages; this one was not taken. Send it again in \(wait) ms."
        let failure = Failure(.rateLimited, reason, retryAfterMs: wait)
        guard case .message(let named, _, _, _, _) = request.command else { return .refuse(failure, room: nil) }
        let target = named ?? room ?? .general
        guard let id = request.id else { return .refuse(failure, room: target) }
        return stop(id, in: target, for: failure, at: .door, now: now)
    }

    // MARK: Order

    /// The log has refused a message of this connection for a passing cause, or (`isOnTheWay`) the way to it has.
    public mutating func refused(
        _ id: MessageID, in room: RoomName, _ failure: Failure, isOnTheWay: Bool, now: Moment
    ) -> Action {
        stop(id, in: room, for: failure, at: isOnTheWay ? .way : .log, now: now)
    }

    private mutating func stop(
        _ id: MessageID, in room: RoomName, for failure: Failure, at place: Stoppages.Place, now: Moment
    ) -> Action {
        switch stoppages.stop(id, in: room, for: failure, at: place, now: now) {
        case .began: .refuseAndPing(failure, room: room)
        case .lasts: .refuse(failure, room: room)
        case .tooMany: .close(.rateLimited, "Messages to too many rooms at once were refused.")
        }
    }

    /// The number of the next ping that follows a refusal.
    public mutating func numberPing() -> UInt64 { stoppages.numberPing() }

    /// The client has answered the ping of this number, and with it heard all that was sent before.
    public mutating func hear(pong number: UInt64) { stoppages.hear(pong: number) }

    // MARK: Heartbeat

    /// What is due when the connection's timer fires.
    public enum Beat: Sendable, Equatable {
        case wait(until: Moment)
        case ping(nextCheck: Moment)
        case close(CloseCode, String)
    }

    /// Something came from the client.
    public mutating func hear(now: Moment) {
        heard = now
        pingedAt = nil
    }

    public mutating func beat(limits: Limits, now: Moment) -> Beat {
        if let pingedAt {
            let deadline = pingedAt + limits.heartbeatTimeoutMs
            return now < deadline
                ? .wait(until: deadline) : .close(.heartbeatMissed, "The client did not answer a ping.")
        }
        let due = heard + limits.heartbeatMs
        guard now >= due else { return .wait(until: due) }
        guard limits.heartbeatTimeoutMs > 0 else { return .ping(nextCheck: now + limits.heartbeatMs) }
        pingedAt = now
        return .ping(nextCheck: now + limits.heartbeatTimeoutMs)
    }
}
