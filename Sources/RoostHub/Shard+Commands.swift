public import NIOCore
import RoostCore
import RoostEngine
import RoostWire

/// A connection's world, as its session sees it. Nothing here may touch the session, which is at work meanwhile.
struct ConnectionSurroundings: SessionSurroundings {
    let shard: Shard
    let connection: Connection
    let user: UserID
    let now: Moment

    var limits: Limits { shard.hub.limits }
    var kinds: Kinds { shard.hub.kinds }
    var rooms: Int { connection.memberships + connection.joining.count }
    func isIn(_ room: RoomName) -> Bool { connection.isMember(of: room) }
    func lease(_ count: Int) -> Session.Lease { shard.hub.lease(count, of: user) }
    func freshID() -> String { shard.freshID() }
}

// From a frame to what is done about it.
extension Shard {
    /// Drafts of one connection that may be on their way to the log, in bytes; above it the client is not read from.
    private static let maxUnackedBytes = 1 << 20

    /// A text frame has come.
    public func receive(_ text: ByteBuffer, from connection: Connection) {
        counters.framesReceived += 1
        connection.session.hear(now: now)
        let request: Result<Request, Refusal> =
            switch connection.dialect {
            case .native: NativeDecoder.decode(text)
            case .simple: SimpleDecoder.decode(text)
            }
        if !connection.held.isEmpty || mustWait(request, connection) {
            connection.held.append(request)
            pace(connection)
        } else {
            handle(request, from: connection)
        }
    }

    /// Commands of one connection take effect in the order in which they were sent: behind one that waits for
    /// the store nothing goes on, but that several rooms may be joined at a time.
    private func mustWait(_ request: Result<Request, Refusal>, _ connection: Connection) -> Bool {
        // Who doesn't take its answers is not made more of them.
        guard connection.outbox.isOpen else { return true }
        guard connection.pending > 0 else { return false }
        guard case .success(let request) = request, connection.pending == connection.joining.count else { return true }
        switch request.command {
        case .join(let join): return join.alone || connection.joining.contains(join.room)
        case .resume(let joins): return joins.contains { connection.joining.contains($0.room) }
        default: return true
        }
    }

    /// One of the connection's pending commands is done.
    func settled(_ connection: Connection) {
        connection.pending -= 1
        goOn(connection)
    }

    /// Handles what has been waiting, as far as it need not wait on.
    func goOn(_ connection: Connection) {
        while let next = connection.held.first, !mustWait(next, connection), !connection.isOver, !connection.isLeaving {
            connection.held.removeFirst()
            handle(next, from: connection)
            hearHeldPong(connection)
        }
        pace(connection)
    }

    /// One of those before it has been handled.
    private func hearHeldPong(_ connection: Connection) {
        guard let (number, behind) = connection.heldPong else { return }
        connection.heldPong = behind > 1 ? (number, behind - 1) : nil
        if behind <= 1 { connection.session.hear(pong: number) }
    }

    /// Reads from the client only while it has not too much under way.
    func pace(_ connection: Connection) {
        let mayRead =
            !connection.isLeaving && connection.held.isEmpty && connection.unackedBytes < Shard.maxUnackedBytes
            && connection.outbox.isOpen
        guard mayRead != connection.isReading else { return }
        connection.isReading = mayRead
        connection.transport?.setReading(mayRead)
    }

    private func handle(_ decoded: Result<Request, Refusal>, from connection: Connection) {
        switch decoded {
        case .failure(let refusal): refuse(refusal, connection)
        case .success(let request):
            let around = surroundings(of: connection)
            let action = connection.session.handle(request, around)
            perform(action, request.id, connection)
        }
    }

    /// A frame that says nothing costs as much as one that does.
    private func refuse(_ refusal: Refusal, _ connection: Connection) {
        let around = surroundings(of: connection)
        let action = connection.session.handle(Request(id: refusal.id, command: .ping), around)
        if case .answer = action {
            reply(.error(refusal.failure, room: refusal.room), to: connection, id: refusal.id)
        } else {
            perform(action, refusal.id, connection)
        }
    }

    private func surroundings(of connection: Connection) -> ConnectionSurroundings {
        ConnectionSurroundings(shard: self, connection: connection, user: connection.identity.user, now: now)
    }

    func perform(_ action: Session.Action, _ id: MessageID?, _ connection: Connection) {
        switch action {
        case .answer(let event): reply(event, to: connection, id: id)
        case .authenticate(let token): authenticate(token, id, connection)
        case .resume(let joins): resume(joins, id, connection)
        case .typing(let room, let isActive): type(room, isActive, connection)
        case .mark(let room, let mark): self.mark(room, mark, connection)
        case .refuseAndPing(let failure, let room):
            reply(.error(failure, room: room), to: connection, id: id)
            ping(connection)
        case .publish(let draft): publish(draft, connection)
        case .join(let join): self.join(join, id, connection)
        case .leave(let room): leave(room, id, connection)
        case .createRoom(let plan): createRoom(plan, id, connection)
        case .presence(let room, let after): tellPresence(room, after, id, connection)
        case .history(let wish): tellHistory(wish, id, connection)
        case .refuse(let failure, let room): reply(.error(failure, room: room), to: connection, id: id)
        case .close(let code, let reason): end(connection, code, reason)
        }
    }

    // MARK: Publishing

    private func publish(_ draft: Draft, _ connection: Connection) {
        counters.messagesPublished += 1
        connection.unackedBytes += draft.weight
        drafts.append(draft)
        authors.append(Ingest.Author(connection: connection.id, weight: draft.weight))
        scheduleTick()
        pace(connection)
    }

    /// Hands this tick's drafts to the ingest.
    func submitDrafts() {
        guard !drafts.isEmpty else { return }
        var parcel = Ingest.Parcel(
            drafts: drafts, weight: authors.reduce(0) { $0 + $1.weight }, origin: .shard(number, authors: authors),
            heard: failuresHeard)
        drafts = []
        authors = []
        while true {
            switch hub.ingest.submit(parcel, on: executor) {
            case .taken: return
            case .full: return settle(Receipts(parcel, refused: Hub.swamped), isOnTheWay: true)
            case .outdated(let rooms):
                guard let torn = parcel.tear(rooms) else {
                    preconditionFailure("a parcel is outdated by its own rooms")
                }
                settle(Receipts(torn.out, refused: Hub.behindFailed), isOnTheWay: true)
                guard let rest = torn.rest else { return }
                parcel = rest
            }
        }
    }

    /// Joins what a client wants to go on with: all at once.
    private func resume(_ joins: [Command.Join], _ id: MessageID?, _ connection: Connection) {
        let around = surroundings(of: connection)
        for join in joins {
            switch connection.session.resumed(join, around) {
            case .success(let join): self.join(join, id, connection)
            case .failure(let failure): reply(.error(failure, room: join.room), to: connection, id: id)
            }
        }
    }

    // MARK: Questions

    private func tellPresence(_ room: RoomName, _ after: UserID?, _ id: MessageID?, _ connection: Connection) {
        let user = connection.identity.user
        answer(connection, id, room) { [hub] () async throws(StoreError) in
            let request = OpenRequest(room: room, user: user, create: false)
            let unheard = await hub.rosterIfUnheard(room, after: after)
            return try await hub.store.open([request], at: hub.world.wall())[0].map { _ in unheard }
        } then: { shard, unheard in
            // Made only now, on the loop, so that news which it holds already can't be followed by an older page.
            .presence(unheard ?? shard.hub.members(room, after: after))
        }
    }

    private func tellHistory(_ wish: Command.HistoryRequest, _ id: MessageID?, _ connection: Connection) {
        let user = connection.identity.user
        answer(connection, id, wish.room) { [hub] () async throws(StoreError) in
            try await hub.history(wish, user: user)
        } then: { _, page in
            .history(page)
        }
    }

    private func createRoom(_ plan: RoomPlan, _ id: MessageID?, _ connection: Connection) {
        let author = connection.id
        answer(connection, id, plan.name) { [hub] () async throws(StoreError) in
            try await hub.createRoom(plan, except: author)
        } then: { _, created in
            .roomCreated(created.0, participants: created.1)
        }
    }

    /// Asks the store and tells the connection what came out; one question of a connection at a time, so that a
    /// client can't have more answers made than it reads.
    private func answer<Answer: Sendable>(
        _ connection: Connection, _ id: MessageID?, _ room: RoomName,
        _ question: @escaping @Sendable () async throws(StoreError) -> Result<Answer, Failure>,
        then event: @escaping (Shard, Answer) -> Event
    ) {
        connection.pending += 1
        ask { () -> Result<Answer, Failure> in
            do throws(StoreError) {
                return try await question()
            } catch {
                return .failure(error.failure)
            }
        } then: { shard, answer in
            switch answer {
            case .success(let answer): shard.reply(event(shard, answer), to: connection, id: id)
            case .failure(let failure): shard.reply(.error(failure, room: room), to: connection, id: id)
            }
            shard.settled(connection)
        }
    }
}
