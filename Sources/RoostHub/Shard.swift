import DequeModule
public import NIOCore
public import RoostCore
import RoostEngine
public import RoostWire

/// One event loop's share of the node: its connections, and for each room with a reader here a replica of the log's end.
///
/// Everything happens on the loop; no lock and no task per message. What a tick has gathered (drafts, joins, sockets to
/// be flushed) goes on its way once, at the tick's end.
public final class Shard {
    let number: Int
    let loop: any EventLoop
    /// Set by `start`, before anything else happens here.
    private var started: Hub?
    var connections: [UInt64: Connection] = [:]
    var users: [UserID: [UInt64]] = [:]
    var rooms: [RoomName: LocalRoom] = [:]
    public internal(set) var counters = Counters()

    // What this tick has gathered.
    var drafts: [Draft] = []
    var authors: [Ingest.Author] = []
    var opens: [PendingOpen] = []
    var dirty: [Connection] = []
    private var isTickScheduled = false

    var reads = CatchUpQueue<CatchUpRead>()
    var isSweeping = false
    /// Nothing is taken from clients any more.
    var isDraining = false
    private var wheel: TimerWheel<UInt64>
    private var nextConnection: UInt64 = 1
    private var nextName: UInt64 = 0
    private var namePrefix = ""
    private var timer: RepeatedTask?
    private var sweep: RepeatedTask?

    init(number: Int, loop: any EventLoop) {
        self.number = number
        self.loop = loop
        wheel = TimerWheel(now: Moment(milliseconds: 0))
    }

    /// How often logs with readers are asked whether they have grown unheard of (another process may have written).
    static let sweepEvery = TimeAmount.seconds(2)

    func start(hub: Hub) {
        started = hub
        wheel = TimerWheel(now: hub.world.monotonic())
        namePrefix = String(hub.world.random(), radix: 36) + "-"
        let bound = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) { _ in
            bound.value.beat()
        }
        sweep = loop.scheduleRepeatedTask(initialDelay: Shard.sweepEvery, delay: Shard.sweepEvery) { _ in
            bound.value.askForHeads()
        }
        if number == 0 {
            _ = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [weak hub] _ in
                hub?.announceCounts()
            }
        }
    }

    var hub: Hub {
        guard let started else { preconditionFailure("a shard is used before its hub has started it") }
        return started
    }

    var now: Moment { hub.world.monotonic() }

    /// An id that nobody else has.
    func freshID() -> String {
        nextName += 1
        return namePrefix + String(nextName, radix: 36)
    }

    // MARK: Connections

    /// Takes a connection in and greets it.
    /// - Parameter session: what the client gives with `?session=` to be the same user again.
    public func connect(
        _ transport: any Transport, dialect: Dialect, identity: Identity, session: String
    ) -> Connection {
        let moment = now
        // Unique over the shards, since news about a connection pass by all of them.
        let id = nextConnection << 6 | UInt64(number)
        nextConnection += 1
        let connection = Connection(
            id: id, dialect: dialect,
            session: Session(identity: identity, isAnonymous: hub.isAnonymous, limits: hub.limits, now: moment),
            transport: transport)
        connections[id] = connection
        users[identity.user, default: []].append(id)
        counters.connectionsOpened += 1
        hub.connected(identity)
        reply(
            .welcome(Event.Welcome(identity: identity, node: hub.node, session: session, limits: hub.limits)),
            to: connection, id: nil)
        if hub.limits.heartbeatMs > 0 { wheel.add(id, due: moment + hub.limits.heartbeatMs) }
        if dialect == .simple, identity.isLasting { attendRooms(connection) }
        return connection
    }

    /// The wire is gone, for whatever cause.
    public func disconnect(_ connection: Connection) {
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        connection.end()
        let identity = connection.identity
        users[identity.user]?.removeAll { $0 == connection.id }
        if users[identity.user]?.isEmpty == true { users[identity.user] = nil }
        while let seat = connection.seats.last { unseat(connection, seat.room) }
        connection.held = []
        connection.attending = []
        hub.disconnected(identity)
    }

    /// The wire's queue has passed the limit or has drained.
    public func writability(of connection: Connection, isNow isWritable: Bool) {
        let hasReopened = connection.outbox.writability(changedTo: isWritable)
        connection.shutSince = isWritable ? nil : connection.shutSince ?? now
        // Who doesn't take its answers is not asked for more. Not at once: this may come from inside a write.
        guard hasReopened || connection.isReading else { return }
        let bound = NIOLoopBound((self, connection), eventLoop: loop)
        loop.execute { bound.value.0.resume(bound.value.1) }
    }

    /// Something has come from the client that is no message.
    public func heard(_ connection: Connection) { connection.session.hear(now: now) }

    private func beat() {
        let moment = now
        for id in wheel.advance(to: moment) {
            guard let connection = connections[id] else { continue }
            if let since = connection.shutSince {
                // It can't answer a ping that it doesn't take.
                let patience = 2 * (hub.limits.heartbeatMs + hub.limits.heartbeatTimeoutMs)
                if moment - since > patience {
                    end(connection, .tooFarBehind, "The client has taken nothing for \(patience / 1000) seconds.")
                } else {
                    wheel.add(id, due: moment + hub.limits.heartbeatMs)
                }
                continue
            }
            // Whom we don't read, we can't hear.
            if !connection.isReading { connection.session.hear(now: moment) }
            switch connection.session.beat(limits: hub.limits, now: moment) {
            case .wait(let until): wheel.add(id, due: until)
            case .ping(let nextCheck):
                connection.transport?.ping()
                wheel.add(id, due: nextCheck)
            case .close(let code, let reason): end(connection, code, reason)
            }
        }
    }

    /// Ends a connection from this side.
    public func end(_ connection: Connection, _ code: CloseCode, _ reason: String) {
        counters.closes[code, default: 0] += 1
        let transport = connection.transport
        disconnect(connection)
        transport?.close(code, reason: reason)
    }

    // MARK: Writing

    func reply(_ event: Event, to connection: Connection, id: MessageID?) {
        if case .error(let failure, _) = event { counters.errors[failure.code, default: 0] += 1 }
        send(event.frames(for: connection, id: id?.text ?? freshID(), now: hub.world.wall()), to: connection)
    }

    /// Queues whole frames; they leave at the end of the tick.
    public func send(_ frames: ByteBuffer, to connection: Connection) {
        guard frames.readableBytes > 0, let transport = connection.transport else { return }
        transport.write(frames)
        if !connection.isDirty {
            connection.isDirty = true
            dirty.append(connection)
            scheduleTick()
        }
    }

    // MARK: Questions

    /// Asks something that takes its time and comes back to the loop with the answer.
    func ask<Answer: Sendable>(
        _ question: @escaping @Sendable () async -> Answer, then: @escaping (Shard, Answer) -> Void
    ) {
        let bound = NIOLoopBound((self, then), eventLoop: loop)
        let loop = loop
        hub.world.run {
            let answer = await question()
            loop.execute {
                let (shard, then) = bound.value
                then(shard, answer)
            }
        }
    }

    // MARK: The tick

    func scheduleTick() {
        guard !isTickScheduled else { return }
        isTickScheduled = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute { bound.value.tick() }
    }

    private func tick() {
        isTickScheduled = false
        submitDrafts()
        openRooms()
        let flushed = dirty
        dirty = []
        for connection in flushed {
            connection.isDirty = false
            connection.transport?.flush()
        }
    }

    // MARK: The end

    func stopReading() {
        isDraining = true
        for connection in connections.values {
            connection.isReading = false
            connection.transport?.setReading(false)
        }
        tick()
    }

    func closeAll(_ code: CloseCode, reason: String) {
        for connection in Array(connections.values) { end(connection, code, reason) }
        timer?.cancel()
        sweep?.cancel()
    }

    func clients(limit: Int) -> [String] {
        connections.values.prefix(limit).map { $0.dialect == .simple ? $0.identity.user.text : $0.identity.client }
    }
}
