import NIOCore
import RoostCore
import RoostEngine
import RoostWire
import Testing

@testable import RoostHub

/// A log of `count` messages, numbered from 1; content tells the number and how often it was changed.
private func log(_ count: UInt64, change: Int = 0) -> [Message] {
    (1...count).map { seq in
        Message(
            room: room("r"), seq: seq, id: MessageID("m\(seq)")!, sender: UserID("u")!, kind: .message,
            at: Timestamp(milliseconds: Int64(seq)), content: RawJSON(validated: Array("\"\(seq).\(change)\"".utf8)))
    }
}

private let epoch = Epoch("e")!

@Suite("Readers who come back together: frames made once for all")
struct ReplaysTests {
    private func plain(_ messages: ArraySlice<Message>) -> ByteBuffer {
        var encodings = Encodings(messages)
        return encodings.frames(for: .native, onlyCreated: false)
    }

    @Test("whatever is asked for, in whatever order, comes as if made for this reader", arguments: [0, 3000, 1 << 20])
    func sameAsPlain(budget: Int) {
        var replays = Replays(budget: budget)
        let messages = log(400)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            let first = Int.random(in: 0..<400, using: &random)
            let last = min(399, first + Int.random(in: 0..<128, using: &random))
            let wanted = messages[first...last]
            #expect(replays.frames(of: wanted, room("r"), epoch, readAt: 0) == plain(wanted))
            #expect(replays.bytes <= max(budget, 256 * 200))
        }
    }

    @Test("what was read before something was taken out is not given to anybody who comes later")
    func redaction() {
        var replays = Replays(budget: 1 << 20)
        let (before, after) = (log(100), log(100, change: 1))
        _ = replays.frames(of: before[...], room("r"), epoch, readAt: 0)
        #expect(replays.frames(of: after[10...20], room("r"), epoch, readAt: 1) == plain(after[10...20]))
        // Read earlier, and given only now: for this reader, but not for others.
        #expect(replays.frames(of: before[...], room("r"), epoch, readAt: 0) == plain(before[...]))
        #expect(replays.frames(of: after[...], room("r"), epoch, readAt: 1) == plain(after[...]))
    }

    @Test("rooms and epochs don't mix")
    func keys() {
        var replays = Replays(budget: 1 << 20)
        let (one, other) = (log(10), log(10, change: 1))
        let newEpoch = Epoch("f")!
        for _ in 0..<2 {
            #expect(replays.frames(of: one[...], room("r"), epoch, readAt: 0) == plain(one[...]))
            #expect(replays.frames(of: other[...], room("s"), epoch, readAt: 0) == plain(other[...]))
            #expect(replays.frames(of: other[...], room("r"), newEpoch, readAt: 0) == plain(other[...]))
        }
    }

    @Test("nothing is kept once nobody asks any more")
    func sweeping() {
        var replays = Replays(budget: 1 << 20)
        _ = replays.frames(of: log(10)[...], room("r"), epoch, readAt: 0)
        replays.sweep()
        #expect(replays.bytes > 0)
        replays.sweep()
        #expect(replays.bytes == 0)
    }
}

@Suite("Recent messages: the end of a log that was read")
struct RecentEndTests {
    private let messages = log(40)
    private let key = Recent.Key(room: room("r"), epoch: epoch, start: 0)

    private func seqs(_ recent: Recent, after: UInt64) -> [UInt64]? {
        recent.tail(room("r"), epoch, after: after, limit: 100, maxBytes: 1 << 20)?.map(\.seq)
    }

    private func committed(_ range: ClosedRange<Int>) -> Committed {
        Committed(room: room("r"), epoch: epoch, messages: Array(messages[range.lowerBound - 1...range.upperBound - 1]))
    }

    @Test("is joined with what is committed before and after it was read, in whichever order the two are told")
    func joined() {
        var (early, late, overlapping) = (Recent(budget: 1 << 20), Recent(budget: 1 << 20), Recent(budget: 1 << 20))
        early.keepEnd(Array(messages[..<20]), of: key, readAt: 0)
        early.append(committed(21...30))
        late.append(committed(21...30))
        late.keepEnd(Array(messages[..<20]), of: key, readAt: 0)
        overlapping.append(committed(11...15))
        overlapping.keepEnd(Array(messages[..<20]), of: key, readAt: 0)
        overlapping.append(committed(16...30))
        for recent in [early, late, overlapping] {
            #expect(seqs(recent, after: 0) == Array(1...30))
            #expect(seqs(recent, after: 25) == Array(26...30))
            #expect(recent.bytes == messages[..<30].reduce(0) { $0 + $1.weight })
        }
    }

    @Test("is not joined where something lies between, or with another epoch's")
    func apart() {
        var recent = Recent(budget: 1 << 20)
        recent.append(committed(31...40))
        recent.keepEnd(Array(messages[..<20]), of: key, readAt: 0)
        #expect(seqs(recent, after: 0) == nil)
        #expect(seqs(recent, after: 30) == Array(31...40))
        let foreign = Recent.Key(room: room("r"), epoch: Epoch("f")!, start: 0)
        recent.keepEnd(messages, of: foreign, readAt: 0)
        #expect(seqs(recent, after: 0) == nil)
    }

    @Test("goes first where there is no room for all, and nothing is counted that is not there")
    func eviction() {
        let weight = messages[0].weight
        var recent = Recent(budget: 25 * weight + weight / 2)
        recent.append(committed(21...30))
        recent.keepEnd(Array(messages[..<20]), of: key, readAt: 0)
        for seq in 31...40 {
            recent.append(committed(seq...seq))
            #expect(recent.bytes <= 26 * weight)
            #expect(seqs(recent, after: UInt64(seq) - 1) == [UInt64(seq)])
        }
    }

    @Test("is not kept if something was taken out meanwhile")
    func redacted() {
        var recent = Recent(budget: 1 << 20)
        var tombstone = messages[25]
        tombstone.kind = .deleted
        tombstone.content = Message.tombstone(for: messages[3].id, at: 4)
        recent.append(Committed(room: room("r"), epoch: epoch, messages: [tombstone]))
        recent.keepEnd(Array(messages[..<25]), of: key, readAt: 0)
        #expect(seqs(recent, after: 0) == nil)
        recent.keepEnd(Array(messages[..<25]), of: key, readAt: 1)
        #expect(seqs(recent, after: 0) == Array(1...26))
    }
}

@Suite("Readers who come back to a node that was started again")
struct ReturnTests {
    @Test("the store is read once per piece, its end included, however many come, and while more is said")
    func reads() async throws {
        let store = FaultyStore()
        let drafts = (1...300).map { number in
            Draft(
                room: room("r"), sender: UserID("a")!, id: MessageID("old\(number)")!,
                content: RawJSON(validated: Array("\(number)".utf8)))
        }
        _ = try await store.inner.append(drafts, at: Timestamp(milliseconds: 0))
        let head = try #require(try await store.inner.heads([room("r")])[room("r")])
        try await withHub(loops: 2, store: store) { hub, loops in
            let author = try await TestClient(hub, on: loops[0], user: "a")
            for number in 0..<30 {
                let seq = number * 10
                let reader = try await TestClient(hub, on: loops[number % 2], user: "b\(number)")
                try await reader.send(
                    TestClient.join(more: #","after":{"epoch":"\#(head.epoch)","seq":\#(seq)},"presence":false"#))
                try await reader.hear(#""seq":\#(300 + number),"#)
                try await author.send(TestClient.message(number))
                try await reader.hear(#""seq":\#(301 + number),"#)
                #expect(try await reader.seqs() == Array(UInt64(seq + 1)...UInt64(301 + number)))
                try await reader.drop()
            }
            #expect(store.reads == 3)
            #expect(hub.logReads == 3)
        }
    }
}
