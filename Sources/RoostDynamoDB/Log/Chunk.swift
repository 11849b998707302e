package import RoostCore

/// What one write brought to a room's log: written once, at the place behind the log's end, and never moved. A redaction
/// rewrites its entries in place, which keeps their number, ids and senders.
package struct Chunk: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package var id: MessageID
        package var sender: UserID
        package var kind: MessageKind
        package var content: RawJSON
        /// The entry that this tombstone redacts.
        package var redacts: UInt64?

        package init(id: MessageID, sender: UserID, kind: MessageKind, content: RawJSON, redacts: UInt64? = nil) {
            self.id = id
            self.sender = sender
            self.kind = kind
            self.content = content
            self.redacts = redacts
        }
    }

    /// The `seq` of its first entry, and its place in the chain: nobody else's chunk begins there.
    package let first: UInt64
    package var entries: [Entry]
    /// The time of all its entries, never before that of an earlier chunk.
    package var at: Timestamp
    /// What its writer's clock said, by which the dedupe window goes.
    package var clock: Timestamp
    /// The log's floor once this chunk was written.
    package var floor: UInt64
    /// The newest entry that was out of the dedupe window when this chunk was written: what is after it makes up the
    /// window.
    package var forgotten: UInt64
    /// Random, new for every chunk: tells its writer whether what stands at `first` is its own.
    package var writer: [UInt8]
    /// Nothing is written behind it any more: the room is being deleted. It has no entries.
    package var isSeal = false
    /// How often it was rewritten.
    package var revision: Int64 = 0

    package init(
        first: UInt64, entries: [Entry], at: Timestamp, clock: Timestamp, floor: UInt64, forgotten: UInt64,
        writer: [UInt8]
    ) {
        self.first = first
        self.entries = entries
        self.at = at
        self.clock = clock
        self.floor = floor
        self.forgotten = forgotten
        self.writer = writer
    }

    /// The `seq` of its last entry: where the log ends if nothing is behind it.
    package var last: UInt64 { first - 1 + UInt64(entries.count) }

    package func message(_ index: Int, of room: RoomName) -> Message {
        let entry = entries[index]
        return Message(
            room: room, seq: first + UInt64(index), id: entry.id, sender: entry.sender, kind: entry.kind, at: at,
            content: entry.content)
    }

    package func messages(of room: RoomName) -> [Message] { entries.indices.map { message($0, of: room) } }

    /// The entry at `seq`; nil if it is not in this chunk.
    package subscript(seq: UInt64) -> Entry? {
        seq >= first && seq <= last ? entries[Int(seq - first)] : nil
    }

    /// What its tombstones delete.
    package var redacts: [UInt64] { entries.compactMap(\.redacts) }

    /// Leaves of the entry at `seq` only its place.
    package mutating func redact(_ seq: UInt64) {
        guard seq >= first, seq <= last else { return }
        entries[Int(seq - first)].kind = .redacted
        entries[Int(seq - first)].content = .null
        revision += 1
    }
}

/// Where chunks are: a log is cut into blocks, each a collection of its own, so that no collection grows without end
/// and old ones can go.
package enum Blocks {
    /// Entries of a block. A chunk ends at its block's end at the latest.
    package static let length: UInt64 = 4096
    /// Bytes of a chunk's entries, the last of which may go beyond it. A chunk of this size costs 100 write units.
    package static let maxChunkBytes = 100_000
    /// Bytes that a single entry may take; DynamoDB's limit for an item is 400 KiB.
    package static let maxEntryBytes = 390_000

    /// The block of the entry at `seq`, from 1 on.
    package static func block(of seq: UInt64) -> UInt64 { (max(seq, 1) - 1) / length }

    /// The last `seq` of a block.
    package static func end(of block: UInt64) -> UInt64 { (block + 1) * length }

    /// The first `seq` of a block.
    package static func start(of block: UInt64) -> UInt64 { block * length + 1 }

    /// The name of the block's collection. Neither names nor epochs have a `#` in them.
    package static func collection(_ room: RoomName, _ epoch: Epoch, _ block: UInt64) -> String {
        "\(room)#\(epoch)#\(block)"
    }
}
