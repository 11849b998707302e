import Foundation

/// A room that was joined; it is joined again by itself after every loss of the connection, and goes on where it was.
///
/// ```swift
/// for await message in room.messages { print(message.sender, message.content) }
/// ```
public struct Room: Sendable {
    public let name: String
    let roost: Roost
    let mailroom: Mailroom

    // MARK: Hearing

    /// The room's messages, each once and in order, from the join on; the first reader misses none of them, however late
    /// it begins. Ends when the room is left or the client closed.
    public var messages: RoomMessages { RoomMessages(events: events) }

    /// Everything that happens in the room, its messages included.
    public var events: RoomEvents { RoomEvents(room: self) }

    // MARK: Saying

    /// Sends a message, and returns once the server has it. Without a connection it waits for one.
    ///
    /// Messages of one room arrive in the order of the calls. Cancelling the task stops the waiting, not the message.
    /// - Parameters:
    ///   - content: any JSON value: a text, or something made with `RoostContent(encodable)`.
    ///   - id: the message's name, 1 to 128 bytes: the same one sent again is stored once. Nil: a fresh one.
    /// - Throws: why it was not taken, or `closed`.
    @discardableResult
    public func send(_ content: RoostContent, id: String? = nil) async throws -> Receipt {
        let message = outgoing(content, id ?? Room.freshID)
        return try await roost.onLoop { $0.send(message) }
    }

    /// Sends a message without waiting for what becomes of it, which is told among the room's events.
    /// - Returns: the message's name.
    @discardableResult
    public func post(_ content: RoostContent, id: String? = nil) -> String {
        let message = outgoing(content, id ?? Room.freshID)
        roost.give(.send(message))
        return message.id
    }

    private func outgoing(_ content: RoostContent, _ id: String) -> Outgoing {
        Outgoing(room: name, id: id, content: content, createdAt: Int64(Date().timeIntervalSince1970 * 1000))
    }

    private static var freshID: String { UUID().uuidString.lowercased() }

    /// Sends a value as JSON.
    @discardableResult
    public func send(
        encoding value: some Encodable & Sendable, id: String? = nil
    ) async throws -> Receipt {
        try await send(try RoostContent(value), id: id)
    }

    /// Gives up a message that was not sent yet: whoever waits for it gets `discarded`.
    public func discard(id: String) { roost.give(.discard(id: id)) }

    /// Says that the user is typing, or has stopped. Call it as often as keys are pressed; it tells the server at most
    /// every three seconds.
    public func typing(_ isActive: Bool = true) { roost.give(.typing(room: name, isActive: isActive)) }

    /// Says that everything up to `seq` has been received.
    public func received(_ seq: UInt64) { roost.give(.mark(.received, room: name, seq: seq)) }

    /// Says that everything up to `seq` has been read.
    public func read(_ seq: UInt64) { roost.give(.mark(.read, room: name, seq: seq)) }

    // MARK: Asking

    /// A page of the room's log, oldest first.
    /// - Parameter limit: how many entries at most; the server gives no more than it likes (1,000 by default).
    public func history(_ range: HistoryRange = .latest, limit: Int? = nil) async throws -> HistoryPage {
        let answer = try await roost.onLoop {
            $0.ask { .history(request: $0, room: name, range, limit: limit) }
        }
        guard case .history(let page) = answer else { throw RoostError.unexpected }
        return page
    }

    /// Who is in the room.
    /// - Parameter cursor: `next` of the page before.
    public func members(after cursor: String? = nil) async throws -> RoomPresence {
        let answer = try await roost.onLoop { $0.ask { .presence(request: $0, room: name, cursor: cursor) } }
        guard case .presence(_, let presence) = answer else { throw RoostError.unexpected }
        return presence
    }

    /// Leaves the room. What was sent before still arrives.
    public func leave() {
        roost.give(.leave(room: name))
        roost.forget(name)
    }
}

/// What happens in a room, in its order. A reader who is slower than the room is given its messages from the server's
/// history, so that none is missing; of the rest it misses what happens meanwhile.
public struct RoomEvents: AsyncSequence, Sendable {
    let room: Room

    public func makeAsyncIterator() -> Iterator { Iterator(room: room, reader: room.mailroom.open()) }

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let room: Room
        let reader: RoomReader

        public mutating func next() async -> RoomEvent? {
            let room = room
            return await reader.next { after in try await room.history(.after(.seq(after)), limit: 200) }
        }
    }
}

/// The messages of a room.
public struct RoomMessages: AsyncSequence, Sendable {
    let events: RoomEvents

    public func makeAsyncIterator() -> Iterator { Iterator(events: events.makeAsyncIterator()) }

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        var events: RoomEvents.Iterator

        public mutating func next() async -> RoostMessage? {
            while let event = await events.next() { if case .message(let message) = event { return message } }
            return nil
        }
    }
}

extension RoostError {
    /// The answer does not fit the question: a server that speaks otherwise.
    static var unexpected: RoostError { RoostError(.badFrame, "The server gave an answer of another kind.") }
}
