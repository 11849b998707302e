/// How far members have got, between what they say and what is kept: the highest counts, and nothing goes back.
///
/// Marks of rooms with receipts are held as long as somebody here listens, since members see each other's; of other
/// rooms only until they are written down.
public struct MarkBoard: Sendable {
    /// Rooms with more members than this send no receipts.
    public static let receiptsUpTo = 100

    private struct Watched: Sendable {
        /// Whether what the store has is in `marks`.
        var isLoaded = false
        var marks: [UserID: Mark] = [:]
        var changed: Set<UserID> = []
    }

    private struct Key: Hashable, Sendable {
        var room: RoomName
        var user: UserID
    }

    private var watched: [RoomName: Watched] = [:]
    private var dirty: [Key: Mark] = [:]
    /// What other nodes have not been told.
    private var news: [RoomName: [UserID: Mark]] = [:]

    public init() {}

    public var hasDirty: Bool { !dirty.isEmpty }

    /// - Parameter isNews: other nodes are to be told (`takeNews`).
    public mutating func note(_ room: RoomName, _ user: UserID, _ mark: Mark, isNews: Bool = false) {
        if watched[room] != nil {
            guard watched[room]?.marks[user, default: Mark()].merge(mark) == true else { return }
            watched[room]?.changed.insert(user)
        }
        dirty[Key(room: room, user: user), default: Mark()].merge(mark)
        if isNews { news[room, default: [:]][user, default: Mark()].merge(mark) }
    }

    /// What other nodes have not been told yet.
    public mutating func takeNews() -> [(room: RoomName, marks: [MemberMark])] {
        defer { news = [:] }
        return news.map { room, marks in
            (room: room, marks: marks.map { MemberMark(room: room, user: $0.key, mark: $0.value) })
        }
    }

    /// Another node's members have got so far; it writes that down itself.
    public mutating func hear(_ room: RoomName, _ marks: [MemberMark]) {
        guard watched[room] != nil else { return }
        for mark in marks where watched[room]?.marks[mark.user, default: Mark()].merge(mark.mark) == true {
            watched[room]?.changed.insert(mark.user)
        }
    }

    // MARK: Keeping

    /// What is to be written down now.
    public mutating func takeDirty() -> [MemberMark] {
        defer { dirty = [:] }
        return dirty.map { MemberMark(room: $0.room, user: $0.user, mark: $1) }
    }

    /// The store has failed to write these down.
    public mutating func putBack(_ marks: [MemberMark]) {
        for mark in marks { dirty[Key(room: mark.room, user: mark.user), default: Mark()].merge(mark.mark) }
    }

    // MARK: Receipts

    /// Somebody listens to a room with receipts. True if the store must be asked (`load`).
    public mutating func watch(_ room: RoomName) -> Bool {
        guard watched[room] == nil else { return false }
        watched[room] = Watched()
        return true
    }

    public mutating func unwatch(_ room: RoomName) { watched[room] = nil }
    public func isWatched(_ room: RoomName) -> Bool { watched[room] != nil }

    /// What the store has of a room; may be called again.
    public mutating func load(_ room: RoomName, _ marks: [MemberMark]) {
        let isFirst = watched[room]?.isLoaded == false
        hear(room, marks)
        guard isFirst else { return }
        watched[room]?.isLoaded = true
        watched[room]?.changed.formUnion(marks.map(\.user))
    }

    /// Rooms in which marks have changed since the last call, with those marks.
    public mutating func takeReceipts() -> [(room: RoomName, marks: [MemberMark])] {
        var receipts: [(room: RoomName, marks: [MemberMark])] = []
        for (room, state) in watched where state.isLoaded && !state.changed.isEmpty {
            watched[room]?.changed = []
            let marks = state.changed.sorted().compactMap { user in
                state.marks[user].map { MemberMark(room: room, user: user, mark: $0) }
            }
            receipts.append((room, marks))
        }
        return receipts
    }

    /// How many members have a mark in the room.
    public func count(_ room: RoomName) -> Int { watched[room]?.marks.count ?? 0 }

    /// All marks of a room, by user; nil if they are not known yet.
    public func receipts(of room: RoomName) -> [MemberMark]? {
        guard let state = watched[room], state.isLoaded else { return nil }
        return state.marks.keys.sorted().compactMap { user in
            state.marks[user].map { MemberMark(room: room, user: user, mark: $0) }
        }
    }
}
