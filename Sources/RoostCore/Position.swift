/// The life of a room's log, `[A-Za-z0-9]{1,32}`: random, kept with the room, new only when the log is.
public struct Epoch: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    public init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        let isLegal =
            (1...32).contains(bytes.count) && bytes.allSatisfy { RoomName.allows($0) && !"_.:-".utf8.contains($0) }
        guard isLegal else { return nil }
        self.text = String(text)
    }

    /// An epoch from 64 random bits.
    public init(random bits: UInt64) { text = String(bits, radix: 36) }

    public var description: String { text }
}

/// A place in a room's log: `seq` starts at 1 within an epoch and has no gaps. `seq` 0 is before the first message.
public struct Position: Hashable, Sendable, CustomStringConvertible {
    public var epoch: Epoch
    public var seq: UInt64

    public init(epoch: Epoch, seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
    }

    /// Reads the form of URLs and event ids, `EPOCH:42`; nil if `text` is no such thing.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let epoch = Epoch(text[..<colon]),
            let seq = decimal(text[text.index(after: colon)...])
        else { return nil }
        self.init(epoch: epoch, seq: seq)
    }

    public var description: String { "\(epoch):\(seq)" }
}

/// Where a reader wants to begin or turn: `42` means the room's present epoch.
public struct Cursor: Hashable, Sendable {
    public var epoch: Epoch?
    public var seq: UInt64

    public init(epoch: Epoch?, seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
    }

    public init(_ position: Position) { self.init(epoch: position.epoch, seq: position.seq) }

    /// Reads `EPOCH:42` or a bare `42`.
    public init?(_ text: some StringProtocol) {
        if let seq = decimal(text) {
            self.init(epoch: nil, seq: seq)
        } else if let position = Position(text) {
            self.init(position)
        } else {
            return nil
        }
    }
}

/// Plain decimal digits only, without sign or leading plus, as `UInt64`.
func decimal(_ text: some StringProtocol) -> UInt64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt64(text)
}
