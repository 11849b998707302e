// A server in a few lines, for virtual time: logs with positions, and everything that can go wrong on the way to them.
// What it promises is what `Docs/guarantees.md` promises; a client is judged by its logs.

/** How often things go wrong, while they may. */
const FAULTS = {
  mute: 0.1, // a handshake without an answer
  turnedAway: 0.1, // a handshake that is closed
  lostAck: 0.1,
  refused: 0.08, // a message, for a passing cause
  refusedJoin: 0.1,
  forbidden: 0.02, // a message, for good
  lostPush: 0.02, // never by this server's promise, but a client is to notice
  doublePush: 0.05,
};
const PASSING_CLOSES = [1001, 1006, 1006, 1006, 1011, 4000, 4001, 4002, 4003, 4006];

export class ModelServer {
  constructor(agenda, die) {
    this.agenda = agenda;
    this.die = die;
    this.rooms = new Map();
    this.logs = []; // every log there ever was
    this.links = new Set();
    this.isWell = false;
    this.epochs = 0;
    this.judged = new Map(); // message id → whether it is forbidden
  }

  goesWrong(fault) {
    return !this.isWell && this.die.chance(FAULTS[fault]);
  }

  /** What is refused for good is refused each time. */
  isForbidden(messageId) {
    if (!this.judged.has(messageId)) this.judged.set(messageId, this.goesWrong("forbidden"));
    return this.judged.get(messageId);
  }

  room(name) {
    if (!this.rooms.has(name)) this.startLog(name);
    return this.rooms.get(name);
  }

  startLog(name) {
    this.epochs += 1;
    const log = { room: name, epoch: `e${this.epochs}`, floor: 0, entries: [], ids: new Map() };
    this.rooms.set(name, log);
    this.logs.push(log);
    return log;
  }

  /** The log is another one: who is in the room is told. */
  loseLog(name) {
    const log = this.startLog(name);
    for (const link of this.links) {
      if (!link.seats.has(name)) continue;
      link.seats.set(name, 0);
      link.tell("joined", { room: name, epoch: log.epoch, head: 0, recovered: false });
    }
  }

  /** Retention: the oldest part is dropped. */
  truncate(name) {
    const log = this.room(name);
    log.floor = this.die.between(log.floor, log.entries.length);
  }

  append(name, sender, messageId, content) {
    const log = this.room(name);
    const key = `${sender} ${messageId}`;
    if (log.ids.has(key)) return { seq: log.ids.get(key), duplicate: true };
    log.entries.push({ seq: log.entries.length + 1, sender, messageId, content });
    log.ids.set(key, log.entries.length);
    for (const link of this.links) link.push(name);
    return { seq: log.entries.length, duplicate: false };
  }

  /** A connection of a client; `deliver` hears frames and, at last, `{closed: code}`. */
  connect(deliver) {
    return new ModelLink(this, deliver);
  }

  closeAll(code) {
    for (const link of [...this.links]) link.close(code);
  }
}

class ModelLink {
  constructor(server, deliver) {
    this.server = server;
    this.deliver = deliver;
    this.seats = new Map(); // room → seq that was pushed last
    this.stopped = new Map(); // room → id of the message that was refused and must come again first
    this.isOver = false;
    this.arrival = { in: 0, out: 0 };
    server.links.add(this);
    if (server.goesWrong("mute")) return;
    if (server.goesWrong("turnedAway")) return this.close(server.die.pick(PASSING_CLOSES));
    this.tell("welcome", { clientId: "k", user: "ada", name: "Ada", node: "n", session: "s", heartbeatMs: 5_000 });
  }

  /** Both ways keep their order, with some time between. */
  travel(way, action) {
    const { agenda, die } = this.server;
    this.arrival[way] = Math.max(this.arrival[way], agenda.now + die.between(1, this.server.isWell ? 20 : 400));
    agenda.at(this.arrival[way], () => this.isOver === "cut" || action());
  }

  tell(type, payload, messageId = "server", more = {}) {
    if (this.isOver) return;
    const frame = JSON.parse(JSON.stringify({ type, messageId, ...more, payload }));
    this.travel("out", () => this.deliver({ frame }));
  }

  close(code) {
    if (this.isOver) return;
    this.server.links.delete(this);
    // What is on its way to a client is lost with 1006, and arrives before any other close.
    this.isOver = code === 1006 ? "cut" : "closed";
    const tell = () => this.deliver({ closed: code });
    if (code === 1006) this.server.agenda.after(this.server.die.between(0, 50), tell);
    else this.travel("out", tell);
  }

  write(frame) {
    this.travel("in", () => this.isOver || this.receive(JSON.parse(JSON.stringify(frame))));
  }

  receive({ type, messageId, payload }) {
    if (type === "join") this.join(payload.room, payload.after, payload.history ?? 0, messageId);
    if (type === "resume") for (const [room, after] of Object.entries(payload.rooms)) this.join(room, after, 0, messageId);
    if (type === "leave") this.seats.delete(payload.room);
    if (type === "message") this.message(payload, messageId);
    if (type === "history") this.history(payload, messageId);
    if (type === "ping") this.tell("pong", {}, messageId);
  }

  join(name, after, history, messageId) {
    const { server } = this;
    if (server.goesWrong("refusedJoin")) {
      return this.tell("error", { code: "unavailable", reason: "Not now.", room: name }, messageId);
    }
    const log = server.room(name);
    const head = log.entries.length;
    const isKnown = after !== undefined && after.epoch === log.epoch && after.seq <= head;
    const start = isKnown ? after.seq : after !== undefined ? head : Math.max(head - history, Math.min(log.floor, head));
    this.tell("joined", { room: name, epoch: log.epoch, head, recovered: isKnown && after.seq >= log.floor }, messageId);
    if (start < log.floor) this.tell("gap", { room: name, from: start + 1, to: log.floor });
    this.seats.set(name, Math.max(start, log.floor));
    this.push(name);
  }

  history({ room, after, before, limit = 50 }, messageId) {
    const { epoch, entries } = this.server.room(room);
    const known = after === undefined ? entries.slice(0, (before?.seq ?? entries.length + 1) - 1) : entries.slice(after.seq);
    const page = after === undefined ? known.slice(-limit) : known.slice(0, limit);
    const messages = page.map(({ seq, sender, messageId: id, content }) => (
      { type: "message", messageId: id, timestamp: "2026-11-21T02:30:52.123Z", payload: { room, seq, sender, content } }));
    this.tell("history", { room, epoch, messages, more: page.length < known.length }, messageId);
  }

  /** Brings a seat to the head. */
  push(name) {
    if (!this.seats.has(name)) return;
    const { room, entries } = this.server.room(name);
    for (const { seq, sender, messageId, content } of entries.slice(this.seats.get(name))) {
      const times = this.server.goesWrong("lostPush") ? 0 : this.server.goesWrong("doublePush") ? 2 : 1;
      for (let time = 0; time < times; time++) this.tell("message", { room, seq, sender, content }, messageId);
    }
    this.seats.set(name, entries.length);
  }

  message({ room, content, since }, messageId) {
    const { server } = this;
    const refuse = (code, more = {}) => this.tell("error", { code, reason: "No.", room, ...more }, messageId);
    const stopped = this.stopped.get(room);
    if (stopped !== undefined && stopped !== messageId) return refuse("unavailable", { retryAfterMs: 50 });
    this.stopped.delete(room);
    if (server.isForbidden(messageId)) return refuse("forbidden");
    if (server.goesWrong("refused")) {
      this.stopped.set(room, messageId);
      return server.die.chance(0.5) ? refuse("unavailable") : refuse("rate_limited", { retryAfterMs: server.die.between(1, 300) });
    }
    if (since !== undefined && since.epoch !== server.room(room).epoch) return refuse("retry_expired");
    const isPushedFirst = server.die.chance(0.5);
    const ack = ({ seq, duplicate }) => {
      if (!server.goesWrong("lostAck")) this.tell("ack", { room, seq, durability: "stored", duplicate }, messageId);
    };
    if (isPushedFirst) return ack(server.append(room, "ada", messageId, content));
    // The ack before the broadcast: the room is told a little later, by whatever comes next.
    const seat = this.seats.get(room);
    this.seats.delete(room);
    ack(server.append(room, "ada", messageId, content));
    if (seat === undefined) return;
    this.seats.set(room, seat);
    this.push(room);
  }
}

export { PASSING_CLOSES };
