import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

@Suite("What nodes tell each other, as bytes")
struct BulletinTests {
    private let room = RoomName("room:1") ?? .general
    private let ann = UserID("ann") ?? UserID("a")!
    private let node = NodeID(random: 77)
    private let epoch = Epoch(random: 5)

    private var messages: [Message] {
        (7...9).map { seq in
            Message(
                room: room, seq: UInt64(seq), id: MessageID("m-\(seq)é")!, sender: ann,
                kind: seq == 8 ? .deleted : .message, at: Timestamp(milliseconds: 1_700_000_000_000 + Int64(seq)),
                content: RawJSON(validated: Array("{\"n\": \(seq)}".utf8)))
        }
    }

    private var all: [Bulletin] {
        let here = Bulletin.Row.here(
            Attendee(name: "Ann Ä", since: Timestamp(milliseconds: -5), connections: 300))
        return [
            .committed(Committed(room: room, epoch: epoch, floor: 3, messages: messages)),
            .head(room, epoch, UInt64(Int64.max) / 2), .typing(room, ann, isActive: true),
            .typing(room, ann, isActive: false),
            .attendance(Bulletin.Attendance(room: room, node: node, from: 0, to: 129, rows: [ann: here])),
            .attendance(Bulletin.Attendance(room: room, node: node, from: 2, to: 3, rows: [ann: .gone])),
            .attendance(Bulletin.Attendance(room: room, node: node, from: 3, to: 4, rows: [ann: .expected])),
            .marks(room, [MemberMark(room: room, user: ann, mark: Mark(received: 9, read: 4))]),
            .dissolved(room), .recheck(room), .membership(ann, room, isNow: true), .created(ann, room),
            .atLeast(room, 12), .doubt(room), .disconnect(ann, reason: "Good night.", ask: .max),
            .disconnected(ask: 7, node: node, connections: 300),
        ]
    }

    @Test func whatIsWrittenIsRead() throws {
        let read = try #require(Bulletin.read(Bulletin.bytes(all, from: node)))
        #expect(read.origin == node)
        #expect(read.bulletins == all)
    }

    @Test func anyPartOfAPostIsReadWithoutHarm() {
        let bytes = Bulletin.bytes(all, from: node)
        for count in 0..<bytes.count {
            let read = Bulletin.read(Array(bytes.prefix(count)))?.bulletins ?? []
            #expect(read == Array(all.prefix(read.count)))
        }
    }

    /// What is read is reckoned with: no number of a post makes that overflow.
    @Test(arguments: [UInt64.max, UInt64.max - 1, UInt64(Int64.max), 0])
    func aNumberThatCannotBeIsNotRead(_ number: UInt64) throws {
        let message = try #require(messages.first)
        let stretches = [message, message].map { message in
            var message = message
            message.seq = number
            return message
        }
        var posts: [Bulletin] = [.committed(Committed(room: room, epoch: epoch, floor: 0, messages: stretches))]
        if number > 0 {
            posts += [.head(room, epoch, number), .atLeast(room, number)]
            let many = Attendee(name: "ann", since: Timestamp(milliseconds: 0), connections: Int(clamping: number))
            posts.append(
                .attendance(Bulletin.Attendance(room: room, node: node, from: 0, to: 1, rows: [ann: .here(many)])))
            posts.append(.disconnected(ask: 1, node: node, connections: Int(clamping: number)))
        }
        for post in posts {
            let read = try #require(Bulletin.read(Bulletin.bytes([post], from: node)))
            #expect(read.bulletins.isEmpty, "\(post)")
        }
    }

    @Test func whatALaterVersionAddsIsSkipped() throws {
        var writer = ByteWriter()
        writer.put(node.text)
        writer.bytes.append(200)
        writer.put([1, 2, 3])
        var body = ByteWriter()
        body.put(room.text)
        body.put("something new")
        writer.bytes.append(6)
        writer.put(body.bytes)
        let read = try #require(Bulletin.read(writer.bytes))
        #expect(read.bulletins == [.dissolved(room)])
    }

    @Test(arguments: [0, 1, 127, 128, 300, UInt64.max - 1, .max])
    func numbersSurvive(_ number: UInt64) {
        var writer = ByteWriter()
        writer.put(number)
        var reader = ByteReader(writer.bytes)
        #expect(reader.number() == number)
    }

    @Test func aNumberWithoutEndIsNone() {
        var reader = ByteReader([UInt8](repeating: 0xFF, count: 11))
        #expect(reader.number() == nil)
    }
}
