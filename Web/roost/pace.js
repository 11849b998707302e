// How fast messages are written, once the server has said that it was too fast.

/** A little slower than the server allows, since other frames count as well. */
const SLOWER = 1.25;
const LONGEST_PAUSE_MS = 1_000;
/** After so long without a complaint it may go a step faster. */
const CALM_MS = 1_000;

export class Pace {
  constructor(machine) {
    this.machine = machine;
    this.reset();
  }

  reset() {
    /** Between two messages; 0: as fast as they come. */
    this.gapMs = 0;
    this.nextAt = null;
    /** What the server allows, as a time between two messages. */
    this.allowedMs = 0;
    /** When the pace was last changed for a complaint. */
    this.slowedAt = 0;
    /** Since when nobody has complained, nor the pace become faster. */
    this.calmSince = 0;
  }

  /**
   * A complaint about a message that was written at this pace doubles the time between two messages; those about what was
   * written before say nothing of it.
   */
  slowDown(retryAfterMs, writtenAt) {
    const { limits } = this.machine.link;
    const { now } = this.machine;
    if (this.gapMs === 0) {
      this.allowedMs = limits.rateLimitMessages > 0 ? Math.ceil((1_000 / limits.rateLimitMessages) * SLOWER) : 1;
      this.gapMs = this.allowedMs;
      this.slowedAt = now;
    } else if (writtenAt > this.slowedAt) {
      this.gapMs = Math.min(LONGEST_PAUSE_MS, this.gapMs * 2);
      this.slowedAt = now;
    }
    this.calmSince = now;
    this.nextAt = Math.max(this.nextAt ?? 0, now + retryAfterMs);
  }

  /** A message was taken that was written at this pace, and all is calm: an eighth less, down to what the server allows. */
  acked(writtenAt) {
    const { now } = this.machine;
    if (this.gapMs <= this.allowedMs || writtenAt <= this.slowedAt || now - this.calmSince < CALM_MS) return;
    this.gapMs = Math.max(this.allowedMs, this.gapMs - Math.max(1, Math.floor(this.gapMs / 8)));
    this.calmSince = now;
  }

  allows() {
    return this.nextAt === null || this.machine.now >= this.nextAt;
  }

  wrote() {
    if (this.gapMs > 0) this.nextAt = this.machine.now + this.gapMs;
  }

  dueAt() {
    return this.nextAt !== null && this.nextAt > this.machine.now ? this.nextAt : null;
  }
}
