// One client against the model server under a seed: what it does, what goes wrong, and the laws it is held to.

import assert from "node:assert/strict";
import { ClientMachine } from "../../Web/roost/machine.js";
import { Agenda, dice } from "./dice.js";
import { ModelServer, PASSING_CLOSES } from "./model_server.js";

const STORM_MS = 60_000;
const CALM_MS = 400_000;
const ROOMS = ["a", "b", "c"];

export class RandomWorld {
  constructor(seed) {
    this.die = dice(seed);
    this.agenda = new Agenda();
    this.server = new ModelServer(this.agenda, this.die);
    this.storage = { queue: new Map(), session: undefined, positions: {} };
    this.options = {
      transports: this.die.chance(0.5) ? ["websocket"] : ["websocket", "events"],
      messageTimeoutMs: 2_000,
      messageAttempts: this.die.pick([2, 5, 50]),
      queueLimit: this.die.pick([20, 5_000]),
      inFlightLimit: this.die.pick([1, 3, 64]),
    };
    this.joins = ROOMS.slice(0, 2).map((room) => ({
      room, history: this.die.pick([0, 3]), durable: this.die.chance(0.5), ...(this.die.chance(0.3) ? { presence: true } : {}),
    }));
    this.sent = new Map(); // id → {room, number, outcome}
    this.heard = new Map(); // room → {epoch, seq} as its listener has it
    this.answers = new Map();
    this.numbers = 0;
    this.start();
  }

  // The shell

  start() {
    this.machine = new ClientMachine(this.options, this.die.random, 1_000_000);
    this.alarm = null;
    this.link = null;
    const { queue, session, positions } = this.storage;
    this.give({ type: "restored", queue: [...queue.values()], session, positions: { ...positions } });
    for (const join of this.joins) this.give({ type: "join", ...join });
    this.give({ type: "connect" });
  }

  give(input) {
    for (const action of this.machine.handle(input, this.agenda.now)) this.perform(JSON.parse(JSON.stringify(action)));
  }

  perform(action) {
    switch (action.type) {
      case "open": return this.open(action.connection);
      case "write": return this.link.write(action.frame);
      case "close": return this.link.close(1006);
      case "wake": return this.setAlarm(action.at);
      case "keep": return void this.storage.queue.set(action.message.messageId, action.message);
      case "forget": return void this.storage.queue.delete(action.messageId);
      case "keepSession": return void (this.storage.session = action.session);
      case "keepPosition": return void (this.storage.positions[action.room] = action.position);
      case "answer": return this.answered(action);
      case "emit": return this.hear(action.event);
      default: throw new Error(`an action that nobody knows: ${action.type}`);
    }
  }

  setAlarm(at) {
    const alarm = this.agenda.at(at, () => this.alarm === alarm && this.give({ type: "wake" }));
    this.alarm = alarm;
  }

  open(connection) {
    const { machine } = this;
    const isCurrent = () => this.machine === machine;
    this.link = this.server.connect(({ frame, closed }) => {
      if (!isCurrent()) return;
      if (frame !== undefined) this.give({ type: "frame", connection, frame });
      else this.give({ type: "closed", connection, code: closed, reason: "" });
    });
  }

  /** The page is gone, and comes back with what storage has. */
  reload() {
    this.link?.close(1006);
    for (const { room, durable } of this.joins) {
      const kept = this.storage.positions[room];
      if (durable && kept !== undefined) this.heard.set(room, { ...kept, mayJump: false });
      else this.heard.delete(room);
    }
    for (const [id, message] of this.sent) {
      if (message.outcome === "failed") this.sent.delete(id);
      // What was heard before it was acked is not kept any longer.
      if (message.outcome !== null || this.storage.queue.has(id)) continue;
      assert.ok(this.server.logs.some(({ entries }) => entries.some(({ messageId }) => messageId === id)), `${id} is lost`);
      message.outcome = "sent";
    }
    for (const [request, state] of this.answers) if (state === "asked") this.answers.delete(request);
    this.start();
  }

  // What the application hears, and the laws for it

  hear(event) {
    if (event.type === "sent" || event.type === "failed") return this.settled(event);
    if (event.type === "joined") return this.joined(event);
    if (event.type === "message") return this.message(event);
    if (event.type === "gap") return this.gap(event);
    if (event.type === "reset") return void this.heard.delete(event.room);
  }

  settled({ type, messageId, seq, code }) {
    const message = this.sent.get(messageId);
    assert.ok(message, `news of ${messageId}, which was not sent`);
    assert.notEqual(message.outcome, "sent", `${messageId}: news after it was sent`);
    assert.ok(type === "sent" || message.outcome !== "failed", `${messageId} failed twice`);
    Object.assign(message, { outcome: type, code, wasFailed: message.wasFailed || type === "failed" });
    if (type !== "sent") return;
    const stored = this.server.logs.some((log) => log.room === message.room && log.entries[seq - 1]?.messageId === messageId);
    assert.ok(stored, `${messageId} is said to be at ${seq}, where it is not`);
  }

  joined({ room, epoch, head }) {
    const cursor = this.heard.get(room);
    if (cursor !== undefined) return assert.equal(epoch, cursor.epoch, `${room}: another log without a reset`);
    const { history } = this.joins.find((join) => join.room === room);
    this.heard.set(room, { epoch, seq: Math.max(0, head - history), mayJump: history > 0 });
  }

  message({ room, seq, messageId, content }) {
    const cursor = this.heard.get(room);
    assert.ok(cursor, `${room}: heard ${seq} before it was joined`);
    if (!cursor.mayJump) assert.equal(seq, cursor.seq + 1, `${room}: heard ${seq} after ${cursor.seq}`);
    assert.ok(seq > cursor.seq, `${room}: heard ${seq} after ${cursor.seq}`);
    const log = this.server.logs.find(({ epoch }) => epoch === cursor.epoch);
    assert.deepEqual([log.entries[seq - 1].messageId, log.entries[seq - 1].content], [messageId, content]);
    Object.assign(cursor, { seq, mayJump: false });
  }

  gap({ room, from, to }) {
    const cursor = this.heard.get(room);
    const log = this.server.logs.find(({ epoch }) => epoch === cursor.epoch);
    assert.ok(from <= to && (cursor.mayJump || from === cursor.seq + 1), `${room}: a gap ${from}–${to} after ${cursor.seq}`);
    assert.ok(to <= log.floor, `${room}: a gap ${from}–${to}, but the log begins behind ${log.floor}`);
    Object.assign(cursor, { seq: to, mayJump: false });
  }

  answered({ request }) {
    assert.equal(this.answers.get(request), "asked", `${request} was answered twice`);
    this.answers.set(request, "answered");
  }

  // What happens

  run() {
    const { agenda, die } = this;
    for (let at = 0; at < STORM_MS; at += die.between(1, 900)) agenda.at(at, () => this.somethingHappens());
    agenda.run(STORM_MS);
    this.server.isWell = true;
    // Only a lost connection brings back what was pushed last and lost.
    this.server.closeAll(1001);
    agenda.after(CALM_MS / 2, () => ROOMS.forEach((room) => this.server.append(room, "ben", "the last", "the last")));
    agenda.run(STORM_MS + CALM_MS);
    this.judge();
  }

  somethingHappens() {
    const { die, server } = this;
    const dieRoll = die.random();
    const room = die.pick(ROOMS);
    if (dieRoll < 0.5) this.send(room, die.pick([1, 1, 1, 5, 30]));
    else if (dieRoll < 0.75) server.append(room, "ben", `b${this.agenda.now}`, `${this.agenda.now}`);
    else if (dieRoll < 0.86) server.closeAll(die.pick(PASSING_CLOSES));
    else if (dieRoll < 0.88) server.truncate(room);
    else if (dieRoll < 0.89) server.loseLog(room);
    else if (dieRoll < 0.92) this.ask(room);
    else if (dieRoll < 0.95) this.give({ type: "network", online: die.chance(0.5) });
    else if (dieRoll < 0.97) this.give({ type: "visible" });
    else if (dieRoll < 0.98) this.reload();
    else this.give({ type: "typing", room, active: die.chance(0.7) });
  }

  send(room, count) {
    for (let left = count; left > 0; left--) {
      const number = this.numbers++;
      const messageId = `m${this.agenda.now}-${number}-${left}`;
      this.sent.set(messageId, { room, number, outcome: null, wasFailed: false });
      this.give({ type: "send", room, content: number, messageId, createdAt: 0 });
    }
  }

  ask(room) {
    const request = `q${this.numbers++}`;
    this.answers.set(request, "asked");
    this.give({ type: "history", request, room });
  }

  // When all is well again

  judge() {
    assert.equal(this.machine.link.phase, "online");
    assert.equal(this.machine.outbox.byId.size, 0, "something is pending for ever");
    assert.equal(this.machine.outbox.inFlight, 0);
    assert.equal(this.storage.queue.size, 0, "storage keeps what is done");
    for (const [request, state] of this.answers) assert.equal(state, "answered", `${request} was not answered`);
    for (const [id, { outcome }] of this.sent) assert.ok(outcome, `${id} came to nothing`);
    this.judgeLogs();
    for (const { room } of this.joins) {
      const log = this.server.room(room);
      const { epoch, seq } = this.heard.get(room);
      assert.deepEqual({ epoch, seq }, { epoch: log.epoch, seq: log.entries.length }, `${room} has not been heard to its end`);
    }
  }

  /** Each message once per log, in order; one that was in a log that is lost may come again, behind later ones. */
  judgeLogs() {
    const earlier = new Set();
    for (const log of this.server.logs) {
      const own = log.entries.filter(({ sender }) => sender === "ada").map(({ messageId }) => messageId);
      assert.equal(new Set(own).size, own.length, `${log.room}: a message was stored twice`);
      const numbers = own.filter((id) => !earlier.has(id) && this.sent.get(id)?.wasFailed === false).map((id) => this.sent.get(id).number);
      for (const id of own) earlier.add(id);
      assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), `${log.room}: out of order`);
    }
  }
}
