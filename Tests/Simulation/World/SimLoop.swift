import Dispatch
import NIOCore

/// An event loop in virtual time. What is given to it happens in order, a while later, a few at a time.
///
/// Its end is sudden, as a process's: what waits is dropped, and promises are kept by breaking them.
final class SimLoop: EventLoop, @unchecked Sendable {
    private struct Step {
        var run: () -> Void
        /// What is owed to somebody if it does not happen.
        var abandon: (() -> Void)?
    }

    private let scheduler: Scheduler
    private let dice: Dice
    private var steps: [Step] = []
    private var isTickDue = false
    private var isRunning = false
    private var isDead = false
    private var isFrozen = false
    private var timers: [UInt64: () -> Void] = [:]
    private var lastTimer: UInt64 = 0

    init(scheduler: Scheduler, dice: Dice) {
        self.scheduler = scheduler
        self.dice = dice
    }

    // A dead loop counts as entered, so that promises that are broken after its end are so at once.
    var inEventLoop: Bool { isRunning || isDead }

    var now: NIODeadline { .uptimeNanoseconds(UInt64(scheduler.now) * 1000) }

    /// As `execute`, for what need not be sendable since there is one thread only.
    func perform(_ body: @escaping () -> Void) { add(Step(run: body)) }

    func execute(_ task: @escaping @Sendable () -> Void) { add(Step(run: task)) }

    func submit<T>(_ task: @escaping @Sendable () throws -> T) -> EventLoopFuture<T> {
        let promise = makePromise(of: T.self)
        add(
            Step {
                do { promise.assumeIsolated().succeed(try task()) } catch { promise.fail(error) }
            } abandon: {
                promise.fail(EventLoopError.shutdown)
            })
        return promise.futureResult
    }

    private func add(_ step: Step) {
        guard !isDead else {
            step.abandon?()
            return
        }
        steps.append(step)
        planTick()
    }

    private func planTick() {
        guard !steps.isEmpty, !isTickDue, !isFrozen else { return }
        isTickDue = true
        scheduler.after(dice.time(0...120)) { [self] in tick() }
    }

    /// The process stands still, or goes on with all that has come meanwhile.
    func freeze(_ isNow: Bool) {
        isFrozen = isNow
        planTick()
    }

    private func tick() {
        guard !isDead else { return }
        isTickDue = false
        guard !isFrozen else { return }
        let count = dice.chance(0.2) ? 1 : steps.count
        let batch = steps[..<count]
        steps.removeFirst(count)
        isRunning = true
        for step in batch { step.run() }
        isRunning = false
        planTick()
    }

    // MARK: Timers

    @discardableResult
    func scheduleTask<T>(
        deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T
    ) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        guard !isDead else {
            promise.fail(EventLoopError.shutdown)
            return Scheduled(promise: promise, cancellationTask: {})
        }
        lastTimer += 1
        let id = lastTimer
        timers[id] = { promise.fail(EventLoopError.shutdown) }
        scheduler.at(Int64(deadline.uptimeNanoseconds / 1000)) { [self] in
            guard timers.removeValue(forKey: id) != nil else { return }
            add(
                Step {
                    do { promise.assumeIsolated().succeed(try task()) } catch { promise.fail(error) }
                } abandon: {
                    promise.fail(EventLoopError.shutdown)
                })
        }
        return Scheduled(promise: promise, cancellationTask: { [self] in timers[id] = nil })
    }

    @discardableResult
    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: now + delay, task)
    }

    // MARK: The end

    /// The process is gone.
    func die() {
        guard !isDead else { return }
        isDead = true
        let (waiting, owed) = (steps, timers)
        steps = []
        timers = [:]
        for step in waiting { step.abandon?() }
        for id in owed.keys.sorted() { owed[id]?() }
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        die()
        queue.async { callback(nil) }
    }
}
