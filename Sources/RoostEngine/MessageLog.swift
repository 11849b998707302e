public import RoostCore

/// The log of every room: the truth from which everyone reads.
///
/// Speaks in batches, since one transaction and one fsync for all that arrived meanwhile is what makes it fast.
/// Every function may be called from any task at any time, also on an event loop: none of them blocks its thread. Appends are applied one after the other; for an order among
/// them, call the second one when the first has returned.
public protocol MessageLog: Sendable {
    /// What is true of a draft to this room once `append` has returned `.stored` for it.
    func durability(of room: RoomName) -> Durability

    /// Appends in order; one verdict per draft, in order.
    ///
    /// - A draft whose `(room, sender, id)` is in the log already, within the dedupe window or within this batch, is
    ///   answered with the `seq` and time it was stored at, `duplicate: true`; also where retention has dropped it.
    /// - Where the window knows nothing of a draft with `since`, the log is searched from there for an entry of that
    ///   sender and id: `duplicate: true` if there is one. It is `retry_expired` if `since` is of another epoch or below
    ///   the floor, if the room would have to be created, or if the window doesn't cover what came after `since` and
    ///   that is more than `RetrySearch.maxEntries`.
    /// - A draft with `redacts` redacts that entry as it is appended: kind `.redacted`, content `null`. It is `not_found`
    ///   if there is no such entry (any more), or none of kind `.message` or `.created`; nothing is appended then.
    /// - An unknown room is created as a public one where its kind or `StoreOptions.createOnJoin` says so, else
    ///   `not_found`.
    /// - A draft of a sender without access to a private room is `forbidden` (unless its authority is `server`).
    /// - A message's time is `max(now, the time of the room's newest message)`, whether or not that is still there.
    /// - The floor moves as the room's kind says.
    ///
    /// Throws `full`, `busy` and `closed` only if nothing of the batch has been kept. After `failed`, or if the answer
    /// was lost, some or all of it may have been.
    func append(_ drafts: [Draft], at now: Timestamp) async throws(StoreError) -> Appended

    /// The messages with `seq > after`, oldest first: at most `limit`, and no more than one past `maxBytes` of content.
    /// Nil if there is no such room. Where retention has dropped some of them, starts at what is left.
    func read(_ room: RoomName, after: UInt64, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage?

    /// The newest `limit` messages with `seq < before` (nil: the newest of all), oldest first, and no more than one past
    /// `maxBytes` of content. Nil if no such room.
    func read(_ room: RoomName, before: UInt64?, limit: Int, maxBytes: Int) async throws(StoreError) -> LogPage?

    /// Where the logs of these rooms end now; rooms that don't exist are absent.
    func heads(_ rooms: [RoomName]) async throws(StoreError) -> [RoomName: RoomHead]

    /// The newest message of that id, and of that sender if one is given: kinds `.message` and `.created`, among the
    /// newest `RetrySearch.maxEntries` entries. Nil if there is none or no such room.
    func find(_ room: RoomName, id: MessageID, sender: UserID?) async throws(StoreError) -> Message?

    /// Moves the floors of rooms from which nobody appends and deletes what is below floors, a bounded piece per call,
    /// room after room. Also applies a kind's retention that the configuration has changed.
    /// - Returns: true if there is more to do at once; false when every room has been seen to, and the next call begins
    ///   with the first one again.
    func retain(at now: Timestamp) async throws(StoreError) -> Bool
}

/// What one `append` has done.
public struct Appended: Sendable, Equatable {
    /// One per draft, in the order of the drafts.
    public var verdicts: [Verdict]
    /// What is new in the logs; no duplicates of earlier messages. Each stretch is contiguous and of one epoch, those of
    /// one room are in order; there are several where another node's messages, or the room's deletion, lie between.
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
    /// Whether appending to or opening an unknown room creates it, where its kind doesn't say.
    public var createOnJoin: Bool
    /// What each room keeps and allows.
    public var kinds: Kinds
    /// 64 random bits, for epochs and the store's id.
    public var random: @Sendable () -> UInt64
    /// `RetrySearch.maxEntries`, for tests to set lower.
    package var searchReach = RetrySearch.maxEntries

    public init(
        dedupeWindowMs: Int64 = 600_000, createOnJoin: Bool = true, kinds: Kinds = Kinds(),
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
        self.dedupeWindowMs = dedupeWindowMs
        self.createOnJoin = createOnJoin
        self.kinds = kinds
        self.random = random
    }
}

/// Why a store did not do what was asked. None of them says that something is wrong with the request.
public enum StoreError: Error, Sendable, Equatable {
    /// No space left where the store lives.
    case full
    /// Another process kept the store locked for longer than we wait.
    case busy
    /// It was closed by this process.
    case closed
    /// Anything else, in the engine's own words. Whether something has been kept is not known.
    case failed(String)

    /// What a client is told.
    public var failure: Failure {
        let reason =
            switch self {
            case .full: "The server's disk is full; nothing was stored. Try again later."
            case .busy: "The store is busy; nothing was stored. Try again."
            case .closed: "The server is shutting down; nothing was stored. Connect again."
            case .failed:
                "The store failed. A message may or may not have been stored: send it again with the same messageId."
            }
        return Failure(.unavailable, reason, retryAfterMs: 1000)
    }
}
