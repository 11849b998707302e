// A room, as an application sees it.

import { RoostError } from "./error.js";
import { Reader } from "./reader.js";

const KEEP = 500;

/**
 * A joined room. It tells by events (`detail` in brackets):
 * `message` (each message of the log, once and in order), `pending` (one's own, before that), `change` (a message whose
 * state or content is another one now), `deleted`, `joined`, `reset`, `gap` ({from, to}), `members`, `typing`
 * ({user, active}), `receipts`, `refused` (a RoostError), `left`.
 */
export class Room extends EventTarget {
  /** Messages in order: the newest that are in the log, then those that are not there yet. */
  messages = [];
  /** Who is here, by user: `{user, name, since, connections}`; empty unless joined with `presence: true`. */
  members = new Map();
  /** How many are here; null if that is not known. */
  count = null;
  /** Users who are typing. */
  typingUsers = new Set();
  /** Where the log has been heard up to: `{epoch, seq}`, or null. */
  position = null;
  /** Whether `position` is where we are; else nothing has been heard since a join that went on from somewhere. */
  #isPlaced = false;
  #roost;
  #options;
  /** Whether acks may have been missed, so that hearing one's own message must do. */
  #wasAway = false;
  #lines;
  #receipts = new Map();
  #readers = new Set();
  #unsent = new Map();

  /** Made by `Roost.join`. */
  constructor(roost, name, options, lines) {
    super();
    this.name = name;
    this.#roost = roost;
    this.#options = options;
    this.#lines = lines;
  }

  // Saying

  /**
   * Sends a message. It is in `messages` at once, as pending, and stays there whatever happens to the connection.
   * @returns a promise of `{messageId, seq, durability, duplicate}` once the server has it; it rejects with a RoostError
   *   if the message has failed, which the message's own state says as well.
   */
  send(content) {
    const messageId = newId();
    const receipt = new Promise((resolve, reject) => this.#receipts.set(messageId, { resolve, reject }));
    // Who does not wait for it is told by the message's state.
    receipt.catch(() => {});
    const createdAt = Date.now();
    this.#addUnsent({ messageId, content, createdAt });
    this.#lines.give({ type: "send", room: this.name, content, messageId, createdAt });
    return receipt;
  }

  /** Sends a failed message again. */
  retry(message) {
    this.#lines.give({ type: "retry", messageId: message.messageId, freshId: newId() });
  }

  /** Gives up a message that has failed or waits. */
  discard(message) {
    this.#lines.give({ type: "discard", messageId: message.messageId });
    if (message.state === "failed") this.#drop(message);
  }

  /** Says that the user is typing, for every key if you like; `false` that it has stopped. */
  typing(active = true) {
    this.#lines.give({ type: "typing", room: this.name, active });
  }

  /** Says that everything up to a seq was read. */
  read(seq = this.position?.seq) {
    if (seq > 0) this.#lines.give({ type: "read", room: this.name, seq });
  }

  /** Says that everything up to a seq has arrived. */
  received(seq = this.position?.seq) {
    if (seq > 0) this.#lines.give({ type: "received", room: this.name, seq });
  }

  // Asking

  /**
   * Reads the log, oldest first.
   * @param {{before?: number, after?: number, limit?: number}} range
   * @returns {Promise<{messages: object[], more: boolean}>}
   */
  async history(range = {}) {
    const { messages, more, epoch } = await this.#lines.ask({ type: "history", room: this.name, ...range });
    return { messages: messages.map((frame) => entryOf(frame, this.#roost.user)), more, epoch };
  }

  /** Who is here, as the server knows now. */
  presence(cursor) {
    return this.#lines.ask({ type: "presence", room: this.name, ...(cursor === undefined ? {} : { cursor }) });
  }

  /** Leaves; messages that are not acknowledged are sent all the same. */
  leave() {
    this.#lines.give({ type: "leave", room: this.name });
    this.#lines.left();
    this.end(null);
  }

  /** Each message that comes from now on, once and in order, however slowly they are taken. */
  [Symbol.asyncIterator]() {
    const reader = new Reader(this, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }

  /** Called by the connection after the page was away: how to join again. */
  comeBack() {
    this.#wasAway = true;
    const { keep: _, ...wishes } = this.#options;
    return { type: "join", room: this.name, ...wishes, ...(this.#isPlaced ? { after: this.position } : {}) };
  }

  /** Called by the connection: no more events come. */
  end(error) {
    for (const reader of [...this.#readers]) reader.end(error);
    for (const { reject } of error === null ? [] : this.#receipts.values()) reject(error);
  }

  // Hearing

  /** Called by the connection with each event of this room. */
  hear(event) {
    switch (event.type) {
      case "joined": return this.#joined(event);
      case "reset": return this.#reset(event);
      case "message": return this.#entry(event);
      case "deleted": return this.#deleted(event);
      case "pending": return this.#pending(event);
      case "sent": return this.#settled(event);
      case "failed": return this.#failed(event);
      case "presence": return this.#setMembers(event);
      case "user_joined": return this.#came(event);
      case "user_left": return this.#went(event);
      case "typing": return this.#typed(event);
      case "refused": return this.#tell("refused", new RoostError(event));
      default: return this.#tell(event.type, event);
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #joined(event) {
    if (this.position?.epoch !== event.epoch) {
      const { after, durable, history = 0 } = this.#options;
      // Where it goes on from a position, it is heard from there, whichever that was.
      const goesOn = durable === true || after !== undefined;
      this.position = { epoch: event.epoch, seq: goesOn ? 0 : Math.max(0, event.head - history) };
      this.#isPlaced = !goesOn;
    }
    if (event.members !== undefined) this.#setMembers(event);
    this.#tell("joined", event);
  }

  #reset(event) {
    this.position = null;
    this.#isPlaced = false;
    // What was acked has gone with the log.
    for (const [messageId, { state }] of this.#unsent) if (state === "sent") this.#unsent.delete(messageId);
    this.messages = [...this.#unsent.values()];
    for (const reader of this.#readers) reader.restart();
    this.#tell("reset", event);
  }

  /** False for what has been heard: a tab that came late may be told something twice. */
  #advance(seq) {
    if (this.position === null || seq <= this.position.seq) return false;
    this.position = { epoch: this.position.epoch, seq };
    this.#isPlaced = true;
    return true;
  }

  /** One of ours that was shown as pending is the same object afterwards, in its place. */
  #entry({ type: _, room: __, own = false, ...event }) {
    if (!this.#advance(event.seq)) return;
    const isOwn = own || event.sender === this.#roost.user;
    const unsent = isOwn ? this.#unsent.get(event.messageId) : undefined;
    if (unsent !== undefined) this.#drop(unsent);
    if (isOwn && this.#wasAway) this.#settled({ ...event, durability: null, duplicate: false });
    const message = Object.assign(unsent ?? {}, event, { own: isOwn, state: "sent", error: null });
    this.messages.splice(this.messages.length - this.#unsent.size, 0, message);
    if (this.messages.length - this.#unsent.size > (this.#options.keep ?? KEEP)) this.messages.shift();
    this.#tell("message", message);
    for (const reader of this.#readers) reader.push(message);
  }

  #deleted(event) {
    if (!this.#advance(event.seq)) return;
    const message = this.messages.find(({ seq }) => seq === event.refSeq);
    if (message !== undefined) Object.assign(message, { content: null, deleted: true });
    if (message !== undefined) this.#tell("change", message);
    this.#tell("deleted", event);
  }

  // Messages that are not in the log yet

  #addUnsent({ messageId, content, createdAt }) {
    const at = new Date(createdAt).toISOString();
    const sender = this.#roost.user;
    const message = { messageId, seq: null, sender, content, at, own: true, state: "pending", error: null };
    this.#unsent.set(messageId, message);
    this.messages.push(message);
    this.#tell("pending", message);
  }

  /** Of this tab, where it is shown already, of another, or from storage. */
  #pending(event) {
    const known = this.#unsent.get(event.messageId) ?? this.#unsent.get(event.replaces);
    if (known === undefined) return this.#addUnsent(event);
    this.#unsent.delete(known.messageId);
    this.#unsent.set(event.messageId, known);
    this.#change(known, { messageId: event.messageId, state: "pending", error: null });
  }

  #settled({ messageId, seq, durability, duplicate }) {
    this.#receipts.get(messageId)?.resolve({ messageId, seq, durability, duplicate });
    this.#receipts.delete(messageId);
    const message = this.#unsent.get(messageId);
    if (message !== undefined) this.#change(message, { state: "sent", error: null });
  }

  #failed({ messageId, code, reason }) {
    const error = new RoostError({ code, reason });
    this.#receipts.get(messageId)?.reject(error);
    this.#receipts.delete(messageId);
    const message = this.#unsent.get(messageId);
    if (message === undefined) return;
    if (code === "discarded") this.#drop(message);
    else this.#change(message, { state: "failed", error });
  }

  #change(message, fields) {
    Object.assign(message, fields);
    this.#tell("change", message);
  }

  #drop(message) {
    this.#unsent.delete(message.messageId);
    this.messages = this.messages.filter((other) => other !== message);
  }

  // Who is here

  #setMembers({ members, count }) {
    if (members !== undefined) this.members = new Map(members.map((member) => [member.user, member]));
    this.count = count ?? this.members.size;
    this.#tell("members", this.members);
  }

  #came({ user, name }) {
    if (this.count !== null && !this.members.has(user)) {
      this.count += 1;
      this.members.set(user, { user, name, connections: 1 });
    }
    this.#tell("members", this.members);
  }

  #went({ user }) {
    if (this.members.delete(user)) this.count -= 1;
    this.#tell("members", this.members);
  }

  #typed({ user, active }) {
    if (active) this.typingUsers.add(user);
    else this.typingUsers.delete(user);
    this.#tell("typing", { user, active });
  }
}

/** An entry of a history as messages are shown. */
function entryOf({ type, messageId, timestamp, payload: { room: _, ...payload } }, user) {
  return { type, messageId, at: timestamp, ...payload, own: payload.sender === user, state: "sent", error: null };
}

/** A random id; `crypto.randomUUID` would need a page that came by HTTPS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
