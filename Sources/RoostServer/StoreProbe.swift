/// Finds out whether the store answers, for those who must have an answer soon themselves: a store that is away is asked
/// with patience, for longer than a health check waits.
///
/// However many ask, the store is asked by one call at a time.
actor StoreProbe {
    /// Liveness is told so soon, whatever the store does: it is often given up after a second or two.
    static let livenessPatience = Duration.seconds(1)
    /// A store that is slow is there: where checks are given up after 5 s, as they are by the load balancers of `Deploy`,
    /// this is the longest it may take.
    static let readinessPatience = Duration.seconds(4)

    private let answers: @Sendable () async -> Bool
    /// When the call under way began.
    private var askedAt: ContinuousClock.Instant?
    private(set) var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
    private var numbers = 0

    /// - Parameter answers: asks the store, however long it takes.
    init(_ answers: @escaping @Sendable () async -> Bool) { self.answers = answers }

    /// Whether the store has something to say within the patience, counted from when it was asked: a call that is under way
    /// for longer already is not waited for.
    func isThere(within patience: Duration) async -> Bool {
        let deadline = (askedAt ?? ask()) + patience
        guard .now < deadline else { return false }
        numbers += 1
        let number = numbers
        let timer = Task {
            try await Task.sleep(until: deadline)
            tell(number, false)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { waiters[number] = $0 }
    }

    private func ask() -> ContinuousClock.Instant {
        let now = ContinuousClock.now
        askedAt = now
        Task {
            let isThere = await answers()
            askedAt = nil
            for number in waiters.keys { tell(number, isThere) }
        }
        return now
    }

    private func tell(_ number: Int, _ isThere: Bool) {
        waiters.removeValue(forKey: number)?.resume(returning: isThere)
    }
}
