// The identifiers of the field, each valid by construction.

/// The name of a room: 1–128 bytes of `[A-Za-z0-9_.:-]`.
public struct RoomName: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let maxBytes = 128

    public let text: String

    /// Nil unless `text` is a legal room name.
    public init?(_ text: String) {
        guard text.hasBytes(upTo: RoomName.maxBytes, all: RoomName.allows) else { return nil }
        self.text = text
    }

    public init?(_ text: some StringProtocol) { self.init(String(text)) }

    private init(trusted text: String) { self.text = text }

    public static let general = RoomName(trusted: "general")
    public static let support = RoomName(trusted: "support")
    public static let random = RoomName(trusted: "random")
    /// The rooms that always exist.
    public static let standing = [general, support, random]

    /// The user whose own room this is (`user:ID`), or nil for an ordinary room.
    public var owner: UserID? { text.hasPrefix("user:") ? UserID(text.dropFirst(5)) : nil }

    /// Whether the name is kept for personal rooms: nobody creates one of these.
    public var isReserved: Bool { text.hasPrefix("user:") }

    public var description: String { text }

    public static func < (a: RoomName, b: RoomName) -> Bool { precedesInBytes(a.text, b.text) }

    static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// Who speaks: 1–128 bytes of any text without ASCII control characters.
public struct UserID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let maxBytes = 128

    public let text: String

    public init?(_ text: String) {
        guard isPrintable(text, upTo: UserID.maxBytes) else { return nil }
        self.text = text
    }

    public init?(_ text: some StringProtocol) { self.init(String(text)) }

    public var description: String { text }

    // By bytes: two spellings of one character are two users, in every store alike.
    public static func == (a: UserID, b: UserID) -> Bool { a.text.hasSameBytes(as: b.text) }
    public static func < (a: UserID, b: UserID) -> Bool { precedesInBytes(a.text, b.text) }
    public func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

/// The sender's own name for a frame, by which replies are matched and repeats recognised: 1–128 bytes.
public struct MessageID: Hashable, Sendable, CustomStringConvertible {
    public static let maxBytes = 128

    public let text: String

    public init?(_ text: String) {
        guard isPrintable(text, upTo: MessageID.maxBytes) else { return nil }
        self.text = text
    }

    public init?(_ text: some StringProtocol) { self.init(String(text)) }

    public var description: String { text }

    // By bytes, as `UserID`.
    public static func == (a: MessageID, b: MessageID) -> Bool { a.text.hasSameBytes(as: b.text) }
    public func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

// Every frame comes through here: the bytes are looked at where they are, which is many times as fast as through the
// collection that `utf8` is.
extension String {
    fileprivate func hashBytes(into hasher: inout Hasher) {
        var copy = self
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    fileprivate func hasSameBytes(as other: String) -> Bool {
        var (one, two) = (self, other)
        return one.withUTF8 { one in two.withUTF8 { two in one.elementsEqual(two) } }
    }

    @inline(__always)
    fileprivate func hasBytes(upTo limit: Int, all isAllowed: (UInt8) -> Bool) -> Bool {
        var copy = self
        return copy.withUTF8 { (1...limit).contains($0.count) && $0.allSatisfy(isAllowed) }
    }
}

/// The order in which lists are paged: by the bytes of the names, as databases compare text. (Swift compares strings
/// by their canonical form, which would make pages of two engines differ.)
private func precedesInBytes(_ a: String, _ b: String) -> Bool {
    var (one, two) = (a, b)
    return one.withUTF8 { one in
        two.withUTF8 { two in
            let common = min(one.count, two.count)
            for index in 0..<common where one[index] != two[index] { return one[index] < two[index] }
            return one.count < two.count
        }
    }
}

/// Whether `text` has 1 to `limit` bytes and none of them is an ASCII control character.
public func isPrintable(_ text: String, upTo limit: Int) -> Bool {
    text.hasBytes(upTo: limit) { $0 >= 0x20 && $0 != 0x7F }
}
