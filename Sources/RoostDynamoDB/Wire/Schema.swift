import RoostCore

/// Making and checking the tables.
struct Schema {
    /// A new table is asked after so often, in milliseconds, and so many times.
    static let pollMs: Int64 = 500
    static let polls = 240

    let tables: DynamoTables
    let world: StoreWorld

    /// Names of tables that don't exist, with their prefix.
    func missing() async throws(TableError) -> [String] {
        var missing: [String] = []
        for table in Table.allCases where try await status(table) == nil { missing.append(tables.name(table)) }
        return missing
    }

    /// Creates what is missing and waits until it can be used; the names of what was created.
    func create() async throws(TableError) -> [String] {
        var created: [String] = []
        for table in Table.allCases {
            let status = try await status(table)
            if status == "ACTIVE" { continue }
            if status != nil {
                try await waitUntilActive(table)
                continue
            }
            do throws(TableError) {
                try await world.patiently { () async throws(TableError) in
                    _ = try await tables.call("CreateTable", Schema.definition(of: table, tables.name(table)))
                }
            } catch {
                // Another node may be doing the same.
                guard error.detail.hasPrefix("ResourceInUseException") else { throw error }
            }
            try await waitUntilActive(table)
            created.append(tables.name(table))
        }
        return created
    }

    private func waitUntilActive(_ table: Table) async throws(TableError) {
        for _ in 0..<Schema.polls {
            if try await status(table) == "ACTIVE" { return }
            await world.pause(Schema.pollMs)
        }
        throw TableError(.unsure, "the table \(tables.name(table)) is not active yet")
    }

    /// Nil if there is no such table.
    private func status(_ table: Table) async throws(TableError) -> String? {
        do throws(TableError) {
            return try await world.patiently { () async throws(TableError) in
                let answer = try await tables.call(
                    "DescribeTable", [("TableName", JSONText.quoted(tables.name(table)))])
                return answer.text("Table", "TableStatus")
            }
        } catch {
            guard error.detail.hasPrefix("ResourceNotFoundException") else { throw error }
            return nil
        }
    }

    private static func definition(of table: Table, _ name: String) -> [(String, String)] {
        var types = [(table.partition, "S")]
        var keys = [(table.partition, "HASH")]
        if let sort = table.sort {
            types.append((sort, table == .messages ? "N" : "S"))
            keys.append((sort, "RANGE"))
        }
        var body = [("TableName", JSONText.quoted(name)), ("BillingMode", "\"PAY_PER_REQUEST\"")]
        if let indexed = table.indexed {
            types.append((Table.listing, "S"))
            let index = JSONText.object([
                ("IndexName", JSONText.quoted(Table.listing)),
                ("KeySchema", schema([(Table.listing, "HASH"), (indexed, "RANGE")])),
                ("Projection", "{\"ProjectionType\":\"KEYS_ONLY\"}"),
            ])
            body.append(("GlobalSecondaryIndexes", JSONText.array([index])))
        }
        let attributes = types.map { name, type in
            JSONText.object([("AttributeName", JSONText.quoted(name)), ("AttributeType", JSONText.quoted(type))])
        }
        return body + [("AttributeDefinitions", JSONText.array(attributes)), ("KeySchema", schema(keys))]
    }

    private static func schema(_ keys: [(String, String)]) -> String {
        JSONText.array(
            keys.map { name, type in
                JSONText.object([("AttributeName", JSONText.quoted(name)), ("KeyType", JSONText.quoted(type))])
            })
    }
}
