internal import RoostCore

extension MemoryStore {
    /// A room and its log. A class, so that appending to it copies nothing; only touched under the store's lock.
    final class Room {
        let id: UInt64
        let name: RoomName
        let kind: RoomKind
        let epoch: Epoch
        let createdAt: Timestamp
        private(set) var title: String
        private(set) var visibility: Visibility
        /// In the order in which they came.
        private(set) var participants: [UserID] = []
        private var members: Set<UserID> = []
        private(set) var log = Log()
        private var marks: [UserID: Mark] = [:]
        /// The newest entry that the ids of the dedupe window no longer have: what is after it, they know all of.
        var forgotten: UInt64 = 0

        init(id: UInt64, plan: RoomPlan, kind: RoomKind, epoch: Epoch, at now: Timestamp) {
            self.id = id
            self.kind = kind
            self.epoch = epoch
            name = plan.name
            createdAt = now
            title = plan.title ?? plan.name.text
            visibility = RoomRules.visibility(of: plan.name, asked: plan.visibility)
            for user in plan.participants { setMember(user, to: true) }
        }

        var head: RoomHead { RoomHead(epoch: epoch, head: log.head, floor: log.floor, visibility: visibility) }

        var info: RoomInfo {
            let newest = log.entries(before: nil).suffix(Int(RoomInfo.lastMessageReach))
            let last = newest.last { $0.kind.isMessage }
            return RoomInfo(
                name: name, title: title, visibility: visibility, participants: participants, createdAt: createdAt,
                epoch: epoch, head: log.head, floor: log.floor, lastMessage: last?.content, lastMessageAt: last?.at)
        }

        /// Lets go of what takes memory: the room is deleted, though the ids of the window may keep its object.
        func empty() {
            log = Log()
            marks = [:]
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

        func append(_ draft: Draft, at now: Timestamp) -> Message { log.append(draft, at: now) }

        func redact(_ seq: UInt64) { log.redact(seq) }

        func retain(at now: Timestamp) { if !kind.retainsAll { log.retain(kind, at: now) } }

        func mark(_ user: UserID, _ mark: Mark) {
            let within = Mark(received: min(mark.received, log.head), read: min(mark.read, log.head))
            if within != Mark() { marks[user, default: Mark()].merge(within) }
        }

        func mark(of user: UserID) -> Mark? { marks[user] }

        func marks(limit: Int) -> [MemberMark] {
            marks.keys.sorted().prefix(max(0, limit)).map { user in
                MemberMark(room: name, user: user, mark: marks[user] ?? Mark())
            }
        }

        func find(_ id: MessageID, of sender: UserID?, reach: UInt64) -> Message? {
            let newest = log.entries(before: nil).suffix(Int(clamping: reach))
            return newest.last { $0.kind.isMessage && $0.id == id && (sender == nil || $0.sender == sender) }
        }

        func page(after: UInt64, limit: Int, maxBytes: Int) -> LogPage {
            LogPage(head: head, messages: Self.fitting(log.entries(after: after).prefix(max(0, limit)), maxBytes))
        }

        func page(before: UInt64?, limit: Int, maxBytes: Int) -> LogPage {
            let newest = log.entries(before: before).suffix(max(0, limit)).reversed()
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
}
