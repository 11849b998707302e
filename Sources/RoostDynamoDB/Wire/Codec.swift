import Foundation

/// DynamoDB's JSON: values carry their type (`{"S":"x"}`, `{"N":"1"}`, `{"B":"base64"}`).
enum JSONText {
    static func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case _ where scalar.value < 0x20:
                text += "\\u00" + hex([UInt8(scalar.value)])
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    static func value(_ value: Value) -> String {
        switch value {
        case .text(let text): "{\"S\":\(quoted(text))}"
        case .number(let number): "{\"N\":\"\(number)\"}"
        case .bytes(let bytes): "{\"B\":\"\(Data(bytes).base64EncodedString())\"}"
        }
    }

    static func item(_ item: Item) -> String {
        object(item.map { ($0.key, value($0.value)) })
    }

    /// An object of members that are JSON already.
    static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\(quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }

    static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }
}

/// An answer of DynamoDB, read.
struct JSONAnswer {
    private let members: [String: Any]

    /// Nil if the bytes are no JSON object.
    init?(_ bytes: [UInt8]) {
        guard let any = try? JSONSerialization.jsonObject(with: Data(bytes)), let members = any as? [String: Any]
        else { return nil }
        self.members = members
    }

    func has(_ name: String) -> Bool { members[name] != nil }

    func text(_ name: String) -> String? { members[name] as? String }

    /// The name of an error without its name space, `ThrottlingException`.
    var errorName: String? {
        text("__type").map { $0.split(separator: "#").last.map(String.init) ?? $0 }
    }

    var errorMessage: String? { text("message") ?? text("Message") }

    func item(_ name: String) throws(TableError) -> Item? {
        guard let any = members[name] else { return nil }
        return try JSONAnswer.item(any)
    }

    func items(_ name: String) throws(TableError) -> [Item] {
        guard let list = members[name] as? [Any] else { return [] }
        var items: [Item] = []
        for any in list { items.append(try JSONAnswer.item(any)) }
        return items
    }

    /// The items of a batch answer, by table.
    func responses(of table: String) throws(TableError) -> [Item] {
        guard let tables = members["Responses"] as? [String: Any], let list = tables[table] as? [Any] else { return [] }
        var items: [Item] = []
        for any in list { items.append(try JSONAnswer.item(any)) }
        return items
    }

    /// The keys of a batch that were not seen to.
    func unprocessed(of table: String) throws(TableError) -> [Item] {
        guard let tables = members["UnprocessedKeys"] as? [String: Any],
            let rest = tables[table] as? [String: Any], let keys = rest["Keys"] as? [Any]
        else { return [] }
        var items: [Item] = []
        for any in keys { items.append(try JSONAnswer.item(any)) }
        return items
    }

    /// A text inside of an object inside of the answer.
    func text(_ name: String, _ inner: String) -> String? { (members[name] as? [String: Any])?[inner] as? String }

    private static func item(_ any: Any) throws(TableError) -> Item {
        guard let attributes = any as? [String: Any] else { throw strange(any) }
        var item: Item = [:]
        for (name, value) in attributes {
            guard let typed = value as? [String: Any] else { throw strange(value) }
            if let text = typed["S"] as? String {
                item[name] = .text(text)
            } else if let number = (typed["N"] as? String).flatMap({ Int64($0) }) {
                item[name] = .number(number)
            } else if let bytes = (typed["B"] as? String).flatMap({ Data(base64Encoded: $0) }) {
                item[name] = .bytes(Array(bytes))
            } else {
                throw strange(value)
            }
        }
        return item
    }

    private static func strange(_ any: Any) -> TableError {
        TableError(.unexpected, "DynamoDB answered with an attribute that no Roost wrote: \("\(any)".prefix(100))")
    }
}
