public import NIOCore
public import RoostCore

/// The wire under one connection, as its shard sees it. Every call is made on the connection's event loop.
public protocol Transport: AnyObject {
    /// Queues whole frames; they leave with the next `flush`.
    func write(_ frames: ByteBuffer)
    func flush()
    /// Asks the peer for a sign of life.
    func ping()
    /// Stops or resumes taking bytes from the peer.
    func setReading(_ isOn: Bool)
    /// Sends what is queued, says why, and ends the connection.
    func close(_ code: CloseCode, reason: String)
}

/// Time as the shell knows it; virtual in tests.
public struct HubClock: Sendable {
    public var monotonic: @Sendable () -> Moment
    public var wall: @Sendable () -> Timestamp

    public init(monotonic: @escaping @Sendable () -> Moment, wall: @escaping @Sendable () -> Timestamp) {
        self.monotonic = monotonic
        self.wall = wall
    }
}
