// Messages one by one, for `for await`: bounded in memory, however slow the reader.

import { RoostError } from "./error.js";

/** So many messages wait for a reader; of one that falls further behind, the rest is read from the log when it comes. */
const MOST_UNREAD = 1_000;
const PAGE = 100;

export class Reader {
  #room;
  #ended;
  #waiting = [];
  /** Where the reader is: the seq it was given last, or, before the first, the one that it joined at. */
  #seq = null;
  /** Whether messages were let go that must be read from the log. */
  #isBehind = false;
  #isOver = false;
  #error = null;
  #wake = null;

  constructor(room, ended) {
    this.#room = room;
    this.#ended = ended;
  }

  /** Called by the room with each message. */
  push(message) {
    if (this.#seq === null) this.#seq = message.seq - 1;
    if (this.#waiting.length >= MOST_UNREAD) this.#isBehind = true;
    if (!this.#isBehind) this.#waiting.push(message);
    this.#wake?.();
  }

  /** Called by the room when its log is another one: what is let go of the old one can't be had any more. */
  restart() {
    this.#seq = null;
    this.#isBehind = false;
  }

  end(error) {
    this.#isOver = true;
    this.#error = error;
    this.#ended();
    this.#wake?.();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async next() {
    for (;;) {
      if (this.#waiting.length > 0) {
        const value = this.#waiting.shift();
        this.#seq = value.seq;
        return { value, done: false };
      }
      if (this.#isOver) return this.#finish();
      if (this.#isBehind) await this.#catchUp();
      else await new Promise((resolve) => (this.#wake = resolve));
      this.#wake = null;
    }
  }

  async return() {
    this.end(null);
    this.#waiting = [];
    return { value: undefined, done: true };
  }

  #finish() {
    const error = this.#error;
    this.#error = null;
    if (error !== null && error.code !== "closed") throw error;
    return { value: undefined, done: true };
  }

  /** Reads a page of the log; live again once it reaches what the room has heard. */
  async #catchUp() {
    try {
      const page = await this.#room.history({ after: this.#seq, limit: PAGE });
      if (page.messages.length > 0) {
        this.#waiting.push(...page.messages.filter(({ type }) => type === "message"));
        this.#seq = page.messages.at(-1).seq;
      }
      this.#isBehind = this.#seq < (this.#room.position?.seq ?? 0) && page.messages.length > 0;
    } catch (error) {
      const reason = `The reader fell behind, and the log could not be read: ${error.message}`;
      this.end(new RoostError({ code: "slow_reader", reason }));
    }
  }
}
