/// Deadlines of many connections in buckets of equal width: adding and expiring cost O(1) each, and nothing is removed
/// early. Whoever is called too soon, or is gone, says so and is put back or forgotten.
///
/// After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 6.
public struct TimerWheel<Handle> {
    private struct Entry {
        var handle: Handle
        var due: Int64
    }

    private var slots: [[Entry]]
    private let width: Int64
    /// The last slot time that has been served, in units of `width`.
    private var served: Int64
    public private(set) var count = 0

    /// - Parameters:
    ///   - width: milliseconds per slot; a deadline is served at most so much late.
    ///   - slots: entries further off than `width * slots` share a slot with nearer ones and are passed over.
    public init(width: Int64 = 100, slots: Int = 512, now: Moment) {
        precondition(width > 0 && slots > 0)
        self.slots = Array(repeating: [], count: slots)
        self.width = width
        served = now.milliseconds / width
    }

    public mutating func add(_ handle: Handle, due: Moment) {
        // Rounded up: never early.
        let turn = max(served + 1, (due.milliseconds + width - 1) / width)
        slots[Int(turn % Int64(slots.count))].append(Entry(handle: handle, due: turn))
        self.count += 1
    }

    /// Hands over everything that is due, in slot order. `expire` may add again.
    public mutating func advance(to now: Moment) -> [Handle] {
        let current = now.milliseconds / width
        var expired: [Handle] = []
        guard count > 0, current > served else {
            served = max(served, current)
            return expired
        }
        for turn in (served + 1)...min(current, served + Int64(slots.count)) {
            collect(slot: Int(turn % Int64(slots.count)), upTo: current, into: &expired)
        }
        served = current
        count -= expired.count
        return expired
    }

    private mutating func collect(slot: Int, upTo current: Int64, into expired: inout [Handle]) {
        guard !slots[slot].isEmpty else { return }
        let entries = slots[slot]
        slots[slot] = entries.filter { $0.due > current }
        expired += entries.lazy.filter { $0.due <= current }.map(\.handle)
    }
}
