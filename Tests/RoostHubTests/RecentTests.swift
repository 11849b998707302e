import RoostCore
import Testing

@testable import RoostHub

/// What was said lately, within a budget.
@Suite("Recent messages")
struct RecentTests {
    @Test("nothing is kept without a budget, but redactions are noticed")
    func noBudget() {
        var recent = Recent(budget: 0)
        recent.append(Sample.committed([Sample.message(1), Sample.tombstone(2, of: 1)]))
        let key = Recent.Key(room: room("r"), epoch: epoch("e"), start: 0)
        recent.keep([Sample.message(1)], as: key, readAt: recent.turn(of: room("r")))
        #expect(recent.bytes == 0 && recent.piece(key) == nil && recent.turn(of: room("r")) == 1)
        #expect(recent.tail(room("r"), epoch("e"), after: 0, limit: 9, maxBytes: 999) == nil)
    }

    @Test("a piece that was read before a redaction in its room is not kept after it, whatever it is of")
    func staleWhenRead() {
        var recent = Recent(budget: 10_000)
        let before = recent.turn(of: room("r"))
        recent.append(Sample.committed([Sample.tombstone(5, of: 1)]))
        let key = Recent.Key(room: room("r"), epoch: epoch("e"), start: 0)
        recent.keep([Sample.message(1)], as: key, readAt: before)
        #expect(recent.piece(key) == nil)
        recent.keep([Sample.message(1)], as: key, readAt: recent.turn(of: room("r")))
        #expect(recent.piece(key)?.count == 1)
    }

    @Test("tombstones that cross on the way each take out what they are about, once")
    func crossingTombstones() {
        var recent = Recent(budget: 100_000)
        recent.append(Sample.committed((1...3).map { Sample.message($0) }))
        recent.append(Sample.committed([Sample.tombstone(5, of: 2)]))
        recent.append(Sample.committed([Sample.tombstone(4, of: 1)]))
        let turn = recent.turn(of: room("r"))
        recent.learn([Sample.tombstone(4, of: 1), Sample.tombstone(5, of: 2)], of: room("r"), epoch("e"))
        #expect(recent.turn(of: room("r")) == turn)
    }

    @Test("an older tombstone that comes later takes out what is in memory")
    func laterTombstone() {
        var recent = Recent(budget: 100_000)
        recent.append(Sample.committed((1...3).map { Sample.message($0) }))
        recent.learn([Sample.tombstone(5, of: 2)], of: room("r"), epoch("e"))
        recent.learn([Sample.tombstone(4, of: 1)], of: room("r"), epoch("e"))
        let found = recent.tail(room("r"), epoch("e"), after: 0, limit: 9, maxBytes: 999)
        #expect(found?.map(\.kind) == [.redacted, .redacted, .message])
    }

    @Test("a message that comes after its tombstone is kept without its content")
    func tombstoneFirst() {
        var recent = Recent(budget: 100_000)
        recent.append(Sample.committed([Sample.tombstone(4, of: 3)]))
        recent.append(Sample.committed((1...3).map { Sample.message($0) }))
        let found = recent.tail(room("r"), epoch("e"), after: 0, limit: 9, maxBytes: 999)
        #expect(found?.map(\.kind) == [.message, .message, .redacted, .deleted])
    }

    @Test("stretches that cross on the way make one tail, and an older one does not take the place of a newer")
    func crossing() {
        var recent = Recent(budget: 100_000)
        func seqs(_ after: UInt64) -> [UInt64]? {
            recent.tail(room("r"), epoch("e"), after: after, limit: 99, maxBytes: 9999)?.map(\.seq)
        }
        recent.append(Sample.committed((7...8).map { Sample.message($0) }))
        recent.append(Sample.committed((5...6).map { Sample.message($0) }))
        #expect(seqs(4) == [5, 6, 7, 8])
        recent.append(Sample.committed((1...2).map { Sample.message($0) }))
        #expect(seqs(4) == [5, 6, 7, 8])
        recent.append(Sample.committed((4...9).map { Sample.message($0) }))
        #expect(seqs(3) == [4, 5, 6, 7, 8, 9])
        #expect(recent.newest(room("r"), epoch("e")) == 9)
    }

    @Test("a room that is forgotten is not in memory any more, nor kept by a read that began before")
    func forgotten() {
        var recent = Recent(budget: 100_000)
        recent.append(Sample.committed((1...3).map { Sample.message($0) }))
        recent.append(Sample.committed((1...3).map { Sample.message($0, in: "other") }))
        let key = Recent.Key(room: room("r"), epoch: epoch("e"), start: 0)
        let turn = recent.turn(of: room("r"))
        recent.keep([Sample.message(1)], as: key, readAt: turn)
        recent.forget(room("r"))
        recent.keep([Sample.message(1)], as: key, readAt: turn)
        #expect(recent.piece(key) == nil && recent.newest(room("r"), epoch("e")) == nil)
        #expect(recent.newest(room("other"), epoch("e")) == 3)
        // What was not in use need not be told apart from before.
        let calm = recent.turn(of: room("r"))
        recent.forget(room("r"))
        #expect(recent.turn(of: room("r")) == calm)
    }

    @Test("the newest messages are found up to the limits, and only where none is missing before them")
    func tails() {
        var recent = Recent(budget: 100_000)
        recent.append(Sample.committed((11...20).map { Sample.message($0) }))
        func seqs(_ after: UInt64, _ limit: Int = 100, _ maxBytes: Int = 1000, _ life: String = "e") -> [UInt64]? {
            recent.tail(room("r"), epoch(life), after: after, limit: limit, maxBytes: maxBytes)?.map(\.seq)
        }
        #expect(seqs(9) == nil)
        #expect(seqs(10) == Array(11...20))
        #expect(seqs(19) == [20])
        #expect(seqs(20) == nil)
        #expect(seqs(12, 3) == [13, 14, 15])
        #expect(seqs(12, 100, 17) == [13, 14, 15])
        #expect(seqs(12, 100, 16) == [13, 14])
        #expect(seqs(12, 100, 1) == [13])
        #expect(seqs(12, 100, 1000, "f") == nil)
    }

    /// Against lists that are looked through from the beginning each time.
    @Test("it finds what a list would", arguments: 1...20)
    func model(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let budget = 2000 + generator.below(20_000)
        var (recent, model) = (Recent(budget: budget), RecentModel(budget: budget))
        for _ in 0..<600 {
            step(&recent, &model, &generator)
            #expect(recent.bytes == model.bytes && recent.bytes <= budget)
            let (name, after) = ("r\(generator.below(3))", UInt64(generator.below(60)))
            let (limit, maxBytes) = (1 + generator.below(20), 1 + generator.below(300))
            for life in ["e0", "e1", "e2"] {
                let found = recent.tail(room(name), epoch(life), after: after, limit: limit, maxBytes: maxBytes)
                #expect(found == model.tail(name, life, after, limit, maxBytes))
                let key = Recent.Key(room: room(name), epoch: epoch(life), start: after)
                #expect(recent.piece(key) == model.piece(key))
            }
        }
    }

    private func step(_ recent: inout Recent, _ model: inout RecentModel, _ generator: inout SeededGenerator) {
        let name = "r\(generator.below(3))"
        if generator.oneIn(40) { model.renew(name) }
        // Another process may have written in between.
        if generator.oneIn(15) { model.heads[name, default: 0] += 3 }
        let head = model.heads[name, default: 0]
        if generator.oneIn(4) {
            let start = UInt64(generator.below(Int(head) + 1))
            let piece = (1...UInt64(1 + generator.below(8))).map {
                Sample.message(start + $0, in: name, bytes: generator.below(99))
            }
            let key = Recent.Key(room: room(name), epoch: model.epoch(name), start: start)
            recent.keep(piece, as: key, readAt: recent.turn(of: room(name)))
            model.keep(piece, key)
        } else {
            var messages = (1...UInt64(1 + generator.below(6))).map {
                Sample.message(head + $0, in: name, bytes: generator.below(99))
            }
            if head > 0, generator.oneIn(5) {
                messages = [Sample.tombstone(head + 1, of: 1 + UInt64(generator.below(Int(head))), in: name)]
            }
            let committed = Committed(room: room(name), epoch: model.epoch(name), messages: messages)
            recent.append(committed)
            model.append(committed, name)
        }
    }
}

private struct RecentModel {
    struct Entry {
        var room: RoomName
        var epoch: Epoch
        /// Nil: the end of a log.
        var key: Recent.Key?
        var messages: [Message]
        var weight: Int
    }

    let budget: Int
    var heads: [String: UInt64] = [:]
    private var lives: [String: Int] = [:]
    /// Everything that is still paid for, the oldest first.
    private var entries: [Entry] = []

    init(budget: Int) { self.budget = budget }

    var bytes: Int { entries.reduce(0) { $0 + $1.weight } }

    func epoch(_ name: String) -> Epoch { RoostHubTests.epoch("e\(lives[name, default: 0])") }

    mutating func renew(_ name: String) {
        guard lives[name, default: 0] < 2 else { return }
        lives[name, default: 0] += 1
        heads[name] = 0
    }

    mutating func append(_ committed: Committed, _ name: String) {
        for gone in committed.messages.compactMap(\.redactedSeq) {
            for index in entries.indices where entries[index].room == committed.room {
                for place in entries[index].messages.indices where entries[index].messages[place].seq == gone {
                    entries[index].messages[place].redact()
                }
            }
        }
        heads[name] = committed.messages.last?.seq
        add(Entry(room: committed.room, epoch: committed.epoch, key: nil, messages: committed.messages, weight: 0))
    }

    mutating func keep(_ piece: [Message], _ key: Recent.Key) {
        if self.piece(key) == nil {
            add(Entry(room: key.room, epoch: key.epoch, key: key, messages: piece, weight: 0))
        }
    }

    private mutating func add(_ entry: Entry) {
        var entry = entry
        entry.weight = entry.messages.reduce(0) { $0 + $1.weight }
        entries.append(entry)
        while bytes > budget { entries.removeFirst() }
    }

    func piece(_ key: Recent.Key) -> [Message]? { entries.first { $0.key == key }?.messages }

    func tail(_ name: String, _ life: String, _ after: UInt64, _ limit: Int, _ maxBytes: Int) -> [Message]? {
        let appended = entries.filter { $0.room == room(name) && $0.key == nil }
        guard appended.last?.epoch == RoostHubTests.epoch(life) else { return nil }
        // From the end back, as long as nothing is missing.
        var messages: [Message] = []
        for entry in appended.reversed() {
            guard entry.epoch == appended.last?.epoch else { break }
            if let next = messages.first?.seq, entry.messages.last?.seq != next - 1 { break }
            messages = entry.messages + messages
        }
        guard let first = messages.first?.seq, first <= after + 1 else { return nil }
        var found: [Message] = []
        for message in messages where message.seq > after && found.count < limit {
            if found.reduce(0, { $0 + $1.content.bytes.count }) >= maxBytes { break }
            found.append(message)
        }
        return found.isEmpty ? nil : found
    }
}
