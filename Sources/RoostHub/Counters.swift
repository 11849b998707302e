public import RoostCore

/// What one shard has counted since the start; plain numbers on its own loop, summed when somebody asks.
public struct Counters: Sendable, Equatable {
    public var connections = 0
    public var connectionsOpened: UInt64 = 0
    public var framesReceived: UInt64 = 0
    public var messagesPublished: UInt64 = 0
    public var messagesDelivered: UInt64 = 0
    public var duplicates: UInt64 = 0
    public var transientDropped: UInt64 = 0
    /// Messages compressed, each once for all of a loop's connections, and bytes of their payloads before and after it.
    public var messagesDeflated: UInt64 = 0
    public var bytesBeforeDeflating: UInt64 = 0
    public var bytesAfterDeflating: UInt64 = 0
    /// Compressed messages received.
    public var messagesInflated: UInt64 = 0
    public var rooms = 0
    /// Refusals by error code.
    public var errors: [ErrorCode: UInt64] = [:]
    /// Closes that the server began, by close code.
    public var closes: [CloseCode: UInt64] = [:]

    public init() {}

    public static func += (sum: inout Counters, more: Counters) {
        sum.connections += more.connections
        sum.connectionsOpened += more.connectionsOpened
        sum.framesReceived += more.framesReceived
        sum.messagesPublished += more.messagesPublished
        sum.messagesDelivered += more.messagesDelivered
        sum.duplicates += more.duplicates
        sum.transientDropped += more.transientDropped
        sum.messagesDeflated += more.messagesDeflated
        sum.bytesBeforeDeflating += more.bytesBeforeDeflating
        sum.bytesAfterDeflating += more.bytesAfterDeflating
        sum.messagesInflated += more.messagesInflated
        sum.rooms += more.rooms
        sum.errors.merge(more.errors, uniquingKeysWith: +)
        sum.closes.merge(more.closes, uniquingKeysWith: +)
    }
}
