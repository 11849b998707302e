import DequeModule
import NIOConcurrencyHelpers

/// One reader's place in a room. It holds so many events; a reader who is slower falls behind, keeps its place in the log
/// and reads what it has missed from the server's history: no message is skipped, and none is buffered without end. What
/// is not logged (typing, presence, receipts) is dropped meanwhile.
final class RoomReader: Sendable {
    fileprivate struct State {
        var events: Deque<RoomEvent> = []
        /// How many of them are of the log.
        var entries = 0
        /// The log has been put in `events` up to here.
        var cursor: UInt64 = 0
        /// Set while behind: how far the log is known to go.
        var head: UInt64?
        var isFinished = false
    }

    typealias Fetch = @Sendable (_ after: UInt64) async throws -> HistoryPage

    fileprivate enum Step {
        case give(RoomEvent?)
        case fetch(after: UInt64)
        case wait
    }

    private let state = NIOLockedValueBox(State())
    /// Told that there is something to look at.
    private let bell = Mailbox<Void>(capacity: 1)
    private let capacity: Int

    init(capacity: Int = 1_000) { self.capacity = capacity }

    func put(_ event: RoomEvent) {
        state.withLockedValue { $0.put(event, capacity) }
        bell.put(())
    }

    func finish() {
        state.withLockedValue { $0.isFinished = true }
        bell.put(())
    }

    func next(_ fetch: Fetch) async -> RoomEvent? {
        while true {
            switch state.withLockedValue({ $0.step() }) {
            case .give(let event): return event
            case .fetch(let after): await catchUp(after, fetch)
            case .wait: if await bell.next() == nil { return nil }
            }
            if Task.isCancelled { return nil }
        }
    }

    private func catchUp(_ after: UInt64, _ fetch: Fetch) async {
        do {
            let page = try await fetch(after)
            state.withLockedValue { $0.take(page.entries, after: after) }
        } catch let error as RoostError where error.isPassing || error.code == .timeout {
            // Asked again, by and by: each question waits for a connection, or for its time to be over.
        } catch {
            state.withLockedValue { $0.take([], after: after) }
        }
    }
}

extension RoomReader.State {
    fileprivate mutating func put(_ event: RoomEvent, _ capacity: Int) {
        switch event {
        case .message(let message): put(event, seq: message.seq, capacity)
        case .deleted(let deletion): put(event, seq: deletion.seq, capacity)
        case .gap(_, let to): put(event, seq: to, capacity)
        case .reset:
            // What was missed of the old log is not to be had any more.
            head = nil
            cursor = 0
            events.append(event)
        case .typing, .userJoined, .userLeft, .presence, .receipts:
            if head == nil, events.count - entries < capacity { events.append(event) }
        case .joined, .refused, .left, .pending, .sent, .failed:
            // Of a room that is only sent to, nobody may ever take them.
            if events.count - entries < 10 * capacity { events.append(event) }
        }
    }

    private mutating func put(_ event: RoomEvent, seq: UInt64, _ capacity: Int) {
        if head != nil || entries >= capacity {
            head = seq
        } else {
            events.append(event)
            entries += 1
            cursor = seq
        }
    }

    fileprivate mutating func step() -> RoomReader.Step {
        if let event = events.popFirst() {
            if event.isOfTheLog { entries -= 1 }
            return .give(event)
        }
        if isFinished { return .give(nil) }
        return head == nil ? .wait : .fetch(after: cursor)
    }

    /// A page of the log behind `after`; empty: the server has nothing there any more.
    fileprivate mutating func take(_ page: [LogEntry], after: UInt64) {
        guard let head, cursor == after else { return }
        for entry in page where entry.seq > cursor {
            events.append(entry.event)
            entries += 1
            cursor = entry.seq
        }
        if page.isEmpty {
            if head > cursor {
                events.append(.gap(from: cursor + 1, to: head))
                entries += 1
            }
            cursor = max(cursor, head)
        }
        if cursor >= head { self.head = nil }
    }
}

extension RoomEvent {
    /// Whether it moves a reader on in the log.
    fileprivate var isOfTheLog: Bool {
        switch self {
        case .message, .deleted, .gap: true
        default: false
        }
    }
}

extension LogEntry {
    fileprivate var event: RoomEvent {
        switch self {
        case .message(let message): .message(message)
        case .deleted(let deletion): .deleted(deletion)
        }
    }
}

/// All who read one room here. The first reader has heard everything since the room was joined, whenever it comes.
final class Mailroom: Sendable {
    private struct State {
        var first: RoomReader? = RoomReader()
        var readers: [Weak] = []
        var isFinished = false
    }

    private struct Weak { weak var reader: RoomReader? }

    private let state = NIOLockedValueBox(State())

    func open() -> RoomReader {
        state.withLockedValue { state in
            let reader = state.first ?? RoomReader()
            state.first = nil
            if state.isFinished { reader.finish() }
            state.readers.removeAll { $0.reader == nil }
            state.readers.append(Weak(reader: reader))
            return reader
        }
    }

    func put(_ event: RoomEvent) { for reader in all() { reader.put(event) } }

    func finish() {
        state.withLockedValue { $0.isFinished = true }
        for reader in all() { reader.finish() }
    }

    private func all() -> [RoomReader] {
        state.withLockedValue { state in (state.first.map { [$0] } ?? []) + state.readers.compactMap(\.reader) }
    }
}
