import RoostCore
import RoostEngine

/// The logs' table in terms of chunks.
struct LogTables: Sendable {
    /// Chunks asked for at once; DynamoDB gives at most 1 MB anyway.
    static let pageChunks = 64

    let tables: any Tables

    /// A stretch of chunks, and whether there may be more of it in the same block.
    struct Stretch: Sendable {
        var chunks: [Chunk]
        var hasMore: Bool
    }

    /// The chunks that begin from `first` to `last`, all of one block.
    func chunks(
        _ room: RoomName, _ epoch: Epoch, from first: UInt64, to last: UInt64, isAscending: Bool = true,
        limit: Int = LogTables.pageChunks
    ) async throws(TableError) -> Stretch {
        let collection = Blocks.collection(room, epoch, Blocks.block(of: last))
        let page = try await tables.query(
            Query(
                .messages, collection, .numbers(max(first, Blocks.start(of: Blocks.block(of: last))), last),
                isAscending: isAscending, limit: limit))
        var chunks: [Chunk] = []
        for item in page.items { chunks.append(try Chunk(item)) }
        return Stretch(chunks: chunks, hasMore: page.hasMore)
    }

    /// The newest chunk that begins at `seq` or before, in the block of `seq`.
    func chunk(_ room: RoomName, _ epoch: Epoch, upTo seq: UInt64) async throws(TableError) -> Chunk? {
        try await chunks(
            room, epoch, from: 1, to: seq, isAscending: false, limit: 1
        ).chunks.first
    }

    /// The newest chunk of the log; nil if it has none.
    /// - Parameter block: one in which there is a chunk, if there is one in any.
    func tail(_ room: RoomName, _ epoch: Epoch, from block: UInt64) async throws(TableError) -> Chunk? {
        var newest: Chunk?
        var block = block
        while true {
            let found = try await chunk(room, epoch, upTo: Blocks.end(of: block))
            guard let found else {
                guard newest != nil || block == 0 else {
                    throw TableError(.corrupt, "the log of \(room) has lost its end; restore it from a backup")
                }
                return newest
            }
            newest = found
            guard found.last == Blocks.end(of: block), !found.isSeal else { return found }
            block += 1
        }
    }

    /// Shows every chunk that has entries after `after` to `visit`, oldest first, until that returns false or `end` has
    /// been reached; ends at the first gap behind the first chunk.
    func walk(
        _ room: RoomName, _ epoch: Epoch, after: UInt64, to end: UInt64,
        _ visit: (Chunk) throws(TableError) -> Bool
    ) async throws(TableError) {
        guard after < end else { return }
        // The one with the entry itself, which may begin well before it.
        var next = after + 1
        if let first = try await chunk(room, epoch, upTo: next), first.last >= next {
            guard try visit(first) else { return }
            next = first.last + 1
        }
        var isFirst = next == after + 1
        while next <= end {
            let block = Blocks.block(of: next)
            let stretch = try await chunks(room, epoch, from: next, to: min(Blocks.end(of: block), end))
            for chunk in stretch.chunks where !chunk.isSeal {
                guard chunk.first == next || isFirst else { return }
                isFirst = false
                guard try visit(chunk) else { return }
                next = chunk.last + 1
            }
            if stretch.hasMore { continue }
            // What is below the floor may be gone, block by block.
            if stretch.chunks.isEmpty || isFirst {
                guard isFirst, Blocks.end(of: block) < end else { return }
                next = Blocks.end(of: block) + 1
            } else if Blocks.block(of: next) == block {
                return
            }
        }
    }

    /// As `walk`, newest first, beginning with the chunk that has `last`; ends where chunks are missing.
    func walkBack(
        _ room: RoomName, _ epoch: Epoch, from last: UInt64, after: UInt64,
        _ visit: (Chunk) throws(TableError) -> Bool
    ) async throws(TableError) {
        var next = last
        // Most want little: the first pages are short.
        var limit = 2
        while next > after {
            let stretch = try await chunks(room, epoch, from: 1, to: next, isAscending: false, limit: limit)
            for chunk in stretch.chunks where !chunk.isSeal {
                guard chunk.last >= next, try visit(chunk) else { return }
                next = chunk.first - 1
            }
            guard !stretch.chunks.isEmpty else { return }
            limit = min(limit * 4, LogTables.pageChunks)
        }
    }
}
