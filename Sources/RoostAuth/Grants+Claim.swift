import RoostCore
import RoostWire

extension Grants {
    /// What the claim `rooms` allows:
    ///
    /// - absent: everything but `moderate`;
    /// - `["team-*"]`: the usual rights in these rooms;
    /// - `[{"match":"team-*","can":["join","publish"]}]`: these rights; without `can`, the usual ones;
    /// - `{"team-*":["join","publish"]}`: the same, shorter.
    ///
    /// Whatever is not quite one of these is refused, as a slip might otherwise allow more than was meant.
    init(claim value: UnsafeRawBufferPointer?) throws(TokenError) {
        guard let value else {
            self = .all
            return
        }
        var entries: [Entry] = []
        if let elements = JSONFields.elements(of: value) {
            for element in elements { entries.append(try Grants.entry(element)) }
        } else if let members = members(of: value) {
            for (match, rights) in members {
                entries.append(Entry(match: try Grants.pattern(match), rights: try Grants.rights(rights)))
            }
        } else {
            throw .bad(reason: "The token's rooms must be a list of patterns, or a map of patterns to rights.")
        }
        self.init(entries)
    }

    private static func entry(_ element: UnsafeRawBufferPointer) throws(TokenError) -> Entry {
        if let text = JSONFields.decodeString(element) { return Entry(match: try pattern(text), rights: usual) }
        guard let members = members(of: element) else {
            throw .bad(reason: "The token's rooms must be patterns such as team-*, or maps with match and can.")
        }
        var match: RoomPattern?
        var rights = usual
        for (key, value) in members {
            switch key {
            case "match": match = try pattern(JSONFields.decodeString(value) ?? "")
            case "can": rights = try self.rights(value)
            default: throw .bad(reason: "The token's rooms have the key \(shown(key)); there are match and can.")
            }
        }
        guard let match else {
            throw .bad(reason: "The token's rooms have an entry without match, the pattern of its rooms.")
        }
        return Entry(match: match, rights: rights)
    }

    private static func pattern(_ text: String) throws(TokenError) -> RoomPattern {
        guard let pattern = RoomPattern(text) else {
            throw .bad(
                reason: "The token's rooms name \"\(shown(text))\", which is no pattern of A-Z a-z 0-9 _ . : - and *.")
        }
        return pattern
    }

    private static func rights(_ value: UnsafeRawBufferPointer) throws(TokenError) -> Set<Right> {
        let all = Right.allCases.map(\.rawValue).joined(separator: ", ")
        guard let elements = JSONFields.elements(of: value) else {
            throw .bad(reason: "The token's rights in rooms must be a list of \(all).")
        }
        var rights: Set<Right> = []
        for element in elements {
            let text = JSONFields.decodeString(element) ?? ""
            guard let right = Right(rawValue: text) else {
                throw .bad(reason: "The token names the right \"\(shown(text))\"; there are \(all).")
            }
            rights.insert(right)
        }
        return rights
    }
}

/// The members of a JSON object in their order; nil: it is none.
private func members(of value: UnsafeRawBufferPointer) -> [(key: String, value: UnsafeRawBufferPointer)]? {
    guard value.first == UInt8(ascii: "{") else { return nil }
    var members: [(key: String, value: UnsafeRawBufferPointer)] = []
    var isReadable = true
    var scanner = JSONScanner(value)
    do throws(JSONScanner.Problem) {
        try scanner.object { key, inner throws(JSONScanner.Problem) in
            let span = try inner.value(depth: 1)
            // With its quotes, which stand on both sides.
            let text = UnsafeRawBufferPointer(rebasing: value[(key.lowerBound - 1)..<(key.upperBound + 1)])
            guard let name = JSONFields.decodeString(text) else {
                isReadable = false
                return
            }
            members.append((name, UnsafeRawBufferPointer(rebasing: value[span])))
        }
        try scanner.end()
    } catch { return nil }
    return isReadable ? members : nil
}
