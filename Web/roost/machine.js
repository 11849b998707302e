// The whole behaviour of a client, without a socket, clock, timer, random number or store of its own.

import { Link } from "./link.js";
import { optionsFrom } from "./options.js";
import { Outbox } from "./outbox.js";
import { Requests } from "./requests.js";
import { Rooms } from "./rooms.js";
import { Signals } from "./signals.js";
import { earliest } from "./time.js";

/**
 * One client of one server: what happens goes in, what is to be done comes out.
 *
 * Times are milliseconds of a clock that never goes back. `wall` is what a calendar's clock is ahead of it; it matters
 * only for what outlives the process: when a kept message was tried, and when a token ends.
 */
export class ClientMachine {
  /**
   * @param {Partial<import("../roost").MachineOptions>} options
   * @param {() => number} random numbers from 0 up to 1
   * @param {number} wall
   */
  constructor(options, random, wall = 0) {
    this.options = optionsFrom(options);
    this.random = random;
    this.wall = wall;
    this.now = 0;
    this.actions = [];
    this.frames = 0;
    this.wakeAt = null;
    this.link = new Link(this);
    this.rooms = new Rooms(this);
    this.outbox = new Outbox(this);
    this.requests = new Requests(this);
    this.signals = new Signals(this);
    this.parts = [this.link, this.rooms, this.outbox, this.requests, this.signals];
  }

  /**
   * Takes one input and says what is to be done, in this order. Inputs of an unknown type do nothing.
   * @returns {import("../roost").Action[]}
   */
  handle(input, now) {
    this.now = now;
    this.actions = [];
    this.take(input);
    this.askToBeWoken();
    return this.actions;
  }

  take(input) {
    switch (input.type) {
      case "connect": return this.link.connect();
      case "disconnect": return this.link.disconnect();
      case "opened": return undefined; // that it opened does not make it useful
      case "closed": return this.link.closed(input);
      case "frame": return this.hear(input);
      case "wake": return this.wake();
      case "network": return this.link.network(input.online);
      case "visible": return this.link.visible();
      case "token": return this.link.takeToken(input);
      case "tokenFailed": return this.link.tokenFailed(input);
      case "restored": return this.restore(input);
      case "join": return this.rooms.join(input);
      case "leave": return this.rooms.leave(input.room);
      case "send": return this.outbox.send(input);
      case "retry": return this.outbox.retry(input);
      case "discard": return this.outbox.discard(input.messageId);
      case "typing": return this.signals.type(input);
      case "received": return this.signals.mark("received", input);
      case "read": return this.signals.mark("read", input);
      case "history": return this.requests.history(input);
      case "presence": return this.requests.presence(input);
      case "createRoom": return this.requests.createRoom(input);
      default: return undefined;
    }
  }

  restore({ session, positions, queue }) {
    if (session !== undefined) this.link.session = session;
    this.rooms.restore(positions ?? {});
    this.outbox.restore(queue ?? []);
  }

  // Frames

  hear({ connection, frame }) {
    if (connection !== this.link.connection || !this.link.isOpen()) return;
    this.link.heardAt = this.now;
    this.link.pingDeadline = null;
    if (frame === null || typeof frame !== "object" || typeof frame.type !== "string") return;
    const payload = frame.payload ?? {};
    switch (frame.type) {
      case "welcome": return this.link.welcome(payload, frame.messageId);
      case "reconnect": return this.link.advise(payload);
      case "joined": return this.rooms.joined(payload, frame.messageId);
      case "left": return this.rooms.left(payload.room, frame.messageId);
      case "message": return this.rooms.entry("message", payload, frame);
      case "deleted": return this.rooms.entry("deleted", payload, frame);
      case "gap": return this.rooms.gap(payload);
      case "ack": return this.outbox.ack(frame.messageId, payload);
      case "error": return this.refused(payload, frame.messageId);
      case "history": return this.requests.answer(frame.messageId, payload);
      case "presence": return this.heardPresence(payload, frame.messageId);
      case "room_created": return this.heardRoom(payload, frame.messageId);
      case "typing": return this.signals.heardTyping(payload);
      case "user_joined": return this.rooms.tell(payload.room, "user_joined", payload);
      case "user_left": return this.heardLeaving(payload);
      case "receipts": return this.rooms.tell(payload.room, "receipts", payload);
      default: return undefined;
    }
  }

  /** Whoever has sent what was refused takes the refusal; one that belongs to nobody is told to the application. */
  refused({ code, reason, room, retryAfterMs }, messageId) {
    const error = { code, reason };
    if (retryAfterMs !== undefined) error.retryAfterMs = retryAfterMs;
    if (this.outbox.refused(messageId, error)) return;
    if (this.rooms.refused(messageId, room, error)) return;
    if (this.requests.fail(messageId, error)) return;
    if (this.link.refused(messageId, error)) return;
    this.emit({ type: "error", ...error, ...(room === undefined ? {} : { room }) });
  }

  heardPresence(payload, messageId) {
    if (!this.requests.answer(messageId, payload)) this.rooms.tell(payload.room, "presence", payload);
  }

  /** The one who asked has an answer; every participant, this one too, is told. */
  heardRoom(payload, messageId) {
    this.requests.answer(messageId, payload);
    this.emit({ type: "room_created", room: payload.room });
  }

  heardLeaving(payload) {
    this.signals.stopped(payload.room, payload.user);
    this.rooms.tell(payload.room, "user_left", payload);
  }

  // What the parts share

  act(action) {
    this.actions.push(action);
  }

  emit(event) {
    this.actions.push({ type: "emit", event });
  }

  /** Writes a frame, under an id of the machine's own unless one is given; returns the id. */
  write(type, payload, messageId = this.freshId()) {
    this.act({ type: "write", connection: this.link.connection, frame: { type, messageId, payload } });
    return messageId;
  }

  /** Whether a frame's id is one that the machine has made. */
  isOwnId(messageId) {
    return messageId?.startsWith("~") ?? false;
  }

  freshId() {
    this.frames += 1;
    return `~${this.frames}`;
  }

  /** The connection has been welcomed. The order matters: positions first, so that what is sent again finds them. */
  isOnline() {
    return this.link.isOnline();
  }

  cameOnline() {
    this.rooms.online();
    this.outbox.online();
    this.requests.online();
  }

  wentOffline() {
    this.rooms.offline();
    this.outbox.offline();
    this.requests.offline();
    this.signals.offline();
  }

  // Time

  /** Does what is due; each part looks at the clock by itself. */
  wake() {
    this.wakeAt = null;
    for (const part of this.parts) part.wake();
  }

  /** Only what is earlier than what has been said is said: a wake for nothing costs less than a timer per frame. */
  askToBeWoken() {
    const due = earliest(this.parts.map((part) => part.dueAt()));
    if (due === null || (this.wakeAt !== null && this.wakeAt <= due)) return;
    this.wakeAt = due;
    this.act({ type: "wake", at: due });
  }
}
