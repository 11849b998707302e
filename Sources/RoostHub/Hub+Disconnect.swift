import Logging
import NIOCore
public import RoostCore
import RoostEngine

/// What came of sending a user away.
public struct Farewell: Sendable, Equatable {
    /// Connections closed, on this node and on those that have said so.
    public var connections: Int
    /// Nodes whose connections of the user are closed, this one included.
    public var nodes: Int
    /// The names of nodes that live, as far as is known, and have not said so in time.
    public var silent: [String]
    /// The bus is away: other nodes have not been told.
    public var isCutOff: Bool
}

extension Hub {
    /// How long other nodes have to answer.
    private static let answerTime = TimeAmount.seconds(2)

    /// Closes all connections of a user, on all nodes. The user may connect again.
    ///
    /// To everyone and not to the user's own channel, which a node that the user has only just come to may not hear yet.
    /// Unlike the rest of what goes over the bus this is not repaired from elsewhere when it is lost, so nodes answer.
    public func disconnect(_ user: UserID, reason: String) async -> Farewell {
        guard let relay else {
            return Farewell(
                connections: await disconnectHere(user, reason: reason), nodes: 1, silent: [], isCutOff: false)
        }
        let isCutOff = isBusThere != true
        let ask = world.random()
        let others = relay.state.withLock { $0.neighbours.names }
        if !isCutOff {
            roundup.begin(ask, of: others)
            relay.tellEveryone(.disconnect(user, reason: reason, ask: ask))
        }
        let here = await disconnectHere(user, reason: reason)
        guard !isCutOff else { return Farewell(connections: here, nodes: 1, silent: [], isCutOff: true) }
        let answers = await roundup.end(ask, after: Hub.answerTime, on: shards[0].loop)
        return Farewell(
            connections: answers.connections.values.reduce(here, +), nodes: 1 + answers.connections.count,
            silent: answers.silent.values.sorted(), isCutOff: false)
    }

    /// Another node wants a user to go.
    func hearDisconnect(_ user: UserID, reason: String, ask: UInt64) {
        world.run { [self] in
            let count = await disconnectHere(user, reason: reason)
            guard let relay else { return }
            relay.tellEveryone(.disconnected(ask: ask, node: relay.me, connections: count))
        }
    }

    private func disconnectHere(_ user: UserID, reason: String) async -> Int {
        var count = 0
        for target in shards {
            let closed = target.loop.submit { target.shard.value.disconnectAll(of: user, reason: reason) }
            count += (try? await closed.get()) ?? 0
        }
        if count > 0 { log.info("a user was disconnected", metadata: ["user": "\(user)", "connections": "\(count)"]) }
        return count
    }
}

extension Shard {
    /// Closes this loop's connections of a user; how many there were.
    func disconnectAll(of user: UserID, reason: String) -> Int {
        let all = (users[user] ?? []).compactMap { connections[$0] }
        for connection in all { end(connection, .disconnected, reason) }
        return all.count
    }
}
