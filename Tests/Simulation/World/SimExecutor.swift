internal import RoostEngine

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Runs the hub's tasks on the simulation's one thread, each step after a delay that the dice say: tasks promise each
/// other no order.
///
/// A store that answers from threads of its own is waited for (`abroad`), so that its answer comes at a fixed time too.
final class SimExecutor: TaskExecutor, @unchecked Sendable {
    private let scheduler: Scheduler
    private let dice: Dice
    private let thread = pthread_self()
    /// Calls that other threads are working on; while there is one, nothing else happens.
    private var abroad = 0
    private var mailbox: [UnownedJob] = []
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let hasMail: UnsafeMutablePointer<pthread_cond_t>

    init(scheduler: Scheduler, dice: Dice) {
        self.scheduler = scheduler
        self.dice = dice
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        hasMail = .allocate(capacity: 1)
        hasMail.initialize(to: pthread_cond_t())
        pthread_cond_init(hasMail, nil)
    }

    deinit {
        pthread_cond_destroy(hasMail)
        pthread_mutex_destroy(mutex)
        hasMail.deallocate()
        mutex.deallocate()
    }

    var isHere: Bool { pthread_equal(thread, pthread_self()) != 0 }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isHere, abroad == 0 {
            scheduler.after(dice.time(0...60)) { [self] in run(job) }
        } else {
            pthread_mutex_lock(mutex)
            mailbox.append(job)
            pthread_cond_signal(hasMail)
            pthread_mutex_unlock(mutex)
        }
    }

    private func run(_ job: UnownedJob) {
        precondition(isHere, "a task of the simulation runs on another thread")
        job.runSynchronously(on: asUnownedTaskExecutor())
    }

    /// Starts a task on this executor.
    func task(_ body: @escaping @Sendable () async -> Void) {
        Task(executorPreference: self) { await body() }
    }

    /// A call that may be answered from another thread.
    func abroad<Value>(
        _ call: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        precondition(isHere, "the store is called from another thread")
        abroad += 1
        defer { abroad -= 1 }
        return try await call()
    }

    /// Returns once no call is abroad.
    func settle() {
        while abroad > 0 {
            pthread_mutex_lock(mutex)
            while mailbox.isEmpty { pthread_cond_wait(hasMail, mutex) }
            let jobs = mailbox
            mailbox = []
            pthread_mutex_unlock(mutex)
            for job in jobs { run(job) }
        }
    }
}
