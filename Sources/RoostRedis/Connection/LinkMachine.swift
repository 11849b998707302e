import RoostCore
import RoostEngine

/// When a connection is opened, greeted, asked whether it lives, given up and opened again; as a value.
///
/// Time and chance are inputs; what is to be done comes out. `Handle` is whatever stands for an open connection.
struct LinkMachine<Handle: Equatable> {
    enum Action: Equatable {
        /// Open a connection: `opened` or `failed` follows.
        case connect
        /// Say hello: `greeted` or `failed` follows.
        case greet(Handle)
        case ping(Handle)
        case close(Handle)
        /// Commands may be sent.
        case ready(Handle)
        /// None may any more. Tells each failed attempt, too.
        case lost(BusError)
    }

    private enum State: Equatable {
        case idle
        case connecting
        case greeting(Handle, since: Moment)
        /// `heard` is when something came last, `asked` when a ping went out that nothing came after.
        case ready(Handle, since: Moment, heard: Moment, asked: Moment?)
        case waiting(until: Moment)
        case stopped
    }

    struct Pace: Sendable {
        /// Without news for so long, a ping is sent.
        var quietMs: Int64 = 1000
        /// A greeting or a ping may go unanswered for so long.
        var answerMs: Int64 = 3000
        /// The first wait is up to this, each further one up to twice the one before, as far as `longestWaitMs`.
        var shortestWaitMs: Int64 = 50
        var longestWaitMs: Int64 = 2000
        /// Who was ready for so long begins again with the shortest wait.
        var steadyMs: Int64 = 2000
        /// Between two ticks there is less than this unless the process stood still.
        var stallMs: Int64 = 500
    }

    private let pace: Pace
    private let silence: BusError
    private var state = State.idle
    private var failures = 0
    private var ticked: Moment?

    /// - Parameter silence: what is told of a server that does not answer.
    init(silence: BusError, pace: Pace = Pace()) {
        self.silence = silence
        self.pace = pace
    }

    var isReady: Bool {
        if case .ready = state { true } else { false }
    }

    /// Whether no attempt has failed since the last success, so that it is worthwhile to wait for the connection.
    var isHopeful: Bool { failures == 0 && state != .stopped }

    mutating func start() -> [Action] {
        guard state == .idle else { return [] }
        state = .connecting
        return [.connect]
    }

    mutating func opened(_ handle: Handle, at now: Moment) -> [Action] {
        guard state == .connecting else { return [.close(handle)] }
        state = .greeting(handle, since: now)
        return [.greet(handle)]
    }

    mutating func greeted(_ handle: Handle, at now: Moment) -> [Action] {
        guard case .greeting(handle, _) = state else { return [] }
        state = .ready(handle, since: now, heard: now, asked: nil)
        return [.ready(handle)]
    }

    /// Something came.
    mutating func heard(_ handle: Handle, at now: Moment) {
        guard case .ready(handle, let since, _, _) = state else { return }
        state = .ready(handle, since: since, heard: now, asked: nil)
    }

    /// The connection could not be opened, is closed, or is to be given up.
    /// - Parameters:
    ///   - handle: nil: there is none yet.
    ///   - chance: any number; decides how long is waited.
    mutating func failed(_ handle: Handle?, _ error: BusError, at now: Moment, chance: UInt64) -> [Action] {
        switch state {
        case .connecting where handle == nil: break
        case .greeting(let current, _) where current == handle: break
        case .ready(let current, let since, _, _) where current == handle:
            if now - since >= pace.steadyMs { failures = 0 }
        default: return []
        }
        let longest = min(pace.longestWaitMs, pace.shortestWaitMs << Int64(min(failures, 20)))
        failures += 1
        state = .waiting(until: now + Int64(chance % UInt64(longest + 1)))
        return (handle.map { [.close($0)] } ?? []) + [.lost(error)]
    }

    /// Lets time pass; to be called some ten times a second.
    mutating func tick(at now: Moment, chance: UInt64) -> [Action] {
        let stall = max(0, now - (ticked ?? now) - pace.stallMs)
        ticked = now
        // While this process stood still it could not have heard an answer either.
        if stall > 0 { forgive(stall) }
        switch state {
        case .waiting(let until) where now >= until:
            state = .connecting
            return [.connect]
        case .greeting(let handle, let since) where now - since >= pace.answerMs:
            return failed(handle, silence, at: now, chance: chance)
        case .ready(let handle, _, _, let asked?) where now - asked >= pace.answerMs:
            return failed(handle, silence, at: now, chance: chance)
        case .ready(let handle, let since, let heard, nil) where now - heard >= pace.quietMs:
            state = .ready(handle, since: since, heard: heard, asked: now)
            return [.ping(handle)]
        default: return []
        }
    }

    private mutating func forgive(_ ms: Int64) {
        switch state {
        case .greeting(let handle, let since): state = .greeting(handle, since: since + ms)
        case .ready(let handle, let since, let heard, let asked?):
            state = .ready(handle, since: since, heard: heard, asked: asked + ms)
        default: break
        }
    }

    mutating func stop() -> [Action] {
        defer { state = .stopped }
        switch state {
        case .greeting(let handle, _), .ready(let handle, _, _, _): return [.close(handle)]
        default: return []
        }
    }
}
