import RoostCore
import RoostEngine

/// One append's drafts by room, and what has become of them.
struct AppendBatch {
    struct Room: Sendable {
        var name: RoomName
        var drafts: [Draft] = []
        /// Where the drafts stand in the batch.
        var places: [Int] = []
    }

    /// In the order in which the batch comes to them.
    private(set) var rooms: [Room] = []
    /// One per room.
    var outcomes: [Logs.RoomOutcome] = []
    private let count: Int

    init(_ drafts: [Draft]) {
        count = drafts.count
        var slots: [RoomName: Int] = [:]
        for (place, draft) in drafts.enumerated() {
            let slot = slots[draft.room] ?? rooms.count
            if slot == rooms.count {
                slots[draft.room] = slot
                rooms.append(Room(name: draft.room))
            }
            rooms[slot].drafts.append(draft)
            rooms[slot].places.append(place)
        }
    }

    /// The error of a batch of which nothing has been decided; nil if something has.
    var commonError: TableError? {
        guard outcomes.allSatisfy({ $0.error != nil && $0.verdicts.isEmpty && $0.committed.isEmpty }) else {
            return nil
        }
        // One that leaves open whether something was kept comes first.
        return outcomes.lazy.compactMap(\.error).first { $0.storeError != .busy } ?? outcomes.first?.error
    }

    var appended: Appended {
        var verdicts = [Verdict?](repeating: nil, count: count)
        var grown: [(place: Int, committed: Committed)] = []
        for (room, outcome) in zip(rooms, outcomes) {
            let refusal = (outcome.error?.storeError ?? .busy).failure
            // Where each stretch's first message stands in the batch; `seq`s grow with the places within an epoch.
            var stretches = outcome.committed[...]
            for (index, place) in room.places.enumerated() {
                let verdict = index < outcome.verdicts.count ? outcome.verdicts[index] : .rejected(refusal)
                verdicts[place] = verdict
                guard case .stored(let seq, _, duplicate: false) = verdict, let next = stretches.first,
                    next.messages.first?.seq == seq
                else { continue }
                grown.append((place, next))
                stretches.removeFirst()
            }
            // Written, but what it amounts to could not be carried out.
            grown += stretches.map { (.max, $0) }
        }
        grown.sort { $0.place < $1.place }
        return Appended(verdicts: verdicts.compactMap { $0 }, committed: grown.map(\.committed))
    }
}
