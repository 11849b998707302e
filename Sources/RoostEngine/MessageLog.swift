public import RoostCore

/// The log of every room: the truth from which everyone reads.
///
/// Speaks in batches, since one transaction and one fsync for all that arrived meanwhile is what makes it fast.
/// Every function may be called from any task at any time; appends are applied in the order in which they arrive.
public protocol MessageLog: Sendable {
    /// What is true of a draft once `append` has returned `.stored` for it.
    var durability: Durability { get }

    /// Appends in order; one verdict per draft, in order.
    ///
    /// - A draft whose `(room, sender, id)` is in the log already, within the dedupe window or within this batch, is
    ///   answered with the `seq` and time it was stored at, `duplicate: true`.
    /// - An unknown room is created as a public one where `StoreOptions.createOnJoin` says so, else `not_found`.
    /// - A draft of a sender without access to a private room is `forbidden` (unless its authority is `server`).
    /// - A message's time is `max(now, the time of the room's newest message)`.
    ///
    /// Throws only if nothing of the batch has been kept.
    func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended

    /// The messages with `seq > after`, oldest first: at most `limit`, and no more than one past `maxBytes` of content.
    /// Nil if there is no such room. Where retention has dropped some of them, starts at what is left.
    func read(_ room: RoomName, after: UInt64, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage?

    /// The newest `limit` messages with `seq < before` (nil: the newest of all), oldest first, and no more than one past
    /// `maxBytes` of content. Nil if no such room.
    func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage?

    /// Where the logs of these rooms end now; rooms that don't exist are absent.
    func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead]
}

/// What one `append` has done.
public struct Appended: Sendable, Equatable {
    /// One per draft, in the order of the drafts.
    public var verdicts: [Verdict]
    /// What is new in the log, per room contiguous and in order; no duplicates of earlier messages.
    public var committed: [Committed]

    public init(verdicts: [Verdict], committed: [Committed]) {
        self.verdicts = verdicts
        self.committed = committed
    }
}

/// A stretch of a room's log, contiguous, oldest first, with where the log ended when it was read.
public struct LogPage: Sendable, Equatable {
    public var head: RoomHead
    public var messages: [Message]

    public init(head: RoomHead, messages: [Message]) {
        self.head = head
        self.messages = messages
    }
}

/// What a store needs to know from the configuration.
public struct StoreOptions: Sendable {
    /// How long `(room, sender, id)` is remembered, in milliseconds, from the time it was stored.
    public var dedupeWindowMs: Int64
    /// Whether appending to or opening an unknown room creates it.
    public var createOnJoin: Bool
    /// 64 random bits, for epochs and the store's id.
    public var random: @Sendable () -> UInt64

    public init(
        dedupeWindowMs: Int64 = 600_000, createOnJoin: Bool = true,
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
        self.dedupeWindowMs = dedupeWindowMs
        self.createOnJoin = createOnJoin
        self.random = random
    }
}

/// Why a store did nothing. None of them says that something is wrong with the request.
public enum StoreError: Error, Sendable, Equatable {
    /// No space left where the store lives.
    case full
    /// Another process kept the store locked for longer than we wait.
    case busy
    /// It was closed by this process.
    case closed
    /// Anything else, in the engine's own words.
    case failed(String)

    /// What a client is told.
    public var failure: Failure {
        let reason =
            switch self {
            case .full: "The server's disk is full; nothing was stored. Try again later."
            case .busy: "The store is busy; nothing was stored. Try again."
            case .closed: "The server is shutting down; nothing was stored. Connect again."
            case .failed: "The store failed; nothing was stored. Try again later."
            }
        return Failure(.unavailable, reason, retryAfterMs: 1000)
    }
}
