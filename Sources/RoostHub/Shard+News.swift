import NIOCore
import RoostCore
import RoostEngine
import RoostWire

// What is told and not kept: presence, typing, receipts. A client too slow for it hears the latest later.
extension Shard {
    /// News of one room, for whoever is in it.
    func hear(_ items: [PresenceNews.Item], in name: RoomName) {
        guard let room = rooms[name], let readers = room.replica?.readers else { return }
        var encoded: [ByteBuffer?] = [nil, nil]
        let leavers = items.compactMap(\.event.leaver)
        for reader in readers {
            let connection = reader.connection
            guard let seat = connection.seat(in: room), case .member(let hearsPresence) = connection.seats[seat].role
            else { continue }
            let isOwnDoing =
                items.contains { $0.except == connection.id } || leavers.contains(connection.identity.user)
            // Each by itself, where it does not hear of all of them; the first may be all that its socket takes.
            guard !isOwnDoing, hearsPresence, takesNews(connection) else {
                for item in items where hears(item, connection, hearsPresence) { tell(item.event, connection) }
                continue
            }
            let slot = Int(connection.dialect.rawValue)
            let frames = encoded[slot] ?? encode(items, for: connection)
            encoded[slot] = frames
            broadcast(frames, to: connection)
        }
    }

    /// Whether a connection is to be told of what is news now. Who has missed something is told that first, or what is news
    /// now would be followed by what was.
    private func takesNews(_ connection: Connection) -> Bool {
        connection.outbox.admits(.transient) && connection.shed.isEmpty
    }

    private func tell(_ event: Event, _ connection: Connection) {
        if takesNews(connection) { return reply(event, to: connection, id: nil) }
        connection.shed.note(event)
        counters.transientDropped += 1
    }

    /// Nobody hears of itself that it has left a room that it is in: that was before it came back, over another loop.
    private func hears(_ item: PresenceNews.Item, _ connection: Connection, _ hearsPresence: Bool) -> Bool {
        item.except != connection.id && item.event.leaver != connection.identity.user
            && (hearsPresence || !item.event.isPresence)
    }

    private func encode(_ items: [PresenceNews.Item], for connection: Connection) -> ByteBuffer {
        var all = ByteBuffer()
        for item in items {
            all.writeImmutableBuffer(item.event.frames(for: connection, id: freshID(), now: hub.world.wall()))
        }
        return all
    }

    /// Tells a client that takes something again the latest of what it has missed.
    func makeUp(for connection: Connection) {
        guard !connection.shed.isEmpty else { return }
        for (name, missed) in connection.shed.take() {
            guard let room = rooms[name], let seat = connection.seat(in: room), connection.seats[seat].role.isMember
            else { continue }
            // Before each, since the last one may have been all that its socket takes.
            var rest = missed
            if missed.presence, connection.outbox.isOpen {
                rest.presence = false
                let page = hub.members(name)
                let isLarge = page.count > Presence.namesUpTo
                let news: Event = isLarge ? .presenceCount(room: name, count: page.count) : .presence(page)
                reply(news, to: connection, id: nil)
            }
            for (user, isActive) in missed.typing where connection.outbox.isOpen {
                rest.typing[user] = nil
                reply(.typing(room: name, user: user, isActive: isActive), to: connection, id: nil)
            }
            if missed.receipts, connection.outbox.isOpen {
                rest.receipts = false
                if let receipts = hub.receipts(of: name) { reply(receipts, to: connection, id: nil) }
            }
            if !rest.isEmpty { connection.shed.putBack(rest, of: name) }
        }
    }

    // MARK: Typing and marks

    func type(_ name: RoomName, _ isActive: Bool, _ connection: Connection) {
        if isActive, !connection.typingIn.contains(name) { connection.typingIn.append(name) }
        if !isActive { connection.typingIn.removeAll { $0 == name } }
        hub.type(name, connection.identity.user, isActive: isActive, from: connection.id)
    }

    /// The connection leaves the room, so its user types no more there.
    func stopTyping(_ name: RoomName, _ connection: Connection) {
        guard let index = connection.typingIn.firstIndex(of: name) else { return }
        connection.typingIn.remove(at: index)
        hub.type(name, connection.identity.user, isActive: false, from: connection.id)
    }

    func mark(_ name: RoomName, _ mark: Mark, _ connection: Connection) {
        guard let replica = rooms[name]?.replica else { return }
        // Nobody has read what is not there; but it may be there already and only this loop has not heard of it.
        let head = max(replica.head, hub.cache.newest(name, replica.epoch) ?? 0)
        hub.mark(
            name, connection.identity.user, Mark(received: min(mark.received, head), read: min(mark.read, head)))
    }

    // MARK: Sign-in

    /// A client signs in again, to stay longer or to be allowed something else.
    func authenticate(_ token: String, _ id: MessageID?, _ connection: Connection) {
        guard let judge = hub.settings.judge else {
            // There is nothing to sign in to; who it is was said in the handshake.
            return greet(connection, session: "", answering: id)
        }
        connection.pending += 1
        let now = hub.world.wall()
        ask {
            await judge(token, now)
        } then: { shard, verdict in
            if !connection.isOver { shard.renew(connection, verdict, id) }
            shard.settled(connection)
        }
    }

    private func renew(
        _ connection: Connection, _ verdict: Result<Credentials, TokenObjection>, _ id: MessageID?
    ) {
        switch verdict {
        case .failure(let objection): end(connection, objection.closeCode, objection.failure.reason)
        case .success(let credentials) where credentials.user != connection.identity.user:
            let reason = "You are signed in as \(connection.identity.user); connect anew to be somebody else."
            reply(.error(Failure(.forbidden, reason), room: nil), to: connection, id: id)
        case .success(let credentials):
            connection.session.renew(credentials.grants, name: credentials.name ?? connection.identity.name)
            expire(connection, credentials)
            greet(connection, session: "", answering: id)
            // What it may no longer be in, it leaves.
            for seat in connection.seats where seat.role.isMember && !credentials.allowsToBe(in: seat.room.name) {
                eject(connection, seat.room)
            }
        }
    }

    /// Takes note of when the token ends.
    func expire(_ connection: Connection, _ credentials: Credentials?) {
        connection.expires = credentials?.expiresAt.map { expiresAt in
            now + max(0, expiresAt.milliseconds - hub.world.wall().milliseconds)
        }
        if let expires = connection.expires { lookAgain(connection, at: min(expires, now + Shard.lookAtLeastEvery)) }
    }
}

extension Credentials {
    fileprivate func allowsToBe(in room: RoomName) -> Bool { room.owner != nil || grants.allows(.join, in: room) }
}

extension Event {
    fileprivate var leaver: UserID? {
        if case .userLeft(_, let user, _, _) = self { user } else { nil }
    }

    fileprivate var isPresence: Bool {
        switch self {
        case .userJoined, .userLeft, .presenceCount, .presence: true
        default: false
        }
    }
}
