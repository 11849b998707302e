package import RoostCore

/// What a batch wants to know of one room's log: whether messages that are sent again (`Draft.since`) are in it.
///
/// All drafts of the room share one search, which remembers the stretch it has been through: however many drafts there
/// are, an entry is looked at once per batch.
public struct RetrySearch: Sendable {
    /// How far from the head one draft may have the log searched, in entries.
    public static let maxEntries: UInt64 = 20_000

    /// How much of a log may be searched while nothing else can be stored, in entries.
    package static let maxInTransaction: UInt64 = 4096

    /// A life of a room's log: where `since` of another epoch leads, nothing can be found.
    package struct Log: Hashable, Sendable {
        package var room: RoomName
        package var epoch: Epoch

        package init(room: RoomName, epoch: Epoch) {
            self.room = room
            self.epoch = epoch
        }
    }

    /// The entries with `after < seq <= to`.
    package struct Stretch: Sendable, Equatable {
        package var after: UInt64
        package var to: UInt64

        package init(after: UInt64, to: UInt64) {
            self.after = after
            self.to = to
        }
    }

    package struct Place: Sendable, Equatable {
        package var seq: UInt64
        package var at: Timestamp

        package init(seq: UInt64, at: Timestamp) {
            self.seq = seq
            self.at = at
        }
    }

    /// What is looked for, and the newest entry of it so far.
    private var wanted: [MessageID: [UserID: Place?]] = [:]
    private var done: Stretch?

    /// One search for every log in which one of `drafts` may be already.
    package static func logs(of drafts: [Draft]) -> [Log: RetrySearch] {
        var searches: [Log: RetrySearch] = [:]
        for draft in drafts {
            guard let since = draft.since else { continue }
            let log = Log(room: draft.room, epoch: since.epoch)
            searches[log, default: RetrySearch()].wanted[draft.id, default: [:]][draft.sender] = .some(nil)
        }
        return searches
    }

    /// What of `stretch` has not been searched before (and what lies between the two): the caller shows every entry of
    /// it to `wants` and `found`, or throws the search away.
    package mutating func begin(_ stretch: Stretch) -> [Stretch] {
        let parts = missing(of: stretch)
        done = Stretch(after: min(done?.after ?? .max, stretch.after), to: max(done?.to ?? 0, stretch.to))
        return parts
    }

    /// How many entries of `stretch` have not been searched before.
    package func cost(of stretch: Stretch) -> UInt64 { missing(of: stretch).reduce(0) { $0 + $1.to - $1.after } }

    /// Whether a message of this id is looked for.
    package func wants(_ id: MessageID) -> Bool { wanted[id] != nil }

    package mutating func found(_ id: MessageID, of sender: UserID, _ place: Place) {
        guard let known = wanted[id]?[sender], place.seq > known?.seq ?? 0 else { return }
        wanted[id]?[sender] = .some(place)
    }

    /// Where the draft's message is, if that is after `seq` and where was searched.
    package func place(of draft: Draft, after seq: UInt64) -> Place? {
        guard let place = wanted[draft.id]?[draft.sender] ?? nil, place.seq > seq else { return nil }
        return place
    }

    private func missing(of stretch: Stretch) -> [Stretch] {
        guard let done else { return [stretch] }
        var parts: [Stretch] = []
        if stretch.after < done.after { parts.append(Stretch(after: stretch.after, to: done.after)) }
        if stretch.to > done.to { parts.append(Stretch(after: done.to, to: stretch.to)) }
        return parts
    }
}
