public import RoostCore

/// What carries news between the nodes of a cluster.
///
/// It only hints: posts may be lost, come twice and in any order, and nobody who hears rooms can tell, since the log is
/// the truth and says where it ends (`BusEvent.inForce`). So nothing here waits and nothing fails: a post that can't be
/// sent now is dropped and counted.
public protocol Bus: Sendable {
    /// Connects, and goes on trying to for as long as it takes. Called once, before anything else.
    /// - Parameter hear: called in the order of events, on a thread of the bus; must not block.
    func start(_ hear: @escaping @Sendable (BusEvent) -> Void)

    /// Sends posts to every node that listens to their channels, this one too, in one write.
    func publish(_ posts: [BusPost])

    /// Begins or ceases to listen. A channel is listened to once, however often it is named; `inForce` follows.
    func listen(to channels: [BusChannel])
    func unlisten(to channels: [BusChannel])

    /// Whether the bus can be reached now.
    var isConnected: Bool { get }

    /// What has been counted until now.
    func counters() async -> BusCounters

    /// Lets go of all connections; nothing is heard any more.
    func stop() async
}

/// Where posts go.
public enum BusChannel: Hashable, Sendable {
    /// All nodes.
    case everyone
    /// Nodes with a reader of the room, or, of a user's own room, with a connection of that user.
    case room(RoomName)
}

/// What one node tells others; its bytes mean nothing to the bus.
public struct BusPost: Sendable, Equatable {
    public var channel: BusChannel
    public var bytes: [UInt8]

    public init(_ channel: BusChannel, _ bytes: [UInt8]) {
        self.channel = channel
        self.bytes = bytes
    }
}

public enum BusEvent: Sendable, Equatable {
    /// What was read from one socket at one time.
    case posts([BusPost])
    /// From now on posts on these channels are heard; what was posted before may not have been. Comes again, for all
    /// channels, whenever the connection has been lost and is back, and for none when the bus as a whole is.
    case inForce([BusChannel])
    /// The bus can't be reached; it is tried again.
    case lost(String)
}

/// What a node says of itself for as long as it lives.
public struct NodeCard: Sendable, Equatable {
    public var node: NodeID
    /// As clients are told it.
    public var name: String
    /// `Directory.storeID`: nodes with different stores can't be one cluster.
    public var storeID: String

    public init(node: NodeID, name: String, storeID: String) {
        self.node = node
        self.name = name
        self.storeID = storeID
    }
}

/// What nodes write down for each other, and which of them live.
///
/// A row belongs to the node that wrote it and counts for as long as that node's lease does; boards are read together
/// with the leases. Rows of the dead are removed by whoever comes across them.
public protocol Board: Sendable {
    /// Takes or renews this node's lease, and tells which nodes have one now, itself included.
    func renew(_ card: NodeCard, forMs: Int64) async throws(BusError) -> Renewal

    /// Gives the lease back: the node has gone in good order.
    func release(_ node: NodeID) async throws(BusError)

    /// Sets rows (or removes them: nil), those of one board at once and together with the node's version of it.
    func write(_ changes: [BoardChange], by node: NodeID) async throws(BusError)

    /// What is on these boards, of whatever node, one answer each, in order.
    func read(_ boards: [BoardName]) async throws(BusError) -> [BoardPage]

    /// Removes what nodes have on boards, except where they have written since. Whoever has lost its lease and takes a new
    /// one writes everything anew, so what is removed of a node that had none is never missed.
    func clean(_ parts: [BoardPart]) async throws(BusError)

    /// Keeps boards from being forgotten, which they are a day after their last change. One answer for each: whether the
    /// node's part of the board is there at this version.
    func keep(_ parts: [BoardPart]) async throws(BusError) -> [Bool]
}

/// What one node has on a board.
public struct BoardPart: Hashable, Sendable {
    public var board: BoardName
    public var node: NodeID
    /// Of `clean`, the highest that is removed.
    public var version: UInt64

    public init(_ board: BoardName, of node: NodeID, version: UInt64) {
        self.board = board
        self.node = node
        self.version = version
    }
}

/// Whom a board is about.
public enum BoardName: Hashable, Sendable {
    /// Who is in a room: rows by user.
    case members(RoomName)
    /// Where a user is connected: one row, named by the user.
    case connections(UserID)
}

public struct Renewal: Sendable, Equatable {
    /// The living, this node included.
    public var nodes: [NodeCard]
    /// This node had no lease, or none any more: what it had written may have been removed.
    public var isNew: Bool

    public init(nodes: [NodeCard], isNew: Bool) {
        self.nodes = nodes
        self.isNew = isNew
    }
}

public struct BoardChange: Sendable, Equatable {
    public var board: BoardName
    /// The node's count of changes to this board, from 1.
    public var version: UInt64
    /// By name; nil removes the row.
    public var rows: [UserID: [UInt8]?]
    /// Whether this is all that the node has on the board: what else it had there is removed.
    public var isWhole: Bool

    public init(_ board: BoardName, version: UInt64, rows: [UserID: [UInt8]?], isWhole: Bool = false) {
        self.board = board
        self.version = version
        self.rows = rows
        self.isWhole = isWhole
    }
}

/// A board as it stands: what each node has written, at which version of its own.
public struct BoardPage: Sendable, Equatable {
    public struct Part: Sendable, Equatable {
        public var version: UInt64
        public var rows: [UserID: [UInt8]]

        public init(version: UInt64, rows: [UserID: [UInt8]] = [:]) {
            self.version = version
            self.rows = rows
        }
    }

    public var parts: [NodeID: Part]

    public init(parts: [NodeID: Part] = [:]) { self.parts = parts }
}

/// Sessions of HTTP clients, shared by all nodes.
///
/// A call that fails may have counted.
public protocol SessionStore: Sendable {
    /// Counts a visit.
    /// - Parameters:
    ///   - begins: whether a session that is not known begins with it.
    ///   - idleMs: how long it is kept after this visit, in milliseconds.
    /// - Returns: nil if there is no such session and none begins; nothing is counted then.
    func visit(_ session: String, begins: Bool, idleMs: Int64) async throws(BusError) -> SessionState?
    /// Notes the room a session was last in; unknown sessions are ignored.
    func note(room: RoomName, of session: String) async throws(BusError)
}

public struct SessionState: Sendable, Equatable {
    /// This one included, so from 1.
    public var visits: UInt64
    public var lastRoom: RoomName?

    public init(visits: UInt64, lastRoom: RoomName? = nil) {
        self.visits = visits
        self.lastRoom = lastRoom
    }
}

/// Limits over all nodes: tokens in buckets, taken in blocks.
public protocol Quota: Sendable {
    /// Takes up to `want` tokens out of a bucket that fills with `rate` a second up to `burst`; how many there were.
    func take(_ want: Int, from bucket: String, rate: Int, burst: Int) async throws(BusError) -> Int
}

/// Everything that the nodes of a cluster share beside the store.
public typealias Cluster = Bus & Board & SessionStore & Quota

/// Why the bus did not do what was asked.
public enum BusError: Error, Sendable, Equatable {
    /// It can't be reached, or the answer did not come; whether something was done is not known.
    case away(String)
    /// It was reached and refuses: wrong credentials, no rights, read-only, out of memory.
    case refused(String)
    case stopped
}
