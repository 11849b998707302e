import NIOCore
import RoostCore
import RoostWire

/// A part of the message path whose allocations are counted.
struct Part {
    var name: String
    /// Does it once.
    var turn: () -> Void
}

private let text =
    #"{"type":"message","messageId":"m-1234567890","payload":{"room":"general","content":""#
    + String(repeating: "x", count: 480) + #""}}"#

private func require<Value>(_ value: Value?, _ what: String) -> Value {
    guard let value else { fatalError("\(what) is illegal") }
    return value
}

private let room = require(RoomName("general"), "the room's name")
private let user = require(UserID("somebody"), "the user's id")
private let id = require(MessageID("m-1234567890"), "the message's id")
private let content = RawJSON(validated: Array(#""\#(String(repeating: "x", count: 480))""#.utf8))

private struct Surroundings: SessionSurroundings {
    let limits: Limits = {
        var limits = Limits()
        limits.rateMessages = 0
        return limits
    }()
    let kinds = Kinds()
    let rooms = 1
    let now = Moment(milliseconds: 1000)
    func isIn(_ room: RoomName) -> Bool { true }
    func lease(_ count: Int) -> Session.Lease { .tokens(count) }
    func freshID() -> String { "1" }
}

/// The parts in the order in which a message meets them.
func allParts() -> [Part] {
    [decodeFrame(), decodeMessage(), judge(), push(), encodeMessage(), encodeAck(), scan()]
}

private func decodeFrame() -> Part {
    var frame = ByteBuffer()
    frame.putMaskedFrame(.text, key: 0x1234_5678, text.utf8)
    var decoder = WebSocketDecoder(side: .server, maxMessageBytes: 65_536)
    // As it comes from a socket: a buffer that nobody else holds.
    let bytes = Array(frame.readableBytesView)
    var received = ByteBufferAllocator().buffer(capacity: bytes.count)
    return Part(name: "decode a frame") {
        received.clear()
        received.writeBytes(bytes)
        guard case .text? = try? decoder.next(from: &received) else { fatalError("no frame") }
    }
}

private func decodeMessage() -> Part {
    let buffer = ByteBuffer(string: text)
    return Part(name: "decode a message") {
        guard case .success = NativeDecoder.decode(buffer) else { fatalError("no message") }
    }
}

private func judge() -> Part {
    let identity = Identity(user: user, name: "somebody", client: "c1")
    let surroundings = Surroundings()
    var session = Session(
        identity: identity, grants: .all, isAnonymous: true, limits: surroundings.limits, now: surroundings.now)
    guard case .success(let request) = NativeDecoder.decode(ByteBuffer(string: text)) else { fatalError("no message") }
    return Part(name: "judge a message") {
        guard case .publish = session.handle(request, surroundings) else { fatalError("not published") }
    }
}

private func push() -> Part {
    var replica = RoomReplica<Int>(epoch: require(Epoch("e"), "the epoch"), head: 0)
    for reader in 0..<1000 { _ = replica.add(reader, at: 0) }
    var (head, sum) = (UInt64(0), 0)
    return Part(name: "push to 1000 live readers") {
        head += 1
        replica.push(upTo: head) { reader in
            sum &+= reader
            return true
        }
    }
}

private func encodeMessage() -> Part {
    let message = Message(
        room: room, seq: 123_456, id: id, sender: user, kind: .message, at: Timestamp(milliseconds: 1_700_000_000_000),
        content: content)
    return Part(name: "encode a message for its readers") {
        var out = ByteBufferAllocator().buffer(capacity: 1024)
        out.putFrame(.text) { NativeEncoder.put(message, into: &$0) }
    }
}

private func encodeAck() -> Part {
    let draft = Draft(room: room, sender: user, id: id, content: content)
    let ack = Event.Ack(
        draft: draft, seq: 123_456, at: Timestamp(milliseconds: 1_700_000_000_000), durability: .stored,
        duplicate: false, authorListens: true)
    return Part(name: "encode an ack") {
        var out = ByteBufferAllocator().buffer(capacity: 256)
        out.putFrame(.text) {
            NativeEncoder.put(.ack(ack), id: id.text, now: Timestamp(milliseconds: 1_700_000_000_000), into: &$0)
        }
    }
}

private func scan() -> Part {
    let bytes = Array(text.utf8)
    return Part(name: "scan 512 bytes of JSON") {
        let isWellFormed = bytes.withUnsafeBytes { (try? JSONScanner.validate($0)) != nil }
        guard isWellFormed else { fatalError("no JSON") }
    }
}
