import RoostCore
import Testing

@testable import RoostAuth

@Suite struct SignatureTests {
    private static let wrong = "The token's signature is wrong: made with another secret, or the token was changed."

    /// A token that another implementation made: the example of jwt.io, whose secret is `your-256-bit-secret`.
    @Test func aTokenOfSomebodyElse() async throws {
        let token =
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
            + "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
            + "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
        let who = try await verify(token, secret: "your-256-bit-secret")
        #expect(who == SignedIn(user: try user("1234567890"), name: "John Doe", grants: .all, expiresAt: nil))
        await expectBad(token, Self.wrong)
    }

    /// RFC 7515, appendix A.1: with line breaks in header and payload, and a key of bytes that are no text.
    @Test func theExampleOfTheStandard() async throws {
        let key = try #require(
            Base64URL.decode(
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow".utf8))
        let token = try Token(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                + "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
                + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        let verifier = TokenVerifier(key: try await SigningKey(bytes: key))
        #expect(throws: Never.self) { try verifier.checkSignature(of: token) }
        #expect(throws: TokenError.bad(reason: "The token does not say whose it is (sub).")) { try token.claims() }
        let other = TokenVerifier(key: try await SigningKey(bytes: key.dropLast() + [0]))
        #expect(throws: TokenError.bad(reason: Self.wrong)) { try other.checkSignature(of: token) }
    }

    @Test(arguments: ["s", "0123456789abcdef0123456789abcde", secret, String(repeating: "ä€🐦", count: 100)])
    func secretsOfAnyLength(_ key: String) async throws {
        #expect(try await verify(token(#"{"sub":"alice"}"#, key: key), secret: key).user == user())
        await #expect(throws: TokenError.bad(reason: Self.wrong)) {
            try await verify(token(#"{"sub":"alice"}"#, key: key + "x"), secret: key)
        }
    }

    @Test(arguments: ["none", "None", "HS512", "HS384", "RS256", "ES256", "EdDSA", "hs256", "HS256 "])
    func otherAlgorithmsAreRefused(_ algorithm: String) async {
        let header = #"{"alg":"\#(algorithm)"}"#
        let reason = "The token is signed with \(algorithm); this server takes HS256 only."
        await expectBad(token(#"{"sub":"alice"}"#, header: header), reason)
        let unsigned = base64URL(header.utf8) + "." + base64URL(#"{"sub":"alice"}"#.utf8) + "."
        await expectBad(unsigned, reason)
    }

    @Test func anEmptySignatureIsWrong() async {
        await expectBad(base64URL(#"{"alg":"HS256"}"#.utf8) + "." + base64URL(#"{"sub":"a"}"#.utf8) + ".", Self.wrong)
    }

    @Test(arguments: [
        (#"{}"#, "The token's header does not say how it is signed (alg)."),
        (#"{"alg":null}"#, "The token's header does not say how it is signed (alg)."),
        (#"{"alg":7}"#, "The token's header does not say how it is signed (alg)."),
        (#"{"alg":""}"#, "The token's header does not say how it is signed (alg)."),
        (#"["HS256"]"#, "The token's header is no JSON object."), ("", "The token's header is no JSON object."),
        (#"{"alg":"HS256"}}"#, "The token's header is no JSON object."),
        (
            #"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            "The token's header asks for extensions (crit) that this server does not have."
        ),
        (
            #"{"alg":"\u001b[2J\u202e\#(String(repeating: "x", count: 99))"}"#,
            #"The token is signed with \u{1B}[2J\u{202E}xxxxxxxxxxxxxxx…; this server takes HS256 only."#
        ),
    ])
    func badHeaders(_ header: String, _ reason: String) async {
        await expectBad(token(#"{"sub":"alice"}"#, header: header), reason)
    }

    @Test(arguments: ["", ".", "a.b", "a.b.c.d", "hello", "Bearer x", "\n", "🐦"])
    func whatIsNoToken(_ text: String) async {
        await expectBad(text, "This is no token (JWT): it must be three parts with a dot between each.")
    }

    @Test func badEncoding() async {
        func reason(_ part: String) -> String {
            "The token's \(part) is no base64url text; it may have been cut off or changed."
        }
        let parts = token(#"{"sub":"alice"}"#).split(separator: ".")
        await expectBad("e=.\(parts[1]).\(parts[2])", reason("header"))
        await expectBad("\(parts[0]).\(parts[1])+.\(parts[2])", reason("payload"))
        await expectBad("\(parts[0]).\(parts[1]).\(parts[2])=", reason("signature"))
        // 43 letters stand for 32 bytes; of the last, two bits must not be set.
        await expectBad("\(parts[0]).\(parts[1]).\(parts[2].dropLast())B", reason("signature"))
        await expectBad("\(parts[0]).\(parts[1]).\(parts[2]) ", reason("signature"))
    }

    @Test func longTokensAreRefusedUnread() async throws {
        let reason = "The token is longer than 8192 bytes."
        await expectBad(String(repeating: "a", count: 8193), reason)
        await expectBad(token(#"{"sub":"alice","x":"\#(String(repeating: "x", count: 8192))"}"#), reason)
        let long = token(#"{"sub":"alice","x":"\#(String(repeating: "x", count: 6000))"}"#)
        #expect(long.utf8.count > 8000 && long.utf8.count <= 8192)
        #expect(try await verify(long).user == user())
    }

    @Test func theSignatureIsCheckedFirst() async {
        await expectBad(token("rubbish", key: "another"), Self.wrong)
        await expectBad(token(#"{"sub":"alice","exp":1}"#, key: "another"), Self.wrong)
    }
}
