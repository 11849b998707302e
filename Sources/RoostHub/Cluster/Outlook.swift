import RoostCore
import RoostEngine

/// What this node knows of the other nodes' parts of the boards of rooms it has readers of: up to which version.
struct Outlook: Sendable {
    private struct View: Sendable {
        var isLoaded = false
        /// A read of the board is under way.
        var isLoading = false
        /// What that read brings is too old: something has happened since it began.
        var isOutdated = false
        /// Versions that are applied, and the highest ones heard of.
        var applied: [NodeID: UInt64] = [:]
        var heard: [NodeID: UInt64] = [:]

        var isBehind: Bool { heard.contains { $0.value > applied[$0.key] ?? 0 } }
    }

    private var views: [RoomName: View] = [:]

    var rooms: [RoomName] { Array(views.keys) }
    func isOfInterest(_ room: RoomName) -> Bool { views[room] != nil }
    func isLoaded(_ room: RoomName) -> Bool { views[room]?.isLoaded ?? false }

    mutating func begin(_ room: RoomName) { if views[room] == nil { views[room] = View() } }
    mutating func end(_ room: RoomName) { views[room] = nil }

    enum Verdict: Equatable {
        /// It follows what is known.
        case apply
        /// It is all there is to know of that node.
        case replace
        /// Nothing new, or of no interest.
        case ignore
    }

    /// What to do with news of a node; whether something is missing is known by `due`.
    mutating func judge(_ news: Bulletin.Attendance) -> Verdict {
        guard let view = views[news.room] else { return .ignore }
        let applied = view.applied[news.node] ?? 0
        views[news.room]?.heard[news.node] = max(news.to, view.heard[news.node] ?? 0)
        guard news.to > applied, view.isLoaded else { return .ignore }
        guard news.from == applied || news.from == 0 else { return .ignore }
        views[news.room]?.applied[news.node] = news.to
        return news.from == applied ? .apply : .replace
    }

    /// The rooms whose boards must be read (again); they are being read from now on.
    mutating func takeDue() -> [RoomName] {
        let due = views.filter { !$0.value.isLoading && (!$0.value.isLoaded || $0.value.isBehind) }.map(\.key)
        for room in due { views[room]?.isLoading = true }
        return due
    }

    /// Of these rooms nothing is known for sure any more.
    mutating func doubt(_ rooms: [RoomName]) {
        for room in rooms {
            let isLoading = views[room]?.isLoading ?? false
            views[room]?.isLoaded = false
            views[room]?.isOutdated = isLoading
        }
    }

    /// A board has been read: whether it is still wanted, and the nodes of which it says nothing any more.
    /// - Parameter isGrace: nodes may not have written again what the bus has lost: who is missing is waited for.
    mutating func loaded(
        _ room: RoomName, _ page: BoardPage, isGrace: Bool = false
    ) -> (isWanted: Bool, gone: [NodeID]) {
        guard let view = views[room] else { return (false, []) }
        let gone = view.applied.keys.filter { page.parts[$0] == nil }
        views[room]?.isLoading = false
        let mustWait = isGrace && !gone.isEmpty
        views[room]?.isLoaded = !view.isOutdated && !mustWait
        views[room]?.isOutdated = false
        views[room]?.applied = page.parts.mapValues(\.version)
        guard mustWait else { return (true, gone) }
        for node in gone { views[room]?.applied[node] = view.applied[node] }
        return (true, [])
    }

    mutating func failedToLoad(_ rooms: [RoomName]) {
        for room in rooms {
            views[room]?.isLoading = false
            views[room]?.isOutdated = false
        }
    }

    /// A node is dead: what it had said is void.
    mutating func forget(_ node: NodeID) {
        for room in views.keys {
            views[room]?.applied[node] = nil
            views[room]?.heard[node] = nil
        }
    }
}
