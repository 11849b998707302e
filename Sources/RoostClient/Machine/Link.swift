/// The connection: its life, its backoff, its heartbeat, its token.
final class Link {
    /// What the connection is doing. The application sees `disconnected`, `connecting` or `connected`.
    enum Phase {
        /// Nothing, until `connect`.
        case idle
        /// Waiting for a token.
        case token
        /// Waiting for a transport to bring a welcome.
        case opening
        /// Welcomed.
        case online
        /// Waiting for the time of the next attempt.
        case waiting
    }

    private unowned let machine: ClientMachine
    private(set) var phase = Phase.idle
    /// The number of the newest connection; whatever comes from an older one is ignored.
    private(set) var connection = 0
    private var deadline: Int64?
    private var failures = 0
    private var onlineSince: Int64 = 0
    private var isNetworkUp = true
    /// When the server said to come back.
    private var advisedAt: Int64?
    private var heardAt: Int64 = 0
    private var pingDeadline: Int64?
    private var heartbeatMs: Int64
    private var heartbeatTimeoutMs: Int64
    private(set) var limits = ServerLimits()
    private(set) var user: String?
    var session: String?
    private(set) lazy var token = TokenKeeper(machine)
    private var transports: TransportChoice

    init(_ machine: ClientMachine) {
        self.machine = machine
        heartbeatMs = machine.options.heartbeatMs
        heartbeatTimeoutMs = machine.options.heartbeatTimeoutMs
        transports = TransportChoice(machine.options)
    }

    var isOnline: Bool { phase == .online }
    var isOpen: Bool { phase == .online || phase == .opening }

    // MARK: Connecting

    func connect() {
        guard phase == .idle || phase == .waiting else { return }
        if phase == .idle {
            failures = 0
            token.beginAnew()
            machine.emit(.state(.connecting(nil)))
        }
        begin()
    }

    private func begin() {
        advisedAt = nil
        if token.isNeeded {
            phase = .token
            deadline = nil
            token.ask()
        } else {
            open()
        }
    }

    private func open() {
        phase = .opening
        connection += 1
        deadline = machine.now + machine.options.openTimeoutMs
        var protocols = ["roost.v1.json"]
        var query: [ClientAction.QueryItem] = []
        if let token = token.value {
            protocols.append("roost.token.\(token)")
        } else {
            if let user = machine.options.user {
                query.append(.init("user", user))
            } else if let session {
                query.append(.init("session", session))
            }
            if let name = machine.options.name { query.append(.init("name", name)) }
        }
        machine.act(
            .open(connection: connection, transport: transports.current, protocols: protocols, query: query))
    }

    func welcome(_ welcome: ServerFrame.Welcome, _ messageID: String?) {
        limits = welcome.limits
        if welcome.heartbeatMs > 0 { heartbeatMs = welcome.heartbeatMs }
        if let timeout = limits.heartbeatTimeoutMs, timeout > 0 { heartbeatTimeoutMs = timeout }
        token.welcomed(messageID)
        guard phase == .opening else { return }
        phase = .online
        deadline = nil
        onlineSince = machine.now
        user = welcome.user
        transports.useful()
        if let fresh = welcome.session, fresh != session {
            session = fresh
            machine.act(.keepSession(fresh))
        }
        machine.emit(
            .state(
                .connected(
                    ConnectionState.Welcome(
                        user: welcome.user, name: welcome.name, clientID: welcome.clientID, node: welcome.node,
                        transport: transports.current))))
        machine.cameOnline()
    }

    // MARK: Losing it

    func closed(_ connection: Int, _ code: Int, _ reason: String) {
        guard connection == self.connection, isOpen else { return }
        lose(code, reason)
    }

    /// Ends the connection from this side and goes on as if the server had closed it with this code.
    func drop(_ code: Int, _ reason: String) {
        machine.act(.close(connection: connection, code: code >= 4000 ? code : 4000, reason: reason))
        lose(code, reason)
    }

    func disconnect() {
        guard phase != .idle else { return }
        let reason = "The client has closed the connection."
        if isOpen { machine.act(.close(connection: connection, code: 1000, reason: reason)) }
        stop(1000, reason)
    }

    private func lose(_ code: Int, _ reason: String) {
        guard let delay = delay(after: code) else { return stop(code, reason) }
        goOffline()
        wait(delay, code, reason)
    }

    /// What is to follow a loss: nil to stop, else how long to wait. Keeps the books of failures, transports and tokens.
    private func delay(after code: Int) -> Int64? {
        let lasted = phase == .online ? machine.now - onlineSince : nil
        let wasStable = lasted.map { $0 >= machine.options.stableAfterMs } ?? false
        if wasStable { failures = 0 }
        var turnsAtOnce = false
        if CloseCodes.isMute(code), !wasStable {
            turnsAtOnce = transports.failed()
        } else {
            transports.fine(lasted: lasted)
        }
        let verdict = token.judge(CloseCodes.verdict(of: code))
        if verdict == .stop { return nil }
        if let advisedAt { return max(0, advisedAt - machine.now) }
        if turnsAtOnce { return 0 }
        return backoff(atLeast: verdict == .slowly ? CloseCodes.slowAttempts : 0)
    }

    /// Full jitter: anything from nothing up to a bound that doubles with every failure.
    private func backoff(atLeast: Int) -> Int64 {
        let options = machine.options
        let exponent = min(max(failures, atLeast), 30)
        let bound = min(options.reconnectMaxMs, options.reconnectBaseMs << Int64(exponent))
        failures += 1
        return Int64((machine.random() * Double(isNetworkUp ? bound : options.reconnectMaxMs)).rounded(.down))
    }

    private func wait(_ delay: Int64, _ code: Int, _ reason: String) {
        phase = .waiting
        deadline = machine.now + delay
        machine.emit(.state(.connecting(ConnectionState.Loss(code: code, reason: reason, retryInMs: delay))))
    }

    private func stop(_ code: Int, _ reason: String) {
        goOffline()
        phase = .idle
        deadline = nil
        token.forgetQuestion()
        machine.emit(.state(.disconnected(code: code, reason: reason)))
        machine.requests.closeAll(RoostError(.closed, reason))
    }

    private func goOffline() {
        let wasOnline = phase == .online
        phase = .waiting
        pingDeadline = nil
        if wasOnline { machine.wentOffline() }
    }

    func advise(afterMs: Int64) { advisedAt = machine.now + afterMs }

    // MARK: Tokens

    func takeToken(_ value: String?, expiresAt: Int64?) {
        token.take(value, expiresAt: expiresAt)
        switch phase {
        case .token: open()
        case .online: token.signIn()
        case .idle, .opening, .waiting: break
        }
    }

    func tokenFailed(_ reason: String, isFinal: Bool) {
        token.failed()
        guard phase == .token else { return }
        if isFinal { return stop(4501, reason) }
        wait(backoff(atLeast: 0), 4501, reason)
    }

    /// A refusal of `auth`: the token is of no use here, whatever comes of the connection.
    func refused(_ messageID: String?, _ error: RoostError) -> Bool {
        guard token.isAnswer(messageID) else { return false }
        drop(4501, error.reason)
        return true
    }

    // MARK: The world outside

    func network(isUp: Bool) {
        isNetworkUp = isUp
        if isUp { hurry() } else { probe() }
    }

    /// Time may have stood still: what waits goes on at once, what is connected proves that it is.
    func hurry() {
        if phase == .waiting, advisedAt == nil { begin() } else { probe() }
    }

    private func probe() {
        guard phase == .online else { return }
        let deadline = machine.now + machine.options.probeTimeoutMs
        if pingDeadline == nil { machine.write(.ping) }
        pingDeadline = pingDeadline.map { min($0, deadline) } ?? deadline
    }

    /// Something has come over this connection. False: it is not the one there is.
    func heard(_ connection: Int) -> Bool {
        guard connection == self.connection, isOpen else { return false }
        heardAt = machine.now
        pingDeadline = nil
        return true
    }

    // MARK: Time

    var dueAt: Int64? {
        if phase == .online { return earliest(pingDeadline ?? (heardAt + heartbeatMs), token.dueAt) }
        return earliest(deadline, token.dueAt)
    }

    func wake() {
        if let due = deadline, machine.now >= due {
            deadline = nil
            if phase == .waiting {
                begin()
            } else if phase == .opening {
                drop(1006, "The server did not answer in time.")
            }
        }
        if phase == .online { beat() }
        token.wake()
    }

    private func beat() {
        if let pingDeadline {
            if machine.now >= pingDeadline { drop(4005, "The server fell silent.") }
        } else if machine.now >= heardAt + heartbeatMs {
            machine.write(.ping)
            pingDeadline = machine.now + heartbeatTimeoutMs
        }
    }
}
