import GRDB

/// The tables, and how a place in a log becomes a row number.
enum Schema {
    /// Marks the file as ours (`file` and other tools show it): "RsT1".
    static let applicationID: Int32 = 0x5273_5431

    /// A message's row number is `room << 36 | seq`: the log of a room is one contiguous stretch of one B-tree, read
    /// in order without an index beside it, and appending to it touches one leaf. 36 bits are 68 billion messages in
    /// one room's life; the 27 left are 134 million rooms in the life of the file.
    static let seqBits: Int64 = 36
    static let maxSeq: Int64 = (1 << seqBits) - 1
    static let maxRoom: Int64 = (1 << (63 - seqBits)) - 1

    static func row(_ room: Int64, _ seq: Int64) -> Int64 { (room << seqBits) | seq }

    static func seq(ofRow row: Int64) -> UInt64 { UInt64(row & maxSeq) }

    /// Steps are only ever added: a file that knows one we don't was made by a newer version.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 logs and directory") { db in try db.execute(sql: first) }
        migrator.registerMigration("2 retention and marks") { db in try db.execute(sql: second) }
        return migrator
    }

    /// - `rooms.name` is NULL once the room is deleted and its messages are not yet: the name is free at once.
    ///   AUTOINCREMENT, since a number that came again would make old rows part of a new room's log.
    /// - `recent` is what duplicates are recognised by: the ids of the last window, in the order of storing. A table
    ///   keyed by the hash would dirty a page for nearly every message, since hashes fall all over the tree (measured
    ///   with a million of them: 4 KiB of write-ahead log a message, now 0.1); here a batch fills the end of the last
    ///   page and pruning empties the first. Finding is done in memory, by `RecentIndex`. `a`, `b`: 128 bits of SHA-256
    ///   over room number, sender and id; `clock`: the time of the append; `ahead`: how far the message's own time is
    ///   beyond it (0 takes no space). The table outlives the messages' retention.
    /// - `members.id` keeps the order in which members came.
    /// - There are no foreign keys: a room's parts are deleted in pieces, after the room.
    private static let first = """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

        CREATE TABLE rooms (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, title TEXT NOT NULL,
            visibility INTEGER NOT NULL, epoch TEXT NOT NULL, head INTEGER NOT NULL DEFAULT 0,
            floor INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, last_at INTEGER NOT NULL DEFAULT 0
        ) STRICT;

        CREATE TABLE messages (
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, sender TEXT NOT NULL, message_id TEXT NOT NULL,
            kind INTEGER NOT NULL, content BLOB NOT NULL
        ) STRICT;

        CREATE TABLE recent (
            id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL, seq INTEGER NOT NULL,
            clock INTEGER NOT NULL, ahead INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE members (
            id INTEGER PRIMARY KEY, room INTEGER NOT NULL, user TEXT NOT NULL, UNIQUE (room, user)
        ) STRICT;
        CREATE INDEX members_by_user ON members (user, room);

        CREATE TABLE users (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, avatar TEXT, last_seen INTEGER
        ) STRICT, WITHOUT ROWID;
        """

    /// - `rooms.floor` is what readers go by; `trimmed` is how far the rows have been deleted, which follows behind.
    /// - `marks`: how far members have received and read.
    private static let second = """
        ALTER TABLE rooms ADD COLUMN trimmed INTEGER NOT NULL DEFAULT 0;

        CREATE TABLE marks (
            room INTEGER NOT NULL, user TEXT NOT NULL, received INTEGER NOT NULL, read INTEGER NOT NULL,
            PRIMARY KEY (room, user)
        ) STRICT, WITHOUT ROWID;
        """
}
