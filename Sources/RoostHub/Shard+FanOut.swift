import NIOCore
import RoostCore
import RoostEngine
import RoostWire

// From the log to the sockets.
extension Shard {
    /// One batch's worth of news for this shard.
    struct News: Sendable {
        var receipts: [Receipts] = []
        var committed: [Committed] = []
        /// From where users hear of their own rooms who don't yet, as far as that is known.
        var ownStarts: [RoomName: UInt64] = [:]
        /// How many appends have failed so far, if that is news.
        var failures: UInt64?
        var isEmpty: Bool { receipts.isEmpty && committed.isEmpty && failures == nil }
    }

    /// The log's answers to drafts of this shard.
    struct Receipts: Sendable {
        var drafts: [Draft]
        var authors: [Ingest.Author]
        var verdicts: [Verdict]

        init(drafts: [Draft], authors: [Ingest.Author], verdicts: [Verdict]) {
            self.drafts = drafts
            self.authors = authors
            self.verdicts = verdicts
        }

        /// All refused for the same cause.
        init(_ parcel: Ingest.Parcel, refused failure: Failure) {
            drafts = parcel.drafts
            verdicts = parcel.drafts.map { _ in .rejected(failure) }
            if case .shard(_, let authors) = parcel.origin { self.authors = authors } else { authors = [] }
        }
    }

    func take(_ news: News) {
        if let failures = news.failures {
            // What came before this was heard of goes to the ingest as such, or it would overtake what has failed.
            submitDrafts()
            failuresHeard = failures
        }
        for receipts in news.receipts { settle(receipts) }
        for committed in news.committed { deliver(committed, ownStart: news.ownStarts[committed.room]) }
    }

    // MARK: Answers to authors

    /// - Parameter isOnTheWay: the log has not seen them.
    func settle(_ receipts: Receipts, isOnTheWay: Bool = false) {
        for ((draft, author), verdict) in zip(zip(receipts.drafts, receipts.authors), receipts.verdicts) {
            guard let connection = connections[author.connection] else { continue }
            connection.unackedBytes -= author.weight
            switch verdict {
            case .stored(let seq, let at, let duplicate):
                if duplicate { counters.duplicates += 1 }
                let ack = Event.Ack(
                    draft: draft, seq: seq, at: at, durability: hub.store.durability(of: draft.room),
                    duplicate: duplicate,
                    authorListens: hears(connection, draft.room, seq))
                reply(.ack(ack), to: connection, id: draft.id)
            case .rejected(let failure) where failure.isPassing:
                let action = connection.session.refused(
                    draft.id, in: draft.room, failure, isOnTheWay: isOnTheWay, now: now)
                perform(action, draft.id, connection)
            case .rejected(let failure):
                reply(.error(failure, room: draft.room), to: connection, id: draft.id)
            }
            pace(connection)
        }
    }

    /// Whether the connection is told of the message by the room anyway.
    private func hears(_ connection: Connection, _ name: RoomName, _ seq: UInt64) -> Bool {
        guard let room = rooms[name], let seat = connection.seat(in: room) else {
            return connection.attending.contains(name)
        }
        return room.replica?.hears(connection.seats[seat].index, seq) ?? false
    }

    // MARK: Live

    /// A stretch of a room's log has arrived, from the ingest or from another node.
    private func deliver(_ committed: Committed, ownStart: UInt64?) {
        guard let first = committed.messages.first?.seq, let last = committed.messages.last?.seq else { return }
        if let owner = committed.room.owner, let ownStart {
            seatOwner(owner, committed.room, committed.epoch, before: ownStart)
        }
        guard let room = rooms[committed.room] else { return }
        if room.replica?.epoch == committed.epoch { room.floor = max(room.floor, committed.floor) }
        guard room.replica != nil else {
            room.rumour = max(room.rumour, last)
            return
        }
        let arrival = room.replica?.arrive(epoch: committed.epoch, first: first, last: last) ?? .stale
        switch arrival {
        case .push(let from):
            push(committed.messages[Int(from - first)...], to: room)
            pushWhatWaits(in: room)
        case .fill where hub.relay != nil:
            room.early.keep(committed)
            holdBack(room)
        case .filling:
            room.early.keep(committed)
            react(arrival, room)
        default: react(arrival, room)
        }
    }

    /// What came too early has its time once what was missing before it is there.
    func pushWhatWaits(in room: LocalRoom) {
        while let (epoch, head) = room.replica.map({ ($0.epoch, $0.head) }),
            let messages = room.early.take(after: head, in: epoch)
        {
            push(messages, to: room)
        }
    }

    /// Several nodes append to a room, and what they say of it crosses on the way: what is missing is waited for before
    /// the store is asked.
    private func holdBack(_ room: LocalRoom) {
        let bound = NIOLoopBound((self, room), eventLoop: loop)
        loop.scheduleTask(in: Shard.holdBackFor) {
            let (shard, room) = bound.value
            shard.fillGap(room)
        }
    }

    private static let holdBackFor = TimeAmount.milliseconds(30)

    /// Sends a stretch that follows the replica's head to all who are live, as far as one turn may go: those beyond are
    /// behind from then on, and are given it in turns to come.
    func push(_ messages: ArraySlice<Message>, to room: LocalRoom) {
        guard let last = messages.last?.seq else { return }
        var encodings = Encodings(messages)
        var delivered: UInt64 = 0
        let most = UInt64(hub.settings.readersPerTurn)
        room.replica?.push(upTo: last) { reader in
            guard delivered < most, reader.connection.outbox.admits(.logged) else { return false }
            let frames = encodings.frames(
                for: reader.connection.dialect, onlyCreated: reader.hearsOnlyCreated,
                by: deflater(for: reader.connection))
            broadcast(frames, to: reader.connection)
            delivered &+= 1
            return true
        }
        counters.messagesDelivered += delivered * UInt64(messages.count)
        if room.hasReadersAhead || delivered >= most {
            room.hasReadersAhead = false
            catchUpAll(room)
        }
    }

    /// A room has been created: its online participants hear of it, and those who hear without joining attend it.
    /// - Parameter only: the participants that are told, if not all.
    func hear(ofNew room: RoomInfo, participants: [User], except id: UInt64, only: Set<UserID>? = nil) {
        for user in participants where only?.contains(user.id) ?? true {
            for connection in (users[user.id] ?? []).compactMap({ connections[$0] }) {
                if connection.id != id {
                    if connection.outbox.admits(.transient) {
                        reply(.roomCreated(room, participants: participants), to: connection, id: nil)
                    } else {
                        counters.transientDropped += 1
                    }
                }
                // From the beginning: whoever made the room may have written already.
                attend(room.name, connection, after: Position(epoch: room.epoch, seq: 0))
            }
        }
    }
}
