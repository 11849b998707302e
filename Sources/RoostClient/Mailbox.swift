import DequeModule
import NIOConcurrencyHelpers

/// Values for one reader, who may be slow: of more than it holds, the oldest are dropped.
final class Mailbox<Value: Sendable>: Sendable {
    private struct State {
        var values: Deque<Value> = []
        var reader: CheckedContinuation<Value?, Never>?
        var isFinished = false
    }

    private let state = NIOLockedValueBox(State())
    private let capacity: Int

    init(capacity: Int = 1_000) { self.capacity = capacity }

    func put(_ value: Value) {
        let reader = state.withLockedValue { state -> CheckedContinuation<Value?, Never>? in
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            if state.values.count >= capacity { state.values.removeFirst() }
            state.values.append(value)
            return nil
        }
        reader?.resume(returning: value)
    }

    func finish() {
        let reader = state.withLockedValue { state in
            state.isFinished = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    /// The oldest value, as soon as there is one; nil at the end, and when the task is cancelled.
    func next() async -> Value? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (isNow, value) = state.withLockedValue { state -> (Bool, Value?) in
                    if !state.values.isEmpty { return (true, state.values.removeFirst()) }
                    if state.isFinished || Task.isCancelled { return (true, nil) }
                    state.reader = continuation
                    return (false, nil)
                }
                if isNow { continuation.resume(returning: value) }
            }
        } onCancel: {
            let reader = state.withLockedValue { state in
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(returning: nil)
        }
    }
}

/// The mailboxes of all who listen to one thing.
final class Mailboxes<Value: Sendable>: Sendable {
    private struct State {
        var boxes: [ObjectIdentifier: Weak] = [:]
        var last: Value?
        var isFinished = false
    }

    private struct Weak { weak var box: Mailbox<Value>? }

    private let state = NIOLockedValueBox(State())
    private let beginsWithLast: Bool

    /// - Parameter beginsWithLast: whether who comes later is told the last value first.
    init(beginsWithLast: Bool = false) { self.beginsWithLast = beginsWithLast }

    /// A new mailbox, which lasts as long as somebody holds it.
    func open() -> Mailbox<Value> {
        let box = Mailbox<Value>()
        state.withLockedValue { state in
            if let last = state.last { box.put(last) }
            if state.isFinished { box.finish() }
            state.boxes = state.boxes.filter { $0.value.box != nil }
            state.boxes[ObjectIdentifier(box)] = Weak(box: box)
        }
        return box
    }

    func put(_ value: Value) {
        // Under the lock, so that whoever comes meanwhile hears of it once.
        state.withLockedValue { state in
            if beginsWithLast { state.last = value }
            for entry in state.boxes.values { entry.box?.put(value) }
        }
    }

    func finish() {
        state.withLockedValue { state in
            state.isFinished = true
            for entry in state.boxes.values { entry.box?.finish() }
        }
    }
}
