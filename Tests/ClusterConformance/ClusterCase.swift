import RoostCore
public import RoostEngine

/// One promise that everything nodes share beside the store keeps, as a function that throws where it does not.
public struct ClusterCase: Sendable, CustomStringConvertible {
    public let name: String
    public let run: @Sendable (ClusterFactory) async throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (ClusterFactory) async throws -> Void) {
        self.name = name
        self.run = run
    }

    public var description: String { name }

    /// The whole suite.
    public static let all: [ClusterCase] = posts + listening + boards + leases + sessions + quotas
}

/// Makes what a case needs: each call is one more node on the same bus, which nobody has used before the case.
public struct ClusterFactory: Sendable {
    public let join: @Sendable () async throws -> any Cluster

    public init(join: @escaping @Sendable () async throws -> any Cluster) { self.join = join }

    /// A node that listens to these, once it is in force, within `body`; it is stopped at the end.
    func withNode<Result: Sendable>(
        hearing channels: [BusChannel] = [], _ body: (ClusterNode) async throws -> Result
    ) async throws -> Result {
        let cluster = try await join()
        let node = ClusterNode(cluster)
        do {
            // Whoever has been heard of once is connected.
            try await node.listen([.everyone] + channels)
            let result = try await body(node)
            await cluster.stop()
            return result
        } catch {
            await cluster.stop()
            throw error
        }
    }
}

/// A node, and what it has heard.
struct ClusterNode: Sendable {
    let cluster: any Cluster
    private let heard = Locked<[BusEvent]>([])

    init(_ cluster: any Cluster) {
        self.cluster = cluster
        let heard = heard
        cluster.start { event in heard.withLock { $0.append(event) } }
    }

    var events: [BusEvent] { heard.withLock { $0 } }

    /// What has been posted to a channel, in the order in which it came.
    func posts(_ channel: BusChannel) -> [[UInt8]] {
        events.flatMap { event -> [BusPost] in if case .posts(let posts) = event { posts } else { [] } }
            .filter { $0.channel == channel }.map(\.bytes)
    }

    func timesInForce(_ channel: BusChannel) -> Int {
        events.reduce(0) { sum, event in
            if case .inForce(let channels) = event { sum + channels.count { $0 == channel } } else { sum }
        }
    }

    /// Begins to listen, and waits until that is in force.
    func listen(_ channels: [BusChannel]) async throws {
        let before = Dictionary(uniqueKeysWithValues: channels.map { ($0, timesInForce($0)) })
        cluster.listen(to: channels)
        for channel in channels {
            try await eventually("\(channel) is in force") { timesInForce(channel) > before[channel, default: 0] }
        }
    }

    /// What this node posts to itself comes behind all that it has posted before: waits for it.
    func settle(_ text: String) async throws {
        cluster.publish([BusPost(.everyone, Array(text.utf8))])
        try await eventually("\(text) is heard") { posts(.everyone).contains(Array(text.utf8)) }
    }
}

/// What a case expected and did not get.
public struct ClusterMismatch: Error, CustomStringConvertible {
    public let description: String
}

func expect<T: Equatable>(_ value: T, is expected: T, file: StaticString = #fileID, line: UInt = #line) throws {
    guard value != expected else { return }
    throw ClusterMismatch(description: "\(file):\(line): got \(value), expected \(expected)")
}

func require<T>(_ value: T?, file: StaticString = #fileID, line: UInt = #line) throws -> T {
    guard let value else { throw ClusterMismatch(description: "\(file):\(line): there is nothing") }
    return value
}

/// Asks again and again until it is so, for 20 s at most.
func eventually(
    _ what: String, file: StaticString = #fileID, line: UInt = #line, _ isSo: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try await !isSo() {
        guard .now < deadline else { throw ClusterMismatch(description: "\(file):\(line): never: \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

// Short names for what cases are made of. Texts that are no valid names fail the case.

func room(_ text: String) throws -> RoomName { try require(RoomName(text)) }
func channel(_ text: String) throws -> BusChannel { .room(try room(text)) }
func user(_ text: String) throws -> UserID { try require(UserID(text)) }
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func node(_ number: UInt64) -> NodeID { NodeID(random: number) }
