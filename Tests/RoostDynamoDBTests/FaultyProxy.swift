import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import RoostEngine

/// What becomes of one request on its way.
enum Fault: Sendable, Equatable {
    /// Those that pass.
    static let passing: [Fault] = [.throttled, .failed, .replyLost, .requestLost]

    /// Answered 400 and an error of this name; not passed on.
    case refused(String)
    /// Answered 400 `ProvisionedThroughputExceededException`; not passed on.
    case throttled
    /// Answered 500; not passed on.
    case failed
    /// Passed on and carried out; the connection closes instead of an answer.
    case replyLost
    /// The connection closes; not passed on.
    case requestLost
    /// Passed on and carried out; of the answer only the head comes, and the connection stays open.
    case bodyLost
    /// Of the keys of a `BatchGetItem`, so many come back unprocessed, or all where there are no more; the others are
    /// passed on.
    case withheld(Int)
    /// Answered 200 and this; not passed on.
    case says(String)
}

/// Stands between a store and the emulator, on a port of loopback, and does to each request what it is told.
final class FaultyProxy: Sendable {
    struct Call: Sendable {
        /// Its place among all calls, from 0 on.
        var number: Int
        /// As `PutItem`.
        var operation: String
        var body: String
        /// As it arrived.
        var head: HTTPRequestHead
    }

    private struct State {
        var calls = 0
        var fault: @Sendable (Call) -> Fault?
    }

    private let state: Locked<State>
    private let target: String
    private let client = HTTPClient.shared
    private let server: NIOAsyncChannelBox

    /// Holds the listening channel, which is only known once the proxy itself is.
    private final class NIOAsyncChannelBox: Sendable {
        let channel = Locked<(any Channel)?>(nil)
    }

    init(_ emulator: Emulator, fault: @escaping @Sendable (Call) -> Fault? = { _ in nil }) async throws {
        state = Locked(State(fault: fault))
        target = "http://127.0.0.1:\(emulator.port)/"
        server = NIOAsyncChannelBox()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel.withLock { $0 = channel }
    }

    var endpoint: String { "http://127.0.0.1:\(server.channel.withLock { $0?.localAddress?.port } ?? 0)" }

    /// Calls so far.
    var calls: Int { state.withLock { $0.calls } }

    /// From now on, calls are counted from 0 and meet this.
    func set(_ fault: @escaping @Sendable (Call) -> Fault?) {
        state.withLock { $0 = State(fault: fault) }
    }

    func close() async { try? await server.channel.withLock { $0 }?.close() }

    fileprivate func decide(_ head: HTTPRequestHead, _ body: [UInt8]) -> Fault? {
        let operation = head.headers.first(name: "x-amz-target")?.split(separator: ".").last.map(String.init) ?? ""
        let text = String(decoding: body, as: UTF8.self)
        let (call, fault) = state.withLock { state in
            defer { state.calls += 1 }
            return (Call(number: state.calls, operation: operation, body: text, head: head), state.fault)
        }
        return fault(call)
    }

    /// The emulator's answer.
    fileprivate func pass(_ head: HTTPRequestHead, _ body: [UInt8]) async throws -> (Int, [UInt8]) {
        var request = HTTPClientRequest(url: target)
        request.method = .POST
        for (name, value) in head.headers where !["content-length", "connection"].contains(name.lowercased()) {
            request.headers.add(name: name, value: value)
        }
        request.body = .bytes(body)
        let response = try await client.execute(request, timeout: .seconds(20))
        let answer = try await response.body.collect(upTo: 32 << 20)
        return (Int(response.status.code), Array(answer.readableBytesView))
    }

    /// The emulator's answer to a `BatchGetItem` without the last of its keys, which are in it as unprocessed ones.
    fileprivate func pass(
        _ head: HTTPRequestHead, _ body: [UInt8], without count: Int
    ) async throws -> (Int, [UInt8]) {
        guard let asked = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let tables = asked["RequestItems"] as? [String: Any], let table = tables.keys.first,
            let wanted = tables[table] as? [String: Any], let keys = wanted["Keys"] as? [Any]
        else { throw NoBatch() }
        var (part, held) = (wanted, wanted)
        part["Keys"] = Array(keys.dropLast(count))
        held["Keys"] = Array(keys.suffix(count))
        var answer: [String: Any] = [:]
        // The emulator refuses a batch without keys.
        if keys.count > count {
            let rest: [String: Any] = ["RequestItems": [table: part]]
            let bytes = Array(try JSONSerialization.data(withJSONObject: rest))
            let (status, said) = try await pass(head, bytes)
            guard status == 200, let whole = try JSONSerialization.jsonObject(with: Data(said)) as? [String: Any]
            else { return (status, said) }
            answer = whole
        }
        answer["UnprocessedKeys"] = [table: held]
        return (200, Array(try JSONSerialization.data(withJSONObject: answer)))
    }

    private struct NoBatch: Error {}
}

/// One connection of the store.
private final class Handler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let proxy: FaultyProxy
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ proxy: FaultyProxy) { self.proxy = proxy }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let bytes): body += bytes.readableBytesView
        case .end: if let head { serve(head, body, context.channel) }
        }
    }

    private func serve(_ head: HTTPRequestHead, _ body: [UInt8], _ channel: any Channel) {
        let proxy = proxy
        switch proxy.decide(head, body) {
        case .requestLost: channel.close(promise: nil)
        case .throttled: Handler.refuse("ProvisionedThroughputExceededException", channel)
        case .refused(let name): Handler.refuse(name, channel)
        case .says(let text): Handler.answer(200, Array(text.utf8), channel)
        case .failed:
            Handler.answer(500, Array("{\"__type\":\"InternalServerError\",\"message\":\"oh\"}".utf8), channel)
        case .replyLost:
            Task {
                _ = try? await proxy.pass(head, body)
                channel.close(promise: nil)
            }
        case .bodyLost:
            Task {
                _ = try? await proxy.pass(head, body)
                let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "2"])
                channel.writeAndFlush(HTTPServerResponsePart.head(head), promise: nil)
            }
        case .withheld(let count): Handler.relay(channel) { try await proxy.pass(head, body, without: count) }
        case nil: Handler.relay(channel) { try await proxy.pass(head, body) }
        }
    }

    /// Answers what `ask` says; the connection closes if that is nothing.
    private static func relay(_ channel: any Channel, _ ask: @escaping @Sendable () async throws -> (Int, [UInt8])) {
        Task {
            guard let (status, answer) = try? await ask() else {
                return channel.close(promise: nil)
            }
            Handler.answer(status, answer, channel)
        }
    }

    private static func refuse(_ name: String, _ channel: any Channel) {
        let type = "com.amazonaws.dynamodb.v20120810#\(name)"
        answer(400, Array("{\"__type\":\"\(type)\",\"message\":\"no\\nmore of it\"}".utf8), channel)
    }

    private static func answer(_ status: Int, _ body: [UInt8], _ channel: any Channel) {
        let headers: HTTPHeaders = [
            "content-length": "\(body.count)", "content-type": "application/x-amz-json-1.0",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }
}
