// How fast messages are written, once the server has said that it was too fast.

/** A little slower than the server allows, since other frames count as well. */
const SLOWER = 1.25;
const LONGEST_PAUSE_MS = 1_000;

export class Pace {
  constructor(machine) {
    this.machine = machine;
    this.reset();
  }

  reset() {
    /** Between two messages; 0: as fast as they come. */
    this.gapMs = 0;
    this.nextAt = null;
  }

  /** Each complaint doubles the time between two messages, until nothing waits any more. */
  slowDown(retryAfterMs) {
    const { limits } = this.machine.link;
    const { now } = this.machine;
    const allowed = limits.rateLimitMessages > 0 ? Math.ceil((1_000 / limits.rateLimitMessages) * SLOWER) : 1;
    const isNew = this.nextAt === null || now >= this.nextAt;
    if (this.gapMs === 0) this.gapMs = allowed;
    else if (isNew) this.gapMs = Math.min(LONGEST_PAUSE_MS, this.gapMs * 2);
    this.nextAt = Math.max(this.nextAt ?? 0, now + retryAfterMs);
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
