internal import RoostCore

extension MemoryStore {
    /// A room and its log. A class, so that appending to it copies nothing; only touched under the store's lock.
    final class Room {
        let id: UInt64
        let name: RoomName
        let epoch: Epoch
        let createdAt: Timestamp
        private(set) var title: String
        private(set) var visibility: Visibility
        /// In the order in which they came.
        private(set) var participants: [UserID] = []
        private var members: Set<UserID> = []
        /// `seq` of the message at index i is i + 1.
        private var messages: [Message] = []

        init(id: UInt64, plan: RoomPlan, epoch: Epoch, at now: Timestamp) {
            self.id = id
            self.epoch = epoch
            name = plan.name
            createdAt = now
            title = plan.title ?? plan.name.text
            visibility = RoomRules.visibility(of: plan.name, asked: plan.visibility)
            for user in plan.participants { setMember(user, to: true) }
        }

        var head: RoomHead { RoomHead(epoch: epoch, head: UInt64(messages.count), visibility: visibility) }

        var info: RoomInfo {
            RoomInfo(
                name: name, title: title, visibility: visibility, participants: participants, createdAt: createdAt,
                epoch: epoch, head: UInt64(messages.count), lastMessage: messages.last?.content,
                lastMessageAt: messages.last?.at)
        }

        func isMember(_ user: UserID) -> Bool { members.contains(user) }

        func setMember(_ user: UserID, to isMember: Bool) {
            if isMember {
                if members.insert(user).inserted { participants.append(user) }
            } else if members.remove(user) != nil {
                participants.removeAll { $0 == user }
            }
        }

        func amend(title: String?, visibility: Visibility?) -> RoomInfo {
            if let title { self.title = title }
            if let visibility { self.visibility = RoomRules.visibility(of: name, asked: visibility) }
            return info
        }

        func append(_ draft: Draft, at now: Timestamp) -> Message {
            let message = Message(
                room: name, seq: UInt64(messages.count) + 1, id: draft.id, sender: draft.sender, kind: draft.kind,
                at: max(now, messages.last?.at ?? now), content: draft.content)
            messages.append(message)
            return message
        }

        func page(after: UInt64, limit: Int, maxBytes: Int) -> LogPage {
            let rest = messages[Int(min(after, UInt64(messages.count)))...]
            return LogPage(head: head, messages: Self.fitting(rest.prefix(max(0, limit)), maxBytes))
        }

        func page(before: UInt64?, limit: Int, maxBytes: Int) -> LogPage {
            let all = UInt64(messages.count)
            let end = Int(min(before.map { $0 == 0 ? 0 : $0 - 1 } ?? all, all))
            let newest = messages[..<end].suffix(max(0, limit)).reversed()
            return LogPage(head: head, messages: Self.fitting(newest, maxBytes).reversed())
        }

        /// As many as stay within `maxBytes` of content, and one more.
        private static func fitting(_ messages: some Sequence<Message>, _ maxBytes: Int) -> [Message] {
            var page: [Message] = []
            var bytes = 0
            for message in messages {
                page.append(message)
                bytes += message.content.bytes.count
                if bytes >= maxBytes { break }
            }
            return page
        }
    }

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
        private var order: [(key: Key, seq: UInt64)] = []
        private var first = 0

        init(options: StoreOptions) { self.options = options }

        func find(_ key: Key, at now: Timestamp) -> Entry? {
            guard let entry = entries[key], options.remembers(entry.clock, at: now) else { return nil }
            return entry
        }

        mutating func remember(_ key: Key, seq: UInt64, at: Timestamp, clock: Timestamp) {
            guard options.dedupeWindowMs > 0 else { return }
            entries[key] = Entry(seq: seq, at: at, clock: clock)
            order.append((key, seq))
        }

        mutating func forget(at now: Timestamp, atMost limit: Int) {
            for _ in 0..<limit where first < order.count {
                let (key, seq) = order[first]
                // An id that came again after the window has an entry of its own, later in the order.
                if let entry = entries[key], entry.seq == seq {
                    if options.remembers(entry.clock, at: now) { break }
                    entries[key] = nil
                }
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
        private var byID: [UserID: User] = [:]
        private var ids: [UserID] = []

        subscript(id: UserID) -> User? { byID[id] }

        mutating func note(_ sighting: Sighting) {
            let id = sighting.user
            var user = byID[id] ?? User(id: id, name: id.text)
            if byID[id] == nil { ids.insert(id, at: index(after: id)) }
            if let name = sighting.name { user.name = name }
            if let avatar = sighting.avatar { user.avatar = avatar }
            if let lastSeen = sighting.lastSeen { user.lastSeen = lastSeen }
            byID[id] = user
        }

        func page(after: UserID?, limit: Int) -> [User] {
            ids[(after.map(index(after:)) ?? 0)...].prefix(max(0, limit)).compactMap { byID[$0] }
        }

        private func index(after id: UserID) -> Int {
            ids.firstIndex(notPreceding: { !precedesInBytes(id.text, $0.text) })
        }
    }
}
