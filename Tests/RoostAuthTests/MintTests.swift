import RoostAuth
import RoostCore
import Testing

@Suite struct MintTests {
    @Test func theBytes() async throws {
        let minted = try await TokenMinter(secret: secret).mint(
            user: user(), name: "Al \"Ice\"", grants: Grants([entry("team-*"), entry("news", [.history, .join])]),
            at: now, ttlMs: 3_600_000)
        #expect(
            minted
                == token(
                    #"{"sub":"alice","name":"Al \"Ice\"","rooms":["team-*",{"match":"news","can":["join","history"]}],"#
                        + #""iat":1795228252,"exp":1795231852}"#))
    }

    @Test func theLeast() async throws {
        let minted = try await TokenMinter(secret: secret).mint(user: user(), at: now, ttlMs: nil)
        #expect(minted == token(#"{"sub":"alice","iat":1795228252}"#))
    }

    @Test func whatIsMintedIsVerified() async throws {
        for grants in [
            Grants.all, Grants([]), Grants([try entry("*", Set(Right.allCases))]), Grants([try entry("a", [])]),
        ] {
            for key in ["short", secret] {
                let minted = try await TokenMinter(secret: key).mint(
                    user: user("ünï \"🐦\" \\"), name: "N", grants: grants, at: now, ttlMs: 1)
                let who = try await verify(minted, secret: key)
                let expiresAt = Timestamp(milliseconds: now.milliseconds + 1000)
                #expect(
                    who == SignedIn(user: try user("ünï \"🐦\" \\"), name: "N", grants: grants, expiresAt: expiresAt))
            }
        }
    }
}

@Suite struct ExplanationTests {
    private func explained(_ token: String, secret: String? = secret) async throws -> TokenExplanation {
        var verifier: TokenVerifier?
        if let secret { verifier = try await TokenVerifier(secret: secret) }
        return TokenExplanation(token, verifier: verifier, at: now)
    }

    @Test func aGoodToken() async throws {
        let payload =
            #"{"sub":"alice","name":"Alice","iat":\#(seconds(-60)),"nbf":\#(seconds(-60)),"exp":\#(seconds(3599)),"#
            + #""rooms":{"team-*":["publish","join"],"x":[]}}"#
        let explanation = try await explained(token(payload))
        #expect(explanation.isValid)
        #expect(
            explanation.text == """
                signature   right (HS256)
                user        alice
                name        Alice
                rooms       team-*: join, publish
                rooms       x: nothing
                issued      1 minute ago (2026-11-21T02:29:52.000Z)
                valid from  1 minute ago (2026-11-21T02:29:52.000Z)
                expires     in 59 minutes (2026-11-21T03:30:51.000Z)
                valid       yes

                """)
    }

    @Test func withoutASecretNothingIsSure() async throws {
        let explanation = try await explained(token(#"{"sub":"alice"}"#), secret: nil)
        #expect(!explanation.isValid)
        #expect(
            explanation.text == """
                signature   not checked: no secret given (HS256)
                user        alice
                rooms       every room: join, publish, history, presence
                expires     never
                valid       not known, since the signature was not checked

                """)
    }

    @Test func anExpiredTokenOfSomebodyElse() async throws {
        let explanation = try await explained(
            token(#"{"sub":"al\u009bice","rooms":[],"exp":\#(seconds(-180))}"#, key: "another"))
        #expect(!explanation.isValid)
        #expect(
            explanation.text == """
                signature   wrong (HS256)
                user        al\\u{009B}ice
                rooms       none
                expires     expired 3 minutes ago (2026-11-21T02:27:52.000Z)
                valid       no. The token's signature is wrong: made with another secret, or the token was changed.

                """)
    }

    @Test func bad() async throws {
        #expect(
            try await explained("hello").text
                == "valid       no. This is no token (JWT): it must be three parts with a dot between each.\n")
        let late = try await explained(token(#"{"sub":"alice","exp":\#(seconds(-3))}"#))
        #expect(
            late.text.hasSuffix("valid       no. The token expired 3 seconds ago. Get a new one and connect again.\n"))
        #expect(!late.isValid)
        let other = try await explained(token(#"{"sub":"alice"}"#, header: #"{"alg":"none"}"#), secret: nil)
        #expect(other.text.hasPrefix("signature   not checked: no secret given (none)\n"))
    }
}
