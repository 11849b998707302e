public import RoostCore

/// Sessions in this process's memory, for a node that is alone. They end with the process.
///
/// At most `capacity` are kept; above it those go first whose last visit is the longest ago.
public final class MemorySessions: SessionStore {
    fileprivate struct Session {
        var state: SessionState
        var until: Moment
        /// The number of its last visit among all visits.
        var visit: UInt64
    }

    fileprivate struct State {
        var sessions: [String: Session] = [:]
        /// All visits in order, some of them of sessions that have been visited since; the first `gone` are done with.
        var visits: [(session: String, number: UInt64)] = []
        var gone = 0
        var lastVisit: UInt64 = 0
    }

    private let capacity: Int
    private let clock: @Sendable () -> Moment
    private let state = Locked(State())

    /// - Parameters:
    ///   - capacity: sessions that are kept; 1 or more.
    ///   - clock: the time, which never goes back.
    public init(capacity: Int = 100_000, clock: @escaping @Sendable () -> Moment) {
        self.capacity = max(1, capacity)
        self.clock = clock
    }

    public func visit(_ session: String, begins: Bool, idleMs: Int64) async throws(BusError) -> SessionState? {
        let now = clock()
        return state.withLock { state -> SessionState? in
            let known = state.sessions[session].flatMap { $0.until > now ? $0 : nil }
            guard known != nil || begins else { return nil }
            state.lastVisit += 1
            var visited = known ?? Session(state: SessionState(visits: 0), until: now, visit: 0)
            visited.state.visits += 1
            (visited.until, visited.visit) = (now + idleMs, state.lastVisit)
            state.sessions[session] = visited
            state.visits.append((session, state.lastVisit))
            state.sweep(keeping: capacity, now: now)
            return visited.state
        }
    }

    public func note(room: RoomName, of session: String) async throws(BusError) {
        state.withLock { $0.sessions[session]?.state.lastRoom = room }
    }

    /// How many are kept.
    var count: Int { state.withLock { $0.sessions.count } }
    /// How many visits are remembered, for their order.
    var visitsInOrder: Int { state.withLock { $0.visits.count } }
}

extension MemorySessions.State {
    /// Drops sessions that are over, and those visited the longest ago while there are more than may be.
    fileprivate mutating func sweep(keeping capacity: Int, now: Moment) {
        while gone < visits.count {
            let (name, number) = visits[gone]
            if let session = sessions[name], session.visit == number {
                guard session.until <= now || sessions.count > capacity else { break }
                sessions[name] = nil
            }
            gone += 1
        }
        // One that is visited all the time would make the list grow behind one that rests.
        guard visits.count > 2 * sessions.count + 64 else { return }
        visits = visits[gone...].filter { sessions[$0.session]?.visit == $0.number }
        gone = 0
    }
}
