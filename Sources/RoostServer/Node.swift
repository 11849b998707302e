import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
import RoostAuth
import RoostCore
import RoostEngine
import RoostHub
public import RoostSettings
public import ServiceLifecycle

/// One node, put together from its configuration: store, hub, HTTP API, listener. A service that drains when told to.
public struct Node: Service {
    private let settings: Settings
    private let log: Logger
    private let readFile: @Sendable (String) throws -> String
    private let stores: Stores
    private let hangups: AsyncStream<Void>
    private let onReady: @Sendable (_ address: String) -> Void

    /// - Parameters:
    ///   - environment: where stores in the cloud find their credentials.
    ///   - readFile: gives the text of the file at a path; what it throws is shown by its description.
    ///   - hangups: whenever one comes, the files that may change while the node runs are looked at.
    ///   - onReady: called once, when the node takes connections, with the URL to connect to.
    public init(
        settings: Settings, log: Logger, environment: [String: String],
        readFile: @escaping @Sendable (String) throws -> String,
        hangups: AsyncStream<Void>, onReady: @escaping @Sendable (_ address: String) -> Void
    ) {
        self.settings = settings
        self.log = log
        self.readFile = readFile
        stores = Stores(settings: settings, environment: environment, readFile: readFile)
        self.hangups = hangups
        self.onReady = onReady
    }

    public func run() async throws {
        let certificates = try certificates()
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: min(64, settings.loops > 0 ? settings.loops : System.coreCount))
        do {
            try await listen(group, certificates)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    /// Listens first, so that who asks is told that the node lives and is not ready; then waits for the store.
    private func listen(_ group: MultiThreadedEventLoopGroup, _ certificates: Certificates?) async throws {
        let limits = Limits(settings)
        // Whatever is wrong with the settings is said now, not once the store is there.
        let parts = Parts(
            kinds: try Kinds(settings.kinds), judge: try await judge(), buses: try Buses(settings: settings))
        let entrance = Entrance(
            admission: Admission(settings: settings, limits: limits, clock: Vitals.monotonic),
            vitals: Vitals(storeKind: stores.kind), settings: settings, maxHeadBytes: maxHeadBytes)
        let listener = try await bind(entrance, group, certificates, limits)
        let following = certificates.map { certificates in Task { await certificates.follow(asked: hangups) } }
        defer { following?.cancel() }
        do {
            guard let store = try await stores.open(log: log) else { return await listener.close() }
            do {
                try await serve(store, group, parts, listener, entrance)
            } catch {
                await store.close()
                throw error
            }
            await store.close()
        } catch {
            await listener.close()
            throw error
        }
    }

    /// What follows from the settings alone.
    private struct Parts {
        var kinds: Kinds
        var judge: TokenJudge?
        var buses: Buses
    }

    private func serve(
        _ store: any Store, _ group: MultiThreadedEventLoopGroup, _ parts: Parts, _ listener: Listener,
        _ entrance: Entrance
    ) async throws {
        let (hub, bus) = try await hub(store, group, parts)
        let door = door(hub, entrance, sessions(bus))
        entrance.open(door)
        onReady(address(listener.port))
        log.info("serving", metadata: ["store": "\(settings.store)", "node": "\(hub.node)"])

        try? await gracefulShutdown()

        let (admission, vitals) = (entrance.admission, entrance.vitals)
        log.info("draining", metadata: ["connections": "\(admission.connections)"])
        vitals.startDraining()
        // Long enough, if asked for, that load balancers have seen it.
        if settings.drainDelay > .zero { try? await Task.sleep(for: settings.drainDelay) }
        vitals.startRefusing()
        door.closeGates()
        door.closeEchoes()
        await listener.close()
        await hub.drain(
            DrainPlan(
                .draining, reason: "The server is restarting; connect again.",
                windowMs: settings.drainWindow.milliseconds))
        await patience { admission.connections == 0 && vitals.requestsUnderWay == 0 }
        door.closeHTTP()
    }

    /// The street, among the other nodes if there are any.
    private func hub(
        _ store: any Store, _ group: MultiThreadedEventLoopGroup, _ parts: Parts
    ) async throws -> (hub: Hub, bus: (any SessionStore)?) {
        let seat = try await parts.buses.membership(store, on: group.next(), log: log)
        let hub = try await Hub.start(
            store: store, loops: Array(group.makeIterator()),
            settings: HubSettings(
                limits: Limits(settings), kinds: parts.kinds, node: Vitals.hostname(), judge: parts.judge,
                recentBytes: settings.recentBytes),
            world: World(monotonic: Vitals.monotonic, wall: Vitals.wall), log: log, membership: seat?.cluster)
        guard seat != nil else { return (hub, nil) }
        do {
            try await parts.buses.introduce(hub)
        } catch {
            await hub.drain(DrainPlan(.draining, reason: "The server could not start."))
            throw error
        }
        return (hub, seat?.bus)
    }

    private func door(_ hub: Hub, _ entrance: Entrance, _ sessions: Sessions?) -> Door {
        let api = API(
            hub: hub, admission: entrance.admission, vitals: entrance.vitals,
            storeProbe: StoreProbe { (try? await hub.store.heads([.general])) != nil }, settings: settings,
            sessions: sessions)
        return Door(
            hub: hub, admission: entrance.admission, webSocketPath: settings.basePath + "/ws",
            noWebSockets: settings.noWebSockets, echoPath: settings.conformance ? settings.basePath + "/echo" : nil,
            maxHeadBytes: maxHeadBytes, maxMessageBytes: hub.limits.maxMessageBytes,
            authTimeoutMs: settings.authTimeout.milliseconds, sendsDirectly: settings.directSends,
            compresses: settings.compression, http: httpServer(api), vitals: entrance.vitals, sessions: sessions,
            log: log)
    }

    private var maxHeadBytes: Int { settings.maxHeadBytes > 0 ? settings.maxHeadBytes : 16 << 20 }

    private func bind(
        _ entrance: Entrance, _ group: MultiThreadedEventLoopGroup, _ certificates: Certificates?, _ limits: Limits
    ) async throws -> Listener {
        do {
            return try await Listener.bind(
                host: settings.host, port: settings.port, group: group, entrance: entrance, certificates: certificates,
                maxUnsentBytes: limits.maxUnsentBytes)
        } catch {
            throw StartError(
                "cannot listen on \(settings.host):\(settings.port): \(error). Choose another --port or --host, or stop what listens there."
            )
        }
    }

    /// Waits until `isDone`, but no longer than a client has to answer a close.
    private func patience(_ isDone: () -> Bool) async {
        let deadline = NIODeadline.now() + .seconds(5)
        while !isDone(), NIODeadline.now() < deadline { try? await Task.sleep(for: .milliseconds(10)) }
    }

    private func address(_ port: Int) -> String {
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        return "\(settings.speaksTLS ? "https" : "http")://\(host):\(port)"
    }

    // MARK: Parts

    /// What TLS is spoken with; nil: it is not.
    private func certificates() throws -> Certificates? {
        guard let certificate = settings.tlsCert, let key = settings.tlsKey else { return nil }
        let files = CertificateFiles(certificatePath: certificate, keyPath: key, readFile: readFile)
        do throws(CertificateError) {
            return try Certificates(files, log: log)
        } catch {
            throw StartError(error.reason)
        }
    }

    /// The sessions of HTTP clients: all nodes' where there are others; nil: none are kept.
    private func sessions(_ bus: (any SessionStore)?) -> Sessions? {
        guard settings.sessionLife > .zero else { return nil }
        return Sessions(
            store: bus ?? MemorySessions(clock: Vitals.monotonic), idleMs: settings.sessionLife.milliseconds, log: log)
    }

    /// Judges tokens; nil in anonymous mode.
    private func judge() async throws -> TokenJudge? {
        guard settings.auth == .jwt, let secret = settings.jwtSecret else { return nil }
        let verifier = try await TokenVerifier(secret: secret)
        return { token, now in
            do throws(TokenError) {
                return .success(Credentials(try verifier.verify(token, at: now)))
            } catch {
                return .failure(TokenObjection(error))
            }
        }
    }

    private func httpServer(_ api: API) -> HTTP1Channel {
        let responder = api.router().buildResponder()
        let log = log
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        if settings.maxHeadBytes > 0 { decoder.maxHeaderListSize = settings.maxHeadBytes }
        let vitals = api.vitals
        return HTTP1Channel(
            responder: { request, writer, channel in
                // Under way until it is written, or a drain would cut it off.
                vitals.begin()
                defer { vitals.end() }
                let context = API.Context(source: ApplicationRequestContextSource(channel: channel, logger: log))
                var response: Response
                do {
                    response = try await responder.respond(to: request, context: context)
                } catch {
                    log.error("a request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
                    response = Problem.response(
                        status: 500, code: ErrorCode.internal.rawValue, detail: "The server failed; it is in its log.",
                        retryAfterMs: nil)
                }
                if request.method == .head { response = response.createHeadResponse() }
                try await writer.write(response: response.head, body: response.body)
            },
            configuration: HTTP1Channel.Configuration(
                idleTimeout: .seconds(60), httpDecoderConfiguration: decoder))
    }
}

// Whoever logs its services must not log the secrets of its settings.
extension Node: CustomStringConvertible {
    public var description: String { "node" }
}

/// Why a node could not start: one sentence that says what to do.
public struct StartError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

extension Limits {
    /// The session's limits as configured; a 0 that means "off" becomes a number that is never reached.
    init(_ settings: Settings) {
        self.init()
        maxMessageBytes = settings.maxMessageBytes > 0 ? settings.maxMessageBytes : 1 << 30
        rateMessages = settings.rateLimitMessages
        rateBurst = settings.rateLimitBurst > 0 ? settings.rateLimitBurst : settings.rateLimitMessages
        maxRooms = settings.maxRoomsPerConnection > 0 ? settings.maxRoomsPerConnection : 1_000_000
        maxUnsentBytes = settings.maxUnsentBytes
        heartbeatMs = settings.heartbeat.milliseconds
        heartbeatTimeoutMs = settings.heartbeatTimeout.milliseconds
        maxHistory = settings.maxHistory > 0 ? settings.maxHistory : 100_000
        dedupeWindowMs = settings.dedupeWindow.milliseconds
        createOnJoin = settings.createOnJoin
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
