import NIOCore
import NIOHTTP1
import RoostCore
import RoostEngine
import RoostHub
import RoostSettings
import RoostWire

/// Where connections come in: the node's door, once there is one. Until then they are told that it starts.
final class Entrance: Sendable {
    let admission: Admission
    let vitals: Vitals
    let settings: Settings
    let maxHeadBytes: Int
    private let opened = Locked<Door?>(nil)

    init(admission: Admission, vitals: Vitals, settings: Settings, maxHeadBytes: Int) {
        self.admission = admission
        self.vitals = vitals
        self.settings = settings
        self.maxHeadBytes = maxHeadBytes
    }

    /// Nil: the node is not ready.
    var door: Door? { opened.withLock { $0 } }

    func open(_ door: Door) { opened.withLock { $0 = door } }

    /// What a connection meets first.
    func firstHandler() -> any ChannelHandler {
        if let door { FirstBytes(door: door) } else { WaitingRoom(entrance: self) }
    }
}

/// Answers the first request of a connection while the node starts: that it lives, and that it is not ready.
final class WaitingRoom: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let entrance: Entrance
    private var head = ByteBuffer()
    private var deadline: Scheduled<Void>?
    private var isDone = false

    init(entrance: Entrance) { self.entrance = entrance }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: FirstBytes.headTimeout) { bound.value.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return }
        if let door = entrance.door { return passOn(to: door, context, data) }
        var bytes = unwrapInboundIn(data)
        head.writeBuffer(&bytes)
        switch RequestHead.parse(head) {
        case .incomplete where head.readableBytes <= entrance.maxHeadBytes: break
        case .complete(let request, _): answer(request, context)
        case .incomplete, .foreign: answer(context, 503, Problem.body(of: Problem(notReady)))
        }
    }

    /// The node is ready meanwhile.
    private func passOn(to door: Door, _ context: ChannelHandlerContext, _ data: NIOAny) {
        isDone = true
        var all = head
        var bytes = unwrapInboundIn(data)
        all.writeBuffer(&bytes)
        do {
            try context.pipeline.syncOperations.addHandler(FirstBytes(door: door), position: .after(self))
        } catch {
            return context.close(promise: nil)
        }
        context.fireChannelRead(NIOAny(all))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private let notReady = Failure(
        .unavailable, "This node is starting: its store or its bus has not answered yet. Try again.", retryAfterMs: 1000
    )

    private func answer(_ request: RequestHead, _ context: ChannelHandlerContext) {
        let (origin, host) = (request.first("origin"), request.first("host"))
        if let objection = entrance.admission.objection(origin: origin, host: host) {
            return answer(context, objection.code.status, Problem.body(of: Problem(objection)))
        }
        // As `OriginMiddleware`, so that a page of another origin can read why it has to wait.
        let more = origin.map {
            "Access-Control-Allow-Origin: \($0)\r\nAccess-Control-Allow-Credentials: true\r\n"
                + "Access-Control-Expose-Headers: Link, Retry-After\r\nVary: Origin\r\n"
        }
        guard request.path == entrance.settings.basePath + "/health", request.method == "GET" else {
            return answer(
                context, notReady.code.status, Problem.body(of: Problem(notReady)),
                (more ?? "") + "Retry-After: 1\r\n")
        }
        var body = ByteBuffer()
        body.put("{\"status\":\"healthy\"")
        body.field("hostname", Vitals.hostname())
        body.field("connections", 0)
        body.field("uptimeSeconds", entrance.vitals.uptimeSeconds)
        body.put(",\"draining\":false,\"starting\":true,\"planes\":")
        body.putList(entrance.settings.planes.inOrder) { $0.putString($1.rawValue) }
        body.field("store", entrance.vitals.storeKind)
        body.put(",\"store_connected\":false")
        if case .redis = entrance.settings.bus { body.put(",\"redis_connected\":false") }
        if entrance.settings.auth == .anonymous { body.put(",\"active_clients\":[]") }
        body.put("}")
        answer(context, 200, body, more ?? "", contentType: "application/json; charset=utf-8")
    }

    private func answer(
        _ context: ChannelHandlerContext, _ status: Int, _ body: ByteBuffer, _ more: String = "",
        contentType: String = "application/problem+json"
    ) {
        isDone = true
        context.sendLast(wrapOutboundOut(httpAnswer(status, body, more, contentType: contentType)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// A whole HTTP answer, behind which the connection ends.
/// - Parameter more: further header lines, each with its end.
func httpAnswer(
    _ status: Int, _ body: ByteBuffer, _ more: String = "", contentType: String = "application/problem+json"
) -> ByteBuffer {
    var out = ByteBuffer()
    out.reserveCapacity(256 + body.readableBytes)
    out.writeString("HTTP/1.1 \(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\r\n")
    out.writeString("Content-Type: \(contentType)\r\nContent-Length: \(body.readableBytes)\r\n")
    out.writeString("\(more)Connection: close\r\n\r\n")
    out.writeImmutableBuffer(body)
    return out
}

extension ChannelHandlerContext {
    /// Sends the last thing that there is to say, and closes.
    func sendLast(_ answer: NIOAny) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        writeAndFlush(answer).whenComplete { _ in
            // Not both ways at once: what the peer is still sending would turn into a reset and eat the answer.
            bound.value.close(mode: .output, promise: nil)
        }
        eventLoop.scheduleTask(in: .seconds(2)) { bound.value.close(promise: nil) }
    }
}
