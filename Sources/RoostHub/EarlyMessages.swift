import RoostCore
import RoostEngine

/// Stretches of one log that have come before what is to be heard before them: several nodes append to a room, and what
/// they say of it crosses on the way.
struct EarlyMessages {
    /// What does not fit is read from the store when its time has come.
    static let mostBytes = 256 << 10
    static let mostStretches = 64

    private var epoch: Epoch?
    /// None is empty; in no order.
    private var stretches: [[Message]] = []
    private var bytes = 0

    mutating func keep(_ committed: Committed) {
        if epoch != committed.epoch { self = EarlyMessages() }
        epoch = committed.epoch
        let weight = committed.messages.reduce(0) { $0 + $1.weight }
        guard !committed.messages.isEmpty, bytes + weight <= EarlyMessages.mostBytes,
            stretches.count < EarlyMessages.mostStretches
        else { return }
        stretches.append(committed.messages)
        bytes += weight
    }

    /// What follows `head`, if it is here; what is older is dropped.
    mutating func take(after head: UInt64, in epoch: Epoch) -> ArraySlice<Message>? {
        guard !stretches.isEmpty else { return nil }
        guard epoch == self.epoch else {
            self = EarlyMessages()
            return nil
        }
        stretches.removeAll { $0.last?.seq ?? 0 <= head }
        let index = stretches.firstIndex { $0.first?.seq ?? 0 <= head + 1 }
        let next = index.map { stretches.remove(at: $0).drop { $0.seq <= head } }
        bytes = stretches.joined().reduce(0) { $0 + $1.weight }
        return next
    }
}
