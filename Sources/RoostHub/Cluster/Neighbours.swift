import RoostCore
import RoostEngine

/// Which nodes live, as far as this one can tell.
///
/// A node is dead when its lease has been seen to be gone while this node's own was renewed. After a time without the
/// bus every lease may have lapsed though everybody lives, so a whole lease's time is waited then. Who is heard of
/// without a lease (it has only just come) counts as living until the second renewal that doesn't know it.
struct Neighbours: Sendable {
    static let leaseMs: Int64 = 6000
    static let renewEveryMs: Int64 = 2000
    private static let mostDead = 10_000

    private struct Neighbour: Sendable {
        var card: NodeCard?
        /// Renewals that did not know it since it was last heard of or known.
        var misses = 0
    }

    private let me: NodeID
    private var others: [NodeID: Neighbour] = [:]
    /// Who was declared dead, lately.
    private var dead: Set<NodeID> = []
    /// Nodes with another store than ours, which are not listened to.
    private(set) var strangers: Set<NodeID> = []
    private var renewedAt: Moment?
    private var graceUntil: Moment

    init(me: NodeID, now: Moment) {
        self.me = me
        graceUntil = now
    }

    var count: Int { others.count }
    /// Those that live, with their names, as far as they are known.
    var names: [NodeID: String] {
        others.reduce(into: [:]) { $0[$1.key] = $1.value.card?.name ?? $1.key.text }
    }
    /// Whether others may not have had the time to say again what the bus has lost.
    func isGrace(_ now: Moment) -> Bool { now < graceUntil }
    /// Whether it has been found out who is there.
    var isAcquainted: Bool { renewedAt != nil }
    func lives(_ node: NodeID) -> Bool { node == me || others[node] != nil }
    /// Whether what a node has left behind is nobody's, if it is known who lives.
    func isGone(_ node: NodeID) -> Bool { !lives(node) && !strangers.contains(node) }

    /// The bus is back, perhaps without the leases it had: nobody is dead before there was time to renew them.
    mutating func busIsBack(now: Moment) { graceUntil = now + Neighbours.leaseMs }

    /// A node has said something. What is heard of one that is dead was on its way for long, unless it takes a lease.
    mutating func heard(of node: NodeID) {
        guard node != me, others[node] == nil, !dead.contains(node), !strangers.contains(node) else { return }
        others[node] = Neighbour()
    }

    /// What is known after a renewal.
    struct Findings: Equatable {
        /// Nodes that lived and don't any more.
        var dead: [NodeID] = []
        /// Nodes that were taken for dead and live: what they have said was forgotten.
        var risen: [NodeID] = []
        /// This node's own lease was gone: what it has said is to be said again.
        var isForgotten = false
        /// Nodes with another store than ours.
        var strangers: [NodeCard] = []
        /// Those of them that were listened to until now, since nothing but what they said was known of them.
        var estranged: [NodeID] = []
    }

    mutating func renewed(_ cards: [NodeCard], storeID: String, now: Moment) -> Findings {
        if let renewedAt, now - renewedAt > Neighbours.leaseMs { graceUntil = now + Neighbours.leaseMs }
        renewedAt = now
        var findings = Findings()
        for card in cards where card.node != me {
            guard card.storeID == storeID else {
                findings.strangers.append(card)
                if strangers.count >= Neighbours.mostDead { strangers = [] }
                strangers.insert(card.node)
                if others.removeValue(forKey: card.node) != nil { findings.estranged.append(card.node) }
                continue
            }
            others[card.node] = Neighbour(card: card)
            if dead.remove(card.node) != nil { findings.risen.append(card.node) }
        }
        guard now >= graceUntil else { return findings }
        let known = Set(cards.map(\.node))
        for (node, neighbour) in others where !known.contains(node) {
            others[node]?.misses += 1
            // One that has had a lease has lost it; one that was only heard of may be about to take its first.
            if neighbour.card != nil || others[node]?.misses ?? 0 >= 2 {
                others[node] = nil
                findings.dead.append(node)
                if dead.count >= Neighbours.mostDead { dead = [] }
                dead.insert(node)
            }
        }
        return findings
    }
}
