/// Any JSON value as the bytes in which it came, valid UTF-8 and well-formed, without surrounding white space.
/// It is never re-encoded, so it goes out byte for byte as it went in.
public struct RawJSON: Hashable, Sendable {
    public let bytes: [UInt8]

    /// The caller vouches that `bytes` are one well-formed JSON value.
    public init(validated bytes: [UInt8]) { self.bytes = bytes }

    public static let null = RawJSON(validated: Array("null".utf8))
}

/// What an ack promises: true at the moment it was sent, and never stronger than the truth.
public enum Durability: String, Sendable {
    /// Held by this process only.
    case memory
    /// On disk: it outlives a power cut.
    case stored
    /// Confirmed by the broker, not yet in the log.
    case queued
}

/// Which of the log's entries this is. The raw values are stored: never reuse one.
public enum MessageKind: UInt8, Sendable {
    /// A message as every dialect knows it.
    case message = 0
    /// Written by the simple dialect's `create_message`, heard as `message_created` there.
    case created = 1
    /// A tombstone: says that an earlier message is gone. Its content is `{"ref":"ID","refSeq":42}`.
    case deleted = 2
    /// A message of which only its place is left; its content is `null`.
    case redacted = 3
}

/// Who asks the log to append, for the log's own check inside its transaction.
public enum Authority: Sendable, Hashable {
    /// The sender must have access to the room.
    case member
    /// A server may write anywhere.
    case server
}

/// A message that wants into a room's log; it has no `seq` yet.
public struct Draft: Sendable, Equatable {
    public var room: RoomName
    public var sender: UserID
    public var id: MessageID
    public var kind: MessageKind
    public var content: RawJSON
    public var authority: Authority
    /// Where the log ended when the message was first sent: should the dedupe window have forgotten it, the log is
    /// searched from there.
    public var since: Position?
    /// A tombstone's message: its content is redacted in the same transaction.
    public var redacts: UInt64?

    public init(
        room: RoomName, sender: UserID, id: MessageID, kind: MessageKind = .message, content: RawJSON,
        authority: Authority = .member, since: Position? = nil, redacts: UInt64? = nil
    ) {
        self.room = room
        self.sender = sender
        self.id = id
        self.kind = kind
        self.content = content
        self.authority = authority
        self.since = since
        self.redacts = redacts
    }

    /// What the draft costs in memory while it waits, in bytes, roughly.
    public var weight: Int { content.bytes.count + 192 }
}

/// An entry of a room's log.
public struct Message: Sendable, Equatable {
    public var room: RoomName
    public var seq: UInt64
    /// The author's name for it.
    public var id: MessageID
    public var sender: UserID
    public var kind: MessageKind
    /// When it was stored; never goes back within a room.
    public var at: Timestamp
    public var content: RawJSON

    public init(
        room: RoomName, seq: UInt64, id: MessageID, sender: UserID, kind: MessageKind, at: Timestamp, content: RawJSON
    ) {
        self.room = room
        self.seq = seq
        self.id = id
        self.sender = sender
        self.kind = kind
        self.at = at
        self.content = content
    }
}

/// What the log says to one draft.
public enum Verdict: Sendable, Equatable {
    /// It is in the log at `seq`; `duplicate` if it was there before this call.
    case stored(seq: UInt64, at: Timestamp, duplicate: Bool)
    case rejected(Failure)
}

/// Messages of one room that one append has put into the log, contiguous and in order.
public struct Committed: Sendable, Equatable {
    public var room: RoomName
    public var epoch: Epoch
    /// The log's floor after the append.
    public var floor: UInt64
    public var messages: [Message]

    public init(room: RoomName, epoch: Epoch, floor: UInt64 = 0, messages: [Message]) {
        self.room = room
        self.epoch = epoch
        self.floor = floor
        self.messages = messages
    }
}
