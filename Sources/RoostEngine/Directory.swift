public import RoostCore

/// Users, rooms and members: what is kept beside the logs.
public protocol Directory: Sendable {
    /// The store's own id, random at its creation: nodes that exchange messages must see the same one.
    func storeID() async throws(StoreError) -> String

    /// Opens rooms for readers: access is checked, and an unknown room is created as a public one where the request
    /// and its kind (or else `StoreOptions.createOnJoin`) say so. One answer per request, in order: `not_found` or `forbidden` otherwise.
    func open(_ requests: [OpenRequest], at now: Timestamp) async throws(StoreError) -> [Result<RoomHead, Failure>]

    /// Creates a room with a fresh epoch; `conflict` if there is one of that name.
    func createRoom(_ plan: RoomPlan, at now: Timestamp) async throws(StoreError) -> Result<RoomInfo, Failure>

    func room(_ name: RoomName) async throws(StoreError) -> RoomInfo?

    /// Public rooms and, for a user, the private ones it is a member of; by name, those after `after`, at most `limit`.
    func rooms(visibleTo user: UserID?, after: RoomName?, limit: Int) async throws(StoreError) -> [RoomInfo]

    /// The rooms the user participates in, newest first, at most `limit`.
    func rooms(of user: UserID, limit: Int) async throws(StoreError) -> [RoomName]

    /// Changes what is not nil. Nil if there is no such room.
    func amendRoom(
        _ name: RoomName, title: String?, visibility: Visibility?
    ) async throws(StoreError) -> RoomInfo?

    /// Deletes the room with its log and marks; false if there was none. The next of that name has a new epoch.
    func deleteRoom(_ name: RoomName) async throws(StoreError) -> Bool

    /// Adds or removes a member; false if there is no such room.
    func setMember(
        _ user: UserID, of room: RoomName, to isMember: Bool
    ) async throws(StoreError) -> Bool

    /// Another node says that the room, or who is a member, is not what it was: what is remembered of that is not
    /// believed any more.
    func hearOfChange(to room: RoomName)

    /// Notes how far members have got. Per room and user the highest of each number is kept, never beyond the room's
    /// head; unknown rooms are ignored, and a mark of nothing leaves no trace.
    func mark(_ marks: [MemberMark]) async throws(StoreError)

    /// How far a user has got in these rooms; those without a mark of the user are absent.
    func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark]

    /// How far members have got, by user id, the first `limit`. Empty if there is no such room.
    func marks(in room: RoomName, limit: Int) async throws(StoreError) -> [MemberMark]

    /// Writes down users that were seen: a new one is added, of a known one what is not nil is changed.
    func note(_ sightings: [Sighting]) async throws(StoreError)

    /// Those of `ids` that exist.
    func users(_ ids: [UserID]) async throws(StoreError) -> [UserID: User]

    /// By id, those after `after`, at most `limit`.
    func users(after: UserID?, limit: Int) async throws(StoreError) -> [User]
}

/// A reader who wants into a room.
public struct OpenRequest: Sendable, Equatable {
    public var room: RoomName
    public var user: UserID?
    /// Whether to create the room if it is unknown.
    public var create: Bool
    /// A server may open any room.
    public var authority: Authority

    public init(room: RoomName, user: UserID?, create: Bool, authority: Authority = .member) {
        self.room = room
        self.user = user
        self.create = create
        self.authority = authority
    }
}

/// A user who was seen: connected, was posted, or left.
public struct Sighting: Sendable, Equatable {
    public var user: UserID
    /// Nil leaves a known user's name as it is; a new user is then named by its id.
    public var name: String?
    public var avatar: String?
    public var lastSeen: Timestamp?

    public init(user: UserID, name: String? = nil, avatar: String? = nil, lastSeen: Timestamp? = nil) {
        self.user = user
        self.name = name
        self.avatar = avatar
        self.lastSeen = lastSeen
    }
}

/// An engine that keeps everything of a node: logs and directory in one place, so that both tell the same truth.
public protocol Store: MessageLog, Directory {
    /// Finishes what is under way and lets go of the files. Every later call throws `closed`.
    func close() async
}
