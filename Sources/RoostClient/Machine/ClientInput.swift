/// What happens to a client.
package enum ClientInput: Sendable {
    case connect
    case disconnect
    /// - code: a WebSocket close code.
    case closed(connection: Int, code: Int, reason: String)
    case frame(connection: Int, ServerFrame)
    /// Something has come that is no frame of the protocol, as a WebSocket's ping.
    case heard(connection: Int)
    /// The time has come that was asked for.
    case wake
    case network(isUp: Bool)
    /// The application is before somebody's eyes again.
    case visible
    /// The answer to `fetchToken`; nil: there is none, connect without. `expiresAt`: milliseconds since 1970.
    case token(String?, expiresAt: Int64?)
    /// - isFinal: asking again is in vain.
    case tokenFailed(reason: String, isFinal: Bool)
    /// What storage has kept.
    case restored(session: String?, positions: [String: RoostPosition], queue: [KeptMessage])
    case join(room: String, JoinWish)
    case leave(room: String)
    case send(Outgoing)
    /// - freshID: its name, if it has to become a new message.
    case retry(id: String, freshID: String)
    case discard(id: String)
    case typing(room: String, isActive: Bool)
    case mark(MarkKind, room: String, seq: UInt64)
    // Questions; `request` is the caller's tag, which comes back with the answer.
    case history(request: String, room: String, HistoryRange, limit: Int?)
    case presence(request: String, room: String, cursor: String?)
    case createRoom(request: String, RoomRequest)
}

/// A message that waits to be sent, as it is kept over the end of the process.
package struct KeptMessage: Sendable, Hashable {
    package var message: Outgoing
    /// The room's position at the first attempt, when that was (milliseconds since 1970), and by whom; nil: none yet.
    package var since: RoostPosition?
    package var attemptedAt: Int64?
    package var sender: String?

    package init(_ message: Outgoing, since: RoostPosition? = nil, attemptedAt: Int64? = nil, sender: String? = nil) {
        self.message = message
        self.since = since
        self.attemptedAt = attemptedAt
        self.sender = sender
    }
}
