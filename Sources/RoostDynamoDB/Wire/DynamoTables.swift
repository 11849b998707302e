import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import RoostCore
import RoostEngine

/// The tables in DynamoDB, by its HTTP interface; each call is tried once.
final class DynamoTables: Tables {
    /// Keys asked for in one request.
    static let batchKeys = 100
    /// The largest answer: DynamoDB sends 16 MB at most, of which binaries take a third more in JSON.
    static let maxAnswer = 32 << 20

    let place: DynamoDBPlace
    private let client: HTTPClient
    private let credentials: CredentialsSource
    private let signer: Signer
    private let wall: @Sendable () -> Timestamp
    private let timeoutMs: Int64

    /// - Parameter timeoutMs: after this, an answer is not waited for any longer, in milliseconds.
    init(
        _ place: DynamoDBPlace, client: HTTPClient, credentials: CredentialsSource,
        wall: @escaping @Sendable () -> Timestamp, timeoutMs: Int64
    ) {
        self.place = place
        self.client = client
        self.credentials = credentials
        self.wall = wall
        self.timeoutMs = timeoutMs
        signer = Signer(region: place.region, service: "dynamodb")
    }

    func name(_ table: Table) -> String { place.prefix + table.rawValue }

    func get(_ keys: [Key], from table: Table) async throws(TableError) -> [Item] {
        if keys.count == 1 {
            let body = [
                ("TableName", JSONText.quoted(name(table))), ("Key", JSONText.item(keys[0].item(in: table))),
                ("ConsistentRead", "true"),
            ]
            return try await call("GetItem", body).item("Item").map { [$0] } ?? []
        }
        var items: [Item] = []
        var rest = Array(Set(keys)).map { $0.item(in: table) }
        while !rest.isEmpty {
            let piece = rest.prefix(DynamoTables.batchKeys)
            rest.removeFirst(piece.count)
            let wanted = JSONText.object([
                ("Keys", JSONText.array(piece.map { JSONText.item($0) })), ("ConsistentRead", "true"),
            ])
            let answer = try await call(
                "BatchGetItem", [("RequestItems", JSONText.object([(name(table), wanted)]))])
            items += try answer.responses(of: name(table))
            let left = try answer.unprocessed(of: name(table))
            if left.count == piece.count {
                throw TableError(.throttled, "DynamoDB gives none of the items asked for at the moment")
            }
            rest += left
        }
        return items
    }

    func put(_ item: Item, into table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await write("PutItem", [("Item", JSONText.item(item))], table, Expressions(), condition)
    }

    func update(_ change: Change, in table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        var expressions = Expressions()
        let update = expressions.update(change)
        var body = [("Key", JSONText.item(change.key.item(in: table))), ("ReturnValues", "\"ALL_NEW\"")]
        if !update.isEmpty { body.append(("UpdateExpression", JSONText.quoted(update))) }
        return try await write("UpdateItem", body, table, expressions, condition)
    }

    func delete(_ key: Key, from table: Table, if condition: Condition) async throws(TableError) -> Outcome {
        try await write("DeleteItem", [("Key", JSONText.item(key.item(in: table)))], table, Expressions(), condition)
    }

    func query(_ query: Query) async throws(TableError) -> Page {
        var expressions = Expressions()
        let keys = expressions.keys(query)
        var body = [
            ("TableName", JSONText.quoted(name(query.table))), ("KeyConditionExpression", JSONText.quoted(keys)),
            ("Limit", "\(query.limit)"), ("ScanIndexForward", "\(query.isAscending)"),
        ]
        // An index can't be read consistently.
        body.append(query.isIndexed ? ("IndexName", JSONText.quoted(Table.listing)) : ("ConsistentRead", "true"))
        let answer = try await call("Query", body + expressions.members)
        return Page(items: try answer.items("Items"), hasMore: answer.has("LastEvaluatedKey"))
    }

    private func write(
        _ operation: String, _ body: [(String, String)], _ table: Table, _ expressions: Expressions,
        _ condition: Condition
    ) async throws(TableError) -> Outcome {
        var expressions = expressions
        var body = body + [("TableName", JSONText.quoted(name(table)))]
        if let text = expressions.condition(condition, of: table) {
            body.append(("ConditionExpression", JSONText.quoted(text)))
            body.append(("ReturnValuesOnConditionCheckFailure", "\"ALL_OLD\""))
        }
        let (status, answer) = try await exchange(operation, body + expressions.members)
        if status == 400, answer.errorName == "ConditionalCheckFailedException" {
            return .refused(try answer.item("Item"))
        }
        try DynamoTables.check(status, answer, name(table))
        return .done(try answer.item("Attributes"))
    }

    /// Calls an operation that has no condition.
    func call(_ operation: String, _ body: [(String, String)]) async throws(TableError) -> JSONAnswer {
        let (status, answer) = try await exchange(operation, body)
        try DynamoTables.check(status, answer, place.prefix + "…")
        return answer
    }

    private func exchange(
        _ operation: String, _ body: [(String, String)]
    ) async throws(TableError) -> (Int, JSONAnswer) {
        let text = Array(JSONText.object(body).utf8)
        var isSecond = false
        while true {
            let used = try await credentials.credentials(at: wall())
            let (status, bytes) = try await send(operation, text, used)
            guard let answer = JSONAnswer(bytes) else {
                throw TableError(.unsure, "the answer \(status) of \(place.url) is not DynamoDB's")
            }
            let hasEnded = ["ExpiredTokenException", "ExpiredToken"].contains(answer.errorName)
            guard status == 400, hasEnded, !isSecond else { return (status, answer) }
            isSecond = true
            credentials.reject(used)
        }
    }

    private func send(
        _ operation: String, _ body: [UInt8], _ credentials: AWSCredentials
    ) async throws(TableError) -> (Int, [UInt8]) {
        let date = AWSDate.basic(wall())
        var headers = [
            ("content-type", "application/x-amz-json-1.0"), ("host", place.host), ("x-amz-date", date),
            ("x-amz-target", "DynamoDB_20120810.\(operation)"),
        ]
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
        let signed = SigningRequest(headers: headers, body: body)
        headers.append(("authorization", signer.authorization(signed, credentials, date: date)))
        var request = HTTPClientRequest(url: place.url)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(body)
        do {
            return try await request.ask(client, within: timeoutMs, most: DynamoTables.maxAnswer)
        } catch {
            throw DynamoTables.failure(error, place)
        }
    }

    private static func failure(_ error: any Error, _ place: DynamoDBPlace) -> TableError {
        // Nobody refuses a connection that is there.
        if (error as? IOError)?.errnoCode == ECONNREFUSED {
            return TableError(.unreachable, "\(place.url) can't be reached: Connection refused")
        }
        let isUnsent =
            error is NIOConnectionError || (error as? HTTPClientError) == .connectTimeout
            || (error as? HTTPClientError) == .getConnectionFromPoolTimeout
        return isUnsent
            ? TableError(.unreachable, "\(place.url) can't be reached: \(error)")
            : TableError(.unsure, "no answer from \(place.url): \(error)")
    }
}
