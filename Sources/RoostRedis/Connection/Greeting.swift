import RoostEngine

/// What is said first on a connection: who we are, which version of the protocol, which database; as a value.
///
/// RESP3 where the server knows it; a server before version 6, or one that hides HELLO, is spoken to in RESP2.
struct Greeting: Sendable {
    enum Step: Equatable {
        case say(RespCommand)
        case done
        case refused(BusError)
    }

    private enum Stage { case hello, auth, select, role, done }

    private let peer: Peer
    private let credentials: RedisCredentials?
    /// 0 needs no SELECT, which a cluster would refuse.
    private let database: Int
    /// Whether a replica will do, which can be asked and not written to.
    private let takesReplicas: Bool
    private var stage = Stage.hello
    private var isModern = true

    init(_ peer: Peer, _ credentials: RedisCredentials?, database: Int, takesReplicas: Bool = false) {
        self.peer = peer
        self.credentials = credentials
        self.database = database
        self.takesReplicas = takesReplicas
    }

    /// What to say first.
    var opening: RespCommand {
        var words: [RespWord] = ["HELLO", "3"]
        if let credentials { words += ["AUTH", .text(credentials.user ?? "default"), .text(credentials.password)] }
        return RespCommand(words)
    }

    /// Takes the answer to what was said last.
    mutating func next(_ reply: RespValue) -> Step {
        if case .error(let text) = reply {
            guard stage == .hello, Greeting.isIgnorance(text) else {
                // A user who may do all that we do need not be allowed to ask for the role.
                if stage == .role, text.hasPrefix("NOPERM") { return .done }
                return .refused(peer.refusal(text))
            }
            isModern = false
        }
        switch stage {
        case .hello where isModern:
            if let role = reply.value(of: "role")?.string { return select(role) }
            return select(nil)
        case .hello: return authenticate()
        case .auth: return select(nil)
        case .select: return askRole()
        case .role: return judge(reply.items?.first?.string)
        case .done: return .done
        }
    }

    /// Whether the server does not know HELLO, or not this version.
    private static func isIgnorance(_ text: String) -> Bool {
        text.hasPrefix("NOPROTO") || text.hasPrefix("ERR unknown command")
    }

    private mutating func authenticate() -> Step {
        guard let credentials else { return select(nil) }
        stage = .auth
        let user = credentials.user.map { [RespWord.text($0)] } ?? []
        return .say(RespCommand(["AUTH"] + user + [.text(credentials.password)]))
    }

    private mutating func select(_ role: String?) -> Step {
        if let role, case .refused(let error) = judge(role) { return .refused(error) }
        guard database != 0 else { return role == nil ? askRole() : finish() }
        stage = .select
        return .say(RespCommand(["SELECT", RespWord(database)]))
    }

    private mutating func askRole() -> Step {
        guard !isModern else { return finish() }
        stage = .role
        return .say(RespCommand(["ROLE"]))
    }

    /// Posts on a replica would reach nobody on its master, and it keeps nothing.
    private mutating func judge(_ role: String?) -> Step {
        switch role {
        case "slave" where !takesReplicas, "replica" where !takesReplicas: .refused(peer.readOnly)
        default: finish()
        }
    }

    private mutating func finish() -> Step {
        stage = .done
        return .done
    }
}
