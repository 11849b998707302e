import RoostWire

/// A token taken apart (JWS compact serialization, RFC 7515). Nothing that it says is to be believed yet.
public struct Token: Sendable, Equatable {
    /// Longer ones are refused unread.
    public static let maxBytes = 8192

    /// How it says that it is signed: `HS256`.
    public let algorithm: String
    /// What is signed: header and payload as they stand in the token.
    let signed: [UInt8]
    let signature: [UInt8]
    private let payload: [UInt8]

    /// Throws `bad` for what has not the form of a token.
    public init(_ text: String) throws(TokenError) {
        guard text.utf8.count <= Token.maxBytes else {
            throw .bad(reason: "The token is longer than \(Token.maxBytes) bytes.")
        }
        let bytes = Array(text.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw .bad(reason: "This is no token (JWT): it must be three parts with a dot between each.")
        }
        let header = try Token.decoded(parts[0], "header")
        algorithm = try Token.algorithm(header)
        payload = try Token.decoded(parts[1], "payload")
        signature = try Token.decoded(parts[2], "signature")
        signed = Array(bytes[..<parts[1].endIndex])
    }

    /// What the token says, whoever signed it; throws `bad` where that is not what it may say.
    public func claims() throws(TokenError) -> TokenClaims {
        try Token.withFields(payload, "payload", TokenClaims.read).get()
    }

    private static func decoded(_ part: ArraySlice<UInt8>, _ name: String) throws(TokenError) -> [UInt8] {
        guard let bytes = Base64URL.decode(part) else {
            throw .bad(reason: "The token's \(name) is no base64url text; it may have been cut off or changed.")
        }
        return bytes
    }

    private static func algorithm(_ header: [UInt8]) throws(TokenError) -> String {
        try withFields(header, "header") { fields in
            // Extensions that must be understood (RFC 7515, section 4.1.11); none are.
            if fields.raw("crit") != nil {
                return .failure(
                    .bad(reason: "The token's header asks for extensions (crit) that this server does not have."))
            }
            guard let algorithm = try? fields.string("alg"), !algorithm.isEmpty else {
                return .failure(.bad(reason: "The token's header does not say how it is signed (alg)."))
            }
            return .success(algorithm)
        }.get()
    }

    private static func withFields<Value>(
        _ json: [UInt8], _ name: String, _ read: (JSONFields) -> Result<Value, TokenError>
    ) -> Result<Value, TokenError> {
        json.withUnsafeBytes { bytes in
            guard UTF8Validator.isValid(bytes), let fields = try? JSONFields(bytes) else {
                return .failure(.bad(reason: "The token's \(name) is no JSON object."))
            }
            return read(fields)
        }
    }
}
