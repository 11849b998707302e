import Logging
import RoostCore
import RoostEngine

/// The log as readers that are behind see it: what is recent from memory, older pieces from the store, each read once
/// for all who want it at the time.
///
/// One lock, taken once per committed batch and once per page that a reader is given.
final class LogCache: Sendable {
    /// A piece of a log is at most so many messages, and begins after a multiple of that number, so that readers who
    /// stand near each other want the same one.
    static let blockMessages: UInt64 = 128
    /// A piece ends earlier once it has so many bytes of content.
    static let blockBytes = 256 << 10

    /// Where a reader finds what comes next.
    enum Source {
        /// In memory, at this turn of the room (see `Recent.turn`).
        case here([Message], turn: UInt64)
        case store(Recent.Key)
    }

    /// What a read has brought.
    struct Piece: Sendable {
        var page: LogPage
        /// The room's turn before it was read.
        var turn: UInt64
    }

    /// What somebody else's read has brought.
    private enum Shared: Sendable {
        case piece(Piece?)
        case tooLate
    }

    private struct State {
        var recent: Recent
        var waiting: [Recent.Key: [CheckedContinuation<Shared, Never>]] = [:]
        var reads: UInt64 = 0
    }

    private let state: Locked<State>
    private let store: any MessageLog
    private let log: Logger

    /// - Parameter budget: bytes of recent messages to keep.
    init(store: any MessageLog, budget: Int, log: Logger) {
        state = Locked(State(recent: Recent(budget: budget)))
        self.store = store
        self.log = log
    }

    /// How often the store was read so far.
    var reads: UInt64 { state.withLock { $0.reads } }
    /// Bytes of messages in memory.
    var bytes: Int { state.withLock { $0.recent.bytes } }

    /// The newest message of a log that is in memory.
    func newest(_ room: RoomName, _ epoch: Epoch) -> UInt64? { state.withLock { $0.recent.newest(room, epoch) } }

    /// Nothing that is here of the room is served any more: others may have deleted some of it unheard.
    func forget(_ room: RoomName) { state.withLock { $0.recent.forget(room) } }
    func forget(_ rooms: [RoomName]) { state.withLock { state in for room in rooms { state.recent.forget(room) } } }

    func record(_ batch: [Committed]) {
        guard !batch.isEmpty else { return }
        state.withLock { state in for committed in batch { state.recent.append(committed) } }
    }

    /// Where the messages after `after` are.
    /// - Parameter exactly: don't begin at a piece's usual start, since a piece has ended there.
    func source(_ room: RoomName, _ epoch: Epoch, after: UInt64, exactly: Bool) -> Source {
        let aligned = Recent.Key(room: room, epoch: epoch, start: LogCache.blockStart(after))
        let exact = Recent.Key(room: room, epoch: epoch, start: after)
        return state.withLock { state in
            let (turn, limit) = (state.recent.turn(of: room), aligned.start + LogCache.blockMessages - after)
            let tail = state.recent.tail(
                room, epoch, after: after, limit: Int(limit), maxBytes: LogCache.blockBytes)
            if let tail { return .here(tail, turn: turn) }
            if let piece = state.recent.piece(aligned), piece.last.map({ $0.seq > after }) ?? false {
                return .here(piece, turn: turn)
            }
            if let piece = state.recent.piece(exact) { return .here(piece, turn: turn) }
            // A piece that is here and ends before was cut short by its bytes.
            return .store(exactly || state.recent.piece(aligned) != nil ? exact : aligned)
        }
    }

    /// Reads a piece, together with everyone who asks for it meanwhile. Nil if the room is gone or the store failed.
    func read(_ key: Recent.Key) async -> Piece? {
        var mine = begin(key)
        while mine == nil {
            let shared = await withCheckedContinuation { continuation in
                let isWaiting = state.withLock { $0.waiting[key]?.append(continuation) != nil }
                // Done just now, between two looks.
                if !isWaiting { continuation.resume(returning: .tooLate) }
            }
            if case .piece(let piece) = shared { return piece }
            mine = begin(key)
        }
        let turn = mine ?? 0
        let piece = await readAlone(key.room, after: key.start).map { Piece(page: $0, turn: turn) }
        let waiting = state.withLock { state in
            if let piece, piece.page.head.epoch == key.epoch { LogCache.keep(piece, as: key, in: &state.recent) }
            return state.waiting.removeValue(forKey: key) ?? []
        }
        for continuation in waiting { continuation.resume(returning: .piece(piece)) }
        return piece
    }

    /// Nil if somebody is at it already; else the caller is the one who reads, and the room's turn as it is now.
    private func begin(_ key: Recent.Key) -> UInt64? {
        state.withLock { state in
            guard state.waiting[key] == nil else { return nil }
            state.waiting[key] = []
            state.recent.touch(key.room)
            return state.recent.turn(of: key.room)
        }
    }

    /// Reads what follows `after` as it is now.
    func readAlone(_ room: RoomName, after: UInt64) async -> LogPage? {
        state.withLock { $0.reads += 1 }
        do throws(StoreError) {
            let page = try await store.read(
                room, after: after, limit: Int(LogCache.blockMessages), maxBytes: LogCache.blockBytes)
            if let page { state.withLock { $0.recent.learn(page.messages, of: room, page.head.epoch) } }
            return page
        } catch {
            log.warning(
                "the log could not be read; readers wait", metadata: ["room": "\(room)", "error": "\(error)"])
            return nil
        }
    }

    /// Where the piece begins that the message after `after` is in.
    static func blockStart(_ after: UInt64) -> UInt64 { after - after % blockMessages }

    private static func keep(_ piece: Piece, as key: Recent.Key, in recent: inout Recent) {
        let page = piece.page
        guard let last = page.messages.last?.seq else { return }
        if last < page.head.head || page.messages.count == Int(blockMessages) {
            recent.keep(page.messages, as: key, readAt: piece.turn)
        } else {
            // The log will be longer.
            recent.keepEnd(page.messages, of: key, readAt: piece.turn)
        }
    }
}
