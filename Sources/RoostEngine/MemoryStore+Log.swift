internal import RoostCore

extension MemoryStore {
    /// A room's log, with what retention leaves of it: takes memory for at most twice that.
    struct Log {
        /// Oldest first and contiguous; the first `floor - base` are dropped and not yet let go of.
        private var entries: [Message] = []
        /// The `seq` before that of the first of `entries`.
        private var base: UInt64 = 0
        private(set) var floor: UInt64 = 0
        /// The time of the newest message ever, dropped or not.
        private var lastAt: Timestamp?

        var head: UInt64 { base + UInt64(entries.count) }

        /// How many entries take memory.
        var held: Int { entries.count }

        /// The retained entry at `seq`.
        subscript(seq: UInt64) -> Message? {
            seq > floor && seq <= head ? entries[Int(seq - base - 1)] : nil
        }

        mutating func append(_ draft: Draft, at now: Timestamp) -> Message {
            let at = max(now, lastAt ?? now)
            let message = Message(
                room: draft.room, seq: head + 1, id: draft.id, sender: draft.sender, kind: draft.kind, at: at,
                content: draft.content)
            entries.append(message)
            lastAt = at
            return message
        }

        /// Leaves of the retained entry at `seq` only its place.
        mutating func redact(_ seq: UInt64) {
            if self[seq] != nil { entries[Int(seq - base - 1)].redact() }
        }

        /// Moves the floor as `kind` says; O(log n), and O(1) amortized for each entry dropped.
        mutating func retain(_ kind: RoomKind, at now: Timestamp) {
            var lowest = max(floor, kind.floor(head: head))
            if let cutoff = kind.cutoff(at: now) {
                lowest = max(lowest, base + UInt64(entries.partitionPoint(where: { $0.at <= cutoff })))
            }
            guard lowest > floor else { return }
            floor = lowest
            let live = Int(head - floor)
            // Half of it is dead: what is copied now was paid for by what was dropped.
            guard entries.count - live >= live else { return }
            entries = Array(entries.suffix(live))
            base = floor
        }

        /// The retained entries with `seq > after`.
        func entries(after: UInt64) -> ArraySlice<Message> {
            entries[Int(min(max(after, floor), head) - base)...]
        }

        /// The retained entries with `seq < before`.
        func entries(before: UInt64?) -> ArraySlice<Message> {
            let end = min(before.map { $0 == 0 ? 0 : $0 - 1 } ?? head, head)
            return entries[Int(floor - base)..<Int(max(end, floor) - base)]
        }

        /// Looks at the entries of `stretch` that the search has not seen.
        func search(_ stretch: RetrySearch.Stretch, _ search: inout RetrySearch) {
            for part in search.begin(stretch) where part.after < part.to {
                for entry in entries(after: part.after).prefix(while: { $0.seq <= part.to })
                where search.wants(entry.id) {
                    search.found(entry.id, of: entry.sender, RetrySearch.Place(seq: entry.seq, at: entry.at))
                }
            }
        }
    }
}
