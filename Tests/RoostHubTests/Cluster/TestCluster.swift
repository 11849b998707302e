import Logging
import NIOCore
import NIOPosix
import RoostCore
import RoostEngine
import RoostWire
import Testing

@testable import RoostHub

/// Nodes over one store and one bus.
struct TestCluster: Sendable {
    struct Node: Sendable {
        let hub: Hub
        let loops: [any EventLoop]
        let id: NodeID

        func connect(_ user: String, dialect: Dialect = .native, on loop: Int = 0) async throws -> TestClient {
            try await TestClient(hub, on: loops[loop], user: user, dialect: dialect)
        }
    }

    let bus: TestBus
    let store: FaultyStore
    let nodes: [Node]
    let clock: TestClock

    /// Stores messages by way of a node, each in an append of its own.
    func publish(
        _ names: [String], in room: String, by sender: String = "server", as kind: MessageKind = .message, on node: Int
    ) async {
        for name in names {
            var draft = draft(name, in: room, by: sender)
            draft.kind = kind
            draft.authority = .server
            for verdict in await nodes[node].hub.publish([draft]) {
                if case .rejected(let failure) = verdict { Issue.record("\(failure)") }
            }
        }
    }

    /// Waits until the end of a user's own room is known to a node.
    func knowsOwnEnd(of name: String, on node: Int) async throws {
        let hub = nodes[node].hub
        try await eventually("the end of user:\(name) is known") { hub.ownEnds.withLock { $0.isKnown(user(name)) } }
    }
}

/// Runs `body` with so many nodes, which have found each other, and puts everything away afterwards.
/// - Parameter looks: as `HubSettings.sweepsPerLook`; by default the store is not asked what the bus should have told.
func withCluster(
    nodes count: Int = 2, loops: Int = 1, kinds: Kinds = Kinds(), recentBytes: Int = 64 << 20, looks: Int = 0,
    _ body: (TestCluster) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: count * loops + 1)
    let all = Array(group.makeIterator()) as [any EventLoop]
    let (bus, store, clock) = (TestBus(on: all[0]), FaultyStore(kinds: kinds), TestClock())
    var log = Logger(label: "test")
    log.logLevel = .critical
    var nodes: [TestCluster.Node] = []
    for number in 0..<count {
        let own = Array(all[(1 + number * loops)..<(1 + (number + 1) * loops)])
        let hub = try await Hub.start(
            store: store, loops: own,
            settings: HubSettings(
                limits: .unhurried, kinds: kinds, node: "n\(number)", recentBytes: recentBytes, sweepsPerLook: looks),
            world: World(monotonic: { clock.now }, wall: { clock.wall }), log: log,
            membership: Hub.Membership(cluster: TestMember(bus), storeID: "s"))
        nodes.append(TestCluster.Node(hub: hub, loops: own, id: try #require(hub.relay).me))
    }
    func end() async throws {
        store.release()
        bus.releaseReads()
        for node in nodes { await node.hub.drain(DrainPlan(.goingAway, reason: "over")) }
        try await group.shutdownGracefully()
    }
    do {
        for node in nodes {
            try await eventually("the bus is there") { node.hub.isBusThere == true }
            await node.hub.renewLease()
        }
        // The time after the bus has come back, in which nobody is taken for dead, is over.
        for _ in 0..<3 {
            clock.advance(by: 3000)
            for node in nodes { await node.hub.renewLease() }
        }
        for node in nodes { try await eventually("they know each other") { node.hub.nodes == count } }
        try await body(TestCluster(bus: bus, store: store, nodes: nodes, clock: clock))
    } catch {
        try await end()
        throw error
    }
    try await end()
}

/// Asks again and again until it is so, for 20 s at most.
func eventually(
    _ what: String, _ location: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try await !isSo() {
        guard .now < deadline else {
            Issue.record("never: \(what)", sourceLocation: location)
            throw NeverHappened(what: what)
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct NeverHappened: Error {
    let what: String
}
