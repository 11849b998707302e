import RoostAuth
import RoostCore
import Testing

@Suite struct ClaimTests {
    @Test func whatATokenMaySay() async throws {
        let payload =
            #"{"iss":"https://a.example","aud":["x"],"sub":"alice","name":"Alice 🐦","iat":\#(seconds(-60)),"#
            + #""nbf":\#(seconds(-60)),"exp":\#(seconds(60)),"rooms":["team-*"],"roles":{"a":[1,2,{}]}}"#
        let who = try await verify(token(payload))
        #expect(who.user == (try user()))
        #expect(who.name == "Alice 🐦")
        #expect(who.grants == Grants([try entry("team-*")]))
        #expect(who.expiresAt == Timestamp(milliseconds: now.milliseconds + 60_000))
    }

    @Test(arguments: [#"{}"#, #"{"sub":null}"#, #"{"user":"alice"}"#])
    func missingUser(_ payload: String) async {
        await expectBad(token(payload), "The token does not say whose it is (sub).")
    }

    @Test(arguments: [#""""#, "7", "true", "{}", #"["alice"]"#, #""a\nb""#, #""\u0000""#, #""\ud800""#])
    func badUsers(_ sub: String) async {
        await expectBad(
            token(#"{"sub":\#(sub)}"#), "The token's user (sub) must be 1 to 128 bytes of plain text.")
    }

    @Test func lengthOfTheUser() async throws {
        let longest = String(repeating: "a", count: 128)
        #expect(try await verify(token(#"{"sub":"\#(longest)"}"#)).user == user(longest))
        await expectBad(
            token(#"{"sub":"\#(longest)a"}"#), "The token's user (sub) must be 1 to 128 bytes of plain text.")
    }

    @Test func names() async throws {
        for absent in [#"{"sub":"a"}"#, #"{"sub":"a","name":null}"#, #"{"sub":"a","name":""}"#] {
            #expect(try await verify(token(absent)).name == nil)
        }
        let longest = String(repeating: "n", count: 512)
        #expect(try await verify(token(#"{"sub":"a","name":"\#(longest)"}"#)).name == longest)
        for bad in [#""\#(longest)n""#, #""a\u0007""#, "5", "[]"] {
            await expectBad(
                token(#"{"sub":"a","name":\#(bad)}"#), "The token's name must be 1 to 512 bytes of plain text.")
        }
    }

    @Test func expiryAndItsLeeway() async throws {
        func text(_ offset: Int64) -> String { token(#"{"sub":"alice","exp":\#(seconds(offset))}"#) }
        for valid: Int64 in [3600, 1, 0, -1] {
            let expiresAt = Timestamp(milliseconds: now.milliseconds + valid * 1000)
            #expect(try await verify(text(valid)).expiresAt == expiresAt)
        }
        let last = Timestamp(milliseconds: now.milliseconds + TokenClaims.leewayMs - 1)
        #expect(try await verify(text(0), at: last).user == user())
        for (late, words) in [
            (2, "2 seconds"), (59, "59 seconds"), (60, "1 minute"), (3599, "59 minutes"), (7200, "2 hours"),
            (86_400, "1 day"), (seconds(0), "20778 days"),
        ] as [(Int64, String)] {
            let reason = "The token expired \(words) ago. Get a new one and connect again."
            await #expect(throws: TokenError.expired(reason: reason)) { try await verify(text(-late)) }
        }
    }

    @Test func fractionsOfSeconds() async throws {
        let who = try await verify(token(#"{"sub":"a","exp":\#(seconds(5)).25}"#))
        #expect(who.expiresAt == Timestamp(milliseconds: now.milliseconds + 5250))
        #expect(try await verify(token(#"{"sub":"a","exp":2.5e9}"#)).expiresAt?.milliseconds == 2_500_000_000_000)
    }

    @Test func validFromThenOn() async throws {
        func text(_ offset: Int64) -> String { token(#"{"sub":"alice","nbf":\#(seconds(offset))}"#) }
        for valid: Int64 in [-3600, 0, 2] { #expect(try await verify(text(valid)).user == user()) }
        await expectBad(text(3), "The token is not valid yet; it will be in 3 seconds.")
        await expectBad(text(7200), "The token is not valid yet; it will be in 2 hours.")
    }

    @Test(arguments: ["exp", "nbf", "iat"])
    func badTimes(_ claim: String) async {
        for bad in ["null", #""1795228252""#, "true", "-1", "1e300", "1795228252000", "{}"] {
            await expectBad(
                token(#"{"sub":"alice","\#(claim)":\#(bad)}"#),
                "The token's \(claim) must be a time in seconds since 1970.")
        }
    }

    @Test(arguments: ["", "null", "[]", #""sub""#, #"{"sub":"alice""#, #"{"sub":"alice"} x"#, #"{'sub':'alice'}"#])
    func payloadsThatAreNoObjects(_ payload: String) async {
        await expectBad(token(payload), "The token's payload is no JSON object.")
    }

    @Test func payloadsThatAreNoText() async {
        let text =
            base64URL(#"{"alg":"HS256"}"#.utf8) + "." + base64URL(Array(#"{"sub":"a"#.utf8) + [0xFF, 0x22, 0x7D])
        #expect(throws: TokenError.bad(reason: "The token's payload is no JSON object.")) {
            try Token(text + ".").claims()
        }
    }

    @Test func deepPayloadsAreRefused() async {
        let deep = String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)
        await expectBad(token(#"{"sub":"a","x":\#(deep)}"#), "The token's payload is no JSON object.")
    }
}
