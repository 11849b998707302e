import Crypto
import RoostAuth
import RoostCore
import Testing

let secret = "correct horse battery staple, and a little more"

/// 2026-11-21T02:30:52Z, when these tests are.
let now = Timestamp(milliseconds: 1_795_228_252_000)

/// Seconds from `now`, as a claim.
func seconds(_ offset: Int64) -> Int64 { now.milliseconds / 1000 + offset }

/// Base64url, made in another way than the one that is tested.
func base64URL(_ bytes: some Sequence<UInt8>) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let digits = bytes.map { byte in
        let binary = String(byte, radix: 2)
        return String(repeating: "0", count: 8 - binary.count) + binary
    }.joined()
    return String(
        stride(from: 0, to: digits.count, by: 6).map { start in
            let piece = digits.dropFirst(start).prefix(6)
            return alphabet[Int(piece + String(repeating: "0", count: 6 - piece.count), radix: 2) ?? 0]
        })
}

/// A token with any header and payload, signed by HMAC-SHA256 whatever its header says.
func token(_ payload: String, header: String = #"{"alg":"HS256","typ":"JWT"}"#, key: String = secret) -> String {
    let signed = base64URL(header.utf8) + "." + base64URL(payload.utf8)
    let code = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: SymmetricKey(data: Array(key.utf8)))
    return signed + "." + base64URL(code)
}

func verify(_ token: String, at time: Timestamp = now, secret: String = secret) async throws -> SignedIn {
    try await TokenVerifier(secret: secret).verify(token, at: time)
}

/// Expects the token to be refused for this reason.
func expectBad(
    _ token: String, _ reason: String, at time: Timestamp = now, sourceLocation: SourceLocation = #_sourceLocation
) async {
    await #expect(throws: TokenError.bad(reason: reason), sourceLocation: sourceLocation) {
        try await verify(token, at: time)
    }
}

func user(_ text: String = "alice") throws -> UserID { try #require(UserID(text)) }

func entry(_ match: String, _ rights: Set<Right> = Grants.usual) throws -> Grants.Entry {
    Grants.Entry(match: try #require(RoomPattern(match)), rights: rights)
}
