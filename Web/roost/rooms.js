// Rooms and cursors: what has been heard of each log, and how to hear the rest of it once and in order.

import { isPassing } from "./codes.js";
import { earliest } from "./time.js";

/** What a room is doing. */
export const RoomPhase = Object.freeze({
  /** To be joined when there is a connection. */
  idle: "idle",
  /** A join is on its way; nothing is heard until it is answered, since the answer replays all that is missing. */
  joining: "joining",
  /** Joined. */
  live: "live",
  /** A join was refused for a passing cause and is repeated at `retryAt`. */
  waiting: "waiting",
  /** Refused for good, or put out; joined again by the application or with the next connection. */
  refused: "refused",
});

const ROOM_NAME = /^[A-Za-z0-9_.:-]{1,128}$/;
/** So many holes or unanswered joins without anything heard in between, and the connection is given up. */
const MOST_REPAIRS = 3;
const JOIN_BACKOFF_MS = 500;
const JOIN_BACKOFF_MAX_MS = 10_000;

export class Rooms {
  constructor(machine) {
    this.machine = machine;
    this.byName = new Map();
    /** Rooms that we have left, until the server has said so: `{request, retryAt}` by name. */
    this.leaving = new Map();
    this.kept = {};
  }

  /** Positions from storage, for rooms that are joined as durable. */
  restore(positions) {
    this.kept = positions;
  }

  /** Where a room has been heard up to; null before the first join was answered. */
  position(name) {
    const room = this.byName.get(name);
    return room === undefined || room.seq === null ? null : { epoch: room.epoch, seq: room.seq };
  }

  isLive(name) {
    return this.byName.get(name)?.phase === RoomPhase.live;
  }

  // In and out

  join({ room: name, history = 0, presence, durable = false, after }) {
    if (!ROOM_NAME.test(name)) {
      const reason = "A room's name is 1 to 128 letters, digits, _ . : or -.";
      return this.machine.emit({ type: "refused", room: name, code: "invalid", reason });
    }
    const known = this.byName.get(name);
    if (known === undefined) this.byName.set(name, newRoom(name));
    const room = this.byName.get(name);
    // What has not been left for certain may have to be left again.
    if (this.leaving.delete(name)) room.mayBeIn = true;
    Object.assign(room, { history, presence, durable });
    const start = after ?? (durable ? this.kept[name] : undefined);
    if (known === undefined && start !== undefined) Object.assign(room, { epoch: start.epoch, seq: start.seq });
    const isWanting = room.phase === RoomPhase.idle || room.phase === RoomPhase.refused;
    if (isWanting && this.machine.isOnline()) this.ask(room);
  }

  leave(name) {
    const room = this.byName.get(name);
    if (room === undefined) return;
    this.machine.signals.forget(name);
    this.byName.delete(name);
    delete this.kept[name];
    const mayBeIn = room.mayBeIn || room.phase === RoomPhase.joining;
    if (mayBeIn && this.machine.isOnline()) this.askToLeave(name);
    if (room.durable) this.machine.act({ type: "forgetPosition", room: name });
    this.machine.emit({ type: "left", room: name });
  }

  askToLeave(name) {
    this.leaving.set(name, { request: this.machine.write("leave", { room: name }), retryAt: null });
  }

  /** Asks for a room: from its position on where there is one. */
  ask(room) {
    const payload = { room: room.name };
    if (room.seq !== null) payload.after = { epoch: room.epoch, seq: room.seq };
    else if (room.history > 0) payload.history = room.history;
    if (room.presence !== undefined) payload.presence = room.presence;
    this.asked(room, this.machine.write("join", payload));
  }

  asked(room, request) {
    room.phase = RoomPhase.joining;
    room.request = request;
    room.deadline = this.machine.now + this.machine.options.answerTimeoutMs;
    room.retryAt = null;
  }

  /** Several rooms that go on from a position and want no list of members share a frame. */
  online() {
    const rooms = [...this.byName.values()];
    const resuming = rooms.filter((room) => room.seq !== null && room.presence === undefined);
    const isShared = resuming.length > 1;
    if (isShared) {
      const positions = {};
      for (const room of resuming) positions[room.name] = { epoch: room.epoch, seq: room.seq };
      const request = this.machine.write("resume", { rooms: positions });
      for (const room of resuming) this.asked(room, request);
    }
    for (const room of rooms) if (!isShared || !resuming.includes(room)) this.ask(room);
  }

  offline() {
    // Who is not connected is in no room.
    this.leaving.clear();
    for (const room of this.byName.values()) {
      Object.assign(room, { phase: RoomPhase.idle, mayBeIn: false, request: null, deadline: null, retryAt: null, failures: 0 });
      this.keep(room);
    }
  }

  // Answers

  joined(payload, messageId) {
    const room = this.byName.get(payload.room);
    if (room === undefined) return;
    room.mayBeIn = true;
    const isAnswer = room.request !== null && messageId === room.request;
    if (!isAnswer) {
      // The log has become another one while we listened.
      if (room.phase === RoomPhase.live && payload.epoch !== room.epoch) this.startAnew(room, payload);
      return;
    }
    Object.assign(room, { phase: RoomPhase.live, request: null, deadline: null, failures: 0 });
    if (room.seq === null) this.begin(room, payload);
    else if (payload.epoch !== room.epoch || payload.head < room.seq) return this.startAnew(room, payload);
    else room.isHole = !payload.recovered;
    this.machine.emit({ type: "joined", ...payload });
    this.machine.signals.flush(room.name);
  }

  /** The first time: what comes begins somewhere within the history that was asked for. */
  begin(room, { epoch, head }) {
    Object.assign(room, { epoch, seq: Math.max(0, head - room.history), mayBeginLater: room.history > 0, isHole: false });
    room.isDirty = true;
  }

  /** Another log: nothing of the old one goes on; what it has already said is joined like a room never heard. */
  startAnew(room, payload) {
    this.machine.emit({ type: "reset", room: room.name, epoch: payload.epoch, head: payload.head });
    Object.assign(room, { epoch: payload.epoch, seq: null });
    this.machine.signals.forgetMarks(room.name);
    if (room.history > 0 && payload.head > 0) return this.ask(room);
    this.begin(room, payload);
    this.machine.emit({ type: "joined", ...payload });
  }

  /** The server says that we are out of a room. A leave of our own has been seen to, and is of no interest. */
  left(name, messageId) {
    // That to an earlier leave than the last is of no interest either.
    if (this.machine.isOwnId(messageId) && this.leaving.get(name)?.request !== messageId) return;
    this.leaving.delete(name);
    const room = this.byName.get(name);
    if (room !== undefined) room.mayBeIn = false;
    if (room?.phase !== RoomPhase.live) return;
    this.refuse(room, { code: "forbidden", reason: "You are no longer in this room." });
  }

  refused(messageId, name, error) {
    if (this.stayed(messageId, error)) return true;
    const asking = [...this.byName.values()].filter((room) => room.request !== null && room.request === messageId);
    if (asking.length === 0) return false;
    const concerned = name === undefined ? asking : asking.filter((room) => room.name === name);
    for (const room of concerned) {
      if (isPassing(error.code)) this.putOff(room, error.retryAfterMs);
      // All of them together may be too many where some are not.
      else if (concerned.length > 1) this.ask(room);
      else this.refuse(room, error);
    }
    return true;
  }

  /** A leave was refused: it comes again, unless there is nothing to be left. */
  stayed(messageId, error) {
    const found = [...this.leaving].find(([, { request }]) => request !== null && request === messageId);
    if (found === undefined) return false;
    const [name, leave] = found;
    if (!isPassing(error.code)) this.leaving.delete(name);
    else Object.assign(leave, { request: null, retryAt: this.machine.now + (error.retryAfterMs ?? JOIN_BACKOFF_MS) });
    return true;
  }

  refuse(room, error) {
    Object.assign(room, { phase: RoomPhase.refused, request: null, deadline: null, retryAt: null });
    this.machine.emit({ type: "refused", room: room.name, ...error });
  }

  putOff(room, retryAfterMs) {
    const backoff = Math.min(JOIN_BACKOFF_MAX_MS, JOIN_BACKOFF_MS * 2 ** Math.min(room.failures, 16));
    room.failures += 1;
    Object.assign(room, { phase: RoomPhase.waiting, request: null, deadline: null });
    room.retryAt = this.machine.now + (retryAfterMs ?? backoff);
  }

  // Entries of the log

  entry(type, { room: name, seq, ...fields }, frame) {
    const room = this.byName.get(name);
    if (room === undefined) return this.personal(type, { room: name, seq, ...fields }, frame);
    if (!this.advance(room, seq)) return;
    const { messageId, timestamp } = frame;
    const own = this.machine.outbox.heard(name, messageId, seq, fields.sender);
    this.machine.signals.stopped(name, fields.sender);
    this.machine.emit({ type, room: name, seq, messageId, at: timestamp, ...fields, ...(own ? { own } : {}) });
  }

  /** A user's own room is heard without joining; of other rooms, only what was on its way when we left. */
  personal(type, payload, { messageId, timestamp }) {
    if (!payload.room?.startsWith("user:")) return;
    this.machine.emit({ type: "personal", entry: type, messageId, at: timestamp, ...payload });
  }

  /** Moves a cursor; false for what is not the next entry of a log we are listening to. */
  advance(room, seq) {
    if (room.phase !== RoomPhase.live || seq <= room.seq) return false;
    if (seq > room.seq + 1 && !room.mayBeginLater && !room.isHole) {
      this.repair(room, "A message is missing.");
      return false;
    }
    if (seq > room.seq + 1 && room.isHole) {
      this.machine.emit({ type: "gap", room: room.name, from: room.seq + 1, to: seq - 1 });
    }
    this.moveTo(room, seq);
    return true;
  }

  moveTo(room, seq) {
    Object.assign(room, { seq, mayBeginLater: false, isHole: false, repairs: 0, isDirty: true });
  }

  /** What the server no longer has. */
  gap({ room: name, from, to }) {
    const room = this.byName.get(name);
    if (room?.phase !== RoomPhase.live || to <= room.seq) return;
    this.machine.emit({ type: "gap", room: name, from: Math.max(from, room.seq + 1), to });
    this.moveTo(room, to);
  }

  /** Joins again from where we are; what comes in the meantime will come again. */
  repair(room, reason) {
    room.repairs += 1;
    if (room.repairs > MOST_REPAIRS) {
      room.repairs = 0;
      return this.machine.link.drop(4000, reason);
    }
    this.ask(room);
  }

  // Events beside the log

  /** Passes on what is said of a room, as it came, if we are in it. */
  tell(name, type, payload) {
    if (this.isLive(name)) this.machine.emit({ type, ...payload });
  }

  // Time

  dueAt() {
    const times = [...this.leaving.values()].map(({ retryAt }) => retryAt);
    for (const room of this.byName.values()) times.push(room.deadline, room.retryAt, this.keepsAt(room));
    return earliest(times);
  }

  keepsAt(room) {
    return room.durable && room.isDirty && room.seq !== null ? room.keptAt + this.machine.options.positionEveryMs : null;
  }

  wake() {
    const { now } = this.machine;
    for (const [name, { retryAt }] of [...this.leaving]) if (retryAt !== null && now >= retryAt) this.askToLeave(name);
    for (const room of [...this.byName.values()]) {
      const keepsAt = this.keepsAt(room);
      if (keepsAt !== null && now >= keepsAt) this.keep(room);
      if (room.retryAt !== null && now >= room.retryAt) this.ask(room);
      else if (room.deadline !== null && now >= room.deadline) this.repair(room, "A join was not answered.");
    }
  }

  keep(room) {
    if (!room.durable || !room.isDirty || room.seq === null) return;
    Object.assign(room, { isDirty: false, keptAt: this.machine.now });
    this.machine.act({ type: "keepPosition", room: room.name, position: { epoch: room.epoch, seq: room.seq } });
  }
}

function newRoom(name) {
  return {
    name,
    phase: RoomPhase.idle,
    // The server has, or may have, us in: it said so, and not yet that we are out again.
    mayBeIn: false,
    history: 0,
    presence: undefined,
    durable: false,
    epoch: null,
    // Heard up to here.
    seq: null,
    // The id of the join or resume that waits for its answer, and until when.
    request: null,
    deadline: null,
    retryAt: null,
    failures: 0,
    repairs: 0,
    // The first message of the history may have any seq.
    mayBeginLater: false,
    // The server has said that not everything after our position follows: what is missing is a gap.
    isHole: false,
    // Whether the position has moved since it was kept, and when that was.
    isDirty: false,
    keptAt: 0,
  };
}
