import GRDB
import RoostCore
import RoostEngine

/// Looks in the logs for messages that are sent again, where the dedupe window no longer covers what came since.
enum Retries {
    /// On a reader, ahead of the transaction, which then has only the rest to look at. Decides nothing: what this finds
    /// not to be needed, or can't know, is left to the transaction.
    static func search(
        _ drafts: [Draft], at now: Timestamp, _ options: StoreOptions, _ coverage: Coverage, _ db: Database
    ) throws -> [RetrySearch.Log: RetrySearch] {
        var searches = RetrySearch.logs(of: drafts)
        var rooms: [RoomName: RoomRow] = [:]
        // For the whole batch, since everybody's messages wait for it.
        var budget = options.searchReach
        for draft in drafts {
            guard let since = draft.since else { continue }
            if rooms[draft.room] == nil { rooms[draft.room] = try RoomRow.find(draft.room, db) }
            guard let room = rooms[draft.room], room.epoch == since.epoch, since.seq >= UInt64(room.floor),
                since.seq < UInt64(room.head), UInt64(room.head) - since.seq <= options.searchReach,
                let next = try time(of: Int64(since.seq) + 1, in: room.id, db),
                !coverage.covers(next, at: now, options)
            else { continue }
            let stretch = RetrySearch.Stretch(after: since.seq, to: UInt64(room.head))
            let log = RetrySearch.Log(room: draft.room, epoch: since.epoch)
            if var search = searches[log], search.cost(of: stretch) <= budget {
                budget -= search.cost(of: stretch)
                searches[log] = nil
                try scan(stretch, of: room.id, &search, db)
                searches[log] = search
            }
        }
        return searches
    }

    /// Shows the search what of `stretch` it has not seen.
    static func scan(
        _ stretch: RetrySearch.Stretch, of room: Int64, _ search: inout RetrySearch, _ db: Database
    ) throws {
        for part in search.begin(stretch) {
            let statement = RawStatement(
                try db.cachedStatement(
                    sql: "SELECT id, at, message_id, sender FROM messages WHERE id > ? AND id <= ? ORDER BY id"))
            defer { statement.reset() }
            statement.bind(Schema.row(room, Int64(part.after)), at: 1)
            statement.bind(Schema.row(room, Int64(part.to)), at: 2)
            while try statement.step() {
                let id = try MessageID(stored: statement.text(2))
                guard search.wants(id) else { continue }
                let place = RetrySearch.Place(
                    seq: Schema.seq(ofRow: statement.int(0)), at: Timestamp(milliseconds: statement.int(1)))
                search.found(id, of: try UserID(stored: statement.text(3)), place)
            }
        }
    }

    /// The time of an entry; nil if it is not there.
    static func time(of seq: Int64, in room: Int64, _ db: Database) throws -> Timestamp? {
        let statement = RawStatement(try db.cachedStatement(sql: "SELECT at FROM messages WHERE id = ?"))
        defer { statement.reset() }
        statement.bind(Schema.row(room, seq), at: 1)
        return try statement.step() ? Timestamp(milliseconds: statement.int(0)) : nil
    }
}
