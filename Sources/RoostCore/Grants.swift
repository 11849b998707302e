/// What may be done in a room, by the name that tokens use.
public enum Right: String, Sendable, CaseIterable {
    case join
    case publish
    case history
    case presence
    case moderate
}

/// What a token allows: rights by pattern of room. A right that any matching entry gives is given.
public struct Grants: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public var match: RoomPattern
        public var rights: Set<Right>

        public init(match: RoomPattern, rights: Set<Right>) {
            self.match = match
            self.rights = rights
        }
    }

    /// Nil: everything but `moderate`, in every room.
    public var entries: [Entry]?

    public init(_ entries: [Entry]?) { self.entries = entries }

    /// What those who name no rights get.
    public static let usual: Set<Right> = [.join, .publish, .history, .presence]

    /// Everything but moderation.
    public static let all = Grants(nil)

    public func allows(_ right: Right, in room: RoomName) -> Bool {
        guard let entries else { return right != .moderate }
        return entries.contains { $0.rights.contains(right) && $0.match.matches(room) }
    }

    /// Whether these are a moderator's of that user: they moderate the user's own room, by an entry that names such rooms
    /// outright. A user whose id is no part of a room's name is among `user:*` only.
    public func allowsModerating(_ user: UserID) -> Bool {
        let own = RoomName("user:" + user.text)
        return entries?.contains { entry in
            entry.match.text.hasPrefix("user:") && entry.rights.contains(.moderate)
                && (own.map { entry.match.matches($0) } ?? (entry.match.text == "user:*"))
        } ?? false
    }

    /// Whether these are a server's grants for a personal room: one that names such rooms outright and may publish.
    public func allowsServing(_ room: RoomName) -> Bool {
        entries?.contains { entry in
            entry.match.text.hasPrefix("user:") && entry.rights.contains(.publish) && entry.match.matches(room)
        } ?? false
    }
}
