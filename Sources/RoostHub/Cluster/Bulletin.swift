import RoostCore
import RoostEngine

/// What nodes tell each other over the bus. All of it hints at what the store or the boards say, or lapses by itself.
enum Bulletin: Sendable, Equatable {
    /// A stretch of a room's log, as it was appended.
    case committed(Committed)
    /// Where a room's log ends.
    case head(RoomName, Epoch, UInt64)
    case attendance(Attendance)
    case typing(RoomName, UserID, isActive: Bool)
    /// How far members have got, in one room.
    case marks(RoomName, [MemberMark])
    /// The room is gone.
    case dissolved(RoomName)
    /// Who may enter has changed.
    case recheck(RoomName)
    /// To the user's own channel.
    case membership(UserID, RoomName, isNow: Bool)
    /// To a participant's own channel: the room has been made. What it is like is asked of the store.
    case created(UserID, RoomName)
    /// The log reaches so far at least: somebody sent again what was there.
    case atLeast(RoomName, UInt64)
    /// An append has failed, or only its answer: the store knows.
    case doubt(RoomName)
    /// To everyone: all connections of the user are to be closed, and the question is to be answered.
    case disconnect(UserID, reason: String, ask: UInt64)
    /// To everyone: so many were closed.
    case disconnected(ask: UInt64, node: NodeID, connections: Int)

    /// Who has come to or gone from a room, of one node.
    struct Attendance: Sendable, Equatable {
        var room: RoomName
        var node: NodeID
        /// The node's versions of its part of the board before and after; from 0: this is all of it.
        var from: UInt64
        var to: UInt64
        var rows: [UserID: Row]
    }

    /// What a node says of one user.
    enum Row: Sendable, Hashable {
        case here(Attendee)
        case gone
        /// Sent away by a drain, and on its way back.
        case expected
    }
}

// As bytes: a tag, then its fields; numbers as varints, texts with their length before them. What a later version adds
// to the end of a bulletin, or a tag that is not known, is skipped.
extension Bulletin {
    private enum Tag: UInt8 {
        case committed = 1
        case head, attendance, typing, marks, dissolved, recheck, membership, created
        // 10 was another one's.
        case atLeast = 11
        case doubt, disconnect, disconnected
    }

    /// All bulletins for one channel, with their origin, as one post.
    static func bytes(_ bulletins: [Bulletin], from node: NodeID) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(node.text)
        for bulletin in bulletins {
            var body = ByteWriter()
            let tag = bulletin.write(to: &body)
            writer.bytes.append(tag.rawValue)
            writer.put(body.bytes)
        }
        return writer.bytes
    }

    /// Who has posted these bytes; nil if they are no post of ours.
    static func origin(of bytes: [UInt8]) -> NodeID? {
        var reader = ByteReader(bytes)
        return reader.text().flatMap { NodeID($0) }
    }

    /// Nil if they are no post of ours; bulletins that are not understood are left out.
    static func read(_ bytes: [UInt8]) -> (origin: NodeID, bulletins: [Bulletin])? {
        var reader = ByteReader(bytes)
        guard let origin = reader.text().flatMap({ NodeID($0) }) else { return nil }
        var bulletins: [Bulletin] = []
        while let tag = reader.byte() {
            guard let body = reader.slice() else { return nil }
            var inner = ByteReader(body)
            if let tag = Tag(rawValue: tag), let bulletin = read(tag, &inner) { bulletins.append(bulletin) }
        }
        return (origin, bulletins)
    }

    private func write(to body: inout ByteWriter) -> Tag {
        switch self {
        case .committed(let committed):
            body.put(committed)
            return .committed
        case .head(let room, let epoch, let seq):
            body.put(room.text)
            body.put(epoch.text)
            body.put(seq)
            return .head
        case .attendance(let attendance):
            body.put(attendance)
            return .attendance
        case .typing(let room, let user, let isActive):
            body.put(room.text)
            body.put(user.text)
            body.put(isActive ? 1 : 0)
            return .typing
        case .marks(let room, let marks):
            body.put(room.text)
            for mark in marks {
                body.put(mark.user.text)
                body.put(mark.mark.received)
                body.put(mark.mark.read)
            }
            return .marks
        case .dissolved(let room):
            body.put(room.text)
            return .dissolved
        case .recheck(let room):
            body.put(room.text)
            return .recheck
        case .membership(let user, let room, let isNow):
            body.put(user.text)
            body.put(room.text)
            body.put(isNow ? 1 : 0)
            return .membership
        case .created(let user, let room):
            body.put(user.text)
            body.put(room.text)
            return .created
        case .atLeast(let room, let seq):
            body.put(room.text)
            body.put(seq)
            return .atLeast
        case .doubt(let room):
            body.put(room.text)
            return .doubt
        case .disconnect(let user, let reason, let ask):
            body.put(user.text)
            body.put(reason)
            body.put(ask)
            return .disconnect
        case .disconnected(let ask, let node, let connections):
            body.put(ask)
            body.put(node.text)
            body.put(UInt64(connections))
            return .disconnected
        }
    }

    private static func read(_ tag: Tag, _ body: inout ByteReader) -> Bulletin? {
        switch tag {
        case .committed: return body.committed().map { .committed($0) }
        case .attendance: return body.attendance().map { .attendance($0) }
        case .head:
            guard let room = body.room(), let epoch = body.epoch(), let seq = body.seq() else { return nil }
            return .head(room, epoch, seq)
        case .typing:
            guard let room = body.room(), let user = body.user(), let flag = body.number() else { return nil }
            return .typing(room, user, isActive: flag == 1)
        case .marks:
            guard let room = body.room() else { return nil }
            var marks: [MemberMark] = []
            while let user = body.user(), let received = body.seq(), let read = body.seq() {
                marks.append(MemberMark(room: room, user: user, mark: Mark(received: received, read: read)))
            }
            return .marks(room, marks)
        case .dissolved: return body.room().map { .dissolved($0) }
        case .recheck: return body.room().map { .recheck($0) }
        case .membership:
            guard let user = body.user(), let room = body.room(), let flag = body.number() else { return nil }
            return .membership(user, room, isNow: flag == 1)
        case .created:
            guard let user = body.user(), let room = body.room() else { return nil }
            return .created(user, room)
        case .atLeast:
            guard let room = body.room(), let seq = body.seq() else { return nil }
            return .atLeast(room, seq)
        case .doubt: return body.room().map { .doubt($0) }
        case .disconnect:
            guard let user = body.user(), let reason = body.text(), let ask = body.number() else { return nil }
            return .disconnect(user, reason: reason, ask: ask)
        case .disconnected:
            guard let ask = body.number(), let node = body.text().flatMap({ NodeID($0) }),
                let connections = body.connections()
            else { return nil }
            return .disconnected(ask: ask, node: node, connections: connections)
        }
    }
}
