import NIOCore
import RoostCore
import RoostEngine
import RoostHub
import RoostWire

/// Somebody who is let in, and as whom.
struct Guest {
    var identity: Identity
    var session: String
    var dialect: Dialect
    var credentials: Credentials?
}

/// Where a client waits that has brought no token: until it has signed in with `auth`, or the time for that is over.
/// Lives on the connection's loop.
final class SignInGate {
    private let door: Door
    private let judge: TokenJudge
    private let loop: any EventLoop
    private let timeoutMs: Int64
    private let makeGuest: (Credentials) -> Guest
    private weak var handler: WebSocketHandler?
    private var deadline: Scheduled<Void>?
    /// What came while a token was being judged.
    private var early: [WebSocketDecoder.Output]?
    private var refusals = 0

    /// Frames other than `auth` that are answered before the connection is closed.
    private static let mostRefusals = 16

    /// - Parameter timeoutMs: milliseconds the client has; 0: for ever.
    init(
        door: Door, judge: @escaping TokenJudge, loop: any EventLoop, timeoutMs: Int64,
        makeGuest: @escaping (Credentials) -> Guest
    ) {
        self.door = door
        self.judge = judge
        self.loop = loop
        self.timeoutMs = timeoutMs
        self.makeGuest = makeGuest
    }

    func open(for handler: WebSocketHandler) {
        self.handler = handler
        door.enroll(self, on: loop)
        guard timeoutMs > 0 else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        deadline = loop.scheduleTask(in: .milliseconds(timeoutMs)) { bound.value.expire() }
    }

    /// The client is in, or gone.
    func close() {
        deadline?.cancel()
        door.strike(self)
    }

    /// The server is about to stop.
    func dismiss() { handler?.close(.draining, reason: "The server is restarting; connect again.") }

    private func expire() {
        handler?.close(.unauthenticated, reason: "No token came in \(timeoutMs) ms. Send auth first.")
    }

    func handle(_ output: WebSocketDecoder.Output) {
        if early != nil {
            early?.append(output)
            return
        }
        switch output {
        case .text(let text): read(text)
        case .binary: handler?.close(.unsupportedData, reason: "Binary frames are not spoken here; send text.")
        case .close(let code, _): handler?.answerClose(code)
        case .ping(let payload):
            var frame = ByteBuffer()
            frame.putFrame(.pong) { $0.writeImmutableBuffer(payload) }
            handler?.write(frame)
            handler?.flush()
        case .pong: break
        }
    }

    private func read(_ text: ByteBuffer) {
        switch NativeDecoder.decode(text) {
        case .success(let request):
            guard case .auth(let token) = request.command else {
                return refuse(Failure(.unauthenticated, "Sign in first: send auth with a token."), request.id)
            }
            check(token, request.id)
        case .failure(let refusal): refuse(refusal.failure, refusal.id)
        }
    }

    private func refuse(_ failure: Failure, _ id: MessageID?) {
        refusals += 1
        guard refusals <= SignInGate.mostRefusals else {
            handler?.close(.unauthenticated, reason: "Sign in first: send auth with a token.")
            return
        }
        var frame = ByteBuffer()
        frame.putFrame(.text) { out in
            NativeEncoder.put(
                .error(failure, room: nil), id: id?.text ?? randomHex(8), now: Vitals.wall(), into: &out)
        }
        handler?.write(frame)
        handler?.flush()
    }

    private func check(_ token: String, _ id: MessageID?) {
        early = []
        handler?.setReading(false)
        let bound = NIOLoopBound(self, eventLoop: loop)
        let (loop, judge) = (loop, judge)
        Task {
            let verdict = await judge(token, Vitals.wall())
            loop.execute { bound.value.decide(verdict, id) }
        }
    }

    private func decide(_ verdict: Result<Credentials, TokenObjection>, _ id: MessageID?) {
        guard let handler else { return }
        let held = early ?? []
        early = nil
        handler.setReading(true)
        switch verdict {
        case .failure(let objection): handler.close(objection.closeCode, reason: objection.failure.reason)
        case .success where door.vitals.isRefusing: dismiss()
        case .success(let credentials):
            close()
            handler.admit(makeGuest(credentials), answering: id)
            for output in held { handler.handle(output) }
        }
    }
}
