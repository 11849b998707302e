// The native protocol `roost.v1.json` over one WebSocket: frames, positions, backoff. No DOM.
// A Connection is an EventTarget. It tells:
//   state    {name: connecting | connected | waiting | closed, code?, reason?, retryAt?}
//   joined   {room, head, seq, members?, reset}    seq: heard up to it; reset: the log is another one now
//   message  {room, seq, messageId, sender, content, at}           each seq once, in order
//   deleted  {room, seq, ref}    gap {room, from, to}
//   sent     {entry, seq?}       failed {entry}                    what became of send()
//   here     {room, count?, members?}    came {room, user, name}    left {room, user}
//   refused  {room?, code, reason}       created {room}

const FIRST_HISTORY = 50;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 20_000;
const STABLE_AFTER = 5_000;
const ANSWER_TIMEOUT = 10_000;
const NO_ANSWER = { code: "unavailable", reason: "The server did not answer." };
const CLOSED_FOR_GOOD = new Set([1000, 1002, 1003, 1007, 1009]);

/** Whether a close code leaves room for another attempt. */
export function mayReconnect(code) {
  return !CLOSED_FOR_GOOD.has(code) && !(code >= 4500 && code <= 4999);
}

/** Full jitter: anything between nothing and an exponentially growing bound. */
export function backoff(attempt, random = Math.random) {
  return random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt);
}

/** A random id; `crypto.randomUUID` would need a secure context. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A message frame, or an entry of a history, as one flat value. */
function readMessage(frame) {
  const body = frame.payload ?? frame;
  const { room = body.roomId, sender = body.senderId, seq, content, ref } = body;
  const { type = "message", messageId, timestamp: at = body.createdAt } = frame;
  return { type, room, seq, messageId, sender, content, ref, at };
}

export class Connection extends EventTarget {
  state = { name: "closed" };
  user;
  #url;
  #name;
  #socket = null;
  #timers = new Set();
  #heartbeat = null;
  #rooms = new Map();
  #outbox = new Map();
  #requests = new Map();
  #attempts = 0;
  #connectedAt = 0;
  #advisedDelay = null;
  #maxBytes;

  constructor({ url, user, name }) {
    super();
    this.#url = url;
    this.#name = name;
    this.user = user;
  }

  // What a page calls

  connect() {
    this.#drop();
    this.#setState("connecting");
    const url = new URL(this.#url);
    url.search = new URLSearchParams({ user: this.user, name: this.#name });
    const socket = new WebSocket(url, "roost.v1.json");
    this.#socket = socket;
    this.#after(ANSWER_TIMEOUT, () => this.state.name === "connecting" && this.#lost(1006, NO_ANSWER.reason));
    socket.onmessage = (event) => socket === this.#socket && this.#receive(event.data);
    socket.onclose = (event) => socket === this.#socket && this.#lost(event.code, event.reason);
  }

  close() {
    this.#lost(1000, "The page closed the connection.");
  }

  rename(name) {
    this.#name = name;
    if (this.state.name !== "closed") this.connect();
  }

  join(name) {
    this.#rooms.set(name, { name, epoch: null, seq: null, ready: false, request: null, resuming: false });
    this.#requestJoin(this.#rooms.get(name));
  }

  leave(name) {
    this.#rooms.delete(name);
    this.#write("leave", { room: name });
  }

  send(room, content) {
    const entry = { messageId: newId(), room, content, status: "pending", tried: 0 };
    this.#attempt(entry);
    return entry;
  }

  retry(entry) {
    this.#outbox.delete(entry.messageId);
    // The log no longer reaches back to the first attempt, so this one is a new message.
    if (entry.code === "retry_expired") Object.assign(entry, { messageId: newId(), since: undefined, tried: 0 });
    entry.status = "pending";
    this.#attempt(entry);
  }

  discard(entry) {
    this.#outbox.delete(entry.messageId);
  }

  /** What was written for a room and is not known to be kept, oldest first. */
  unsent(room) {
    return [...this.#outbox.values()].filter((entry) => entry.room === room);
  }

  /** Messages before a seq, oldest first, and whether there are more. */
  async older(name, seq, limit) {
    const epoch = this.#rooms.get(name)?.epoch;
    const messageId = this.#write("history", { room: name, before: { epoch, seq }, limit });
    const answer = await new Promise((resolve, reject) => this.#requests.set(messageId, { resolve, reject }));
    if (answer.epoch !== epoch) throw new Error("The history of this room has changed.");
    return { messages: answer.messages.map(readMessage).sort((a, b) => a.seq - b.seq), more: answer.more };
  }

  // Frames in

  #receive(text) {
    this.#heartbeat?.heard();
    const frame = JSON.parse(text);
    if (Object.hasOwn(this.#handlers, frame.type)) this.#handlers[frame.type](frame.payload, frame);
  }

  #handlers = {
    welcome: (payload) => this.#welcomed(payload),
    joined: (payload, frame) => this.#joined(payload, frame.messageId),
    message: (payload, frame) => this.#heard(frame),
    deleted: (payload) => this.#advance(payload.room, payload.seq) && this.#tell("deleted", payload),
    gap: (payload) => this.#advance(payload.room, payload.to) && this.#tell("gap", payload),
    ack: (payload, frame) => this.#settled(frame.messageId, payload.seq),
    error: (payload, frame) => this.#refused(payload, frame.messageId),
    history: (payload, frame) => this.#answered(frame.messageId, payload),
    presence: (payload) => this.#tell("here", payload),
    user_joined: (payload) => this.#tell("came", payload),
    user_left: (payload) => this.#tell("left", payload),
    room_created: (payload) => this.#tell("created", payload),
    reconnect: (payload) => (this.#advisedDelay = payload.afterMs),
  };

  #welcomed({ user, heartbeatMs, limits }) {
    if (typeof user === "string") this.user = user;
    this.#maxBytes = limits?.maxMessageBytes || 65_536;
    this.#connectedAt = Date.now();
    this.#watch(heartbeatMs || 25_000);
    this.#setState("connected");
    for (const room of this.#rooms.values()) this.#requestJoin(room);
    for (const entry of this.#outbox.values()) if (entry.status === "pending") this.#attempt(entry);
  }

  #joined(payload, messageId) {
    const room = this.#rooms.get(payload.room);
    const answer = messageId !== undefined && messageId === room?.request;
    if (!room || (!room.ready && !answer)) return;
    const foreign = payload.epoch !== room.epoch;
    const reset = answer ? room.resuming && (foreign || payload.recovered === false) : foreign;
    Object.assign(room, { ready: true, resuming: false, epoch: payload.epoch });
    if (reset || payload.head === 0) room.seq = payload.head;
    this.#tell("joined", { ...payload, seq: room.seq, reset });
    if (answer && !payload.members) this.#write("presence", { room: room.name });
  }

  #heard(frame) {
    const message = readMessage(frame);
    if (!this.#advance(message.room, message.seq)) return;
    this.#tell("message", message);
    if (message.sender === this.user) this.#outbox.delete(message.messageId);
  }

  /** Moves a room's position; false for what was heard before or belongs to no joined room. */
  #advance(name, seq) {
    const room = this.#rooms.get(name);
    if (!room?.ready || (room.seq !== null && seq <= room.seq)) return false;
    room.seq = seq;
    return true;
  }

  #settled(messageId, seq) {
    const entry = this.#outbox.get(messageId);
    if (this.#outbox.delete(messageId)) this.#tell("sent", { entry, seq });
  }

  #refused(error, messageId) {
    const entry = this.#outbox.get(messageId);
    if (entry) this.#fail(entry, error);
    else if (!this.#answered(messageId, null, error)) this.#tell("refused", error);
  }

  #answered(messageId, payload, error) {
    const waiting = this.#requests.get(messageId);
    this.#requests.delete(messageId);
    if (error) waiting?.reject(new Error(error.reason));
    else waiting?.resolve(payload);
    return waiting !== undefined;
  }

  // Frames out

  #write(type, payload, messageId = newId()) {
    if (this.state.name === "connected") this.#socket.send(JSON.stringify({ type, messageId, payload }));
    return messageId;
  }

  #requestJoin(room) {
    const after = this.#position(room.name);
    const payload = { room: room.name, ...(after ? { after } : { history: FIRST_HISTORY }), presence: true };
    Object.assign(room, { ready: false, resuming: after !== undefined, request: this.#write("join", payload) });
  }

  #attempt(entry) {
    this.#outbox.set(entry.messageId, entry);
    if (this.state.name !== "connected") return;
    const { messageId, room, content } = entry;
    const payload = { room, content, since: entry.since };
    if (new TextEncoder().encode(JSON.stringify({ type: "message", messageId, payload })).length > this.#maxBytes)
      return this.#fail(entry, { code: "too_large", reason: "It is too long." });
    if (!entry.tried) entry.since = this.#position(room);
    const attempt = ++entry.tried;
    this.#write("message", payload, messageId);
    this.#after(ANSWER_TIMEOUT, () => {
      if (this.#outbox.get(messageId) === entry && entry.status === "pending" && entry.tried === attempt)
        this.#fail(entry, NO_ANSWER);
    });
  }

  #fail(entry, { code, reason }) {
    Object.assign(entry, { status: "failed", code, reason: reason || code });
    this.#tell("failed", { entry });
  }

  #position(name) {
    const room = this.#rooms.get(name);
    return room && room.seq !== null ? { epoch: room.epoch, seq: room.seq } : undefined;
  }

  // The socket's life

  #watch(interval) {
    let overdue = null;
    const beat = setInterval(() => {
      this.#write("ping", {});
      overdue ??= setTimeout(() => this.#lost(4005, "The server fell silent."), ANSWER_TIMEOUT);
    }, interval);
    const heard = () => (overdue = void clearTimeout(overdue));
    this.#heartbeat = { heard, stop: () => (heard(), clearInterval(beat)) };
  }

  #lost(code, reason) {
    if (this.#connectedAt && Date.now() - this.#connectedAt > STABLE_AFTER) this.#attempts = 0;
    const advised = this.#advisedDelay;
    this.#drop();
    if (!mayReconnect(code)) return this.#setState("closed", { code, reason });
    const delay = advised ?? backoff(this.#attempts++);
    this.#setState("waiting", { code, reason, retryAt: Date.now() + delay });
    this.#after(delay, () => this.connect());
  }

  /** Lets go of the socket and all that hangs on it; what was not acked stays in the outbox. */
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#heartbeat?.stop();
    this.#heartbeat = null;
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
    this.#connectedAt = 0;
    this.#advisedDelay = null;
    for (const room of this.#rooms.values()) room.ready = false;
    for (const messageId of this.#requests.keys()) this.#answered(messageId, null, NO_ANSWER);
    if (socket && socket.readyState < 2) socket.close(1000);
  }

  #after(delay, action) {
    const timer = setTimeout(() => (this.#timers.delete(timer), action()), delay);
    this.#timers.add(timer);
  }

  #setState(name, detail = {}) {
    this.#tell("state", (this.state = { name, ...detail }));
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
