public import Foundation

/// A place in a room's log.
public struct RoostPosition: Hashable, Sendable, Codable {
    /// The life of the log: another one, and nothing of the old log goes on.
    public var epoch: String
    /// Counts from 1 without gaps; 0 is before the first message.
    public var seq: UInt64

    public init(epoch: String, seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
    }
}

/// A message in a room's log.
public struct RoostMessage: Hashable, Sendable, Identifiable {
    public var room: String
    /// Its place in the room's log.
    public var seq: UInt64
    /// The author's own name for it.
    public var id: String
    /// The author's user id.
    public var sender: String
    /// When it was stored: ISO 8601 in UTC. Never goes back within a room.
    public var timestamp: String
    public var content: RoostContent
    /// It was deleted since: the content is null.
    public var isDeleted: Bool
    /// Whether this user wrote it.
    public var isOwn: Bool

    public var date: Date? { Timestamps.date(timestamp) }
}

/// A log's entry that says that an earlier message is gone.
public struct RoostDeletion: Hashable, Sendable {
    public var room: String
    public var seq: UInt64
    /// The entry's own name.
    public var id: String
    public var sender: String
    public var timestamp: String
    /// The name and the place of the message that was deleted.
    public var ref: String
    public var refSeq: UInt64
}

/// What a log consists of.
public enum LogEntry: Hashable, Sendable {
    case message(RoostMessage)
    case deleted(RoostDeletion)

    public var seq: UInt64 {
        switch self {
        case .message(let message): message.seq
        case .deleted(let deletion): deletion.seq
        }
    }

    init?(_ event: RoomEvent) {
        switch event {
        case .message(let message): self = .message(message)
        case .deleted(let deletion): self = .deleted(deletion)
        default: return nil
        }
    }
}

/// A page of a room's log, oldest first.
public struct HistoryPage: Hashable, Sendable {
    public var room: String
    public var epoch: String
    public var entries: [LogEntry]
    /// Whether there is more in the direction that was asked for.
    public var hasMore: Bool
}

/// Where in a log a page of history is to be.
public enum HistoryRange: Hashable, Sendable {
    case latest
    case before(Place)
    case after(Place)

    public enum Place: Hashable, Sendable {
        /// In the log that is being listened to.
        case seq(UInt64)
        case position(RoostPosition)
    }
}

/// ISO 8601 in UTC with milliseconds, as the server writes it.
enum Timestamps {
    private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    static func date(_ text: String) -> Date? { try? style.parse(text) }
}
