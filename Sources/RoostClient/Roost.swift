import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// A client of a Roost server: one connection that comes back by itself, and the rooms heard over it.
///
/// ```swift
/// let roost = try Roost("ws://localhost:8080", user: "ada")
/// let room = roost.join("general", history: 50)
/// try await room.send("hello")
/// for await message in room.messages { print(message.sender, message.content) }
/// ```
///
/// What is sent without a connection waits for one; after a loss the rooms go on where they were, so that every message
/// is heard once and in order. `close` ends it.
public final class Roost: Sendable {
    private let loop: any EventLoop
    private let driver: NIOLoopBoundBox<Driver>
    private let stateBoxes: Mailboxes<ConnectionState>
    private let newsBoxes: Mailboxes<RoostNews>
    private let storage: Keeper?

    /// Begins to connect.
    /// - Parameters:
    ///   - url: `ws://` or `wss://`, host, port; without a path it is `/ws`.
    ///   - user: who this is, where the server has no sign-in; nil: the server makes up a name and keeps it.
    ///   - name: how the user is shown to others.
    ///   - getToken: where the server has sign-in: asked for a token before connecting, and again before it expires.
    /// - Throws: `invalid`, for a URL that is none or a file that can't be written.
    public convenience init(
        _ url: String, user: String? = nil, name: String? = nil, options: RoostOptions = RoostOptions(),
        getToken: TokenSource? = nil
    ) throws {
        try self.init(
            url, user: user, name: name, options: options, getToken: getToken,
            on: MultiThreadedEventLoopGroup.singleton.any())
    }

    init(
        _ url: String, user: String?, name: String?, options: RoostOptions, getToken: TokenSource?,
        on loop: any EventLoop
    ) throws {
        _ = try Endpoint(url)
        var machine = options.machine
        (machine.user, machine.name, machine.hasToken) = (user, name, getToken != nil)
        let trust = try options.trust.map { try NIOSSLContext(configuration: $0) }
        storage = try options.file.map { try Keeper(path: $0) }
        let driver = Driver(
            url: url, options: machine,
            dialer: Dialer(loop: loop, trust: trust, connectTimeout: .milliseconds(machine.openTimeoutMs)),
            getToken: getToken, storage: storage)
        (stateBoxes, newsBoxes) = (driver.states, driver.news)
        self.loop = loop
        let restored = storage?.restored
        self.driver = NIOLoopBoundBox.makeBoxSendingValue(driver, eventLoop: loop)
        if let restored { give(restored) }
        give(.connect)
    }

    deinit {
        let driver = driver
        loop.execute { driver.value.end() }
    }

    /// Runs `body` with a client that is closed at its end, however it ends.
    public static func connected<Result: Sendable>(
        to url: String, user: String? = nil, name: String? = nil, options: RoostOptions = RoostOptions(),
        getToken: TokenSource? = nil, _ body: (Roost) async throws -> Result
    ) async throws -> Result {
        let roost = try Roost(url, user: user, name: name, options: options, getToken: getToken)
        do {
            let result = try await body(roost)
            await roost.close()
            return result
        } catch {
            await roost.close()
            throw error
        }
    }

    // MARK: Rooms

    /// Joins a room, now and after every loss of the connection. It is created if need be, where the server allows it.
    /// - Parameters:
    ///   - history: with how many of the newest messages it begins.
    ///   - presence: whether to hear of who is there; nil: as the server likes.
    ///   - isDurable: whether its position outlives the process (`RoostOptions.file`): then nothing is missed that was
    ///     said meanwhile.
    ///   - after: goes on from there instead; wins over `history` and over what is in the file.
    public func join(
        _ name: String, history: Int = 0, presence: Bool? = nil, isDurable: Bool = false, after: RoostPosition? = nil
    ) -> Room {
        let room = room(name)
        let wish = JoinWish(history: history, presence: presence, isDurable: isDurable, after: after)
        withDriver { $0.handle(.join(room: name, wish)) }
        return room
    }

    /// A room to send to, or to ask about, without hearing it.
    public func room(_ name: String) -> Room {
        let mailroom = mailrooms.withLockedValue { rooms in
            if let known = rooms[name] { return known }
            let room = Mailroom()
            rooms[name] = room
            return room
        }
        withDriver { $0.host(mailroom, name) }
        return Room(name: name, roost: self, mailroom: mailroom)
    }

    private let mailrooms = NIOLockedValueBox<[String: Mailroom]>([:])

    func forget(_ name: String) {
        let mailroom = mailrooms.withLockedValue { $0.removeValue(forKey: name) }
        withDriver { driver in
            driver.host(nil, name)
            mailroom?.finish()
        }
    }

    /// Makes a room.
    /// - Parameters:
    ///   - name: its name; nil: the server makes one up.
    ///   - participants: users who are to be in it, besides this one.
    public func createRoom(
        _ name: String? = nil, participants: [String] = [], isPrivate: Bool? = nil
    ) async throws -> RoomInfo {
        let plan = RoomRequest(name: name, participants: participants, isPrivate: isPrivate)
        let answer = try await onLoop { $0.ask { .createRoom(request: $0, plan) } }
        guard case .roomCreated(let room) = answer else { throw RoostError.unexpected }
        return room
    }

    // MARK: The connection

    /// How the connection is, and every change from now on.
    public var states: RoostSequence<ConnectionState> { RoostSequence(boxes: stateBoxes) }

    /// What concerns no room that was joined: messages of the user's own room, new rooms, refusals.
    public var news: RoostSequence<RoostNews> { RoostSequence(boxes: newsBoxes) }

    /// How the connection is now.
    public var state: ConnectionState {
        get async {
            let driver = driver
            // A loop that is gone has no connection.
            let now = try? await loop.submit { driver.value.state }.get()
            return now ?? .disconnected(code: 1000, reason: "The event loop was shut down.")
        }
    }

    /// The machine was asleep, or the network has come back: looks at once whether the connection is still there.
    public func hurry() { give(.visible) }

    /// Closes the connection; whatever still waits gets `closed`. Messages that were not sent are kept if there is a file.
    public func close() async {
        let driver = driver
        try? await loop.submit { driver.value.end() }.get()
        for mailroom in mailrooms.withLockedValue({ Array($0.values) }) { mailroom.finish() }
        await storage?.settle()
    }

    // MARK: The loop

    func give(_ input: ClientInput) { withDriver { $0.handle(input) } }

    private func withDriver(_ body: @escaping @Sendable (Driver) -> Void) {
        let driver = driver
        loop.execute { body(driver.value) }
    }

    func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable (Driver) -> EventLoopFuture<Value>
    ) async throws -> Value {
        let once = Once<Value>()
        withDriver { driver in body(driver).whenComplete { once.resume($0) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { once.wait($0) }
        } onCancel: {
            once.resume(.failure(CancellationError()))
        }
    }
}

/// A result that may come from two sides; the first counts.
private final class Once<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value, any Error>)
        case early(Result<Value, any Error>)
        case done
    }

    private let state = NIOLockedValueBox(State.empty)

    func wait(_ continuation: CheckedContinuation<Value, any Error>) {
        let early = state.withLockedValue { state -> Result<Value, any Error>? in
            guard case .early(let result) = state else {
                state = .waiting(continuation)
                return nil
            }
            state = .done
            return result
        }
        if let early { continuation.resume(with: early) }
    }

    func resume(_ result: Result<Value, any Error>) {
        let waiting = state.withLockedValue { state -> CheckedContinuation<Value, any Error>? in
            switch state {
            case .empty: state = .early(result)
            case .waiting(let continuation):
                state = .done
                return continuation
            case .early, .done: break
            }
            return nil
        }
        waiting?.resume(with: result)
    }
}

/// What concerns no room that was joined.
public enum RoostNews: Sendable, Hashable {
    /// Of the user's own room, `user:ID`, which is heard without joining.
    case personal(RoomEvent)
    case roomCreated(RoomInfo)
    /// A refusal that belongs to nothing that was asked.
    case error(RoostError, room: String?)
}

/// Values as they come, for as many readers as there are; a reader that is slow misses the oldest of them.
public struct RoostSequence<Element: Sendable>: AsyncSequence, Sendable {
    let boxes: Mailboxes<Element>

    public func makeAsyncIterator() -> Iterator { Iterator(box: boxes.open()) }

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let box: Mailbox<Element>
        public mutating func next() async -> Element? { await box.next() }
    }
}
