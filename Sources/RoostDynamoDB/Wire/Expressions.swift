/// Conditions, updates and bounds in DynamoDB's expressions. Names are always given by placeholders, since many are
/// reserved words there.
struct Expressions {
    private var names: [(String, String)] = []
    private var values: [(String, String)] = []

    /// What goes with the expressions into the request.
    var members: [(String, String)] {
        var members: [(String, String)] = []
        if !names.isEmpty {
            members.append(
                ("ExpressionAttributeNames", JSONText.object(names.map { ($0.0, JSONText.quoted($0.1)) })))
        }
        if !values.isEmpty { members.append(("ExpressionAttributeValues", JSONText.object(values))) }
        return members
    }

    private mutating func name(_ name: String) -> String {
        if let known = names.first(where: { $0.1 == name }) { return known.0 }
        names.append(("#n\(names.count)", name))
        return "#n\(names.count - 1)"
    }

    private mutating func value(_ value: Value) -> String {
        values.append((":v\(values.count)", JSONText.value(value)))
        return ":v\(values.count - 1)"
    }

    /// Nil: there is no condition.
    mutating func condition(_ condition: Condition, of table: Table) -> String? {
        switch condition {
        case .always: return nil
        case .absent: return "attribute_not_exists(\(name(table.partition)))"
        case .present(let item): return present(item, table).joined(separator: " AND ")
        case .presentAtMost(let item, let numbers):
            return (present(item, table) + atMost(numbers)).joined(separator: " AND ")
        case .absentOrAtMost(let numbers):
            return "attribute_not_exists(\(name(table.partition))) OR (" + atMost(numbers).joined(separator: " AND ")
                + ")"
        }
    }

    private mutating func present(_ item: Item, _ table: Table) -> [String] {
        var parts = ["attribute_exists(\(name(table.partition)))"]
        for (attribute, value) in item { parts.append("\(name(attribute)) = \(self.value(value))") }
        return parts
    }

    private mutating func atMost(_ numbers: [String: Int64]) -> [String] {
        var parts: [String] = []
        for (attribute, number) in numbers {
            let name = name(attribute)
            parts.append("(attribute_not_exists(\(name)) OR \(name) <= \(value(.number(number))))")
        }
        return parts
    }

    mutating func update(_ change: Change) -> String {
        var parts: [String] = []
        var sets: [String] = []
        for (attribute, value) in change.set { sets.append("\(name(attribute)) = \(self.value(value))") }
        if !sets.isEmpty { parts.append("SET " + sets.joined(separator: ", ")) }
        var adds: [String] = []
        for (attribute, number) in change.add { adds.append("\(name(attribute)) \(value(.number(number)))") }
        if !adds.isEmpty { parts.append("ADD " + adds.joined(separator: ", ")) }
        var removals: [String] = []
        for attribute in change.remove { removals.append(name(attribute)) }
        if !removals.isEmpty { parts.append("REMOVE " + removals.joined(separator: ", ")) }
        return parts.joined(separator: " ")
    }

    mutating func keys(_ query: Query) -> String {
        let partition = query.isIndexed ? Table.listing : query.table.partition
        let first = "\(name(partition)) = \(value(.text(query.collection)))"
        guard let sort = query.isIndexed ? query.table.indexed : query.table.sort else { return first }
        switch query.bounds {
        case .numbers(let low, let high):
            let low = value(.number(Int64(clamping: low)))
            return "\(first) AND \(name(sort)) BETWEEN \(low) AND \(value(.number(Int64(clamping: high))))"
        case .prefix(""), .after(nil), .after(""): return first
        case .prefix(let prefix): return "\(first) AND begins_with(\(name(sort)), \(value(.text(prefix))))"
        case .after(let text?): return "\(first) AND \(name(sort)) > \(value(.text(text)))"
        }
    }
}
