/// What rooms of a kind keep and allow, from the configuration (`kinds`).
public struct RoomKind: Sendable, Equatable {
    /// Where the log is.
    public enum Log: String, Sendable, CaseIterable {
        /// In the store.
        case stored
        /// In this process only; every start begins a new epoch.
        case memory
    }

    /// What members learn about each other.
    public enum PresenceMode: String, Sendable, CaseIterable {
        /// Who is here.
        case full
        /// How many are here.
        case count
        /// Nothing.
        case off
    }

    public enum Publishers: String, Sendable, CaseIterable {
        /// Whoever may enter.
        case members
        /// Servers only.
        case servers
    }

    public enum HistoryReaders: String, Sendable, CaseIterable {
        /// Whoever may enter.
        case members
        /// Nobody: neither pages of history nor replays to those who join.
        case none
    }

    public var log = Log.stored
    /// The newest so many messages are retained; nil: all.
    public var retainCount: Int?
    /// Messages older than this are dropped, in milliseconds; nil: never.
    public var retainAgeMs: Int64?
    public var presence = PresenceMode.full
    /// Whether members see how far the others have received and read.
    public var receipts = false
    /// Nil: as `--create-on-join` says.
    public var createOnJoin: Bool?
    public var publish = Publishers.members
    public var history = HistoryReaders.members

    public init() {}

    public var retainsAll: Bool { retainCount == nil && retainAgeMs == nil }

    /// How many entries of a log in memory are retained where no count is configured.
    public static let memoryRetainCount = 10_000

    /// The lowest floor (see `RoomHead.floor`) that `retainCount` allows for a log that ends at `head`.
    public func floor(head: UInt64) -> UInt64 {
        guard let count = retainCount.map(UInt64.init(clamping:)), head > count else { return 0 }
        return head - count
    }
}

/// The kinds of room, by name; the first whose pattern matches counts.
public struct Kinds: Sendable, Equatable {
    public struct Rule: Sendable, Equatable {
        public var match: RoomPattern
        public var kind: RoomKind

        public init(match: RoomPattern, kind: RoomKind) {
            self.match = match
            self.kind = kind
        }
    }

    public var rules: [Rule]
    /// What rooms are that no rule matches: they keep everything, with presence, without receipts.
    public var usual: RoomKind

    public init(_ rules: [Rule] = [], usual: RoomKind = RoomKind()) {
        self.rules = rules
        self.usual = usual
    }

    public func kind(of room: RoomName) -> RoomKind {
        rules.first { $0.match.matches(room) }?.kind ?? usual
    }

    /// Whether any kind's log is in memory.
    public var hasMemoryLogs: Bool { rules.contains { $0.kind.log == .memory } }
}

/// A pattern of room names: as a name, with `*` for any number of any characters, none included.
public struct RoomPattern: Hashable, Sendable, CustomStringConvertible {
    public static let maxBytes = 256

    public let text: String

    /// Nil unless `text` is 1–256 bytes of what names are made of, and `*`.
    public init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard (1...RoomPattern.maxBytes).contains(bytes.count),
            bytes.allSatisfy({ $0 == UInt8(ascii: "*") || RoomName.allows($0) })
        else { return nil }
        self.text = String(text)
    }

    public var description: String { text }

    public func matches(_ room: RoomName) -> Bool {
        var (pattern, name) = (text.utf8[...], room.text.utf8[...])
        // Where the last star was, and how far what it stands for reaches: on a mismatch it is made to stand for more.
        var star: (pattern: Substring.UTF8View, name: Substring.UTF8View)?
        while let byte = name.first {
            if pattern.first == UInt8(ascii: "*") {
                pattern = pattern.dropFirst()
                star = (pattern, name)
            } else if pattern.first == byte {
                pattern = pattern.dropFirst()
                name = name.dropFirst()
            } else if let last = star {
                star = (last.pattern, last.name.dropFirst())
                (pattern, name) = (last.pattern, last.name.dropFirst())
            } else {
                return false
            }
        }
        return pattern.allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
