import Foundation
import NIOCore

/// The shell around the machine: gives it what happens and does what it says. Lives on one event loop.
final class Driver {
    private let machine: ClientMachine
    private let dialer: Dialer
    private let url: String
    private let getToken: TokenSource?
    private let storage: Keeper?
    private let loop: any EventLoop

    private var socket: (number: Int, handler: SocketHandler)?
    private var timer: Scheduled<Void>?
    private var answers: [String: EventLoopPromise<ServerFrame.Body>] = [:]
    private var receipts: [String: EventLoopPromise<Receipt>] = [:]
    private var tags = 0
    /// Inputs that came while one was being handled: an action may lead to another input.
    private var waiting: [ClientInput] = []
    private var isHandling = false
    /// Nothing is begun any more.
    private var isClosed = false

    private var rooms: [String: Mailroom] = [:]
    let states = Mailboxes<ConnectionState>(beginsWithLast: true)
    let news = Mailboxes<RoostNews>()
    private(set) var state = ConnectionState.disconnected(code: 1000, reason: "Not connected yet.")

    init(
        url: String, options: MachineOptions, dialer: Dialer, getToken: TokenSource?, storage: Keeper?
    ) {
        let wall = Int64(Date().timeIntervalSince1970 * 1000) - Driver.now
        machine = ClientMachine(options: options, wall: wall) { Double.random(in: 0..<1) }
        self.url = url
        self.dialer = dialer
        self.getToken = getToken
        self.storage = storage
        loop = dialer.loop
    }

    private static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

    // MARK: In

    func handle(_ input: ClientInput) {
        waiting.append(input)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while !waiting.isEmpty {
            for action in machine.handle(waiting.removeFirst(), at: Driver.now) { perform(action) }
        }
    }

    /// Asks something of the server.
    func ask(_ question: (String) -> ClientInput) -> EventLoopFuture<ServerFrame.Body> {
        guard !isClosed else { return loop.makeFailedFuture(Driver.closed) }
        tags += 1
        let promise = loop.makePromise(of: ServerFrame.Body.self)
        answers["\(tags)"] = promise
        handle(question("\(tags)"))
        return promise.futureResult
    }

    func send(_ message: Outgoing) -> EventLoopFuture<Receipt> {
        guard !isClosed else { return loop.makeFailedFuture(Driver.closed) }
        if let known = receipts[message.id] { return known.futureResult }
        let promise = loop.makePromise(of: Receipt.self)
        receipts[message.id] = promise
        handle(.send(message))
        return promise.futureResult
    }

    /// Where a room's events go from now on; nil: nowhere.
    func host(_ mailroom: Mailroom?, _ room: String) { rooms[room] = mailroom }

    // MARK: Out

    private func perform(_ action: ClientAction) {
        switch action {
        case .open(let number, _, let protocols, let query): open(number, protocols, query)
        case .close(let number, let code, let reason):
            if socket?.number == number { socket?.handler.close(code, reason) }
        case .write(let number, let frame): if socket?.number == number { socket?.handler.write(frame.json) }
        case .wake(let at): wake(at: at)
        case .fetchToken: fetchToken()
        case .keep(let message): storage?.keep(message)
        case .forget(let id): storage?.forget(id)
        case .keepPosition(let room, let position): storage?.keep(position, of: room)
        case .forgetPosition(let room): storage?.keep(nil, of: room)
        case .keepSession(let session): storage?.keep(session: session)
        case .answer(let request, let result):
            answers.removeValue(forKey: request)?.completeWith(result.mapError { $0 })
        case .emit(let event): tell(event)
        }
    }

    private func open(_ number: Int, _ protocols: [String], _ query: [ClientAction.QueryItem]) {
        let endpoint: Endpoint
        do throws(RoostError) {
            endpoint = try Endpoint(url, adding: query.map { ($0.name, $0.value) })
        } catch {
            // It was read before, without a query.
            return handle(.closed(connection: number, code: 1002, reason: error.reason))
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let handler = dialer.dial(endpoint, protocols: protocols) { news in
            let driver = bound.value
            switch news {
            case .opened: break
            case .text(let text): driver.handle(.frame(connection: number, ServerFrame(text)))
            case .heard: driver.handle(.heard(connection: number))
            case .closed(let code, let reason):
                driver.handle(.closed(connection: number, code: code, reason: reason))
            }
        }
        socket = (number, handler)
    }

    private func wake(at: Int64) {
        timer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(in: .milliseconds(max(0, at - Driver.now))) { bound.value.handle(.wake) }
    }

    private func fetchToken() {
        guard let getToken else { return handle(.token(nil, expiresAt: nil)) }
        let box = NIOLoopBound(self, eventLoop: loop)
        let loop = loop
        Task {
            let input: ClientInput
            do {
                let token = try await getToken()
                input = .token(token, expiresAt: token.flatMap(TokenLife.end))
            } catch {
                input = .tokenFailed(reason: "There is no token: \(error)", isFinal: false)
            }
            loop.execute { box.value.handle(input) }
        }
    }

    private func tell(_ event: ClientEvent) {
        switch event {
        case .state(let new):
            state = new
            states.put(new)
        case .room(let room, let event):
            settle(event)
            rooms[room]?.put(event)
        case .personal(let event): news.put(.personal(event))
        case .roomCreated(let room): news.put(.roomCreated(room))
        case .error(let error, let room): news.put(.error(error, room: room))
        }
    }

    /// Whoever waits for a message of ours is told what became of it.
    private func settle(_ event: RoomEvent) {
        switch event {
        case .sent(let id, let receipt): receipts.removeValue(forKey: id)?.succeed(receipt)
        case .failed(let id, let error): receipts.removeValue(forKey: id)?.fail(error)
        default: break
        }
    }

    // MARK: The end

    private static let closed = RoostError(.closed, "The client was closed.")

    /// Closes the connection and lets go of everything that waits.
    func end() {
        guard !isClosed else { return }
        isClosed = true
        handle(.disconnect)
        timer?.cancel()
        for promise in receipts.values { promise.fail(Driver.closed) }
        for promise in answers.values { promise.fail(Driver.closed) }
        receipts = [:]
        answers = [:]
        for room in rooms.values { room.finish() }
        states.finish()
        news.finish()
    }
}

/// Where tokens come from; nil: connect without one.
public typealias TokenSource = @Sendable () async throws -> String?

/// When a token ends.
enum TokenLife {
    /// Its `exp`, in milliseconds since 1970, if it is a JWT that has one. Nothing is verified: that is the server's part.
    static func end(of token: String) -> Int64? {
        struct Claims: Decodable { var exp: Double? }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var text = parts[1].replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        while text.count % 4 != 0 { text.append("=") }
        guard let data = Data(base64Encoded: text), let exp = try? JSONDecoder().decode(Claims.self, from: data).exp
        else { return nil }
        return Int64(exp * 1000)
    }
}
