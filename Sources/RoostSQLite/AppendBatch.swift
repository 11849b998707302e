import GRDB
import RoostCore
import RoostEngine

/// The end of a log as a transaction moves it on.
struct Tail {
    var id: Int64
    var name: RoomName
    var kind: RoomKind
    var epoch: Epoch
    var visibility: Visibility
    var head: Int64
    var floor: Int64
    var trimmed: Int64
    var lastAt: Timestamp
    var messages: [Message] = []
    /// What has been looked up of a private room's members.
    var members: [UserID: Bool] = [:]
}

/// What one append has found and done so far.
struct AppendBatch {
    let db: Database
    let now: Timestamp
    /// What has been searched of logs, before the transaction and in it.
    var searches: [RetrySearch.Log: RetrySearch]
    /// How many messages below floors it may still delete.
    var deletions: Int
    var tails: [Tail] = []
    var slots: [RoomName: Int] = [:]
    /// The slots of rooms that got something new, in the order in which they did.
    var grown: [Int] = []
}
