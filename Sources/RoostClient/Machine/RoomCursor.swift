/// How a room is to be joined.
package struct JoinWish: Sendable, Equatable {
    /// The newest messages to begin with, where nothing was heard before.
    package var history = 0
    /// Whether to hear of members; nil: as the server likes.
    package var presence: Bool?
    /// Whether the position outlives the process.
    package var isDurable = false
    /// Where the first join of the room starts; wins over a kept position.
    package var after: RoostPosition?

    package init(history: Int = 0, presence: Bool? = nil, isDurable: Bool = false, after: RoostPosition? = nil) {
        self.history = history
        self.presence = presence
        self.isDurable = isDurable
        self.after = after
    }
}

/// One room, and how far it has been heard.
final class RoomCursor {
    enum Phase {
        /// To be joined when there is a connection.
        case idle
        /// A join is on its way; nothing is heard until it is answered, since the answer replays all that is missing.
        case joining
        case live
        /// A join was refused for a passing cause and is repeated at `retryAt`.
        case waiting
        /// Refused for good, or put out; joined again by the application or with the next connection.
        case refused
    }

    let name: String
    var phase = Phase.idle
    /// The server has, or may have, us in: it said so, and not yet that we are out again.
    var mayBeIn = false
    var wish = JoinWish()
    /// Heard up to here.
    var position: RoostPosition?
    /// The id of the join or resume that waits for its answer, and until when.
    var request: String?
    var deadline: Int64?
    var retryAt: Int64?
    var failures = 0
    var repairs = 0
    /// The first message of the history may have any seq.
    var mayBeginLater = false
    /// The server has said that not everything after our position follows: what is missing is a gap.
    var isHole = false
    /// Whether the position has moved since it was kept, and when that was.
    var isDirty = false
    var keptAt: Int64 = 0

    init(_ name: String) { self.name = name }

    func move(to seq: UInt64) {
        position?.seq = seq
        mayBeginLater = false
        isHole = false
        repairs = 0
        isDirty = true
    }
}
