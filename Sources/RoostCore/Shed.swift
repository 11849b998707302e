/// What a slow client was not told of what is not kept in a log, so that it can be told the latest once it takes
/// something again.
public struct Shed: Sendable, Equatable {
    /// Typing states remembered per room; what comes beyond them is not told of later.
    public static let most = 64

    public struct Room: Sendable, Equatable {
        public var presence = false
        public var receipts = false
        /// The latest state of each.
        public var typing: [UserID: Bool] = [:]

        public var isEmpty: Bool { !presence && !receipts && typing.isEmpty }
    }

    public private(set) var rooms: [RoomName: Room] = [:]

    public init() {}

    public var isEmpty: Bool { rooms.isEmpty }

    public mutating func note(_ event: Event) {
        switch event {
        case .userJoined(let room, _, _), .userLeft(let room, _, _, _), .presenceCount(let room, _):
            rooms[room, default: Room()].presence = true
        case .receipts(let room, _): rooms[room, default: Room()].receipts = true
        case .typing(let room, let user, let isActive):
            let known = rooms[room]?.typing ?? [:]
            guard known[user] != nil || known.count < Shed.most else { return }
            rooms[room, default: Room()].typing[user] = isActive
        default: break
        }
    }

    /// There was no room for this after all.
    public mutating func putBack(_ room: Room, of name: RoomName) { rooms[name] = room }

    /// The room has been left: nothing is to be told of it any more.
    public mutating func forget(_ name: RoomName) { rooms[name] = nil }

    public mutating func take() -> [RoomName: Room] {
        defer { rooms = [:] }
        return rooms
    }
}
