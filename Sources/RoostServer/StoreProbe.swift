/// Finds out whether the store answers, for those who must have an answer soon themselves: a store that is away is asked
/// with patience, for longer than a health check waits.
///
/// However many ask, the store is asked by one call at a time.
actor StoreProbe {
    /// Who is asked about a store that has been silent for longer than this says that it is away.
    static let patience = Duration.seconds(1)

    private let answers: @Sendable () async -> Bool
    private let patience: Duration
    /// The call under way, by its number.
    private var asking: Int?
    private var calls = 0
    /// Whether that call has been waited for in vain.
    private var isLate = false
    private(set) var waiters: [CheckedContinuation<Bool, Never>] = []

    /// - Parameter answers: asks the store, however long it takes.
    init(patience: Duration = StoreProbe.patience, _ answers: @escaping @Sendable () async -> Bool) {
        self.answers = answers
        self.patience = patience
    }

    /// Whether the store answers within the patience, counted from when it was asked first.
    func isThere() async -> Bool {
        if asking == nil { ask() } else if isLate { return false }
        return await withCheckedContinuation { waiters.append($0) }
    }

    private func ask() {
        calls += 1
        let call = calls
        (asking, isLate) = (call, false)
        let deadline = Task {
            try await Task.sleep(for: patience)
            isOver(call)
        }
        Task {
            let isThere = await answers()
            deadline.cancel()
            asking = nil
            tell(isThere)
        }
    }

    private func isOver(_ call: Int) {
        guard asking == call else { return }
        isLate = true
        tell(false)
    }

    private func tell(_ isThere: Bool) {
        for waiter in waiters { waiter.resume(returning: isThere) }
        waiters = []
    }
}
