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

    /// A place in a log.
    private struct Place: Hashable {
        var log: Log
        var seq: UInt64
    }

    private struct Tombstone {
        var place: Place
        var redacts: Place
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
    private var pieces: [RoomName: [Key: [Message]]] = [:]
    /// Rooms of which something was read or kept since they were forgotten last.
    private var touched: Set<RoomName> = []
    /// In the order in which things came.
    private var order: Deque<Entry> = []
    private var generations: UInt64 = 0
    /// A number that goes up whenever something of a room must not be served any more as it was read before.
    private var turns: [RoomName: UInt64] = [:]
    private var lastTurn: UInt64 = 0
    /// The turn of rooms that have none of their own.
    private var commonTurn: UInt64 = 0
    /// Tombstones that have done their work, in the order in which they came.
    private var tombstones: Deque<Tombstone> = []
    /// Where they stand, and where what they are about does.
    private var applied: Set<Place> = []
    private var redacted: Set<Place> = []

    /// Of so many rooms turns are remembered, and so many tombstones; one that is forgotten is applied again when it is
    /// read again.
    static let mostTurns = 10_000
    static let mostTombstones = 10_000
    static let mostTouched = 100_000

    /// - Parameter budget: bytes; 0 keeps nothing.
    init(budget: Int) { self.budget = budget }

    // MARK: Keeping

    mutating func append(_ committed: Committed) {
        touch(committed.room)
        learn(committed.messages, of: committed.room, committed.epoch)
        guard budget > 0, let first = committed.messages.first?.seq else { return }
        assert(zip(committed.messages, first...).allSatisfy { $0.seq == $1 }, "a stretch of a log has a gap")
        let messages = withoutRedacted(committed.messages, of: committed.room, committed.epoch)
        var news = messages[...]
        if let tail = span(committed.room), tail.epoch == committed.epoch, first <= tail.seqs.upperBound + 1 {
            // What several nodes append comes in any order: of what is older only what leads up to the tail is of use.
            guard let last = news.last?.seq, last + 1 >= tail.seqs.lowerBound else { return }
            news = join(messages, toTail: committed.room, tail.seqs)
        } else {
            generations += 1
            tails[committed.room] = Tail(
                epoch: committed.epoch, generation: generations, messages: Deque(messages))
        }
        add(toTail: committed.room, news)
    }

    /// Adds those that the tail lacks at either end; they touch it. What was added is returned.
    private mutating func join(
        _ messages: [Message], toTail room: RoomName, _ seqs: ClosedRange<UInt64>
    ) -> ArraySlice<Message> {
        let news = messages.filter { !seqs.contains($0.seq) }
        tails[room]?.messages.prepend(contentsOf: news.prefix { $0.seq < seqs.lowerBound })
        tails[room]?.messages.append(contentsOf: news.drop { $0.seq < seqs.lowerBound })
        return news[...]
    }

    /// Keeps a piece that is complete: there is more of the log behind it.
    /// - Parameter turn: the room's turn when it was about to be read.
    mutating func keep(_ piece: [Message], as key: Key, readAt turn: UInt64) {
        guard budget > 0, turn == self.turn(of: key.room), pieces[key.room]?[key] == nil else { return }
        pieces[key.room, default: [:]][key] = piece
        let weight = piece.reduce(0) { $0 + $1.weight }
        add(.piece(key, bytes: weight), weight)
    }

    /// Keeps a piece that reaches to the end of its log, together with what has been committed since.
    mutating func keepEnd(_ piece: [Message], of key: Key, readAt turn: UInt64) {
        guard budget > 0, turn == self.turn(of: key.room), let first = piece.first?.seq, let last = piece.last?.seq
        else { return }
        var news = piece[...]
        if let tail = span(key.room) {
            guard tail.epoch == key.epoch, first <= tail.seqs.upperBound + 1, tail.seqs.lowerBound <= last + 1 else {
                return
            }
            news = join(piece, toTail: key.room, tail.seqs)
        } else {
            generations += 1
            tails[key.room] = Tail(epoch: key.epoch, generation: generations, messages: Deque(piece))
        }
        add(toTail: key.room, news)
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
            pieces[key.room]?[key] = nil
            if pieces[key.room]?.isEmpty == true { pieces[key.room] = nil }
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

    func piece(_ key: Key) -> [Message]? { pieces[key.room]?[key] }

    func newest(_ room: RoomName, _ epoch: Epoch) -> UInt64? {
        tails[room]?.epoch == epoch ? tails[room]?.messages.last?.seq : nil
    }

    // MARK: Redacting

    /// Goes up when something of the room is redacted or forgotten, so that what was read before is not kept after it.
    func turn(of room: RoomName) -> UInt64 { turns[room] ?? commonTurn }

    private mutating func nextTurn(of room: RoomName) {
        lastTurn += 1
        if turns.count >= Recent.mostTurns {
            turns = [:]
            commonTurn = lastTurn
        } else {
            turns[room] = lastTurn
        }
    }

    /// Takes out what the tombstones among these messages are about. Others may have deleted what we have heard of, so
    /// whatever is read is looked through as well. Tombstones of several nodes cross on the way.
    mutating func learn(_ messages: [Message], of room: RoomName, _ epoch: Epoch) {
        for message in messages where message.kind == .deleted {
            let log = Log(room: room, epoch: epoch)
            let place = Place(log: log, seq: message.seq)
            guard !applied.contains(place), let seq = message.redactedSeq else { continue }
            remember(Tombstone(place: place, redacts: Place(log: log, seq: seq)))
            nextTurn(of: room)
            redact(seq, log)
        }
    }

    private mutating func remember(_ tombstone: Tombstone) {
        if tombstones.count >= Recent.mostTombstones, let oldest = tombstones.popFirst() {
            applied.remove(oldest.place)
            redacted.remove(oldest.redacts)
        }
        tombstones.append(tombstone)
        applied.insert(tombstone.place)
        redacted.insert(tombstone.redacts)
    }

    /// The messages without the content of those whose tombstones have come before them.
    private func withoutRedacted(_ messages: [Message], of room: RoomName, _ epoch: Epoch) -> [Message] {
        guard !redacted.isEmpty else { return messages }
        let log = Log(room: room, epoch: epoch)
        var messages = messages
        for index in messages.indices where redacted.contains(Place(log: log, seq: messages[index].seq)) {
            messages[index].redact()
        }
        return messages
    }

    /// Forgets what is here of a room, which others may have changed unheard. Its bytes count until its turn to be
    /// evicted comes.
    mutating func forget(_ room: RoomName) {
        guard touched.remove(room) != nil else { return }
        nextTurn(of: room)
        tails[room] = nil
        pieces[room] = nil
    }

    /// Something of the room is about to be read or kept: there is something to forget.
    mutating func touch(_ room: RoomName) {
        guard touched.insert(room).inserted, touched.count > Recent.mostTouched else { return }
        (touched, tails, pieces, turns) = ([room], [:], [:], [:])
        lastTurn += 1
        commonTurn = lastTurn
    }

    private mutating func redact(_ seq: UInt64, _ log: Log) {
        if tails[log.room]?.epoch == log.epoch, let first = tails[log.room]?.messages.first?.seq, seq >= first,
            seq - first < UInt64(tails[log.room]?.messages.count ?? 0)
        {
            tails[log.room]?.messages[Int(seq - first)].redact()
        }
        for key in (pieces[log.room] ?? [:]).keys where key.epoch == log.epoch {
            guard let index = pieces[log.room]?[key]?.firstIndex(where: { $0.seq == seq }) else { continue }
            pieces[log.room]?[key]?[index].redact()
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
