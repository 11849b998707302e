/// Virtual time: what is to happen, and when. Nothing takes time but waiting.
///
/// Times are microseconds since the simulation began. What is due at the same time happens in the order in which it
/// was scheduled; whoever wants another order rolls dice for the delay.
final class Scheduler: @unchecked Sendable {
    typealias Action = () -> Void

    /// A place in the queue. Without the action itself, since events are moved about a lot.
    private struct Event {
        var time: Int64
        var order: UInt64
        var slot: Int

        func isBefore(_ other: Event) -> Bool {
            time != other.time ? time < other.time : order < other.order
        }
    }

    private(set) var now: Int64 = 0
    private(set) var happened = 0
    /// Called after each event.
    var afterEach: Action?
    private var heap: [Event] = []
    private var actions: [Action?] = []
    private var freeSlots: [Int] = []
    private var ordered: UInt64 = 0

    init() {}

    func at(_ time: Int64, _ action: @escaping Action) {
        ordered += 1
        let slot = freeSlots.popLast() ?? actions.count
        if slot == actions.count { actions.append(action) } else { actions[slot] = action }
        heap.append(Event(time: max(now, time), order: ordered, slot: slot))
        rise(from: heap.count - 1)
    }

    func after(_ delay: Int64, _ action: @escaping Action) { at(now + delay, action) }

    /// Lets everything happen that is due up to `end`, or until `isDone`. Time is `end` afterwards unless it was done
    /// before.
    func run(until end: Int64, unless isDone: () -> Bool = { false }) {
        while !isDone() {
            guard let first = heap.first, first.time <= end else {
                now = max(now, end)
                return
            }
            removeFirst()
            now = first.time
            happened += 1
            let action = actions[first.slot]
            actions[first.slot] = nil
            freeSlots.append(first.slot)
            action?()
            afterEach?()
        }
    }

    /// Forgets everything that has not happened.
    func clear() { (heap, actions, freeSlots) = ([], [], []) }

    // MARK: The heap

    private func rise(from start: Int) {
        var index = start
        let event = heap[index]
        while index > 0 {
            let parent = (index - 1) / 2
            guard event.isBefore(heap[parent]) else { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = event
    }

    private func removeFirst() {
        let event = heap.removeLast()
        guard !heap.isEmpty else { return }
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(event) else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = event
    }
}

extension Int64 {
    /// So many milliseconds in the scheduler's unit.
    static func ms(_ milliseconds: Int64) -> Int64 { milliseconds * 1000 }
}
