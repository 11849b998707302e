internal import Crypto

/// AWS Signature Version 4 of a request
/// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
package struct SigningRequest: Sendable {
    package var method: String
    /// The path, encoded as it is sent; DynamoDB knows `/` only.
    package var path: String
    /// Names and values as they are before encoding.
    package var query: [(String, String)]
    /// `host` and whatever else is to be signed.
    package var headers: [(String, String)]
    package var body: [UInt8]

    package init(
        method: String = "POST", path: String = "/", query: [(String, String)] = [], headers: [(String, String)],
        body: [UInt8]
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// What is hashed for the signature.
    package var canonical: String {
        let fields = query.map { (SigningRequest.encode($0.0), SigningRequest.encode($0.1)) }.sorted { $0 < $1 }
        let text = fields.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        let lines = canonicalHeaders.map { "\($0.0):\($0.1)\n" }.joined()
        return [method, path, text, lines, signedHeaders, hex(SHA256.hash(data: body))].joined(separator: "\n")
    }

    var signedHeaders: String { canonicalHeaders.map(\.0).joined(separator: ";") }

    /// By name, in lower case, values of the same name joined, with single spaces.
    private var canonicalHeaders: [(String, String)] {
        var values: [String: [String]] = [:]
        for (name, value) in headers {
            let words = value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
            values[name.lowercased(), default: []].append(words)
        }
        return values.map { ($0.key, $0.value.joined(separator: ",")) }.sorted { $0.0 < $1.0 }
    }

    /// Everything but letters, digits and `-_.~` as `%XX` of its UTF-8.
    private static func encode(_ text: String) -> String {
        text.utf8.reduce(into: "") { encoded, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%" + hex([byte]).uppercased()
            }
        }
    }
}

/// Signs requests to one service in one region.
package struct Signer: Sendable {
    package let region: String
    package let service: String

    package init(region: String, service: String) {
        self.region = region
        self.service = service
    }

    /// The value of the header `authorization`.
    /// - Parameter date: now in UTC, as `20150830T123600Z`; the same as in the request's header `x-amz-date`.
    package func authorization(_ request: SigningRequest, _ credentials: AWSCredentials, date: String) -> String {
        let scope = "\(date.prefix(8))/\(region)/\(service)/aws4_request"
        let signature = hex(
            Signer.code(key(credentials, day: String(date.prefix(8))), stringToSign(request, date: date)))
        return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), "
            + "SignedHeaders=\(request.signedHeaders), Signature=\(signature)"
    }

    package func stringToSign(_ request: SigningRequest, date: String) -> String {
        let scope = "\(date.prefix(8))/\(region)/\(service)/aws4_request"
        let hash = hex(SHA256.hash(data: Array(request.canonical.utf8)))
        return "AWS4-HMAC-SHA256\n\(date)\n\(scope)\n\(hash)"
    }

    private func key(_ credentials: AWSCredentials, day: String) -> [UInt8] {
        let first = Array("AWS4\(credentials.secretAccessKey)".utf8)
        return [day, region, service, "aws4_request"].reduce(first) { Signer.code($0, $1) }
    }

    private static func code(_ key: [UInt8], _ text: String) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
    }
}

/// Lower-case hexadecimal digits.
func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
