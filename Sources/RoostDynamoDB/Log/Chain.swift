package import RoostCore
package import RoostEngine

/// What this process knows of one room's log: where it ends and which ids the dedupe window has. Pure: says what to
/// write and what must be read first, and is told what came of it.
///
/// The end is only ever taken from the end of a chunk. The place behind it is then free unless the log has grown, and
/// in that case the next chunk begins exactly there, so that a conditional write finds out. A place within a chunk would
/// be free as well, and the log would have two continuations.
package struct Chain: Sendable {
    package let room: RoomName
    package let epoch: Epoch
    /// The last `seq` of the newest chunk; 0 if there is none.
    package private(set) var head: UInt64
    /// The time of the newest chunk.
    package private(set) var lastAt: Timestamp?
    package private(set) var floor: UInt64
    /// What was out of the window when the newest chunk was written.
    package private(set) var forgotten: UInt64
    /// Whether nothing more can be appended: the room is being deleted.
    package private(set) var isSealed: Bool
    /// Nil until the chunks of the window have been read.
    package var window: Window?
    private let expires: Bool
    private(set) var ages: Ages
    /// Entries that are redacted by tombstones seen here, with those: the redaction in place may be yet to come.
    private(set) var redactions: [UInt64: UInt64] = [:]

    /// - Parameters:
    ///   - tail: the newest chunk of the log; nil: there is none.
    ///   - floor: as the room's item has it; the chunk may know of a higher one.
    ///   - expires: whether messages are dropped by age, so that the times of chunks are worth remembering.
    package init(room: RoomName, epoch: Epoch, tail: Chunk?, floor: UInt64, expires: Bool) {
        self.room = room
        self.epoch = epoch
        head = tail?.last ?? 0
        lastAt = tail?.at
        self.floor = max(floor, tail?.floor ?? 0)
        forgotten = tail?.forgotten ?? 0
        isSealed = tail?.isSeal ?? false
        ages = Ages(after: self.floor)
        self.expires = expires
    }

    package enum Lesson: Sendable, Equatable {
        /// It is the log's new end, or was known.
        case learned
        /// There is something between the end and this chunk: what is known here is too old to be of use.
        case gap
    }

    /// Takes in a chunk of the log.
    package mutating func learn(_ chunk: Chunk) -> Lesson {
        if chunk.last <= head, !chunk.isSeal { return .learned }
        guard chunk.first == head + 1 else { return chunk.first <= head ? .learned : .gap }
        head = chunk.last
        lastAt = max(chunk.at, lastAt ?? chunk.at)
        floor = max(floor, chunk.floor)
        forgotten = max(forgotten, chunk.forgotten)
        isSealed = isSealed || chunk.isSeal
        window?.learn(chunk)
        if expires {
            ages.learn(chunk)
            ages.drop(upTo: floor)
        }
        note(redactionsOf: chunk)
        return .learned
    }

    /// Remembers which entries the chunk's tombstones redact.
    package mutating func note(redactionsOf chunk: Chunk) {
        for (index, entry) in chunk.entries.enumerated() {
            if let seq = entry.redacts { redactions[seq] = chunk.first + UInt64(index) }
        }
        if redactions.count > 1024 {
            let oldest = window?.forgotten ?? forgotten
            redactions = redactions.filter { $0.value > oldest }
        }
    }

    /// Whether a tombstone that was seen here redacts the entry.
    package func isRedacted(_ seq: UInt64) -> Bool { redactions[seq] != nil }

    /// Called before an append is planned.
    package mutating func begin(at now: Timestamp) { window?.forget(at: now) }

    /// Another process has dropped something.
    package mutating func raise(floor: UInt64) {
        self.floor = max(self.floor, floor)
        ages.drop(upTo: self.floor)
    }

    package mutating func learnAges(of chunk: Chunk) { ages.learn(chunk) }

    package enum Floor: Sendable, Equatable {
        case at(UInt64)
        /// The chunks behind this entry are to be looked at first.
        case unknown(after: UInt64)
    }

    /// Where the floor is to be, as the room's kind says.
    /// - Parameters:
    ///   - next: the chunk that is about to be written; its entries count.
    ///   - isPatient: whether the answer may be that more has to be read; else what is known now decides.
    package func floor(_ kind: RoomKind, next: Chunk?, at now: Timestamp, isPatient: Bool) -> Floor {
        let end = next?.last ?? head
        var lowest = max(floor, kind.floor(head: end))
        guard let cutoff = kind.cutoff(at: now) else { return .at(lowest) }
        for age in ages.list where age.last > lowest {
            if age.at > cutoff { return .at(lowest) }
            lowest = age.last
        }
        if ages.end < head { return isPatient ? .unknown(after: ages.end) : .at(lowest) }
        if let next, next.at <= cutoff { lowest = next.last }
        return .at(lowest)
    }
}

/// The times of the chunks right above a log's floor, by which messages expire.
package struct Ages: Sendable {
    package struct Age: Sendable, Equatable {
        package var last: UInt64
        package var at: Timestamp
    }

    /// Chunks remembered at once.
    static let most = 4096

    private(set) var list: [Age] = []
    /// How far they are known without a gap.
    private(set) var end: UInt64

    init(after floor: UInt64) { end = floor }

    /// Takes a chunk in if it is the next one.
    mutating func learn(_ chunk: Chunk) {
        // What is further on is read when what is before it has expired.
        guard chunk.first <= end + 1, chunk.last > end, list.count < Ages.most else { return }
        end = chunk.last
        list.append(Age(last: chunk.last, at: chunk.at))
    }

    mutating func drop(upTo floor: UInt64) {
        list.removeAll { $0.last <= floor }
        end = max(end, floor)
    }
}
