import DequeModule

/// Things of which each has its turn once in so many seconds (or sweeps), as evenly as whole ones can be.
struct Rounds<Item: Hashable & Sendable>: Sendable {
    let seconds: Int
    private struct Turn: Sendable {
        var item: Item
        var number: UInt64
    }

    private var order: Deque<Turn> = []
    /// The number of each item's next turn; others that are in the order are none any more.
    private var members: [Item: UInt64] = [:]
    private var turns: UInt64 = 0
    /// What is due of a round, in items times its seconds.
    private var share = 0

    init(seconds: Int) { self.seconds = seconds }

    var count: Int { members.count }
    /// Places in the order, some of them of what is gone.
    var places: Int { order.count }

    mutating func insert(_ item: Item) {
        if members[item] == nil { queue(item) }
    }

    private mutating func queue(_ item: Item) {
        turns += 1
        members[item] = turns
        order.append(Turn(item: item, number: turns))
    }

    /// It is passed over when its turn comes.
    mutating func remove(_ item: Item) {
        members[item] = nil
        // Nobody may ever take what comes and goes.
        if order.count > 2 * members.count + 64 { order.removeAll { members[$0.item] != $0.number } }
    }

    /// Those whose turn it is now, `most` at most: of more, each has its turn later.
    mutating func take(atMost most: Int = .max) -> [Item] {
        var due: [Item] = []
        share += members.count
        while share >= seconds, due.count < most, let turn = order.popFirst() {
            guard members[turn.item] == turn.number else { continue }
            share -= seconds
            due.append(turn.item)
            queue(turn.item)
        }
        if members.isEmpty || due.count >= most { share = 0 }
        return due
    }
}
