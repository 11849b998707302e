/// What the store asks of its tables: single items with conditions, and stretches of one collection. Everything is read
/// strongly consistent unless it says otherwise.
///
/// This is all that the log and the directory know of DynamoDB, so that a simulation can stand below them. A call that
/// throws may have been carried out all the same if its error is `unsure`; every write is made so that repeating it
/// does no harm.
package protocol Tables: Sendable {
    /// Those of `keys` that exist, in any order.
    func get(_ keys: [Key], from table: Table) async throws(TableError) -> [Item]

    /// Puts the whole item in the place of whatever has its key, if `condition` holds of that.
    func put(_ item: Item, into table: Table, if condition: Condition) async throws(TableError) -> Outcome

    /// Changes some attributes of an item, which is created if it is missing and `condition` allows that.
    func update(_ change: Change, in table: Table, if condition: Condition) async throws(TableError) -> Outcome

    /// Deletes the item, if `condition` holds of it.
    func delete(_ key: Key, from table: Table, if condition: Condition) async throws(TableError) -> Outcome

    /// A stretch of one collection, in order of its sort key.
    func query(_ query: Query) async throws(TableError) -> Page
}

/// The tables, by what they are called behind the prefix.
package enum Table: String, Sendable, CaseIterable {
    case users
    case rooms
    case messages
    case userRooms = "user_rooms"

    /// The attribute that says which collection an item is in.
    package var partition: String {
        switch self {
        case .users: "id"
        case .rooms: "room"
        case .messages: "log"
        case .userRooms: "user"
        }
    }

    /// The attribute by which the items of a collection are in order; nil: a collection is one item.
    package var sort: String? {
        switch self {
        case .users: nil
        case .rooms: "part"
        case .messages: "first"
        case .userRooms: "room"
        }
    }

    /// The attribute by which the index of this table orders all items of one `Table.listing`; nil: it has no index.
    package var indexed: String? {
        switch self {
        case .users: "id"
        case .rooms: "room"
        case .messages, .userRooms: nil
        }
    }

    /// Names the index, and the attribute that says in which of its lists an item is. Keys only, so that an item costs
    /// a write there when it is listed and not when it changes.
    package static let listing = "listing"
}

/// An attribute's value. Texts are equal if their bytes are, as DynamoDB has it: two that only look alike are two.
package enum Value: Sendable, Hashable {
    case text(String)
    case number(Int64)
    case bytes([UInt8])

    package static func == (a: Value, b: Value) -> Bool {
        switch (a, b) {
        case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
        case (.number(let a), .number(let b)): a == b
        case (.bytes(let a), .bytes(let b)): a == b
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .text(let text): for byte in text.utf8 { hasher.combine(byte) }
        case .number(let number): hasher.combine(number)
        case .bytes(let bytes): hasher.combine(bytes)
        }
    }
}

package typealias Item = [String: Value]

/// Where an item is.
package struct Key: Sendable, Hashable {
    package var partition: String
    package var sort: Value?

    package init(_ partition: String, _ sort: Value? = nil) {
        self.partition = partition
        self.sort = sort
    }

    package init(_ partition: String, text sort: String) { self.init(partition, .text(sort)) }

    // By bytes, as values are.
    package static func == (a: Key, b: Key) -> Bool {
        a.partition.utf8.elementsEqual(b.partition.utf8) && a.sort == b.sort
    }

    package func hash(into hasher: inout Hasher) {
        for byte in partition.utf8 { hasher.combine(byte) }
        hasher.combine(sort)
    }

    /// As attributes.
    package func item(in table: Table) -> Item {
        var item: Item = [table.partition: .text(partition)]
        if let name = table.sort, let sort { item[name] = sort }
        return item
    }
}

/// What must hold of the item that has the key now.
package enum Condition: Sendable, Equatable {
    case always
    /// There is none.
    case absent
    /// There is one, and it has these values.
    case present(Item = [:])
    /// There is one, and it has these values; of the numbers that it has, none is above the second ones.
    case presentAtMost(Item, [String: Int64])
    /// There is none, or of the numbers that it has, none is above these.
    case absentOrAtMost([String: Int64])
}

/// What an update does to an item.
package struct Change: Sendable {
    package var key: Key
    package var set: Item
    /// Numbers to add to those that are there, or to 0.
    package var add: [String: Int64]
    package var remove: [String]

    package init(_ key: Key, set: Item = [:], add: [String: Int64] = [:], remove: [String] = []) {
        self.key = key
        self.set = set
        self.add = add
        self.remove = remove
    }
}

package enum Outcome: Sendable, Equatable {
    /// Done; after an update, the item as it is now.
    case done(Item?)
    /// The condition did not hold of this item; nil: there is none.
    case refused(Item?)
}

/// A stretch of a collection, or of a list of a table's index.
package struct Query: Sendable {
    package enum Bounds: Sendable, Equatable {
        /// Numbers from one to another, both included.
        case numbers(UInt64, UInt64)
        /// Texts that begin so.
        case prefix(String)
        /// Texts after this one; nil: all.
        case after(String?)
    }

    package var table: Table
    /// Whether `collection` is one of the table's index, which is read eventually consistent and gives keys only.
    package var isIndexed: Bool
    package var collection: String
    package var bounds: Bounds
    package var isAscending: Bool
    /// The most items on the page; fewer come with more to follow where they are large.
    package var limit: Int

    package init(
        _ table: Table, isIndexed: Bool = false, _ collection: String, _ bounds: Bounds, isAscending: Bool = true,
        limit: Int = 1000
    ) {
        self.table = table
        self.isIndexed = isIndexed
        self.collection = collection
        self.bounds = bounds
        self.isAscending = isAscending
        self.limit = limit
    }
}

package struct Page: Sendable, Equatable {
    package var items: [Item]
    /// Whether the stretch may go on behind the last of `items`.
    package var hasMore: Bool

    package init(items: [Item], hasMore: Bool) {
        self.items = items
        self.hasMore = hasMore
    }
}

extension Item {
    package func text(_ name: String) -> String? {
        if case .text(let text)? = self[name] { text } else { nil }
    }

    package func number(_ name: String) -> Int64? {
        if case .number(let number)? = self[name] { number } else { nil }
    }

    package func bytes(_ name: String) -> [UInt8]? {
        if case .bytes(let bytes)? = self[name] { bytes } else { nil }
    }
}
