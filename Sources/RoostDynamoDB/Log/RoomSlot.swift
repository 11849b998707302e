import RoostCore
import RoostEngine

/// What this process remembers of one room: its item for a moment, and its log's end for as long as nobody has shown it
/// to be another one. All of it are hints: conditions of writes are what decides.
final class RoomSlot: Sendable {
    /// How long the room's item and its members are believed without asking: what another node changes holds here
    /// after this, or once it is heard of. What this process changes holds at once.
    static let beliefMs: Int64 = 2000
    /// Chunks that this process writes one right after the other before it makes room for other nodes.
    static let mostWins = 16
    /// What comes so much later is not right after, in milliseconds; nor is waited longer.
    static let restMs: Int64 = 20
    /// How long whoever has begun a deletion has for it, in milliseconds.
    static let deletionMs: Int64 = 10_000
    /// Deletions that are watched, and how many are seen to at once.
    static let mostLoose = 1024
    static let pieceLoose = 8

    let name: RoomName
    /// Appends of this process to this room go one after the other.
    let turn = Turn()
    private let state = Locked(State())

    private struct State {
        var item: RoomItem?
        var itemAt = Moment(milliseconds: 0)
        var members: [UserID: (isMember: Bool, at: Moment)] = [:]
        var chain: Chain?
        var chainAt = Moment(milliseconds: 0)
        /// What tombstones of other nodes delete, that may not have come to it, and what this one could not; with when
        /// each was learned of.
        var loose: [UInt64: Moment] = [:]
        /// The log that those are of: another one has other messages there.
        var looseOf: Epoch?
        /// Chunks of this process that came one right after the other, and when the last of them was there.
        var wins = 0
        var wonAt = Moment(milliseconds: 0)
        /// Counts what this process has changed of the room: what was read before is not to be remembered after.
        var changes: UInt64 = 0
    }

    init(_ name: RoomName) { self.name = name }

    var changes: UInt64 { state.withLock { $0.changes } }

    /// The item, if it was read lately.
    func item(at now: Moment) -> RoomItem? {
        state.withLock { $0.item != nil && now - $0.itemAt < RoomSlot.beliefMs ? $0.item : nil }
    }

    /// - Parameter changes: as they were before it was read.
    func remember(_ item: RoomItem, at now: Moment, changes: UInt64) {
        state.withLock { state in
            guard state.changes == changes else { return }
            if state.chain?.epoch != item.epoch {
                state.chain = nil
                state.members = [:]
            }
            (state.item, state.itemAt) = (item, now)
            state.chain?.raise(floor: item.floor)
        }
    }

    func isMember(_ user: UserID, at now: Moment) -> Bool? {
        state.withLock { state in
            guard let known = state.members[user], now - known.at < RoomSlot.beliefMs else { return nil }
            return known.isMember
        }
    }

    func remember(_ user: UserID, isMember: Bool, at now: Moment, changes: UInt64) {
        state.withLock { state in
            guard state.changes == changes else { return }
            if state.members.count >= 1000 { state.members = [:] }
            state.members[user] = (isMember, now)
        }
    }

    // MARK: Deletions that may be half done

    /// Tombstones delete these entries: another node does so itself, unless it has died over it, or this one has failed.
    func watch(_ seqs: some Sequence<UInt64>, of epoch: Epoch, at now: Moment) {
        state.withLock { state in
            if state.looseOf != epoch { (state.loose, state.looseOf) = ([:], epoch) }
            for seq in seqs where state.loose.count < RoomSlot.mostLoose { state.loose[seq] = now }
        }
    }

    /// Some of those whose writer has had time enough.
    func overdue(of epoch: Epoch, at now: Moment) -> [UInt64] {
        state.withLock { state in
            if state.loose.isEmpty || state.looseOf != epoch { return [] }
            let due = state.loose.filter { now - $0.value >= RoomSlot.deletionMs }.keys
            return Array(due.sorted().prefix(RoomSlot.pieceLoose))
        }
    }

    func isDone(_ seq: UInt64) { state.withLock { $0.loose[seq] = nil } }

    // MARK: Races

    /// A chunk was written; how many milliseconds to wait now, if others are to get a turn. Who wins knows nothing of
    /// those who lose, since these come to the place that was taken a moment before: so whoever has had it for long
    /// enough lets about one write pass.
    func won(from begin: Moment, to end: Moment) -> Int64? {
        state.withLock { state in
            state.wins = begin - state.wonAt > RoomSlot.restMs ? 1 : state.wins + 1
            state.wonAt = end
            guard state.wins % RoomSlot.mostWins == 0 else { return nil }
            return min(max(end - begin, 1), RoomSlot.restMs)
        }
    }

    func lost() { state.withLock { $0.wins = 0 } }

    // MARK: Changes

    /// The room's item or its members have been changed, by this process or, as it has heard, by another.
    func forgetItem() {
        state.withLock { state in
            state.changes += 1
            state.item = nil
            state.members = [:]
        }
    }

    /// What was known of the log is not to be relied on.
    func forgetChain() { state.withLock { $0.chain = nil } }

    /// Ids that are remembered for the dedupe window.
    var ids: Int { state.withLock { $0.chain?.window?.count ?? 0 } }

    /// They are read again when they are needed.
    func forgetIDs() { state.withLock { $0.chain?.window = nil } }

    /// - Parameter now: when what the chain is made of was read, at the latest.
    func install(_ chain: Chain, at now: Moment) {
        state.withLock { state in
            // Somebody else may have been quicker, and have seen more.
            if let known = state.chain, known.epoch == chain.epoch, known.head >= chain.head { return }
            (state.chain, state.chainAt) = (chain, now)
        }
    }

    /// Looks at or changes what is known of the log of this epoch; nil if nothing is.
    func withChain<R: Sendable>(_ epoch: Epoch, _ body: (inout Chain) -> R) -> R? {
        state.withLock { state in
            guard state.chain?.epoch == epoch, var chain = state.chain else { return nil }
            // Moved out and back in, so that changing it copies nothing.
            state.chain = nil
            defer { state.chain = chain }
            return body(&chain)
        }
    }

    /// How long ago the log's end was last seen or moved.
    func age(at now: Moment) -> Int64 { state.withLock { now - $0.chainAt } }

    /// There may be more in the log than is known: it is looked at before the next append.
    func doubt() { state.withLock { $0.chainAt = Moment(milliseconds: .min / 2) } }

    func touch(at now: Moment) { state.withLock { $0.chainAt = max($0.chainAt, now) } }
}

/// Lets one in after the other, in the order of asking.
final class Turn: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())

    /// Returns when it is the caller's turn, who then calls `pass`.
    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                defer { state.isTaken = true }
                if state.isTaken { state.waiting.append(continuation) }
                return !state.isTaken
            }
            if isFree { continuation.resume() }
        }
    }

    func pass() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
