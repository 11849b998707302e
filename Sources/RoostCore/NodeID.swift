/// Tells one process from all others, before it and beside it: 64 random bits, as base 36 digits.
public struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let text: String

    public init(random: UInt64) { text = String(random, radix: 36) }

    /// Nil unless it is 1 to 13 lowercase letters and digits.
    public init?(_ text: String) {
        guard (1...13).contains(text.utf8.count),
            text.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0) })
        else { return nil }
        self.text = text
    }

    public static func < (one: NodeID, other: NodeID) -> Bool { one.text < other.text }
    public var description: String { text }
}
