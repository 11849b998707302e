import Logging
public import RoostCore
public import RoostEngine

// Who is where over the whole cluster, asked by those who don't listen.
extension Hub {
    /// Whether the user has a connection to any node. Where the bus is away, to this one.
    public func isOnlineAnywhere(_ user: UserID) async -> Bool {
        if isOnline(user) { return true }
        guard let relay else { return false }
        return await !living(relay, .connections(user)).isEmpty
    }

    /// As `members`, also of rooms that nobody here listens to.
    public func roster(_ room: RoomName, after: UserID? = nil, limit: Int = 1000) async -> PresencePage {
        await rosterIfUnheard(room, after: after, limit: limit) ?? members(room, after: after, limit: limit)
    }

    /// The members of a room as the boards have them; nil where this node knows them itself.
    func rosterIfUnheard(_ room: RoomName, after: UserID?, limit: Int = 1000) async -> PresencePage? {
        guard let relay, !relay.state.withLock({ $0.outlook.isOfInterest(room) }) else { return nil }
        let mode = kinds.kind(of: room).presence
        guard mode != .off else { return nil }
        var presence = Presence()
        for (node, part) in await living(relay, .members(room)) {
            _ = presence.replace(room, by: node, with: part.attendees)
        }
        guard mode != .count else {
            return PresencePage(room: room, count: presence.count(room), members: [], next: nil)
        }
        return presence.page(room, after: after, limit: min(max(1, limit), 1000))
    }

    /// What living nodes have on a board.
    private func living(_ relay: Relay, _ board: BoardName) async -> [NodeID: BoardPage.Part] {
        do throws(BusError) {
            let page = try await relay.cluster.read([board]).first ?? BoardPage()
            // Who has died without a word has left its part, which lasts as long as others have theirs.
            if await knowsWhoLives(beside: [page]) { await clean(strays(on: board, page)) }
            return relay.state.withLock { state in
                page.parts.filter { state.neighbours.lives($0.key) && !$0.value.rows.isEmpty }
            }
        } catch {
            log.debug("a board could not be read", metadata: ["error": "\(error)"])
            return [:]
        }
    }
}

// Parts of boards whose nodes are not known to live: either they have only just come, or they are dead.
extension Hub {
    /// Finds out who lives if there are such parts.
    /// - Returns: whether there are, and it is known now.
    func knowsWhoLives(beside pages: [BoardPage]) async -> Bool {
        guard let relay else { return false }
        let isStrange = relay.state.withLock { state in
            !state.neighbours.isGrace(world.monotonic())
                && pages.contains { page in
                    page.parts.contains { !$0.value.rows.isEmpty && state.neighbours.isGone($0.key) }
                }
        }
        return isStrange ? await renewLease() : false
    }

    private func strays(on board: BoardName, _ page: BoardPage) -> [BoardPart] {
        guard let relay else { return [] }
        return relay.state.withLock { state in
            page.parts.filter { state.neighbours.isGone($0.key) }
                .map { BoardPart(board, of: $0.key, version: $0.value.version) }
        }
    }

    func clean(_ parts: [BoardPart]) async {
        guard let relay, !parts.isEmpty else { return }
        do throws(BusError) {
            try await relay.cluster.clean(parts)
        } catch {
            log.debug("boards were not cleaned; who reads them will", metadata: ["error": "\(error)"])
        }
    }
}

extension BoardPage {
    func without(_ nodes: Set<NodeID>) -> BoardPage {
        guard !nodes.isEmpty else { return self }
        var page = self
        page.parts = parts.filter { !nodes.contains($0.key) }
        return page
    }
}

extension BoardPage.Part {
    /// What is not understood is left out.
    var attendees: [UserID: Attendee] {
        rows.compactMapValues { bytes in
            var reader = ByteReader(bytes)
            return reader.attendee()
        }
    }
}

// The cluster itself.
extension Hub {
    /// Whether other nodes can be heard now; nil where there are none to be heard.
    public var isBusThere: Bool? { relay.map { !$0.isLost && $0.cluster.isConnected } }

    /// What has come and gone over the bus; nil where there is none.
    public func busCounters() async -> BusCounters? { await relay?.cluster.counters() }

    /// How many nodes live, this one included.
    public var nodes: Int { relay?.state.withLock { $0.neighbours.count + 1 } ?? 1 }

    /// A node on the same bus that has another store, if there is one. Waits until it is known who is there, or no longer
    /// than that.
    public func stranger(waitingMs: Int64) async -> NodeCard? {
        guard let relay else { return nil }
        let deadline = world.monotonic() + waitingMs
        while !relay.state.withLock({ $0.neighbours.isAcquainted }), world.monotonic() < deadline {
            // Without the bus nobody is waited for.
            guard relay.cluster.isConnected || !relay.state.withLock(\.hasBeenLost) else { break }
            await pause(10)
        }
        return relay.state.withLock { state in
            state.isIntroduced = true
            return state.strangers.values.first
        }
    }
}
