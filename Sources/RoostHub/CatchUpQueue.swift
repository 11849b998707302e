import DequeModule

/// Reads of the log that are due, of which only so many run at once, so that a thousand readers who come back together
/// don't take the store from everybody else.
struct CatchUpQueue<Read> {
    private let atOnce: Int
    private var waiting: Deque<Read> = []
    private var running = 0

    init(atOnce: Int = 16) { self.atOnce = atOnce }

    /// Returns `read` if it may begin now; else it waits for its turn. Each that has begun must be `finished`.
    mutating func start(_ read: Read) -> Read? {
        guard running < atOnce else {
            waiting.append(read)
            return nil
        }
        running += 1
        return read
    }

    /// One is done; returns the next to begin.
    mutating func finished() -> Read? {
        if let next = waiting.popFirst() { return next }
        running -= 1
        return nil
    }
}
