package import RoostDynamoDB

/// What tables hold, as a value, by DynamoDB's rules for conditions, updates and queries; without its delays, limits and
/// failures.
package struct TableModel: Sendable {
    /// The items of one collection, in order of their sort key.
    private struct Collection: Sendable {
        var items: [(sort: Value?, item: Item)] = []

        /// Where the item is, or would be.
        func place(of sort: Value?) -> (index: Int, isThere: Bool) {
            var (low, high) = (0, items.count)
            while low < high {
                let middle = (low + high) / 2
                if TableModel.isBefore(items[middle].sort, sort) { low = middle + 1 } else { high = middle }
            }
            return (low, low < items.count && items[low].sort == sort)
        }
    }

    /// By the bytes of the collection's name: texts that look alike are not the same here.
    private var tables: [Table: [[UInt8]: Collection]] = [:]

    package init() {}

    private static func isBefore(_ one: Value?, _ other: Value?) -> Bool {
        switch (one, other) {
        case (.number(let one)?, .number(let other)?): one < other
        case (.text(let one)?, .text(let other)?): one.utf8.lexicographicallyPrecedes(other.utf8)
        default: false
        }
    }

    private static func key(of item: Item, in table: Table) -> Key {
        guard let partition = item.text(table.partition) else { preconditionFailure("an item has its key") }
        return Key(partition, table.sort.flatMap { item[$0] })
    }

    package func item(_ key: Key, in table: Table) -> Item? {
        guard let collection = tables[table]?[Array(key.partition.utf8)] else { return nil }
        let (index, isThere) = collection.place(of: key.sort)
        return isThere ? collection.items[index].item : nil
    }

    // MARK: Writing

    package mutating func put(_ item: Item, into table: Table, if condition: Condition) -> Outcome {
        let key = TableModel.key(of: item, in: table)
        let existing = self.item(key, in: table)
        guard condition.holds(of: existing) else { return .refused(existing) }
        set(item, at: key, in: table)
        return .done(nil)
    }

    package mutating func update(_ change: Change, in table: Table, if condition: Condition) -> Outcome {
        let existing = item(change.key, in: table)
        guard condition.holds(of: existing) else { return .refused(existing) }
        var item = existing ?? change.key.item(in: table)
        for (name, value) in change.set { item[name] = value }
        for (name, number) in change.add { item[name] = .number((item.number(name) ?? 0) + number) }
        for name in change.remove { item[name] = nil }
        set(item, at: change.key, in: table)
        return .done(item)
    }

    package mutating func delete(_ key: Key, from table: Table, if condition: Condition) -> Outcome {
        let existing = item(key, in: table)
        guard condition.holds(of: existing) else { return .refused(existing) }
        let name = Array(key.partition.utf8)
        if let (index, isThere) = tables[table]?[name]?.place(of: key.sort), isThere {
            tables[table]?[name]?.items.remove(at: index)
        }
        return .done(nil)
    }

    private mutating func set(_ item: Item, at key: Key, in table: Table) {
        let name = Array(key.partition.utf8)
        var collection = tables[table, default: [:]].removeValue(forKey: name) ?? Collection()
        let (index, isThere) = collection.place(of: key.sort)
        if isThere { collection.items[index].item = item } else { collection.items.insert((key.sort, item), at: index) }
        tables[table, default: [:]][name] = collection
    }

    // MARK: Reading

    /// - Parameter most: a page ends after so many items though the query asks for more, as where items are large.
    package func query(_ query: Query, most: Int = .max) -> Page {
        var items =
            query.isIndexed
            ? listed(query) : tables[query.table]?[Array(query.collection.utf8)]?.items.map(\.item) ?? []
        let name = (query.isIndexed ? query.table.indexed : query.table.sort) ?? ""
        items = items.filter { query.bounds.contain($0[name]) }
        if !query.isAscending { items.reverse() }
        let count = min(query.limit, most)
        // DynamoDB says of a page that is full that there may be more, whether or not there is.
        return Page(items: Array(items.prefix(count)), hasMore: items.count >= count)
    }

    /// What is in a list of the index: keys only.
    private func listed(_ query: Query) -> [Item] {
        let name = query.table.indexed ?? ""
        let all = (tables[query.table] ?? [:]).values.flatMap { $0.items.map(\.item) }
        let listed = all.filter { $0.text(Table.listing) == query.collection }
        return listed.map { item in
            item.filter { [query.table.partition, query.table.sort, Table.listing, name].contains($0.key) }
        }.sorted { TableModel.isBefore($0[name], $1[name]) }
    }
}

extension Condition {
    fileprivate func holds(of item: Item?) -> Bool {
        switch self {
        case .always: true
        case .absent: item == nil
        case .present(let values): item.map { Condition.has($0, values) } ?? false
        case .presentAtMost(let values, let numbers):
            item.map { Condition.has($0, values) && Condition.isAtMost($0, numbers) } ?? false
        case .absentOrAtMost(let numbers): item.map { Condition.isAtMost($0, numbers) } ?? true
        }
    }

    private static func has(_ item: Item, _ values: Item) -> Bool { values.allSatisfy { item[$0.key] == $0.value } }

    private static func isAtMost(_ item: Item, _ numbers: [String: Int64]) -> Bool {
        numbers.allSatisfy { name, number in item.number(name).map { $0 <= number } ?? true }
    }
}

extension Query.Bounds {
    fileprivate func contain(_ value: Value?) -> Bool {
        switch (self, value) {
        case (.numbers(let low, let high), .number(let number)?):
            number >= Int64(clamping: low) && number <= Int64(clamping: high)
        case (.prefix(let prefix), .text(let text)?): text.utf8.starts(with: prefix.utf8)
        case (.after(let after), .text(let text)?):
            after.map { $0.utf8.lexicographicallyPrecedes(text.utf8) } ?? true
        default: false
        }
    }
}
