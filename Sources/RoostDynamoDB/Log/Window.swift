import Crypto
package import RoostCore
package import RoostEngine

/// The ids of a room that the dedupe window remembers, made of the chunks of its log, own and others' alike.
package struct Window: Sendable {
    /// Ids forgotten with one append, at most, so that it does not keep its thread.
    static let maxForgotten = 65_536

    package struct Known: Sendable, Equatable {
        package var seq: UInt64
        /// The message's time.
        package var at: Timestamp
        /// What the clock said, which a message's time may be ahead of.
        var clock: Timestamp
    }

    /// Who sent what, in 128 bits: the ids themselves would take more memory than all else that is known of a room.
    struct Author: Hashable {
        private let high: UInt64
        private let low: UInt64

        init(sender: UserID, id: MessageID) {
            var hash = SHA256()
            hash.update(data: Array(sender.text.utf8))
            // No name has this byte.
            hash.update(data: [0])
            hash.update(data: Array(id.text.utf8))
            let digest = hash.finalize()
            high = digest.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self) }
            low = digest.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self) }
        }
    }

    private let options: StoreOptions
    private var known: [Author: Known] = [:]
    /// In the order of the log. What is before `begin` has been forgotten.
    private var order: [(author: Author, seq: UInt64)] = []
    private var begin = 0
    /// The newest entry that is not remembered any more; all after it are.
    package private(set) var forgotten: UInt64

    package init(_ options: StoreOptions, after forgotten: UInt64) {
        self.options = options
        self.forgotten = forgotten
    }

    package var count: Int { known.count }

    /// What the window remembers of this message.
    func find(_ author: Author, at now: Timestamp) -> Known? {
        guard let entry = known[author], options.remembers(entry.clock, at: now) else { return nil }
        return entry
    }

    /// Where it is after `seq`, whether or not it is out of the window meanwhile.
    func find(_ author: Author, after seq: UInt64) -> Known? {
        guard let entry = known[author], entry.seq > seq else { return nil }
        return entry
    }

    /// Takes in the next chunk of the log.
    package mutating func learn(_ chunk: Chunk) {
        guard options.dedupeWindowMs > 0 else {
            forgotten = max(forgotten, chunk.last)
            return
        }
        for (index, entry) in chunk.entries.enumerated() {
            let seq = chunk.first + UInt64(index)
            guard seq > forgotten else { continue }
            let author = Author(sender: entry.sender, id: entry.id)
            known[author] = Known(seq: seq, at: chunk.at, clock: chunk.clock)
            order.append((author, seq))
        }
    }

    /// Forgets what is out of the window, oldest first, as far as that goes without a gap.
    package mutating func forget(at now: Timestamp) {
        for _ in 0..<Window.maxForgotten where begin < order.count {
            let (author, seq) = order[begin]
            // An id that came again after the window has a place of its own, later in the order.
            if let entry = known[author], entry.seq == seq {
                if options.remembers(entry.clock, at: now) { break }
                known[author] = nil
            }
            forgotten = max(forgotten, seq)
            begin += 1
        }
        if begin > 1024, begin > order.count / 2 {
            order.removeFirst(begin)
            begin = 0
        }
    }
}
