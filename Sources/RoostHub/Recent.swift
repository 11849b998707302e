import DequeModule
import RoostCore
import RoostWire

/// What was said lately, in one budget of bytes for the whole node: the newest messages of every room as they were
/// committed, and pieces of logs that readers have asked for. What came first goes first.
struct Recent {
    /// A piece of a log: what follows `start`, see `LogCache.blockMessages`.
    struct Key: Hashable, Sendable {
        var room: RoomName
        var epoch: Epoch
        var start: UInt64
    }

    private struct Log: Hashable {
        var room: RoomName
        var epoch: Epoch
    }

    /// The end of a room's log, without holes.
    private struct Tail {
        var epoch: Epoch
        /// Tells this tail from an earlier one of the room.
        var generation: UInt64
        var messages: Deque<Message>
    }

    private enum Entry {
        case tail(RoomName, generation: UInt64, count: Int, bytes: Int)
        case piece(Key, bytes: Int)
    }

    private let budget: Int
    private(set) var bytes = 0
    private var tails: [RoomName: Tail] = [:]
    private var pieces: [Key: [Message]] = [:]
    /// In the order in which things came.
    private var order: Deque<Entry> = []
    private var generations: UInt64 = 0
    /// Goes up with each redaction, so that a piece read before one is not kept after it.
    private(set) var redactions: UInt64 = 0
    /// The newest tombstone of each log that has any.
    private var lastTombstones: [Log: UInt64] = [:]

    /// - Parameter budget: bytes; 0 keeps nothing.
    init(budget: Int) { self.budget = budget }

    // MARK: Keeping

    mutating func append(_ committed: Committed) {
        learn(committed.messages, of: committed.room, committed.epoch)
        guard budget > 0, let first = committed.messages.first?.seq else { return }
        var news = committed.messages[...]
        if let tail = span(committed.room), tail.epoch == committed.epoch, tail.seqs.contains(first - 1) {
            // Some of them may have been read before this was told.
            news = news.drop { $0.seq <= tail.seqs.upperBound }
            tails[committed.room]?.messages.append(contentsOf: news)
        } else {
            generations += 1
            tails[committed.room] = Tail(
                epoch: committed.epoch, generation: generations, messages: Deque(committed.messages))
        }
        add(toTail: committed.room, news)
    }

    /// Keeps a piece that is complete: there is more of the log behind it.
    /// - Parameter redactions: what `redactions` was when it was about to be read.
    mutating func keep(_ piece: [Message], as key: Key, readAt redactions: UInt64) {
        guard budget > 0, redactions == self.redactions, pieces[key] == nil else { return }
        pieces[key] = piece
        let weight = piece.reduce(0) { $0 + $1.weight }
        add(.piece(key, bytes: weight), weight)
    }

    /// Keeps a piece that reaches to the end of its log, together with what has been committed since.
    mutating func keepEnd(_ piece: [Message], of key: Key, readAt redactions: UInt64) {
        guard budget > 0, redactions == self.redactions, let first = piece.first?.seq, let last = piece.last?.seq else {
            return
        }
        var news = piece
        if let tail = span(key.room) {
            guard tail.epoch == key.epoch, first <= tail.seqs.upperBound + 1, tail.seqs.lowerBound <= last + 1 else {
                return
            }
            news = piece.filter { !tail.seqs.contains($0.seq) }
            tails[key.room]?.messages.prepend(contentsOf: news.prefix { $0.seq < tail.seqs.lowerBound })
            tails[key.room]?.messages.append(contentsOf: news.drop { $0.seq < tail.seqs.lowerBound })
        } else {
            generations += 1
            tails[key.room] = Tail(epoch: key.epoch, generation: generations, messages: Deque(piece))
        }
        add(toTail: key.room, news[...])
    }

    private func span(_ room: RoomName) -> (epoch: Epoch, seqs: ClosedRange<UInt64>)? {
        guard let epoch = tails[room]?.epoch, let first = tails[room]?.messages.first?.seq,
            let last = tails[room]?.messages.last?.seq
        else { return nil }
        return (epoch, first...last)
    }

    private mutating func add(toTail room: RoomName, _ messages: ArraySlice<Message>) {
        guard !messages.isEmpty else { return }
        let weight = messages.reduce(0) { $0 + $1.weight }
        let generation = tails[room]?.generation ?? 0
        add(.tail(room, generation: generation, count: messages.count, bytes: weight), weight)
    }

    private mutating func add(_ entry: Entry, _ weight: Int) {
        order.append(entry)
        bytes += weight
        while bytes > budget, let oldest = order.popFirst() { evict(oldest) }
    }

    private mutating func evict(_ entry: Entry) {
        switch entry {
        case .piece(let key, let weight):
            pieces[key] = nil
            bytes -= weight
        case .tail(let room, let generation, let count, let weight):
            bytes -= weight
            // Without a second reference to the tail, or removing would copy it.
            guard tails[room]?.generation == generation, let length = tails[room]?.messages.count else { return }
            tails[room]?.messages.removeFirst(min(count, length))
            if tails[room]?.messages.isEmpty == true { tails[room] = nil }
        }
    }

    // MARK: Finding

    /// The messages after `after`, as many as `limit` and `maxBytes` allow; nil unless the first of them is here.
    func tail(_ room: RoomName, _ epoch: Epoch, after: UInt64, limit: Int, maxBytes: Int) -> [Message]? {
        guard let tail = tails[room], tail.epoch == epoch, let first = tail.messages.first?.seq,
            let last = tail.messages.last?.seq, first <= after + 1, after < last
        else { return nil }
        var found: [Message] = []
        var bytes = 0
        for index in Int(after + 1 - first)..<tail.messages.count {
            found.append(tail.messages[index])
            bytes += tail.messages[index].content.bytes.count
            if found.count == limit || bytes >= maxBytes { break }
        }
        return found
    }

    func piece(_ key: Key) -> [Message]? { pieces[key] }

    func newest(_ room: RoomName, _ epoch: Epoch) -> UInt64? {
        tails[room]?.epoch == epoch ? tails[room]?.messages.last?.seq : nil
    }

    // MARK: Redacting

    /// Takes out what the tombstones among these messages are about. Others may have deleted what we have heard of, so
    /// whatever is read is looked through as well.
    mutating func learn(_ messages: [Message], of room: RoomName, _ epoch: Epoch) {
        for message in messages where message.kind == .deleted {
            let log = Log(room: room, epoch: epoch)
            guard message.seq > lastTombstones[log] ?? 0, let seq = message.redactedSeq else { continue }
            lastTombstones[log] = message.seq
            redactions += 1
            redact(seq, log)
        }
    }

    private mutating func redact(_ seq: UInt64, _ log: Log) {
        if tails[log.room]?.epoch == log.epoch, let first = tails[log.room]?.messages.first?.seq, seq >= first,
            seq - first < UInt64(tails[log.room]?.messages.count ?? 0)
        {
            tails[log.room]?.messages[Int(seq - first)].redact()
        }
        for key in pieces.keys where key.room == log.room && key.epoch == log.epoch {
            guard let index = pieces[key]?.firstIndex(where: { $0.seq == seq }) else { continue }
            pieces[key]?[index].redact()
        }
    }
}

extension Message {
    /// What a message costs in memory, in bytes, roughly.
    var weight: Int { content.bytes.count + 192 }

    /// A tombstone's content, see `MessageKind.deleted`.
    static func tombstone(for id: MessageID, at seq: UInt64) -> RawJSON {
        let text = String(decoding: JSONText.string(id.text).bytes, as: UTF8.self)
        return RawJSON(validated: Array("{\"ref\":\(text),\"refSeq\":\(seq)}".utf8))
    }

    /// The message that this tombstone is about.
    var redactedSeq: UInt64? {
        guard kind == .deleted else { return nil }
        return content.bytes.withUnsafeBytes { bytes in
            let fields = try? JSONFields(bytes)
            return (try? fields?.unsigned("refSeq")) ?? nil
        }
    }

    mutating func redact() {
        kind = .redacted
        content = .null
    }
}
