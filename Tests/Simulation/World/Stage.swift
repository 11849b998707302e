import RoostCore

/// What everybody in one simulation shares: time, chance, the truth and the referee.
final class Stage: @unchecked Sendable {
    let seed: UInt64
    let shape: Shape
    let scheduler: Scheduler
    let executor: SimExecutor
    let trace: Trace
    let referee: Referee
    let ledger: Ledger
    private(set) lazy var ownTalk = OwnTalk(self)
    /// Nothing goes wrong from now on.
    var isCalm = false
    /// Appends that may yet be kept, those of nodes that are gone included.
    var appendsUnderWay = 0
    /// Calls to the store that were begun when things still went wrong, and may take as long as those do.
    var troubledCalls = 0
    /// The store answers nobody.
    var isStoreOut = false
    /// What nodes have asked of Redis and the store.
    var tally = Tally()
    /// Deleting rooms is the only way in which a log may end.
    var deletesRooms: Bool { shape.faults.deletions > 0 }
    /// Whether a client must have heard that the log it listens to is gone with its room. Of a room that is deleted by
    /// another process only the slow look tells.
    func isOver(_ room: RoomName, _ epoch: String) -> Bool {
        shape.sweepsPerLook > 0 && ledger.isOver(room, epoch)
    }

    /// By how much the wall clock is wrong, in milliseconds.
    private(set) var clockError: Int64 = 0

    init(seed: UInt64, shape: Shape, isTraced: Bool) {
        self.seed = seed
        self.shape = shape
        scheduler = Scheduler()
        trace = Trace(isOn: isTraced, scheduler: scheduler)
        referee = Referee(scheduler: scheduler, trace: trace)
        executor = SimExecutor(scheduler: scheduler, dice: Dice(seed: seed, "executor"))
        ledger = Ledger(referee: referee, trace: trace)
        if shape.usesSQLite {
            scheduler.afterEach = { [executor] in executor.settle() }
        }
    }

    func dice(_ concern: String) -> Dice { Dice(seed: seed, concern) }

    var now: Int64 { scheduler.now }

    /// A fixed day, plus the time that has passed, plus the clock's error.
    var wall: Timestamp { Timestamp(milliseconds: 1_700_000_000_000 + now / 1000 + clockError) }

    /// Half the dedupe window at most, either way: beyond it, a retry within the window might be none by the clock.
    func stepClock(by milliseconds: Int64) {
        let most = shape.limits.dedupeWindowMs / 4
        clockError = min(max(clockError + milliseconds, -most), most)
        trace.note("clock", "is \(clockError) ms wrong now")
    }
}
