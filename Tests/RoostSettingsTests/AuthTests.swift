import Testing

@testable import RoostSettings

@Suite struct AuthTests {
    private static let secret = "0123456789abcdef0123456789abcdef"

    @Test func secretInThreePlaces() throws {
        let files = ["/run/jwt": " \(Self.secret)\n"]
        for loaded in [
            try load(["--auth", "jwt", "--jwt-secret", Self.secret]),
            try load([], ["ROOST_AUTH": "jwt", "ROOST_JWT_SECRET": Self.secret]),
            try load([], ["ROOST_AUTH": "jwt", "ROOST_JWT_SECRET_FILE": "/run/jwt"], files: files),
            try load(yaml: "auth: jwt\njwtSecret: \(Self.secret)"),
        ] {
            #expect(loaded.settings.auth == .jwt)
            #expect(loaded.settings.jwtSecret == Self.secret)
            #expect(loaded.warnings.isEmpty)
            #expect(!loaded.printed().contains(Self.secret))
            #expect(loaded.printed().contains("\njwtSecret: \"***\""))
        }
        let overridden = try load(
            ["--jwt-secret", Self.secret], ["ROOST_JWT_SECRET": "b"], yaml: "auth: jwt\njwtSecret: c")
        #expect(overridden.settings.jwtSecret == Self.secret)
        #expect(overridden.origins["jwtSecret"] == .flag("--jwt-secret"))
    }

    @Test func tokensNeedASecret() {
        let rule =
            "jwt: needs the secret that tokens are signed with; set --jwt-secret, ROOST_JWT_SECRET or "
            + "ROOST_JWT_SECRET_FILE"
        expectError(78, "--auth \(rule)", ["--auth", "jwt"])
        expectError(78, "ROOST_AUTH \(rule)", [], ["ROOST_AUTH": "jwt"])
        expectError(78, "auth (roost.yaml line 1) \(rule)", yaml: "auth: jwt")
        expectError(78, "--auth jtw: must be anonymous or jwt; did you mean jwt?", ["--auth", "jtw"])
    }

    @Test func emptySecretsAreRefused() {
        let rule = "is empty; leave it out where there is none"
        expectError(78, "--jwt-secret: \(rule)", ["--jwt-secret="])
        expectError(78, "ROOST_JWT_SECRET: \(rule)", [], ["ROOST_JWT_SECRET": ""])
        expectError(78, "ROOST_JWT_SECRET_FILE=f: \(rule)", [], ["ROOST_JWT_SECRET_FILE": "f"], files: ["f": "\n"])
        expectError(
            78,
            "jwtSecret (roost.yaml line 1): must be a text of 32 bytes or more that nobody can guess, not this list",
            yaml: "jwtSecret: [a]")
    }

    @Test func shortSecretsAreWarnedOf() throws {
        let advice =
            "is shorter than 32 bytes, so that whoever has a token could find it by trying; "
            + "`openssl rand -base64 32` makes one"
        let short = String(Self.secret.dropLast())
        let byFlag = try load(["--auth=jwt", "--jwt-secret", short])
        #expect(byFlag.settings.jwtSecret == short)
        #expect(byFlag.warnings.map(\.message) == ["--jwt-secret \(advice)"])
        let byFile = try load([], ["ROOST_NOTHING_KNOWN": ""], yaml: "auth: jwt\njwtSecret: \(short)")
        #expect(
            byFile.warnings.map(\.message) == [
                "ROOST_NOTHING_KNOWN is no variable that roost knows; it is ignored",
                "jwtSecret (roost.yaml line 2) \(advice)",
            ])
    }

    @Test func aSecretThatNobodyUsesIsWarnedOf() throws {
        let warnings = try load([], ["ROOST_JWT_SECRET": Self.secret]).warnings
        #expect(
            warnings.map(\.message) == [
                "ROOST_JWT_SECRET is set, but tokens are not looked at in anonymous mode; --auth jwt asks for them"
            ])
    }
}
