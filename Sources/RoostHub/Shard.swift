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
    /// Runs tasks on the loop.
    let executor: LoopExecutor
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
    /// Whether somebody has come or gone of which rooms are to hear.
    var hasPresenceNews = false
    /// Whether a member has left who had got further in a room.
    var hasMarks = false
    private var isTickScheduled = false
    private var isTurnScheduled = false

    /// Readers that wait for their next page, and those that wait for a read of the log, by the piece.
    var feeds: Deque<Feed> = []
    var awaiting: [Recent.Key: [Feed]] = [:]
    var reads = CatchUpQueue<LogRead>()
    /// What readers are given who come back together.
    var replays = Replays(budget: 0)
    /// Made for the first connection that agrees to it.
    var compression: Compression?
    /// How many failed appends this shard has heard of.
    var failuresHeard: UInt64 = 0
    var lookout = Lookout()
    /// Rooms, each of which is looked at now and then though nobody has a doubt.
    var looks = Rounds<RoomName>(seconds: 1)
    var wheel: TimerWheel<UInt64>
    private var nextConnection: UInt64 = 1
    private var nextName: UInt64 = 0
    private var namePrefix = ""
    private var timers: [RepeatedTask] = []

    init(number: Int, loop: any EventLoop) {
        self.number = number
        self.loop = loop
        executor = LoopExecutor(loop)
        wheel = TimerWheel(now: Moment(milliseconds: 0))
    }

    /// How often logs with readers are asked whether they have grown unheard of (another process may have written).
    static let sweepEvery = TimeAmount.seconds(2)

    func start(hub: Hub) {
        started = hub
        wheel = TimerWheel(now: hub.world.monotonic())
        looks = Rounds(seconds: max(1, hub.settings.sweepsPerLook))
        replays = Replays(budget: hub.settings.recentBytes / 2 / hub.shards.count)
        namePrefix = String(hub.world.random(), radix: 36) + "-"
        let bound = NIOLoopBound(self, eventLoop: loop)
        timers = [
            loop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) { _ in
                bound.value.beat()
            },
            loop.scheduleRepeatedTask(initialDelay: Shard.sweepEvery, delay: Shard.sweepEvery) { _ in
                bound.value.replays.sweep()
                bound.value.compression?.replays.sweep()
                bound.value.sweep()
            },
        ]
        if number == 0 { timers += hub.startUpkeep(on: loop) }
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
    /// - Parameters:
    ///   - session: what the client gives with `?session=` to be the same user again.
    ///   - deflates: whether it takes compressed messages.
    ///   - credentials: what its token says, where there is sign-in.
    ///   - id: the `messageId` of the frame that is answered by the greeting, if it is one.
    public func connect(
        _ transport: any Transport, dialect: Dialect, deflates: Bool = false, identity: Identity, session: String,
        credentials: Credentials? = nil, answering id: MessageID? = nil
    ) -> Connection {
        let moment = now
        // Unique over the shards, since news about a connection pass by all of them.
        let number = nextConnection << 6 | UInt64(number)
        nextConnection += 1
        let connection = Connection(
            id: number, dialect: dialect, deflates: deflates,
            session: Session(
                identity: identity, grants: credentials?.grants ?? .all, isAnonymous: hub.isAnonymous,
                limits: hub.limits, now: moment),
            transport: transport)
        connections[number] = connection
        users[identity.user, default: []].append(number)
        counters.connectionsOpened += 1
        hub.connected(identity, on: executor)
        greet(connection, session: session, answering: id)
        expire(connection, credentials)
        if hub.limits.heartbeatMs > 0 {
            let beat = moment + hub.limits.heartbeatMs
            lookAgain(connection, at: min(beat, connection.expires ?? beat))
        }
        if dialect == .simple, identity.isLasting { attendRooms(connection) }
        return connection
    }

    func greet(_ connection: Connection, session: String, answering id: MessageID?) {
        let welcome = Event.Welcome(
            identity: connection.identity, node: hub.node, session: session, limits: hub.limits)
        reply(.welcome(welcome), to: connection, id: id)
    }

    /// The wire is gone, for whatever cause.
    /// - Parameter isExpected: it was told to come back, and is shown to others until it does, for a while.
    public func disconnect(_ connection: Connection, isExpected: Bool = false) {
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        connection.end()
        let identity = connection.identity
        users[identity.user]?.removeAll { $0 == connection.id }
        if users[identity.user]?.isEmpty == true { users[identity.user] = nil }
        while let seat = connection.seats.last { unseat(connection, seat.room, isExpected: isExpected) }
        connection.held = []
        connection.attending = []
        hub.disconnected(identity, on: executor)
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
    /// - Parameter pong: the number of the ping that it answers, if it does.
    public func heard(_ connection: Connection, pong: UInt64? = nil) {
        connection.session.hear(now: now)
        guard let pong else { return }
        // It has its place behind what waits: they were sent before it. Of two that wait the later one says it all.
        if connection.held.isEmpty {
            connection.session.hear(pong: pong)
        } else {
            connection.heldPong = (pong, connection.held.count)
        }
    }

    /// Ends a connection from this side.
    public func end(_ connection: Connection, _ code: CloseCode, _ reason: String) {
        counters.closes[code, default: 0] += 1
        let transport = connection.transport
        disconnect(connection, isExpected: code == .draining)
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
        flushLater(connection)
    }

    /// Sends frames that many are sent: at once, so that nothing has to be kept for each of them.
    @inline(__always)
    func broadcast(_ frames: ByteBuffer, to connection: Connection) {
        guard frames.readableBytes > 0, let transport = connection.transport else { return }
        if !transport.sendNow(frames) { flushLater(connection) }
    }

    func flushLater(_ connection: Connection) {
        guard !connection.isDirty else { return }
        connection.isDirty = true
        dirty.append(connection)
        scheduleTick()
    }

    // MARK: Questions

    /// Asks something that takes its time and comes back to the loop with the answer.
    func ask<Answer: Sendable>(
        _ question: @escaping @Sendable () async -> Answer, then: @escaping (Shard, Answer) -> Void
    ) {
        let bound = NIOLoopBound((self, then), eventLoop: loop)
        let loop = loop
        hub.world.run(on: executor) {
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

    /// A tick once the sockets have been looked at: ticks that follow each other at once would keep a loop from it.
    func scheduleTurn() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .microseconds(10)) {
            bound.value.isTurnScheduled = false
            bound.value.scheduleTick()
        }
    }

    private func tick() {
        isTickScheduled = false
        submitDrafts()
        openRooms()
        feedReaders()
        if hasPresenceNews {
            hasPresenceNews = false
            hub.tellPresence()
        }
        if hasMarks {
            hasMarks = false
            hub.world.run(on: executor) { [hub] in await hub.flushMarks() }
        }
        let flushed = dirty
        dirty = []
        for connection in flushed {
            connection.isDirty = false
            connection.transport?.flush()
        }
    }

    // MARK: The end

    /// Nothing is taken any more from one of so many equal parts of the connections.
    func stopReading(oneOf parts: Int) {
        let most = (connections.count + parts - 1) / max(1, parts)
        for connection in connections.values.prefix(most) {
            connection.isLeaving = true
            pace(connection)
        }
        tick()
    }

    /// Closes the connections that are not read from any more, after telling them when to come back.
    func dismiss(_ plan: DrainPlan, of count: Int) {
        for connection in connections.values.filter(\.isLeaving) {
            if plan.code == .draining {
                let afterMs = plan.returnAfterMs(count, hub.world.random())
                reply(.reconnect(afterMs: afterMs, reason: plan.reason), to: connection, id: nil)
            }
            end(connection, plan.code, plan.reason)
        }
        tick()
    }

    /// The last connection is gone.
    func stop() {
        tick()
        for timer in timers { timer.cancel() }
    }

    func clients(limit: Int) -> [String] {
        connections.values.prefix(limit).map { $0.dialect == .simple ? $0.identity.user.text : $0.identity.client }
    }
}
