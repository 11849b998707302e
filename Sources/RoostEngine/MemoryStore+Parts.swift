internal import RoostCore

extension MemoryStore {
    /// The ids of the window: found in O(1), forgotten oldest first, a bounded number with each append.
    struct Dedupe {
        /// The room's number and not its name: a room that is deleted and made again begins without a past.
        struct Key: Hashable {
            var room: UInt64
            var sender: UserID
            var id: MessageID
        }

        struct Entry {
            var seq: UInt64
            /// The message's time.
            var at: Timestamp
            /// What the clock said, which a message's time may be ahead of.
            var clock: Timestamp
        }

        let options: StoreOptions
        private var entries: [Key: Entry] = [:]
        /// In the order of storing. What is before `first` has been forgotten.
        private var order: [(key: Key, seq: UInt64, room: Room)] = []
        private var first = 0

        init(options: StoreOptions) { self.options = options }

        func find(_ key: Key, at now: Timestamp) -> Entry? {
            guard let entry = entries[key], options.remembers(entry.clock, at: now) else { return nil }
            return entry
        }

        /// Where it is after `seq`, be it within the window or not.
        func find(_ key: Key, after seq: UInt64) -> Entry? {
            guard let entry = entries[key], entry.seq > seq else { return nil }
            return entry
        }

        mutating func remember(_ message: Message, in room: Room, clock: Timestamp) {
            guard options.dedupeWindowMs > 0 else {
                room.forgotten = message.seq
                return
            }
            let key = Key(room: room.id, sender: message.sender, id: message.id)
            entries[key] = Entry(seq: message.seq, at: message.at, clock: clock)
            order.append((key, message.seq, room))
        }

        mutating func forget(at now: Timestamp, atMost limit: Int) {
            for _ in 0..<limit where first < order.count {
                let (key, seq, room) = order[first]
                // An id that came again after the window has an entry of its own, later in the order.
                if let entry = entries[key], entry.seq == seq {
                    if options.remembers(entry.clock, at: now) { break }
                    entries[key] = nil
                }
                room.forgotten = max(room.forgotten, seq)
                first += 1
            }
            if first > 1024, first > order.count / 2 {
                order.removeFirst(first)
                first = 0
            }
        }
    }

    /// Everyone who was ever seen.
    struct Users {
        /// What a user has said of itself: most have said nothing.
        private final class Words: Sendable {
            let name: String?
            let avatar: String?

            init(name: String?, avatar: String?) {
                self.name = name
                self.avatar = avatar
            }
        }

        private struct Record {
            var words: Words?
            var lastSeen: Timestamp?
        }

        private var byID: [UserID: Record] = [:]
        private var ids = SortedList<UserID>()

        subscript(id: UserID) -> User? {
            byID[id].map { record in
                User(
                    id: id, name: record.words?.name ?? id.text, avatar: record.words?.avatar,
                    lastSeen: record.lastSeen)
            }
        }

        mutating func note(_ sighting: Sighting) {
            let count = byID.count
            Users.update(&byID[sighting.user, default: Record()], sighting)
            if byID.count > count { ids.insert(sighting.user) }
        }

        func page(after: UserID?, limit: Int) -> [User] {
            ids.after(after).prefix(max(0, limit)).compactMap { self[$0] }
        }

        private static func update(_ record: inout Record, _ sighting: Sighting) {
            record.lastSeen = sighting.lastSeen ?? record.lastSeen
            guard sighting.name != nil || sighting.avatar != nil else { return }
            let words = record.words
            record.words = Words(name: sighting.name ?? words?.name, avatar: sighting.avatar ?? words?.avatar)
        }
    }
}
