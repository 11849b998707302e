// Which way to the server to take: one is judged by what came over it, not by whether it opened.

/** A transport that has worked is left only after so many connections in a row that brought nothing. */
const MOST_FAILURES = 3;

export class TransportChoice {
  constructor(machine) {
    this.machine = machine;
    this.index = 0;
    /** Whether the current one has brought a welcome. */
    this.isProven = false;
    this.failures = 0;
  }

  current() {
    return this.machine.options.transports[this.index];
  }

  useful() {
    this.isProven = true;
  }

  /**
   * A connection was of no use: it brought nothing, or ended at once.
   * @returns whether another transport is to be tried without waiting
   */
  failed() {
    this.failures += 1;
    if (this.isProven && this.failures < MOST_FAILURES) return false;
    this.failures = 0;
    this.isProven = false;
    this.index += 1;
    if (this.index < this.machine.options.transports.length) return true;
    this.index = 0;
    return false;
  }

  /**
   * A connection was of use, or its end told something of the server.
   * @param lasted how long it was online; null if it was not
   * @returns false: no reason not to wait
   */
  fine(lasted) {
    this.failures = 0;
    if (this.index > 0 && lasted !== null && lasted >= this.machine.options.betterAfterMs) {
      this.index = 0;
      this.isProven = false;
    }
    return false;
  }
}
