import RoostCore
import RoostEngine

/// Writes numbers, texts and bytes one behind the other; numbers as LEB128 varints, the others with their length first.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func put(_ text: String) {
        put(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func put(_ slice: [UInt8]) {
        put(UInt64(slice.count))
        bytes.append(contentsOf: slice)
    }
}

/// Reads what `ByteWriter` has written; nil where there is no more of it, or no such thing.
struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }
    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func number() -> UInt64? {
        var (number, shift): (UInt64, UInt64) = (0, 0)
        while let byte = rest.popFirst() {
            guard shift < 63 || (shift == 63 && byte <= 1) else { return nil }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        return nil
    }

    mutating func slice() -> ArraySlice<UInt8>? {
        guard let length = number(), length <= UInt64(rest.count) else { return nil }
        defer { rest = rest.dropFirst(Int(length)) }
        return rest.prefix(Int(length))
    }

    mutating func text() -> String? { slice().map { String(decoding: $0, as: UTF8.self) } }
    mutating func room() -> RoomName? { text().flatMap { RoomName($0) } }
    mutating func user() -> UserID? { text().flatMap { UserID($0) } }
    mutating func epoch() -> Epoch? { text().flatMap { Epoch($0) } }
    mutating func time() -> Timestamp? { number().map { Timestamp(milliseconds: Int64(bitPattern: $0)) } }
    /// A place in a log: so far below the largest number that nothing that is reckoned from it overflows.
    mutating func seq() -> UInt64? { number().flatMap { $0 <= UInt64(Int64.max) / 2 ? $0 : nil } }
    /// How many connections; no more than there can be, so that sums don't overflow.
    mutating func connections() -> Int? { number().flatMap { $0 <= 1 << 32 ? Int($0) : nil } }
}

// The longer parts of bulletins.
extension ByteWriter {
    mutating func put(_ time: Timestamp) { put(UInt64(bitPattern: time.milliseconds)) }

    mutating func put(_ committed: Committed) {
        put(committed.room.text)
        put(committed.epoch.text)
        put(committed.floor)
        put(committed.messages.first?.seq ?? 0)
        for message in committed.messages {
            put(message.id.text)
            put(message.sender.text)
            put(UInt64(message.kind.rawValue))
            put(message.at)
            put(message.content.bytes)
        }
    }

    mutating func put(_ attendance: Bulletin.Attendance) {
        put(attendance.room.text)
        put(attendance.node.text)
        put(attendance.from)
        put(attendance.to)
        for (user, row) in attendance.rows {
            put(user.text)
            switch row {
            case .gone: put(0 as UInt64)
            case .expected: put(1 as UInt64)
            case .here(let attendee):
                put(2 as UInt64)
                put(attendee)
            }
        }
    }

    mutating func put(_ attendee: Attendee) {
        put(attendee.name)
        put(attendee.since)
        put(UInt64(attendee.connections))
    }
}

extension ByteReader {
    mutating func committed() -> Committed? {
        guard let room = room(), let epoch = epoch(), let floor = seq(), var seq = self.seq(), seq > 0 else {
            return nil
        }
        var messages: [Message] = []
        while let id = text().flatMap({ MessageID($0) }) {
            guard let sender = user(), let kind = byte().flatMap({ MessageKind(rawValue: $0) }), let at = time(),
                let content = slice()
            else { return nil }
            messages.append(
                Message(
                    room: room, seq: seq, id: id, sender: sender, kind: kind, at: at,
                    content: RawJSON(validated: Array(content))))
            seq += 1
        }
        return messages.isEmpty ? nil : Committed(room: room, epoch: epoch, floor: floor, messages: messages)
    }

    mutating func attendance() -> Bulletin.Attendance? {
        guard let room = room(), let node = text().flatMap({ NodeID($0) }), let from = number(), let to = number()
        else { return nil }
        var rows: [UserID: Bulletin.Row] = [:]
        while let user = user() {
            switch number() {
            case 0: rows[user] = .gone
            case 1: rows[user] = .expected
            case 2:
                guard let attendee = attendee() else { return nil }
                rows[user] = .here(attendee)
            default: return nil
            }
        }
        return Bulletin.Attendance(room: room, node: node, from: from, to: to, rows: rows)
    }

    mutating func attendee() -> Attendee? {
        guard let name = text(), let since = time(), let connections = connections() else { return nil }
        return Attendee(name: name, since: since, connections: connections)
    }
}
