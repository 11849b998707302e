import RoostCore
import RoostEngine

/// Where the own rooms of the users connected here end, as far as is known, and which of them the store is to be asked
/// about.
///
/// Nobody is seated in an own room before something is said there, so no replica notices what the bus has lost. An end
/// is taken from the store when its user connects; from then on it only moves forwards, and whatever lies between it and
/// something that is heard of has not been heard.
struct OwnEnds: Sendable {
    private struct Room: Sendable {
        /// Whether the store has been asked since the user connected.
        var isKnown = false
        /// Nil: there is no such room yet.
        var end: Position?
        /// What was said before the end was known.
        var early: Stretch?
    }

    /// A part of a log.
    struct Stretch: Sendable, Equatable {
        var epoch: Epoch
        var first: UInt64
        var last: UInt64
    }

    private var rooms: [UserID: Room] = [:]
    private var due: Set<UserID> = []
    /// Those of whom the store could not be asked.
    private var later: Set<UserID> = []
    private var isLooking = false
    private var turns: Rounds<UserID>

    /// - Parameter sweepsPerLook: each is asked about once in so many calls of `doubtNext`.
    init(sweepsPerLook: Int) { turns = Rounds(seconds: max(1, sweepsPerLook)) }

    /// A user is here from now on; the store is to be asked where its room ends.
    mutating func begin(_ user: UserID) {
        guard rooms[user] == nil else { return }
        rooms[user] = Room()
        turns.insert(user)
        due.insert(user)
    }

    mutating func end(_ user: UserID) {
        rooms[user] = nil
        turns.remove(user)
        due.remove(user)
        later.remove(user)
    }

    // MARK: What is heard

    /// Something has been appended to a user's room.
    /// - Returns: where those begin to hear who don't yet; nil if that is not known before the store has answered.
    mutating func heard(_ stretch: Stretch, of owner: UserID) -> UInt64? {
        guard let room = rooms[owner] else { return stretch.first }
        guard room.isKnown else {
            let known = room.early.flatMap { $0.epoch == stretch.epoch ? $0 : nil } ?? stretch
            rooms[owner]?.early = Stretch(
                epoch: stretch.epoch, first: min(known.first, stretch.first), last: max(known.last, stretch.last))
            return nil
        }
        let seen = room.end.flatMap { $0.epoch == stretch.epoch ? $0.seq : nil } ?? 0
        rooms[owner]?.end = Position(epoch: stretch.epoch, seq: max(seen, stretch.last))
        return min(stretch.first, seen + 1)
    }

    /// Whether a room's end that somebody mentions is news.
    func isNews(_ position: Position, of owner: UserID) -> Bool {
        guard let room = rooms[owner] else { return false }
        guard room.isKnown, let end = room.end, end.epoch == position.epoch else { return true }
        return end.seq < position.seq
    }

    /// The store has said where a room ends (nil: there is none).
    /// - Returns: where those begin to hear who don't yet, if something was missed.
    mutating func learn(_ head: Position?, of owner: UserID) -> UInt64? {
        guard let room = rooms[owner] else { return nil }
        rooms[owner]?.isKnown = true
        rooms[owner]?.early = nil
        guard let head else {
            rooms[owner]?.end = room.end ?? room.early.map { Position(epoch: $0.epoch, seq: $0.last) }
            return room.isKnown || room.early == nil ? nil : 1
        }
        guard room.isKnown else {
            let early = room.early.flatMap { $0.epoch == head.epoch ? $0 : nil }
            rooms[owner]?.end = Position(epoch: head.epoch, seq: max(head.seq, early?.last ?? 0))
            return early.map { min($0.first, head.seq + 1) }
        }
        let seen = room.end.flatMap { $0.epoch == head.epoch ? $0.seq : nil } ?? 0
        guard head.seq > seen else { return nil }
        rooms[owner]?.end = head
        return seen + 1
    }

    /// Whether the store has been asked about the user's room since it came.
    func isKnown(_ owner: UserID) -> Bool { rooms[owner]?.isKnown ?? false }

    /// The epoch in which a room's end is known.
    func epoch(of owner: UserID) -> Epoch? { rooms[owner]?.end?.epoch }

    // MARK: Looking

    /// The store is to be asked about these, as far as they are here.
    mutating func doubt(_ users: some Sequence<UserID>) {
        for user in users where rooms[user] != nil { due.insert(user) }
    }

    mutating func doubtAll() { due.formUnion(rooms.keys) }

    /// Those whose turn it is.
    mutating func doubtNext(atMost most: Int) { due.formUnion(turns.take(atMost: most)) }

    /// Not at once: when the next look is due.
    mutating func doubtLater(_ user: UserID) { if rooms[user] != nil { later.insert(user) } }

    /// The time has come to ask again what could not be asked.
    mutating func lookAgain() {
        due.formUnion(later)
        later = []
    }

    /// Whether the caller is the one to ask now: there is something, and nobody is at it.
    mutating func beginLooking() -> Bool {
        guard !isLooking, !due.isEmpty else { return false }
        isLooking = true
        return true
    }

    /// Whom to ask about next, at most so many; empty, and the looking is over, if there is nobody.
    mutating func take(_ most: Int) -> [UserID] {
        let users = Array(due.prefix(most))
        due.subtract(users)
        if users.isEmpty { isLooking = false }
        return users
    }
}
