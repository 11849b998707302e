import HummingbirdCore
import Logging
import NIOCore
import RoostEngine
import RoostHub

/// What every new connection meets: who is let in, and where it goes from there.
final class Door: Sendable {
    let hub: Hub
    let admission: Admission
    let webSocketPath: String
    /// Why WebSockets are not served here; nil: they are.
    let noWebSockets: String?
    /// Where messages are answered with themselves; nil: nowhere.
    let echoPath: String?
    let maxHeadBytes: Int
    let maxMessageBytes: Int
    /// Milliseconds a client has to sign in; 0: for ever.
    let authTimeoutMs: Int64
    /// Whether frames go straight to the socket, see `Wire`.
    let sendsDirectly: Bool
    /// Whether messages are compressed for those who offer it.
    let compresses: Bool
    let vitals: Vitals
    /// Nil: none are kept.
    let sessions: Sessions?
    private let http: HTTP1Channel
    private let log: Logger
    private let open = Locked<[ObjectIdentifier: any Channel]>([:])
    /// Clients that have not signed in yet.
    private let gates = Locked<[ObjectIdentifier: NIOLoopBound<SignInGate>]>([:])
    private let echoes = Locked<[ObjectIdentifier: any Channel]>([:])
    /// Who hears whom below `echoPath`.
    let crowds = EchoCrowds()

    init(
        hub: Hub, admission: Admission, webSocketPath: String, noWebSockets: String?, echoPath: String?,
        maxHeadBytes: Int,
        maxMessageBytes: Int, authTimeoutMs: Int64, sendsDirectly: Bool, compresses: Bool, http: HTTP1Channel,
        vitals: Vitals, sessions: Sessions?, log: Logger
    ) {
        self.hub = hub
        self.admission = admission
        self.webSocketPath = webSocketPath
        self.noWebSockets = noWebSockets
        self.echoPath = echoPath
        self.maxHeadBytes = maxHeadBytes
        self.maxMessageBytes = maxMessageBytes
        self.authTimeoutMs = authTimeoutMs
        self.sendsDirectly = sendsDirectly
        self.compresses = compresses
        self.http = http
        self.vitals = vitals
        self.sessions = sessions
        self.log = log
    }

    /// Puts the HTTP server behind whatever handler is last in the channel. Call it on the channel's loop.
    func serveHTTP(_ channel: any Channel) {
        open.withLock { $0[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { _ in
            _ = self.open.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }
        }
        let ready = http.setup(channel: channel, logger: log)
        Task {
            do {
                await http.handle(value: try await ready.get(), logger: log)
            } catch {
                channel.close(promise: nil)
            }
        }
    }

    func enroll(_ gate: SignInGate, on loop: any EventLoop) {
        let bound = NIOLoopBound(gate, eventLoop: loop)
        let id = ObjectIdentifier(gate)
        gates.withLock { $0[id] = bound }
    }

    func strike(_ gate: SignInGate) {
        let id = ObjectIdentifier(gate)
        gates.withLock { $0[id] = nil }
    }

    /// Sends away those who have not signed in.
    func closeGates() {
        for gate in gates.withLock({ Array($0.values) }) {
            gate.eventLoop.execute { gate.value.dismiss() }
        }
    }

    /// Whether there is an echo: at `echoPath` or, with a name behind it, one that all who are there hear.
    func hasEcho(at path: String) -> Bool {
        guard let echoPath, path.hasPrefix(echoPath) else { return false }
        let name = path.dropFirst(echoPath.count)
        return name.isEmpty || name.count > 1 && name.hasPrefix("/")
    }

    func enroll(echo channel: any Channel) {
        echoes.withLock { $0[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { _ in
            _ = self.echoes.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }
        }
    }

    /// Sends away those who talk to themselves.
    func closeEchoes() {
        for channel in echoes.withLock({ Array($0.values) }) {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    /// Ends the HTTP connections that are left.
    func closeHTTP() {
        for channel in open.withLock({ Array($0.values) }) { channel.close(promise: nil) }
    }
}
