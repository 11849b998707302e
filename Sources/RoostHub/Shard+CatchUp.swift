import Logging
import NIOCore
import RoostCore
import RoostEngine

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
        guard room.replica != nil else { return }
        if let page, page.head.epoch != room.replica?.epoch { return reopen(room) }
        let before = room.replica?.head ?? 0
        if let page { bridge(page, room) }
        let madeProgress = (room.replica?.head ?? 0) > before
        let arrival = room.replica?.filled(madeProgress: madeProgress) ?? .stale
        react(arrival, room)
    }

    /// Passes a page on to the live readers, over what retention has dropped in between.
    private func bridge(_ page: LogPage, _ room: LocalRoom) {
        guard let first = page.messages.first?.seq, let last = page.messages.last?.seq, let replica = room.replica,
            last > replica.head
        else { return }
        if first > replica.head + 1 {
            let gap = Event.gap(room: room.name, from: replica.head + 1, to: first - 1)
            room.replica?.push(upTo: first - 1) { reader in
                reply(gap, to: reader.connection, id: nil)
                return true
            }
        }
        push(page.messages[Int(max(first, replica.head + 1) - first)...], to: room)
    }

    /// Reads the log for a reader that is behind, as long as it takes what it is sent.
    func catchUp(_ connection: Connection, _ room: LocalRoom) {
        guard let index = connection.seat(in: room), connection.outbox.isOpen,
            let after = room.replica?.startReading(connection.seats[index].index)
        else { return }
        let turn = connection.seats[index].turn
        read(room, after: after) { shard, page in
            guard let index = connection.seat(in: room), connection.seats[index].turn == turn else { return }
            shard.feed(connection, room, after: after, page)
        }
    }

    private func feed(_ connection: Connection, _ room: LocalRoom, after: UInt64, _ page: LogPage?) {
        guard let seat = connection.seat(in: room), let epoch = room.replica?.epoch else { return }
        guard let page, page.head.epoch == epoch else {
            // Nothing was read. It stays behind; the sweep finds out what has become of the room.
            room.replica?.seek(connection.seats[seat].index, to: after)
            if page != nil { reopen(room) }
            return
        }
        // Live readers may not have heard the newest of these yet. The room is at least as far as any of its readers.
        bridge(page, room)
        var reached = page.messages.last?.seq ?? max(after, page.head.floor, page.head.head)
        if page.messages.isEmpty { reached = max(reached, after) }
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
        guard !connection.isOver else { return }
        pace(connection)
        for seat in connection.seats { catchUp(connection, seat.room) }
    }

    private static let pageMessages = 512
    private static let pageBytes = 256 << 10

    /// Reads a page of the log; `done` gets nil if the room is gone or the store failed.
    private func read(_ room: LocalRoom, after: UInt64, _ done: @escaping (Shard, LogPage?) -> Void) {
        let bound = NIOLoopBound((self, done), eventLoop: loop)
        let (loop, store, log, name) = (loop, hub.store, hub.log, room.name)
        let begin = reads.start {
            Task {
                var page: LogPage?
                do throws(StoreError) {
                    page = try await store.read(
                        name, after: after, limit: Shard.pageMessages, maxBytes: Shard.pageBytes)
                } catch {
                    log.warning(
                        "the log could not be read; readers wait", metadata: ["room": "\(name)", "error": "\(error)"])
                }
                let told = page
                loop.execute {
                    let (shard, done) = bound.value
                    shard.counters.catchUpReads += 1
                    let next = shard.reads.finished()
                    done(shard, told)
                    next?()
                }
            }
        }
        begin?()
    }

    // MARK: The slow look at the store

    /// Asks where the logs of all rooms with readers end, for what nobody has told this shard.
    func askForHeads() {
        let names = rooms.values.lazy.filter { $0.replica != nil }.map(\.name)
        guard !names.isEmpty else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let (loop, store, log, asked) = (loop, hub.store, hub.log, Array(names))
        Task {
            do throws(StoreError) {
                let heads = try await store.heads(asked)
                loop.execute { bound.value.hear(heads: heads, of: asked) }
            } catch {
                log.warning("the heads of rooms could not be read", metadata: ["error": "\(error)"])
            }
        }
    }

    private func hear(heads: [RoomName: RoomHead], of asked: [RoomName]) {
        for name in asked {
            guard let room = rooms[name], room.replica != nil else { continue }
            guard let head = heads[name] else {
                // Only a room that nobody is creating just now is gone.
                if room.opening == 0 { dissolve(name) }
                continue
            }
            adopt(head, room)
            for reader in room.replica?.readers ?? [] { catchUp(reader.connection, room) }
        }
    }

    /// The log is another one than we thought: everyone starts at the end of the new one and is told so.
    private func reopen(_ room: LocalRoom) {
        guard !room.isReopening else { return }
        room.isReopening = true
        let bound = NIOLoopBound((self, room), eventLoop: loop)
        let (loop, store, log, name) = (loop, hub.store, hub.log, room.name)
        Task {
            var found: RoomHead?
            do throws(StoreError) {
                found = try await store.heads([name])[name]
            } catch {
                log.warning("a room could not be opened anew", metadata: ["room": "\(name)", "error": "\(error)"])
            }
            let head = found
            loop.execute {
                let (shard, room) = bound.value
                room.isReopening = false
                if let head { shard.restart(room, head) }
            }
        }
    }

    private func restart(_ room: LocalRoom, _ head: RoomHead) {
        guard room.replica != nil, room.replica?.epoch != head.epoch else { return }
        room.visibility = head.visibility
        room.replica?.restart(epoch: head.epoch, head: head.head)
        for reader in room.replica?.readers ?? [] {
            guard let seat = reader.connection.seat(in: room) else { continue }
            reader.connection.seats[seat].turn &+= 1
            guard reader.connection.seats[seat].role.isMember else { continue }
            let joined = Event.Joined(
                room: room.name, epoch: head.epoch, head: head.head, recovered: false, members: nil)
            reply(.joined(joined), to: reader.connection, id: nil)
        }
    }
}
