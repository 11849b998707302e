/// Reads of the log that are due, of which only so many run at once, so that a thousand readers who come back together
/// don't take the store from everybody else.
struct CatchUpQueue {
    static let atOnce = 16

    private var waiting: [() -> Void] = []
    private var first = 0
    private var running = 0

    /// Begins `read` now or when its turn comes. Each must call `finished` in the end.
    mutating func start(_ read: @escaping () -> Void) -> (() -> Void)? {
        guard running < CatchUpQueue.atOnce else {
            waiting.append(read)
            return nil
        }
        running += 1
        return read
    }

    /// One is done; returns the next to begin.
    mutating func finished() -> (() -> Void)? {
        guard first < waiting.count else {
            waiting.removeAll(keepingCapacity: false)
            first = 0
            running -= 1
            return nil
        }
        defer { first += 1 }
        return waiting[first]
    }
}
