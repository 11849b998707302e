import Foundation
import RoostCore

/// The content of a message: any JSON value, which comes out byte for byte as it went in.
public struct RoostContent: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    let raw: RawJSON

    init(_ raw: RawJSON) { self.raw = raw }

    /// JSON text as it is.
    /// - Throws: `invalid`, if it is no JSON.
    public init(json: String) throws {
        let data = Data(json.utf8)
        guard (try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)) != nil else {
            throw RoostError(.invalid, "The content is no JSON.")
        }
        raw = RawJSON(validated: Array(data))
    }

    /// The caller vouches that it is JSON.
    package init(validated json: String) { raw = RawJSON(validated: Array(json.utf8)) }

    /// A plain text, as the web chat and `roost chat` write it.
    public init(text: String) {
        // A string has an encoding, always.
        raw = RawJSON(validated: Array((try? RoostContent.encode(text)) ?? Data("\"\"".utf8)))
    }

    public init(stringLiteral text: String) { self.init(text: text) }

    /// - Throws: what the value's own encoding throws.
    public init(_ value: some Encodable) throws { raw = RawJSON(validated: Array(try RoostContent.encode(value))) }

    private static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    /// Reads the content as a type of yours.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(raw.bytes))
    }

    /// The text, if the content is a plain one.
    public var text: String? { try? decode(String.self) }

    /// The JSON as it was written.
    public var json: String { String(decoding: raw.bytes, as: UTF8.self) }

    /// Bytes of the JSON.
    package var byteCount: Int { raw.bytes.count }

    public var description: String { text ?? json }
}
