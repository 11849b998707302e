import RoostCore
import RoostEngine

/// From when on the dedupe window knows of every message, so that the log need not be searched for repeats.
///
/// A log holds the messages' times, the window goes by what the clock said; the two differ where the clock was set back.
/// So the clocks of all rows of `recent` are watched in their order: since the last time that it was set back by more
/// than `slackMs`, a message of time t and everything stored after it has a clock of at least t less the slack.
struct Coverage: Sendable {
    /// Clocks of concurrent appends differ by up to this without having been set back: one may wait for another
    /// process after it has taken the time.
    static let slackMs: Int64 = 5000

    /// The clock of the table's oldest row; nil if that is not known.
    var oldest: Timestamp?
    /// The highest clock since the clock was set back.
    private var newest: Timestamp?
    /// The highest clock before that.
    private var barrier: Timestamp?

    /// Called with the clock of each row, in order.
    mutating func note(_ clock: Timestamp) {
        guard let newest else {
            self.newest = clock
            return
        }
        if clock.milliseconds < newest.milliseconds - Coverage.slackMs {
            barrier = max(barrier ?? newest, newest)
            self.newest = clock
        } else {
            self.newest = max(newest, clock)
        }
    }

    /// Whether the window still knows of a message of time `at` and of every later one in its room.
    func covers(_ at: Timestamp, at now: Timestamp, _ options: StoreOptions) -> Bool {
        guard let oldest, let newest else { return false }
        if let barrier, at <= barrier { return false }
        let earliest = Timestamp(milliseconds: at.milliseconds - Coverage.slackMs)
        return oldest < earliest && options.remembers(earliest, at: now) && options.remembers(newest, at: now)
    }
}
