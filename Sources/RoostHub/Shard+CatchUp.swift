import DequeModule
import NIOCore
import RoostCore
import RoostEngine
import RoostWire

/// A reader that is behind and waits to be given the next stretch of its room's log.
struct Feed {
    let connection: Connection
    let room: LocalRoom
    /// The seat's turn when it began to wait.
    var turn: UInt32
    var after: UInt64
    /// What was read for it, if that was needed.
    var piece: LogCache.Piece?
}

/// A read of the log that is due, of a piece that readers share or, for the replica's own sake, of what is newest.
struct LogRead {
    enum Wanted {
        case piece(Recent.Key)
        case news(LocalRoom, after: UInt64)
    }
    var wanted: Wanted
}

// Readers that are not at the head of the log, for whatever cause, and how they get there.
extension Shard {
    /// So many readers are given a page before others have their turn.
    private static let feedsPerTick = 64

    /// Reads on for every reader that is not live.
    func catchUpAll(_ room: LocalRoom) {
        for reader in room.replica?.readers ?? [] where reader.place != .live { catchUp(reader.connection, room) }
    }

    /// Reads the log for a reader that is behind, as long as it takes what it is sent.
    func catchUp(_ connection: Connection, _ room: LocalRoom) {
        guard let seat = connection.seat(in: room), connection.outbox.isOpen else { return }
        switch room.replica?.startReading(connection.seats[seat].index) ?? .none {
        case .none: break
        case .wait: room.hasReadersAhead = true
        case .read(let after):
            feeds.append(
                Feed(connection: connection, room: room, turn: connection.seats[seat].turn, after: after))
            scheduleTick()
        }
    }

    /// The socket has begun or ceased to take bytes: if it does again, everything the connection has missed is read.
    func resume(_ connection: Connection) {
        guard !connection.isOver, connection.outbox.isOpen else { return pace(connection) }
        goOn(connection)
        makeUp(for: connection)
        for seat in connection.seats { catchUp(connection, seat.room) }
    }

    // MARK: Feeding

    /// Gives readers that wait their next page, some of them now and the others in ticks to come.
    func feedReaders() {
        let limit = compression?.limit ?? 0
        for _ in 0..<min(feeds.count, Shard.feedsPerTick) {
            if let feed = feeds.popFirst() { serve(feed) }
            // Compressing takes its time: the others in the next tick.
            if let compression, compression.deflater.tally.bytesBefore > limit { break }
        }
        if !feeds.isEmpty { scheduleTurn() }
    }

    private func serve(_ feed: Feed) {
        guard let seat = feed.connection.seat(in: feed.room), feed.connection.seats[seat].turn == feed.turn,
            let epoch = feed.room.replica?.epoch
        else { return }
        if let piece = feed.piece { return serve(feed, seat, piece, epoch) }
        let isChained = feed.connection.seats[seat].fedUpTo == feed.after
        switch hub.cache.source(feed.room.name, epoch, after: feed.after, exactly: isChained) {
        case .here(let messages, let turn):
            give(messages[...], to: feed, seat, reached: messages.last?.seq ?? feed.after, turn)
        case .store(let key): queue(feed, key)
        }
    }

    /// What the store has said.
    private func serve(_ feed: Feed, _ seat: Int, _ piece: LogCache.Piece, _ epoch: Epoch) {
        let page = piece.page
        guard page.head.epoch == epoch else {
            putBack(feed, seat)
            return reopen(feed.room)
        }
        feed.room.floor = max(feed.room.floor, page.head.floor)
        if let last = page.messages.last?.seq, last <= feed.after {
            // A piece that begins before the reader's place and was cut short by its bytes.
            return queue(feed, Recent.Key(room: feed.room.name, epoch: epoch, start: feed.after))
        }
        // Live readers may not have heard the newest of these yet. The room is at least as far as any of its readers.
        bridge(page, feed.room)
        let reached = page.messages.last?.seq ?? max(feed.after, page.head.floor, page.head.head)
        give(page.messages[...], to: feed, seat, reached: reached, piece.turn)
    }

    /// - Parameters:
    ///   - reached: how far the reader has got if none of the messages is for it.
    ///   - turn: the room's turn when they were read, see `Recent.turn`.
    private func give(
        _ messages: ArraySlice<Message>, to feed: Feed, _ seat: Int, reached: UInt64, _ turn: UInt64
    ) {
        let (connection, room) = (feed.connection, feed.room)
        guard connection.outbox.isOpen else { return putBack(feed, seat) }
        // What retention has dropped is gone, even where it is still in memory.
        let gone = max(feed.after, room.floor)
        let news = messages.drop { $0.seq <= gone }
        let last = news.last?.seq ?? max(gone, reached)
        let next = news.first?.seq ?? last + 1
        if next > feed.after + 1 {
            reply(.gap(room: room.name, from: feed.after + 1, to: next - 1), to: connection, id: nil)
        }
        send(frames(of: news, for: feed, connection.seats[seat].role, turn), to: connection)
        counters.messagesDelivered += UInt64(news.count)
        connection.seats[seat].fedUpTo = last
        if room.replica?.advance(connection.seats[seat].index, to: last) == false { catchUp(connection, room) }
    }

    private func frames(
        of news: ArraySlice<Message>, for feed: Feed, _ role: Connection.Role, _ turn: UInt64
    ) -> ByteBuffer {
        // Where nobody else is about to be fed, there is nobody to share with.
        if feed.connection.dialect == .native, !feeds.isEmpty, let epoch = feed.room.replica?.epoch {
            if feed.connection.deflates, let compression {
                return compression.replays.frames(of: news, feed.room.name, epoch, readAt: turn)
            }
            return replays.frames(of: news, feed.room.name, epoch, readAt: turn)
        }
        var encodings = Encodings(news)
        return encodings.frames(
            for: feed.connection.dialect, onlyCreated: role.hearsOnlyCreated, by: deflater(for: feed.connection))
    }

    /// Nothing was read, or there is no room for it now. The reader stays behind; the sweep, or the socket when it has
    /// drained, makes it read again.
    private func putBack(_ feed: Feed, _ seat: Int) {
        feed.room.replica?.seek(feed.connection.seats[seat].index, to: feed.after)
        lookout.askLater(feed.room.name, in: .doubted)
    }

    // MARK: Reading

    private func queue(_ feed: Feed, _ key: Recent.Key) {
        if awaiting[key] != nil {
            awaiting[key]?.append(feed)
        } else {
            awaiting[key] = [feed]
            start(LogRead(wanted: .piece(key)))
        }
    }

    private func start(_ read: LogRead) {
        if let read = reads.start(read) { begin(read) }
    }

    private func begin(_ read: LogRead) {
        let cache = hub.cache
        switch read.wanted {
        case .piece(let key):
            ask {
                await cache.read(key)
            } then: { shard, piece in
                shard.proceed()
                shard.arrived(piece, key)
            }
        case .news(let room, let after):
            let name = room.name
            ask {
                await cache.readAlone(name, after: after)
            } then: { shard, page in
                shard.proceed()
                shard.filled(room, page)
            }
        }
    }

    private func proceed() {
        if let next = reads.finished() { begin(next) }
    }

    private func arrived(_ piece: LogCache.Piece?, _ key: Recent.Key) {
        for feed in awaiting.removeValue(forKey: key) ?? [] {
            guard let seat = feed.connection.seat(in: feed.room), feed.connection.seats[seat].turn == feed.turn else {
                continue
            }
            guard let piece else {
                putBack(feed, seat)
                continue
            }
            var feed = feed
            feed.piece = piece
            feeds.append(feed)
        }
        scheduleTick()
    }

    // MARK: The replica

    /// Acts on what a replica says about its place.
    func react(_ arrival: RoomReplica<LocalRoom.Listener>.Arrival, _ room: LocalRoom) {
        switch arrival {
        case .push, .stale, .filling: break
        case .fill(let after): start(LogRead(wanted: .news(room, after: after)))
        case .otherEpoch: reopen(room)
        }
    }

    /// What was held back for is read, unless it has come.
    func fillGap(_ room: LocalRoom) { react(room.replica?.postponed() ?? .stale, room) }

    private func filled(_ room: LocalRoom, _ page: LogPage?) {
        guard room.replica != nil else { return forgetIfEmpty(room) }
        if let page, page.head.epoch != room.replica?.epoch { return reopen(room) }
        if let page { bridge(page, room) } else { lookout.askLater(room.name, in: .doubted) }
        react(room.replica?.filled() ?? .stale, room)
    }

    /// Passes a page on to the live readers, over what retention has dropped in between.
    private func bridge(_ page: LogPage, _ room: LocalRoom) {
        // The head only: a copy of the replica would make the next change to it copy every reader.
        guard let head = room.replica?.head else { return }
        room.floor = max(room.floor, page.head.floor)
        let first = page.messages.first?.seq ?? page.head.floor + 1
        if first > head + 1, page.head.floor > head {
            let gap = Event.gap(room: room.name, from: head + 1, to: first - 1)
            room.replica?.push(upTo: first - 1) { reader in
                guard reader.connection.outbox.admits(.logged) else { return false }
                reply(gap, to: reader.connection, id: nil)
                return true
            }
        }
        if let last = page.messages.last?.seq, let reached = room.replica?.head, last > reached {
            push(page.messages[Int(max(first, reached + 1) - first)...], to: room)
        }
        pushWhatWaits(in: room)
    }
}
