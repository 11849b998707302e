import HTTPTypes
import Hummingbird
import NIOCore
import RoostCore
import RoostWire

/// An answer whose JSON `write` puts down.
func jsonResponse(
    _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], _ write: (inout ByteBuffer) -> Void
) -> Response {
    var out = ByteBuffer()
    write(&out)
    var headers = headers
    headers[.contentType] = "application/json; charset=utf-8"
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: out))
}

extension Request {
    /// Reads the body as one JSON object and hands its fields to `read`.
    func withFields<Result>(
        upTo limit: Int, _ read: (JSONFields) throws -> Result
    ) async throws -> Result {
        try await withBody(upTo: limit) { bytes in
            let fields: JSONFields
            do throws(JSONScanner.Problem) {
                fields = try JSONFields(bytes)
            } catch {
                throw Problem(.badFrame, "The body is not one JSON object.")
            }
            return try read(fields)
        }
    }

    /// Reads the body as a JSON list of at most `most` objects and hands the fields of each to `read`.
    func withList<Result>(
        upTo limit: Int, most: Int, _ read: ([JSONFields]) throws -> Result
    ) async throws -> Result {
        try await withBody(upTo: limit) { bytes in
            guard let elements = JSONFields.elements(of: bytes) else {
                throw Problem(.badFrame, "The body is not a JSON list.")
            }
            guard elements.count <= most else { throw Problem(.tooLarge, "A list may have \(most) entries at most.") }
            return try read(
                elements.map { element in
                    guard let fields = try? JSONFields(element) else {
                        throw Problem(.badFrame, "Every entry of the list must be an object.")
                    }
                    return fields
                })
        }
    }

    private func withBody<Result>(
        upTo limit: Int, _ read: (UnsafeRawBufferPointer) throws -> Result
    ) async throws -> Result {
        let tooLarge = Problem(.tooLarge, "A request's body may have \(limit) bytes at most.")
        // What is announced need not be waited for.
        if limit > 0, let length = headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        let body: ByteBuffer
        do {
            body = try await self.body.collect(upTo: limit > 0 ? limit : Int.max)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
        return try body.withUnsafeReadableBytes { bytes in
            guard UTF8Validator.isValid(bytes) else { throw Problem(.badFrame, "The body is not UTF-8.") }
            return try read(bytes)
        }
    }

    /// A parameter of the query, percent-decoded; nil if absent or empty.
    func query(_ name: Substring) -> String? {
        uri.queryParameters[name].flatMap { $0.isEmpty ? nil : String($0) }
    }

    /// `limit` of a list: what was asked for, clamped to the most there is.
    func limit(usual: Int, most: Int) throws -> Int {
        guard let text = query("limit") else { return min(usual, most) }
        guard let limit = Int(text), limit > 0 else {
            throw Problem(.invalid, "limit must be a whole number of 1 or more.")
        }
        return min(limit, most)
    }

    /// The header for the next page: this request's own address with other parameters.
    func nextLink(_ changes: [(name: Substring, value: String?)]) -> HTTPFields {
        let changed = Set(changes.map(\.name))
        var pairs: [String] = uri.queryParameters.compactMap { key, value in
            // A token has no place in an address that is shown.
            changed.contains(key) || key == "token"
                ? nil : "\(percentEncoded(String(key)))=\(percentEncoded(String(value)))"
        }
        pairs += changes.compactMap { change in change.value.map { "\(change.name)=\(percentEncoded($0))" } }
        return [.link: "<\(uri.path)?\(pairs.joined(separator: "&"))>; rel=\"next\""]
    }
}

extension HTTPField.Name {
    static let link = HTTPField.Name("Link").unsafelyUnwrapped
}

/// Escapes everything but the unreserved characters of RFC 3986.
private func percentEncoded(_ text: String) -> String {
    text.utf8.map { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: ":"):
            String(UnicodeScalar(byte))
        default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }.joined()
}
