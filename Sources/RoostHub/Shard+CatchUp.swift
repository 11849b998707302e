import Logging
import NIOCore
import RoostCore
import RoostEngine

/// A page of the log that somebody waits for.
struct CatchUpRead {
    var room: RoomName
    var after: UInt64
    /// For whom; nil if it is for the replica itself.
    var connection: Connection?
    var done: (Shard, LogPage?) -> Void
}

// Readers that are not at the head of the log, for whatever cause, and how they get there.
extension Shard {
    // MARK: Behind

    /// Acts on what a replica says about its place.
    func react(_ arrival: RoomReplica<LocalRoom.Listener>.Arrival, _ room: LocalRoom) {
        switch arrival {
        case .push, .stale, .filling: break
        case .fill(let after):
            read(room, after: after) { shard, page in shard.filled(room, page) }
        case .otherEpoch: reopen(room)
        }
    }

    private func filled(_ room: LocalRoom, _ page: LogPage?) {
        guard room.replica != nil else { return forgetIfEmpty(room) }
        if let page, page.head.epoch != room.replica?.epoch { return reopen(room) }
        let before = room.replica?.head ?? 0
        if let page { bridge(page, room) }
        let madeProgress = (room.replica?.head ?? 0) > before
        let arrival = room.replica?.filled(madeProgress: madeProgress) ?? .stale
        react(arrival, room)
    }

    /// Reads on for every reader that is not live.
    func catchUpAll(_ room: LocalRoom) {
        for reader in room.replica?.readers ?? [] where reader.place != .live { catchUp(reader.connection, room) }
    }

    /// Passes a page on to the live readers, over what retention has dropped in between.
    private func bridge(_ page: LogPage, _ room: LocalRoom) {
        // The head only: a copy of the replica would make the next change to it copy every reader.
        guard let first = page.messages.first?.seq, let last = page.messages.last?.seq, let head = room.replica?.head,
            last > head
        else { return }
        if first > head + 1 {
            let gap = Event.gap(room: room.name, from: head + 1, to: first - 1)
            room.replica?.push(upTo: first - 1) { reader in
                reply(gap, to: reader.connection, id: nil)
                return true
            }
        }
        push(page.messages[Int(max(first, head + 1) - first)...], to: room)
    }

    /// Reads the log for a reader that is behind, as long as it takes what it is sent.
    func catchUp(_ connection: Connection, _ room: LocalRoom) {
        guard let index = connection.seat(in: room), connection.outbox.isOpen else { return }
        switch room.replica?.startReading(connection.seats[index].index) ?? .none {
        case .none: break
        case .wait: room.hasReadersAhead = true
        case .read(let after):
            let turn = connection.seats[index].turn
            read(room, after: after, for: connection) { shard, page in
                guard let index = connection.seat(in: room), connection.seats[index].turn == turn else { return }
                shard.feed(connection, room, after: after, page)
            }
        }
    }

    private func feed(_ connection: Connection, _ room: LocalRoom, after: UInt64, _ page: LogPage?) {
        guard let seat = connection.seat(in: room), let epoch = room.replica?.epoch else { return }
        guard let page, page.head.epoch == epoch, connection.outbox.isOpen else {
            // Nothing was read, or there is no room for it now. It stays behind; the sweep, or the socket when it has
            // drained, makes it read again.
            room.replica?.seek(connection.seats[seat].index, to: after)
            if let page, page.head.epoch != epoch { reopen(room) }
            return
        }
        // Live readers may not have heard the newest of these yet. The room is at least as far as any of its readers.
        bridge(page, room)
        let reached = page.messages.last?.seq ?? max(after, page.head.floor, page.head.head)
        let next = page.messages.first?.seq ?? reached + 1
        if next > after + 1 { reply(.gap(room: room.name, from: after + 1, to: next - 1), to: connection, id: nil) }
        let onlyCreated = !connection.seats[seat].role.isMember
        var encodings = Encodings(page.messages[...])
        send(encodings.frames(for: connection.dialect, onlyCreated: onlyCreated), to: connection)
        counters.messagesDelivered += UInt64(page.messages.count)
        if room.replica?.advance(connection.seats[seat].index, to: reached) == false { catchUp(connection, room) }
    }

    /// The socket has begun or ceased to take bytes: if it does again, everything the connection has missed is read.
    func resume(_ connection: Connection) {
        guard !connection.isOver, connection.outbox.isOpen else { return pace(connection) }
        goOn(connection)
        for seat in connection.seats { catchUp(connection, seat.room) }
    }

    private static let pageMessages = 512
    private static let pageBytes = 256 << 10

    /// Reads a page of the log; `done` gets nil if the room is gone or the store failed.
    /// - Parameter connection: for whom; nil if it is for the replica itself.
    private func read(
        _ room: LocalRoom, after: UInt64, for connection: Connection? = nil,
        _ done: @escaping (Shard, LogPage?) -> Void
    ) {
        let read = CatchUpRead(room: room.name, after: after, connection: connection, done: done)
        if let read = reads.start(read) { begin(read) }
    }

    private func begin(_ read: CatchUpRead) {
        let (store, log, name, after) = (hub.store, hub.log, read.room, read.after)
        ask { () -> LogPage? in
            do throws(StoreError) {
                return try await store.read(name, after: after, limit: Shard.pageMessages, maxBytes: Shard.pageBytes)
            } catch {
                log.warning(
                    "the log could not be read; readers wait", metadata: ["room": "\(name)", "error": "\(error)"])
                return nil
            }
        } then: { shard, page in
            shard.counters.catchUpReads += 1
            let next = shard.reads.finished { $0.connection?.isOver != true }
            read.done(shard, page)
            if let next { shard.begin(next) }
        }
    }

    // MARK: The slow look at the store

    /// Asks where the logs of all rooms with readers end, for what nobody has told this shard.
    func askForHeads() {
        let asked = rooms.values.filter { $0.replica != nil }
        guard !asked.isEmpty, !isSweeping else { return }
        isSweeping = true
        let (store, log, names) = (hub.store, hub.log, asked.map(\.name))
        ask { () -> [RoomName: RoomHead]? in
            do throws(StoreError) {
                return try await store.heads(names)
            } catch {
                log.warning("the heads of rooms could not be read", metadata: ["error": "\(error)"])
                return nil
            }
        } then: { shard, heads in
            shard.isSweeping = false
            if let heads { shard.hear(heads: heads, of: asked) }
        }
    }

    private func hear(heads: [RoomName: RoomHead], of asked: [LocalRoom]) {
        for room in asked where rooms[room.name] === room && room.replica != nil {
            guard let head = heads[room.name] else {
                // Only a room that nobody is creating just now is gone.
                if room.opening == 0 { dissolve(room.name) }
                continue
            }
            adopt(head, room)
            catchUpAll(room)
            // Who may stay may have been decided elsewhere.
            if room.visibility == .private { recheck(room.name) }
        }
    }

    /// The log is another one than we thought: everyone starts at the end of the new one and is told so.
    private func reopen(_ room: LocalRoom) {
        guard !room.isReopening else { return }
        room.isReopening = true
        let (store, log, name) = (hub.store, hub.log, room.name)
        ask { () -> RoomHead? in
            do throws(StoreError) {
                return try await store.heads([name])[name]
            } catch {
                log.warning("a room could not be opened anew", metadata: ["room": "\(name)", "error": "\(error)"])
                return nil
            }
        } then: { shard, head in
            room.isReopening = false
            if let head { shard.restart(room, head) }
            shard.forgetIfEmpty(room)
        }
    }

    func restart(_ room: LocalRoom, _ head: RoomHead) {
        guard room.replica != nil, room.replica?.epoch != head.epoch else { return }
        room.replica?.restart(epoch: head.epoch, head: head.head)
        for reader in room.replica?.readers ?? [] {
            guard let seat = reader.connection.seat(in: room) else { continue }
            reader.connection.seats[seat].turn = reader.connection.freshTurn()
            guard reader.connection.seats[seat].role.isMember else { continue }
            let joined = Event.Joined(
                room: room.name, epoch: head.epoch, head: head.head, recovered: false, members: nil)
            reply(.joined(joined), to: reader.connection, id: nil)
        }
        // A new log is a new room: who was in the old one need not be welcome.
        room.visibility = head.visibility
        if head.visibility == .private { recheck(room.name) }
    }
}
