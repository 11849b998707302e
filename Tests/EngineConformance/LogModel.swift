import RoostCore
import RoostEngine

/// What a room's log is, in the simplest words: everything that was ever stored, and a floor. Says what an engine has
/// to answer.
struct LogModel {
    let place: RoomName
    let kind: RoomKind
    let windowMs: Int64
    var epoch: Epoch
    /// Every message ever, as it is now.
    private(set) var entries: [Message] = []
    private(set) var floor: UInt64 = 0
    /// What the clock said at each append to whatever room, and which append stored each entry.
    private var clocks: [Int64] = []
    private var steps: [Int] = []
    /// The entries of each sender and id.
    private var seqs: [Author: [UInt64]] = [:]

    private struct Author: Hashable {
        var sender: UserID
        var id: MessageID

        init(_ draft: Draft) { (sender, id) = (draft.sender, draft.id) }
    }

    init(place: RoomName, kind: RoomKind, windowMs: Int64, epoch: Epoch) {
        self.place = place
        self.kind = kind
        self.windowMs = windowMs
        self.epoch = epoch
    }

    var head: UInt64 { UInt64(entries.count) }
    var log: [Message] { Array(entries[Int(floor)...]) }

    /// `RoomInfo.lastMessage`.
    var last: Message? { log.suffix(100).last { $0.kind == .message } }

    func newest(_ id: MessageID, of sender: UserID?) -> UInt64? {
        log.last { $0.kind == .message && $0.id == id && (sender == nil || $0.sender == sender) }?.seq
    }

    mutating func append(_ draft: Draft, at now: Int64) -> Verdict {
        if let verdict = repeated(draft, at: now) { return verdict }
        if let seq = draft.redacts {
            guard seq > floor, seq <= head, entries[Int(seq) - 1].kind == .message else {
                return .rejected(Failure(.notFound, ""))
            }
            entries[Int(seq) - 1].kind = .redacted
            entries[Int(seq) - 1].content = .null
        }
        let at = Timestamp(milliseconds: max(now, entries.last?.at.milliseconds ?? now))
        entries.append(
            Message(
                room: place, seq: head + 1, id: draft.id, sender: draft.sender, kind: draft.kind, at: at,
                content: draft.content))
        steps.append(clocks.count - 1)
        seqs[Author(draft), default: []].append(head)
        return .stored(seq: head, at: at, duplicate: false)
    }

    private func repeated(_ draft: Draft, at now: Int64) -> Verdict? {
        if let seq = remembered(draft, at: now).last { return known(seq) }
        guard let since = draft.since else { return nil }
        guard since.epoch == epoch, since.seq >= floor else { return .rejected(Failure(.retryExpired, "")) }
        return seqs[Author(draft)]?.last { $0 > since.seq }.map(known)
    }

    private func known(_ seq: UInt64) -> Verdict {
        .stored(seq: seq, at: entries[Int(seq) - 1].at, duplicate: true)
    }

    /// The entries of the draft's sender and id that the window remembers.
    private func remembered(_ draft: Draft, at now: Int64) -> [UInt64] {
        (seqs[Author(draft)] ?? []).filter { now - clocks[steps[Int($0) - 1]] < windowMs }
    }

    /// Whether the clock was set back so that the window has its entry again: what was forgotten need not come back.
    func isDoubtful(_ draft: Draft, at now: Int64) -> Bool {
        remembered(draft, at: now).contains { seq in
            let step = steps[Int(seq) - 1]
            return clocks[step...].contains { $0 - clocks[step] >= windowMs }
        }
    }

    /// Something is about to be appended, to whatever room.
    mutating func begin(at now: Int64) { clocks.append(now) }

    mutating func retain(at now: Int64) {
        floor = max(floor, kind.floor(head: head))
        guard let age = kind.retainAgeMs else { return }
        while floor < head, entries[Int(floor)].at.milliseconds <= now - age { floor += 1 }
    }
}

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
