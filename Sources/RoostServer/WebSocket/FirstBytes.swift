import Crypto
import Logging
import NIOCore
import RoostCore
import RoostHub
import RoostSettings
import RoostWire

/// Looks at the first request of a connection: a WebSocket handshake is answered here, by hand, since that costs a
/// fraction of what an HTTP pipeline does; anything else goes on to the HTTP server with every byte it has sent.
final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let door: Door
    private var head = ByteBuffer()
    private var deadline: Scheduled<Void>?
    private var isDone = false
    /// A token is being judged; what comes meanwhile waits.
    private var isDeciding = false

    /// Half a request head is waited for so long.
    static let headTimeout = TimeAmount.seconds(10)

    init(door: Door) { self.door = door }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: FirstBytes.headTimeout) {
            let (handler, context) = bound.value
            guard !handler.isDone else { return }
            if handler.head.readableBytes == 0 {
                context.close(promise: nil)
            } else {
                handler.refuse(context, 408, "The request's head did not come within 10 seconds.")
            }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return }
        var bytes = unwrapInboundIn(data)
        head.writeBuffer(&bytes)
        guard !isDeciding else { return }
        switch RequestHead.parse(head) {
        case .incomplete where head.readableBytes > door.maxHeadBytes:
            refuse(context, 431, "A request's head may have \(door.maxHeadBytes) bytes at most.")
        case .incomplete: break
        case .complete(_, let length) where length > door.maxHeadBytes:
            refuse(context, 431, "A request's head may have \(door.maxHeadBytes) bytes at most.")
        case .complete(let request, let length) where Handshake.isWanted(request):
            upgrade(context, request, length)
        case .complete, .foreign: passOn(context)
        }
    }

    // MARK: HTTP

    private func passOn(_ context: ChannelHandlerContext) {
        isDone = true
        let bytes = head
        head = ByteBuffer()
        door.serveHTTP(context.channel)
        context.fireChannelRead(NIOAny(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func refuse(_ context: ChannelHandlerContext, _ status: Int, _ reason: String, _ more: String = "") {
        isDone = true
        let failure = Problem.body(status: status, code: Problem.code(for: status), detail: reason, retryAfterMs: nil)
        context.sendLast(wrapOutboundOut(httpAnswer(status, failure, more)))
    }

    // MARK: WebSocket

    private func upgrade(_ context: ChannelHandlerContext, _ request: RequestHead, _ length: Int) {
        if let reason = door.noWebSockets { return refuse(context, 404, reason) }
        let isEcho = door.hasEcho(at: request.path)
        guard isEcho || request.path == door.webSocketPath else {
            return refuse(
                context, 404, "There is no WebSocket at \(request.path.prefix(64)); use \(door.webSocketPath).")
        }
        if let objection = door.admission.objection(origin: request.first("origin"), host: request.first("host")) {
            return refuse(context, 403, objection.reason)
        }
        if isEcho { return echo(context, request, length) }
        switch Handshake.judge(request) {
        case .refuse(let status, let reason): refuseHandshake(context, status, reason)
        case .accept(let key, let subprotocol, let dialect):
            let offers = door.compresses ? DeflateOffer.all(in: request) : []
            let upgrade = Upgrade(
                key: key, subprotocol: subprotocol, dialect: dialect,
                deflate: DeflateAgreement.withoutContext(offers), visitor: visitor(request), length: length)
            guard let judge = door.hub.settings.judge else { return acceptAnonymous(context, request, upgrade) }
            signIn(context, request, upgrade, judge)
        }
    }

    /// A handshake that is to be answered with 101.
    private struct Upgrade {
        var key: String
        var subprotocol: String?
        var dialect: Dialect
        /// How messages are compressed, if they are.
        var deflate: DeflateAgreement?
        var visitor: Visitor?
        /// Bytes of the request.
        var length: Int
    }

    private func visitor(_ request: RequestHead) -> Visitor? {
        guard let sessions = door.sessions else { return nil }
        let cookies = request.headers.lazy.filter { $0.name == "cookie" }.map(\.value)
        return Sessions.claimed(in: cookies).map { Visitor(session: $0, sessions: sessions) }
    }

    private func acceptAnonymous(_ context: ChannelHandlerContext, _ request: RequestHead, _ upgrade: Upgrade) {
        switch AnonymousIdentity.resolve(request.query, dialect: upgrade.dialect) {
        case .failure(let failure): refuse(context, failure.code.status, failure.reason)
        case .success(let who):
            let guest = Guest(identity: who.identity, session: who.session, dialect: upgrade.dialect)
            accept(context, upgrade, .welcome(guest))
        }
    }

    private func signIn(
        _ context: ChannelHandlerContext, _ request: RequestHead, _ upgrade: Upgrade, _ judge: @escaping TokenJudge
    ) {
        let dialect = upgrade.dialect
        let session = request.query["session"] ?? ""
        let makeGuest = { (credentials: Credentials) in
            Guest(credentials, session: session, dialect: dialect)
        }
        guard let token = BearerToken.find(in: request) else {
            guard dialect == .native else {
                return accept(context, upgrade, .turnAway(.unauthenticated, reason: "This server wants a token."))
            }
            let gate = SignInGate(
                door: door, judge: judge, loop: context.eventLoop, timeoutMs: door.authTimeoutMs,
                makeGuest: makeGuest)
            return accept(context, upgrade, .signIn(gate))
        }
        isDeciding = true
        // Nothing more is taken until it is known whose the token is.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        let bound = NIOLoopBound((self, context, makeGuest), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        Task {
            let verdict = await judge(token, Vitals.wall())
            loop.execute {
                let (handler, context, makeGuest) = bound.value
                guard context.channel.isActive, !handler.isDone else { return }
                try? context.channel.syncOptions?.setOption(.autoRead, value: true)
                switch verdict {
                case .success(let credentials):
                    handler.accept(context, upgrade, .welcome(makeGuest(credentials)))
                case .failure(let objection):
                    let reason = objection.failure.reason
                    handler.accept(context, upgrade, .turnAway(objection.closeCode, reason: reason))
                }
                context.read()
            }
        }
    }

    private func accept(_ context: ChannelHandlerContext, _ upgrade: Upgrade, _ entry: WebSocketHandler.Entry) {
        guard let shard = door.hub.shard(on: context.eventLoop) else {
            return refuse(context, 503, "The server is starting. Connect again.")
        }
        guard mayEnter(context) else { return }
        let handler = WebSocketHandler(
            shard: shard, admission: door.admission, maxMessageBytes: door.maxMessageBytes,
            deflates: upgrade.deflate != nil, isDirect: door.sendsDirectly, visitor: upgrade.visitor)
        handOver(context, upgrade, to: handler) { handler.start(after: $0, entry) }
    }

    private func echo(_ context: ChannelHandlerContext, _ request: RequestHead, _ length: Int) {
        do throws(Handshake.Objection) {
            let key = try Handshake.key(of: request)
            guard mayEnter(context) else { return }
            let admission = door.admission
            let crowd =
                request.path == door.echoPath ? nil : door.crowds.crowd(at: request.path, on: context.eventLoop)
            let deflate = crowd == nil ? DeflateAgreement.asAsked(DeflateOffer.all(in: request)) : nil
            let handler = EchoHandler(
                WebSocketEcho(
                    maxMessageBytes: EchoHandler.maxMessageBytes, deflate: deflate, isShared: crowd != nil),
                crowd: crowd, isDirect: door.sendsDirectly, onClose: { admission.exit() })
            door.enroll(echo: context.channel)
            let upgrade = Upgrade(key: key, subprotocol: nil, dialect: .simple, deflate: deflate, length: length)
            handOver(context, upgrade, to: handler) { handler.start(after: $0) }
        } catch {
            refuseHandshake(context, error.status, error.reason)
        }
    }

    private func refuseHandshake(_ context: ChannelHandlerContext, _ status: Int, _ reason: String) {
        refuse(context, status, reason, status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "")
    }

    /// Counts the connection in, or refuses it.
    private func mayEnter(_ context: ChannelHandlerContext) -> Bool {
        if door.vitals.isRefusing {
            refuse(context, 503, "This node is restarting. Connect again.")
            return false
        }
        guard door.admission.enter() else {
            refuse(context, 503, "This node has all the connections it takes. Connect again later.")
            return false
        }
        return true
    }

    /// Leaves the connection, and what has come behind the handshake, to its handler.
    /// - Parameter start: is given the answer to the handshake, which has to go first.
    private func handOver(
        _ context: ChannelHandlerContext, _ upgrade: Upgrade, to handler: some ChannelHandler,
        _ start: (ByteBuffer) -> Void
    ) {
        isDone = true
        var out = context.channel.allocator.buffer(capacity: 192)
        out.writeStaticString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        out.writeString("Sec-WebSocket-Accept: \(FirstBytes.accept(upgrade.key))\r\n")
        if let subprotocol = upgrade.subprotocol { out.writeString("Sec-WebSocket-Protocol: \(subprotocol)\r\n") }
        if let deflate = upgrade.deflate { out.writeString("Sec-WebSocket-Extensions: \(deflate.answer)\r\n") }
        out.writeStaticString("\r\n")
        do {
            try context.pipeline.syncOperations.addHandler(handler, position: .after(self))
        } catch {
            door.admission.exit()
            return context.close(promise: nil)
        }
        start(out)
        head.moveReaderIndex(forwardBy: upgrade.length)
        let rest = head
        head = ByteBuffer()
        if rest.readableBytes > 0 { context.fireChannelRead(NIOAny(rest)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    /// RFC 6455 section 1.3.
    private static func accept(_ key: String) -> String {
        let digest = Insecure.SHA1.hash(data: Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        return Base64.encode(Array(digest))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
