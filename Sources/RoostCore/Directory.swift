// What the directory knows: users, rooms and who belongs to them.

public struct User: Sendable, Equatable {
    public static let maxNameBytes = 512
    public static let maxAvatarBytes = 2048

    public var id: UserID
    public var name: String
    /// A URL or any short text; nil if none was given.
    public var avatar: String?
    /// When the last connection of the user ended; nil if none has.
    public var lastSeen: Timestamp?

    public init(id: UserID, name: String, avatar: String? = nil, lastSeen: Timestamp? = nil) {
        self.id = id
        self.name = name
        self.avatar = avatar
        self.lastSeen = lastSeen
    }
}

/// Who may enter a room.
public enum Visibility: String, Sendable {
    /// Anyone.
    case `public`
    /// Members only.
    case `private`
}

/// A room as lists and `create_room` show it.
public struct RoomInfo: Sendable, Equatable {
    public static let maxTitleBytes = 128
    public static let maxParticipants = 1000

    public var name: RoomName
    /// The name for people; the room's own name unless another was given.
    public var title: String
    public var visibility: Visibility
    public var participants: [UserID]
    public var createdAt: Timestamp
    public var epoch: Epoch
    public var head: UInt64
    /// As `RoomHead.floor`.
    public var floor: UInt64
    /// The newest message that is neither deleted nor a tombstone, if it is among the log's newest 100 entries.
    public var lastMessage: RawJSON?
    public var lastMessageAt: Timestamp?

    public init(
        name: RoomName, title: String, visibility: Visibility, participants: [UserID], createdAt: Timestamp,
        epoch: Epoch, head: UInt64, floor: UInt64 = 0, lastMessage: RawJSON? = nil, lastMessageAt: Timestamp? = nil
    ) {
        self.name = name
        self.title = title
        self.visibility = visibility
        self.participants = participants
        self.createdAt = createdAt
        self.epoch = epoch
        self.head = head
        self.floor = floor
        self.lastMessage = lastMessage
        self.lastMessageAt = lastMessageAt
    }
}

/// A room that is to be created.
public struct RoomPlan: Sendable, Equatable {
    public var name: RoomName
    public var title: String?
    public var visibility: Visibility
    public var participants: [UserID]

    public init(name: RoomName, title: String? = nil, visibility: Visibility = .public, participants: [UserID] = []) {
        self.name = name
        self.title = title
        self.visibility = visibility
        self.participants = participants
    }
}

/// The end of a room's log as the store has it.
public struct RoomHead: Sendable, Equatable {
    public var epoch: Epoch
    /// `seq` of the newest message, 0 if there is none.
    public var head: UInt64
    /// Everything up to and including this `seq` has been dropped by retention.
    public var floor: UInt64
    public var visibility: Visibility

    public init(epoch: Epoch, head: UInt64, floor: UInt64 = 0, visibility: Visibility = .public) {
        self.epoch = epoch
        self.head = head
        self.floor = floor
        self.visibility = visibility
    }
}
