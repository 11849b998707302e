/// Who is typing where. A state lasts until it is taken back, or lapses.
public struct Typing: Sendable {
    /// Milliseconds without a further word after which nobody is typing any more.
    public static let lapseMs: Int64 = 5000
    /// A state that is only confirmed is relayed again at most so often, for those who have come since.
    public static let relayEveryMs: Int64 = 2000

    private struct State {
        var until: Moment
        var relayedAt: Moment
    }

    private var rooms: [RoomName: [UserID: State]] = [:]

    public init() {}

    public var isEmpty: Bool { rooms.isEmpty }

    /// The user says that it types, or has ceased to; whether the room is to hear of it.
    public mutating func set(_ room: RoomName, _ user: UserID, isActive: Bool, now: Moment) -> Bool {
        guard isActive else { return clear(room, user) }
        let until = now + Typing.lapseMs
        if let state = rooms[room]?[user], now - state.relayedAt < Typing.relayEveryMs {
            rooms[room]?[user]?.until = until
            return false
        }
        rooms[room, default: [:]][user] = State(until: until, relayedAt: now)
        return true
    }

    /// The user has gone, or ceased to type; whether it was typing.
    public mutating func clear(_ room: RoomName, _ user: UserID) -> Bool {
        guard rooms[room]?.removeValue(forKey: user) != nil else { return false }
        if rooms[room]?.isEmpty == true { rooms[room] = nil }
        return true
    }

    /// Those whose time is over.
    public mutating func lapse(now: Moment) -> [(room: RoomName, user: UserID)] {
        var lapsed: [(room: RoomName, user: UserID)] = []
        for (room, users) in rooms {
            for (user, state) in users where state.until <= now { lapsed.append((room, user)) }
        }
        for (room, user) in lapsed { _ = clear(room, user) }
        return lapsed
    }

    /// Who is typing in the room now.
    public func active(in room: RoomName) -> [UserID] { Array((rooms[room] ?? [:]).keys) }
}
