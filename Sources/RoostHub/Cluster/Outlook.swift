import RoostCore
import RoostEngine

/// What this node knows of the other nodes' parts of the boards of rooms it has readers of: up to which version.
struct Outlook: Sendable {
    private struct View: Sendable {
        var isLoaded = false
        /// A read of the board is under way, and what had been applied when it began.
        var loading: [NodeID: UInt64]?
        /// What that read brings is too old: something has happened since it began.
        var isOutdated = false
        /// It was read again for news that it should have had, and has not changed its mind since.
        var isSlow = false
        /// Versions that are applied, and the highest ones heard of.
        var applied: [NodeID: UInt64] = [:]
        var heard: [NodeID: UInt64] = [:]

        var isBehind: Bool { heard.contains { $0.value > applied[$0.key] ?? 0 } }
    }

    private var views: [RoomName: View] = [:]
    /// Rooms whose boards are to be read: now, a second later, once more is known about who lives.
    private var due: Set<RoomName> = []
    private var later: Set<RoomName> = []
    private var afterRenewal: Set<RoomName> = []

    var rooms: [RoomName] { Array(views.keys) }
    func isOfInterest(_ room: RoomName) -> Bool { views[room] != nil }
    func isLoaded(_ room: RoomName) -> Bool { views[room]?.isLoaded ?? false }

    mutating func begin(_ room: RoomName) {
        guard views[room] == nil else { return }
        views[room] = View()
        due.insert(room)
    }

    mutating func end(_ room: RoomName) {
        views[room] = nil
        due.remove(room)
        later.remove(room)
        afterRenewal.remove(room)
    }

    enum Verdict: Equatable {
        /// It follows what is known.
        case apply
        /// It is all there is to know of that node.
        case replace
        /// Nothing new, or of no interest.
        case ignore
    }

    /// What to do with news of a node; if something is missing, the room is due.
    mutating func judge(_ news: Bulletin.Attendance) -> Verdict {
        guard let view = views[news.room] else { return .ignore }
        let applied = view.applied[news.node] ?? 0
        views[news.room]?.heard[news.node] = max(news.to, view.heard[news.node] ?? 0)
        guard news.to > applied, view.isLoaded else { return .ignore }
        guard news.from == applied || news.from == 0 else {
            due.insert(news.room)
            return .ignore
        }
        views[news.room]?.applied[news.node] = news.to
        return news.from == applied ? .apply : .replace
    }

    // MARK: Reading

    /// The rooms whose boards must be read (again); they are being read from now on.
    mutating func takeDue() -> [RoomName] {
        guard !due.isEmpty else { return [] }
        // Of those that are being read it turns out then whether that was enough.
        let rooms = due.filter { views[$0].map { $0.loading == nil } ?? false }
        for room in rooms {
            let applied = views[room]?.applied
            views[room]?.loading = applied
        }
        due = []
        return Array(rooms)
    }

    /// A second has passed.
    mutating func lookAgain() {
        due.formUnion(later)
        later = []
    }

    /// It is known anew who lives.
    mutating func renewed() {
        due.formUnion(afterRenewal)
        afterRenewal = []
    }

    /// Of these rooms nothing is known for sure any more.
    mutating func doubt(_ rooms: [RoomName]) {
        for room in rooms {
            guard let isLoading = views[room].map({ $0.loading != nil }) else { continue }
            views[room]?.isLoaded = false
            views[room]?.isOutdated = isLoading
            due.insert(room)
        }
    }

    /// What a page says that is news.
    struct Reading: Equatable {
        /// Whether the room is still of interest.
        var isWanted = false
        /// Nodes whose part of the page is to take the place of what is known of them.
        var news: [NodeID] = []
        /// Nodes that have nothing there any more.
        var gone: [NodeID] = []
        /// Parts of nodes that are not known to live.
        var strays: [NodeID] = []
    }

    /// A board has been read.
    /// - Parameter isGrace: nodes may not have written again what the bus has lost: who is missing is waited for.
    mutating func loaded(
        _ room: RoomName, _ page: BoardPage, me: NodeID? = nil, isGrace: Bool = false,
        lives: (NodeID) -> Bool = { _ in true }
    ) -> Reading {
        guard let view = views[room] else { return Reading() }
        var reading = Reading(isWanted: true)
        for (node, part) in page.parts where node != me {
            if !lives(node) {
                reading.strays.append(node)
            } else if part.version >= view.applied[node] ?? 0 {
                reading.news.append(node)
                views[room]?.applied[node] = part.version
            }
        }
        // What was applied while the board was being read may have been written after that.
        let missing = view.applied.filter { page.parts[$0.key] == nil && view.loading?[$0.key] == $0.value }.map(\.key)
        if !isGrace {
            reading.gone = missing
            for node in missing { views[room]?.applied[node] = nil }
        }
        if !reading.strays.isEmpty || (isGrace && !missing.isEmpty) { afterRenewal.insert(room) }
        finish(room, isOutdated: view.isOutdated)
        return reading
    }

    private mutating func finish(_ room: RoomName, isOutdated: Bool) {
        views[room]?.loading = nil
        views[room]?.isOutdated = false
        views[room]?.isLoaded = !isOutdated
        let (isBehind, isSlow) = (views[room]?.isBehind ?? false, views[room]?.isSlow ?? false)
        if isOutdated || (isBehind && !isSlow) { due.insert(room) } else if isBehind { later.insert(room) }
        views[room]?.isSlow = isBehind
    }

    mutating func failedToLoad(_ rooms: [RoomName]) {
        for room in rooms where views[room] != nil {
            views[room]?.loading = nil
            views[room]?.isOutdated = false
            later.insert(room)
        }
    }

    /// A node is dead: what it had said is void.
    /// - Returns: up to which versions it had said something.
    mutating func forget(_ node: NodeID) -> [RoomName: UInt64] {
        var said: [RoomName: UInt64] = [:]
        for room in views.keys {
            said[room] = views[room]?.applied.removeValue(forKey: node)
            views[room]?.heard[node] = nil
        }
        return said
    }
}
