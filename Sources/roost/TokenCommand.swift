import ArgumentParser
import RoostAuth
import RoostCore
import RoostSettings

/// `roost token`: mints a token; `roost token check` explains one.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Mints a token (JWT, HS256) and prints it, or explains one.",
        discussion: """
            The secret is that of the server: --secret, ROOST_JWT_SECRET, or ROOST_JWT_SECRET_FILE, which names a file. \
            Other users of this machine can see a flag, but no variable.
            """,
        subcommands: [Check.self])

    @Option(help: "Whose token it is (required).")
    var user: String?
    @Option(help: "How the user is called.")
    var name: String?
    @Option(
        name: .customLong("room"),
        help: ArgumentHelp(
            """
            Rooms that the token is for, such as 'team-*', or 'news=join,history' for some of the rights join, publish, \
            history, presence and moderate; may be given several times. Default: all rooms, without moderate.
            """,
            valueName: "pattern[=rights]"))
    var rooms: [String] = []
    @Option(help: "How long it is valid, such as 10m, 1h or 30d; 0: forever.")
    var ttl = "1h"
    @OptionGroup var secret: SecretOption

    func run() async throws {
        guard let text = user else { try Console.fail("--user is missing; it names whose token it is", code: 64) }
        guard let user = UserID(text) else {
            try refuse("--user", text, "must be 1 to \(UserID.maxBytes) bytes of plain text")
        }
        if let name, !isPrintable(name, upTo: User.maxNameBytes) {
            try refuse("--name", name, "must be 1 to \(User.maxNameBytes) bytes of plain text")
        }
        let grants = rooms.isEmpty ? Grants.all : Grants(try rooms.map(entry))
        let ttlMs = try milliseconds(ttl)
        guard let (secret, origin) = try secret.find() else {
            try Console.fail(
                "the secret to sign with is missing; set --secret, ROOST_JWT_SECRET or ROOST_JWT_SECRET_FILE", code: 78)
        }
        if let advice = Settings.advice(onSecret: secret) { Console.complain("roost: warning: \(origin) \(advice)") }
        let minter = try await TokenMinter(secret: secret)
        let token = try minter.mint(user: user, name: name, grants: grants, at: Console.now(), ttlMs: ttlMs)
        guard token.utf8.count <= Token.maxBytes else {
            try Console.fail(
                "the token would have \(token.utf8.count) bytes, and servers take \(Token.maxBytes); give fewer --room",
                code: 78)
        }
        print(token)
    }

    /// `PATTERN` or `PATTERN=RIGHT,RIGHT`
    private func entry(_ text: String) throws -> Grants.Entry {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let match = RoomPattern(parts[0]) else {
            try refuse("--room", text, "must begin with a pattern of room names: A-Z a-z 0-9 _ . : - and *")
        }
        guard parts.count == 2 else { return Grants.Entry(match: match, rights: Grants.usual) }
        var rights: Set<Right> = []
        for name in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
            guard let right = Right(rawValue: String(name)) else {
                let all = Right.allCases.map(\.rawValue).joined(separator: ", ")
                try refuse("--room", text, "\(shown(String(name))) is no right; there are \(all)")
            }
            rights.insert(right)
        }
        return Grants.Entry(match: match, rights: rights)
    }

    /// Nil: forever.
    private func milliseconds(_ text: String) throws -> Int64? {
        let most = Duration.seconds(36_500 * 86_400)
        guard let ttl = Settings.duration(text), ttl == .zero || (.seconds(1)...most).contains(ttl) else {
            try refuse("--ttl", text, "must be 0 (forever) or 1s to 36500d, such as 10m, 1h or 30d")
        }
        let parts = ttl.components
        return ttl == .zero ? nil : parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
    }

    private func refuse(_ flag: String, _ value: String, _ rule: String) throws -> Never {
        try Console.fail("\(flag) \(shown(value)): \(rule)", code: 78)
    }

    /// In quotes, cut, and without what a terminal might obey.
    private func shown(_ text: String) -> String { String(reflecting: String(text.prefix(80))) }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Explains a token; exit 0 if it is valid, 1 if not, or if that is not known.")

        @Argument(help: "The token; -: it is read from standard input.")
        var token: String
        @OptionGroup var secret: SecretOption

        func run() async throws {
            let text = token == "-" ? try Console.readInput() : token
            var verifier: TokenVerifier?
            if let (secret, _) = try secret.find() { verifier = try await TokenVerifier(secret: secret) }
            let trimmed = text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
            let explanation = TokenExplanation(String(trimmed), verifier: verifier, at: Console.now())
            print(explanation.text, terminator: "")
            if !explanation.isValid { throw ExitCode(1) }
        }
    }
}

/// Where the secret comes from.
struct SecretOption: ParsableArguments {
    @Option(
        name: [.customLong("secret"), .customLong("jwt-secret")],
        help: "What tokens are signed with; better given as ROOST_JWT_SECRET.")
    var secret: String?

    /// The secret, and what gave it; nil: there is none.
    func find() throws -> (text: String, origin: String)? {
        guard let secret else { return try Console.secret().map { ($0.text, $0.variable) } }
        guard !secret.isEmpty else {
            try Console.fail("--secret: is empty; leave it out where there is none", code: 78)
        }
        return (secret, "--secret")
    }
}
