import Crypto
import RoostCore
import RoostWire

/// Who a client without sign-in is.
///
/// `?user=ID&name=NAME` names it. Otherwise it is given a session, a secret from which its id is derived, so that any
/// node can make it the same user again from `?session=` without having kept anything.
struct AnonymousIdentity {
    var identity: Identity
    var session: String

    static func resolve(_ query: [String: String], dialect: Dialect) -> Result<AnonymousIdentity, Failure> {
        let client = randomHex(Identity.clientBytes)
        if let name = query["name"], !name.isEmpty, !isPrintable(name, upTo: User.maxNameBytes) {
            return .failure(Failure(.invalid, "?name= must be 1 to \(User.maxNameBytes) bytes of plain text."))
        }
        var session = "u."
        var id: UserID
        if let text = query["user"], !text.isEmpty {
            guard let named = UserID(text) else {
                return .failure(Failure(.invalid, "?user= must be 1 to \(UserID.maxBytes) bytes of plain text."))
            }
            id = named
            session += named.text
        } else if let text = query["session"], text.hasPrefix("u."), let named = UserID(text.dropFirst(2)) {
            id = named
            session = text
        } else if dialect == .simple, query["session"] == nil {
            // Here the connection itself is the user.
            guard let own = UserID(client) else { return .failure(noID) }
            let identity = Identity(user: own, name: client, client: client, isLasting: false)
            return .success(AnonymousIdentity(identity: identity, session: "u." + client))
        } else {
            session = query["session"].flatMap { isPrintable($0, upTo: 128) ? $0 : nil } ?? "a." + randomHex(16)
            guard let made = UserID(derived(from: session)) else { return .failure(noID) }
            id = made
        }
        // In the simple dialect a user is called by its id.
        let given = dialect == .simple ? nil : query["name"].flatMap { $0.isEmpty ? nil : $0 }
        let name = given ?? id.text
        return .success(
            AnonymousIdentity(identity: Identity(user: id, name: name, client: client), session: session))
    }

    private static let noID = Failure(.internal, "The server could not make up an id. Connect again.")

    private static func derived(from session: String) -> String {
        "anon-" + SHA256.hash(data: Array(session.utf8)).prefix(6).map(hex).joined()
    }
}

extension Identity {
    /// Random bytes of a client's id: in hexadecimal as many as a string holds without memory of its own.
    static let clientBytes = 7
}

private func hex(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

private let hexDigits = Array("0123456789abcdef".utf8)

/// So many random bytes in hexadecimal.
func randomHex(_ bytes: Int) -> String {
    // Eight at a time: every number asked for is a system call.
    let words = (0..<(bytes + 7) / 8).map { _ in UInt64.random(in: .min ... .max) }
    return words.withUnsafeBytes { random in
        String(unsafeUninitializedCapacity: 2 * bytes) { text in
            for index in 0..<bytes {
                text[2 * index] = hexDigits[Int(random[index] >> 4)]
                text[2 * index + 1] = hexDigits[Int(random[index] & 15)]
            }
            return 2 * bytes
        }
    }
}
