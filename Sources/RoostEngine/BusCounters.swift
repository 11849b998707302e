/// What a bus has counted since the start.
public struct BusCounters: Sendable, Equatable {
    /// Posts that the bus has taken, or is about to.
    public var published: UInt64 = 0
    /// Posts that were not sent since the bus was away or too slow, that it refused, or whose answer got lost with the
    /// connection.
    public var dropped: UInt64 = 0
    /// Posts heard, this node's own among them.
    public var received: UInt64 = 0
    /// Connections that were made in place of lost ones.
    public var reconnects: UInt64 = 0

    public init() {}

    public static func += (sum: inout BusCounters, more: BusCounters) {
        sum.published += more.published
        sum.dropped += more.dropped
        sum.received += more.received
        sum.reconnects += more.reconnects
    }
}
