public import RoostCore
import RoostWire

/// A token in words, for a person who wonders why it is refused.
public struct TokenExplanation: Sendable, Equatable {
    /// Lines of a label and what it says, the verdict last, with a closing newline.
    public private(set) var text = ""
    /// Whether the signature was checked and all is well.
    public private(set) var isValid = false

    /// - Parameter verifier: nil: there is no secret to check the signature with.
    public init(_ token: String, verifier: TokenVerifier?, at now: Timestamp) {
        do throws(TokenError) {
            let token = try Token(token)
            let objection = signature(token, verifier)
            let claims = try token.claims()
            describe(claims, at: now)
            if let objection { throw objection }
            try claims.check(at: now)
            isValid = verifier != nil
            add("valid", isValid ? "yes" : "not known, since the signature was not checked")
        } catch {
            add("valid", "no. \(error.reason)")
        }
    }

    private mutating func signature(_ token: Token, _ verifier: TokenVerifier?) -> TokenError? {
        let algorithm = shown(token.algorithm)
        guard let verifier else {
            add("signature", "not checked: no secret given (\(algorithm))")
            return nil
        }
        do throws(TokenError) {
            try verifier.checkSignature(of: token)
            add("signature", "right (\(algorithm))")
            return nil
        } catch {
            add("signature", "wrong (\(algorithm))")
            return error
        }
    }

    private mutating func describe(_ claims: TokenClaims, at now: Timestamp) {
        add("user", plain(claims.user.text))
        if let name = claims.name { add("name", plain(name)) }
        for line in lines(claims.grants) { add("rooms", line) }
        if let time = claims.issuedAt { add("issued", "\(distance(time, now)) (\(time.iso8601))") }
        if let time = claims.validFrom { add("valid from", "\(distance(time, now)) (\(time.iso8601))") }
        guard let time = claims.expiresAt else { return add("expires", "never") }
        let isOver = time <= now
        add("expires", "\(isOver ? "expired " : "")\(distance(time, now)) (\(time.iso8601))")
    }

    private func lines(_ grants: Grants) -> [String] {
        guard let entries = grants.entries else { return ["every room: \(list(Grants.usual))"] }
        if entries.isEmpty { return ["none"] }
        return entries.map { "\($0.match): \(list($0.rights))" }
    }

    private func list(_ rights: Set<Right>) -> String {
        rights.isEmpty ? "nothing" : Right.allCases.filter(rights.contains).map(\.rawValue).joined(separator: ", ")
    }

    private func distance(_ time: Timestamp, _ now: Timestamp) -> String {
        let span = time.milliseconds - now.milliseconds
        return span > 0 ? "in \(spoken(milliseconds: span))" : "\(spoken(milliseconds: -span)) ago"
    }

    private mutating func add(_ label: String, _ value: String) {
        text += label + String(repeating: " ", count: max(1, 12 - label.count)) + value + "\n"
    }
}
