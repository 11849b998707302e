// Messages to be sent: each is acked once or reported as failed, those of one room in their order.

import { OwnCode, isPassing } from "./codes.js";
import { isInLog, newEntry, newLane, probeOf, utf8Length } from "./entry.js";
import { Pace } from "./pace.js";
import { earliest } from "./time.js";

/** Failed messages that are remembered for `retry`; of more, the oldest are forgotten. */
const MOST_FAILED = 1_000;
/** A message that was written may take so long until it is stored. */
const ON_ITS_WAY_MS = 10_000;

export class Outbox {
  constructor(machine) {
    this.machine = machine;
    this.byId = new Map();
    /** Room → its messages in order, and what holds them up. */
    this.lanes = new Map();
    this.failed = new Map();
    this.bytes = 0;
    this.inFlight = 0;
    this.pace = new Pace(machine);
  }

  // In

  send({ room, content, messageId, createdAt }) {
    const known = this.byId.get(messageId);
    if (known !== undefined && !known.isSent) return;
    if (known !== undefined) this.remove(known);
    this.take(newEntry({ room, content, messageId, createdAt }));
  }

  /** Takes a message, or reports it as failed where too much waits already. */
  take(entry, replaced) {
    if (this.isFull(entry)) {
      entry.code = OwnCode.queueFull;
      this.remember(entry);
      const reason = "Too much waits to be sent. Send it again when the connection is back.";
      return this.tellFailed(entry, { code: OwnCode.queueFull, reason });
    }
    this.add(entry, replaced);
    this.flush();
    if (!entry.isKept && this.byId.has(entry.messageId)) this.keep(entry);
  }

  isFull(entry) {
    const { queueLimit, queueBytes } = this.machine.options;
    return this.byId.size >= queueLimit || this.bytes + entry.bytes > queueBytes;
  }

  /** Puts a message at the end of its room's lane. */
  add(entry, replaced) {
    this.byId.set(entry.messageId, entry);
    this.bytes += entry.bytes;
    if (!this.lanes.has(entry.room)) this.lanes.set(entry.room, newLane());
    this.lanes.get(entry.room).entries.push(entry);
    const { room, messageId, content, createdAt } = entry;
    const replaces = replaced === undefined ? {} : { replaces: replaced };
    this.machine.emit({ type: "pending", room, messageId, content, createdAt, ...replaces });
  }

  /** What storage has kept, in its order; what was sent since goes behind it. */
  restore(queue) {
    const later = this.lanes;
    this.lanes = new Map();
    for (const kept of queue) if (!this.byId.has(kept.messageId)) this.add({ ...newEntry(kept), isKept: true });
    for (const [name, lane] of later) {
      const earlier = this.lanes.get(name);
      if (earlier === undefined) this.lanes.set(name, lane);
      else earlier.entries.push(...lane.entries);
    }
    this.flush();
  }

  /** Sends a failed message again; one that may be in the log where nobody can see it becomes a new message. */
  retry({ messageId, freshId }) {
    const entry = this.failed.get(messageId);
    if (entry === undefined) return;
    this.failed.delete(messageId);
    const isNew = entry.code === "retry_expired" || entry.code === OwnCode.otherUser;
    const again = newEntry(isNew ? { ...entry, messageId: freshId, since: null, attemptedAt: null, sender: null } : entry);
    if (!this.byId.has(again.messageId)) this.take(again, isNew ? messageId : undefined);
  }

  /** Gives a message up; one that is on its way may arrive all the same. */
  discard(messageId) {
    if (this.failed.delete(messageId)) return;
    const entry = this.byId.get(messageId);
    if (entry === undefined || entry.isSent) return;
    this.remove(entry);
    this.forget(entry);
    this.tellFailed(entry, { code: OwnCode.discarded, reason: "It was discarded." });
    this.flush();
  }

  // Out

  online() {
    this.pace.reset();
    for (const entry of [...this.byId.values()]) {
      if (entry.sender === null || entry.sender === this.machine.link.user) continue;
      this.fail(entry, { code: OwnCode.otherUser, reason: "It was written by another user." });
    }
    this.flush();
  }

  /** Writes what may be written: lane by lane, each in its order, one alone where it is not known to be welcome. */
  flush() {
    if (!this.machine.isOnline()) return;
    const lanes = [...this.lanes.values()];
    for (const lane of lanes) if (lane.holdUntil !== null && this.machine.now >= lane.holdUntil) lane.holdUntil = null;
    for (const lane of lanes) {
      for (let entry = this.next(lane); entry !== undefined; entry = this.next(lane)) {
        if (this.inFlight >= this.machine.options.inFlightLimit || !this.pace.allows()) return;
        if (this.attempt(entry)) this.pace.wrote();
      }
    }
  }

  /** What a lane may write next: while something must come again, the first of that alone, so that nothing overtakes it. */
  next(lane) {
    if (lane.holdUntil !== null) return undefined;
    const probe = probeOf(lane);
    if (probe === undefined) return lane.entries.find((entry) => !entry.isWritten);
    return probe.isWritten ? undefined : probe;
  }

  /** Writes a message, unless it can be seen that it would be in vain or stored twice. */
  attempt(entry) {
    const { link, now, options, rooms, wall } = this.machine;
    const isFirst = entry.attemptedAt === null;
    const window = link.limits.dedupeWindowMs;
    // The server remembers for the window; the copy has to get there within it.
    const safeMs = window - Math.min(ON_ITS_WAY_MS, Math.floor(window / 2));
    if (!isFirst && entry.since === null && now + wall - entry.attemptedAt > safeMs) {
      const reason = "It was sent too long ago to know whether it was stored.";
      return this.fail(entry, { code: "retry_expired", reason });
    }
    const payload = { room: entry.room, content: entry.content };
    if (!isFirst && entry.since !== null) payload.since = entry.since;
    if (this.frameBytes(entry, payload) > link.limits.maxMessageBytes) {
      return this.fail(entry, { code: "too_large", reason: `It is longer than ${link.limits.maxMessageBytes} bytes.` });
    }
    if (isFirst) {
      Object.assign(entry, { since: rooms.position(entry.room), attemptedAt: now + wall, sender: link.user });
    }
    // Before it is written: what may be in the log is known to have been tried.
    if (isFirst || (!entry.isKept && !isInLog(entry))) this.keep(entry);
    entry.isWritten = true;
    entry.wasRefused = false;
    entry.unanswered += 1;
    entry.attempts += 1;
    entry.writtenAt = now;
    entry.deadline = now + options.messageTimeoutMs;
    this.inFlight += 1;
    this.machine.write("message", payload, entry.messageId);
    return true;
  }

  /** The length of a message's frame; the content has been measured before. */
  frameBytes({ messageId, bytes }, payload) {
    const empty = { type: "message", messageId, payload: { ...payload, content: 0 } };
    return utf8Length(JSON.stringify(empty)) - 1 + bytes;
  }

  keep(entry) {
    entry.isKept = true;
    const { messageId, room, content, createdAt, since, attemptedAt, sender } = entry;
    const message = { messageId, room, content, createdAt, since, attemptedAt, sender };
    this.machine.act({ type: "keep", message });
  }

  forget(entry) {
    if (entry.isKept) this.machine.act({ type: "forget", messageId: entry.messageId });
    entry.isKept = false;
  }

  // Answers

  /**
   * It is in the log. One that was refused besides, or may yet be, since it was written more than once over this
   * connection, stays until that is known not to be so: the server lets nothing that was sent later pass before what it
   * has refused has come again.
   */
  ack(messageId, { seq = null, durability, duplicate = false }) {
    const failed = this.failed.get(messageId);
    if (failed !== undefined && this.failed.delete(messageId)) return this.tellSent(failed, { seq, durability, duplicate });
    const entry = this.byId.get(messageId);
    if (entry === undefined) return;
    entry.unanswered = Math.max(0, entry.unanswered - 1);
    this.tellSent(entry, { seq, durability, duplicate });
    if (entry.unanswered === 0 && !entry.wasRefused) this.settle(entry);
    else if (entry.isWritten) entry.comesAgain = false;
    this.flush();
  }

  /**
   * Its author hears it: it is in the log, whether or not the ack comes. One that was refused over this connection is
   * sent again all the same, since the server lets nothing that was sent later pass before it comes.
   */
  heard(room, messageId, seq, sender) {
    if (sender !== this.machine.link.user) return false;
    const entry = this.byId.get(messageId);
    if (entry === undefined || entry.room !== room) return true;
    entry.heardAt = seq;
    this.forget(entry);
    if (!entry.isWritten && !entry.comesAgain) this.settleHeard(entry);
    return true;
  }

  settleHeard(entry) {
    this.tellSent(entry, { seq: entry.heardAt, durability: null, duplicate: false });
    this.settle(entry);
    this.flush();
  }

  settle(entry) {
    const lane = this.lanes.get(entry.room);
    const wasProbe = probeOf(lane) === entry;
    this.remove(entry);
    // Nothing is on its way that could be refused because of what came before: all at once again.
    if (wasProbe && !lane.entries.some((other) => other.isWritten)) {
      for (const other of lane.entries) other.comesAgain = false;
    }
  }

  /** Tells once that a message is in the log. */
  tellSent(entry, receipt) {
    if (entry.writtenAt !== null) this.pace.acked(entry.writtenAt);
    if (entry.isSent) return;
    entry.isSent = true;
    this.forget(entry);
    this.machine.emit({ type: "sent", room: entry.room, messageId: entry.messageId, ...receipt });
  }

  refused(messageId, error) {
    const entry = this.byId.get(messageId);
    if (entry === undefined) return this.failed.has(messageId);
    entry.unanswered = Math.max(0, entry.unanswered - 1);
    entry.wasRefused = true;
    if (!isPassing(error.code)) {
      this.fail(entry, error);
    } else {
      // Being too fast is no fault of the message: it is told when to come again, as often as it takes.
      if (error.code === "rate_limited") {
        entry.attempts -= 1;
        this.pace.slowDown(error.retryAfterMs ?? 0, entry.writtenAt ?? this.machine.now);
      }
      this.putOff(entry, error, error.retryAfterMs);
    }
    this.flush();
    return true;
  }

  /** Sends a message again later, and its room's later ones behind it. */
  putOff(entry, error, retryAfterMs) {
    this.takeBack(entry);
    if (entry.attempts >= this.machine.options.messageAttempts) return this.fail(entry, error);
    const { messageBackoffMs, messageBackoffMaxMs } = this.machine.options;
    const backoff = Math.min(messageBackoffMaxMs, messageBackoffMs * 2 ** Math.max(0, Math.min(entry.attempts, 30) - 1));
    const lane = this.lanes.get(entry.room);
    entry.comesAgain = true;
    // Those behind it wait for it anyway.
    if (probeOf(lane) === entry) lane.holdUntil = this.machine.now + (retryAfterMs ?? backoff);
  }

  takeBack(entry) {
    if (!entry.isWritten) return;
    entry.isWritten = false;
    entry.deadline = null;
    this.inFlight -= 1;
  }

  remove(entry) {
    this.takeBack(entry);
    this.byId.delete(entry.messageId);
    this.bytes -= entry.bytes;
    const lane = this.lanes.get(entry.room);
    if (probeOf(lane) === entry) lane.holdUntil = null;
    lane.entries.splice(lane.entries.indexOf(entry), 1);
    if (lane.entries.length === 0) this.lanes.delete(entry.room);
  }

  /** Reports a message as failed, unless it is known to be in the log; those behind it go on. */
  fail(entry, error) {
    if (isInLog(entry)) {
      this.settleHeard(entry);
      return false;
    }
    this.remove(entry);
    this.forget(entry);
    entry.code = error.code;
    this.remember(entry);
    this.tellFailed(entry, error);
    return false;
  }

  remember(entry) {
    if (this.failed.size >= MOST_FAILED) this.failed.delete(this.failed.keys().next().value);
    this.failed.set(entry.messageId, entry);
  }

  tellFailed({ room, messageId }, { code, reason }) {
    this.machine.emit({ type: "failed", room, messageId, code, reason });
  }

  // Losing the connection

  /** What was on its way is sent again over the next one, in the order in which it was given. */
  offline() {
    for (const lane of this.lanes.values()) lane.holdUntil = null;
    for (const entry of [...this.byId.values()]) {
      Object.assign(entry, { comesAgain: false, wasRefused: false, unanswered: 0 });
      if (isInLog(entry)) {
        this.settleHeard(entry);
        continue;
      }
      if (!entry.isWritten) continue;
      this.takeBack(entry);
      const error = { code: OwnCode.timeout, reason: "The connection was lost too often before it was acknowledged." };
      if (entry.attempts >= this.machine.options.messageAttempts) this.fail(entry, error);
    }
  }

  // Time

  dueAt() {
    if (!this.machine.isOnline()) return null;
    const times = [this.byId.size > 0 ? this.pace.dueAt() : null];
    for (const lane of this.lanes.values()) {
      times.push(lane.holdUntil);
      for (const entry of lane.entries) if (entry.isWritten) times.push(entry.deadline);
    }
    return earliest(times);
  }

  wake() {
    if (!this.machine.isOnline()) return;
    for (const entry of [...this.byId.values()]) {
      if (!entry.isWritten || this.machine.now < entry.deadline) continue;
      // Nobody refused it: that it is in the log is answer enough.
      if (isInLog(entry) && !entry.comesAgain) this.settleHeard(entry);
      else this.putOff(entry, { code: OwnCode.timeout, reason: "It was not acknowledged in time." }, undefined);
    }
    this.flush();
  }
}
