/// What may still be written to one socket.
///
/// Bytes wait in the transport until the kernel takes them. Beyond the limit the reader counts as behind: what can be
/// read again from the log is not kept for it, and what can't (typing, presence) is dropped.
public struct Outbox: Sendable, Equatable {
    /// Whether the transport takes more: false from the moment the limit is passed until it has drained.
    public private(set) var isOpen = true
    /// Frames dropped while the box was shut.
    public private(set) var dropped: UInt32 = 0

    public enum Cargo: Sendable {
        /// A reply: the client waits for it, and it is bounded by what the client may ask for.
        case reply
        /// From a room's log: can be read again.
        case logged
        /// Passing news: the next snapshot repairs it.
        case transient
    }

    public init() {}

    /// Whether a frame is to be written now.
    @inline(__always)
    public mutating func admits(_ cargo: Cargo) -> Bool {
        if isOpen { return true }
        switch cargo {
        case .reply: return true
        case .logged: return false
        case .transient:
            dropped &+= 1
            return false
        }
    }

    /// The transport's buffer has passed its limit or has drained; true if it is open again after having been shut.
    public mutating func writability(changedTo isWritable: Bool) -> Bool {
        let reopened = isWritable && !isOpen
        isOpen = isWritable
        return reopened
    }
}
