// One connection for several tabs: says what each tab wants to one driver, and to each tab what concerns it.
// A page by itself is a hub with one tab.

import { Driver } from "./driver.js";
import { openStore } from "./store.js";

/** What a tab that joins late may be told twice over before it is up to date; beyond it is told to begin anew. */
const MOST_HELD_BACK = 10_000;
/** A tab that comes back and has missed no more goes on where it was; one page of history. */
const MOST_MISSED = 1_000;

export class Hub {
  /**
   * @param config `{url, scope, options}`
   * @param ended called when the last tab has gone
   */
  constructor({ url, scope, options }, ended = () => {}) {
    this.ended = ended;
    this.tabs = new Map(); // id → Tab
    this.rooms = new Map(); // name → {cursor, tabs}
    this.pending = new Map(); // messageId → its event, and the tab that wrote it
    this.state = { type: "state", state: "disconnected" };
    this.tokenTurn = 0;
    this.tabsSoFar = 0;
    this.driver = new Driver({ url, options, store: openStore(scope), hear: (action) => this.hear(action) });
    this.driver.give({ type: "connect" });
  }

  // Tabs

  /** @param post called with what a tab is told */
  attach(post) {
    this.tabsSoFar += 1;
    const tab = { id: String(this.tabsSoFar), post, rooms: new Map() };
    this.tabs.set(tab.id, tab);
    this.tell(tab, this.state);
    return tab;
  }

  detach(tab) {
    if (!this.tabs.delete(tab.id)) return;
    for (const name of [...tab.rooms.keys()]) this.leave(tab, name);
    if (this.tabs.size > 0) return;
    this.driver.end();
    this.ended();
  }

  /** An input for the machine, from a tab. */
  receive(tab, input) {
    switch (input.type) {
      case "join": return this.join(tab, input);
      case "leave": return this.leave(tab, input.room);
      case "send": return this.send(tab, input);
      case "history":
      case "presence":
      case "createRoom": return this.driver.give({ ...input, request: `${tab.id}:${input.request}` });
      default: return this.driver.give(input);
    }
  }

  send(tab, input) {
    this.pending.set(input.messageId, { tab, event: null });
    this.driver.give(input);
  }

  tell(tab, event) {
    tab.post({ type: "emit", event });
  }

  // Rooms

  join(tab, input) {
    const { room: name } = input;
    const known = this.rooms.get(name);
    tab.rooms.set(name, { heldBack: null });
    if (known === undefined) this.rooms.set(name, { cursor: null, tabs: new Set([tab]) });
    else known.tabs.add(tab);
    for (const { event } of this.pending.values()) if (event?.room === name) this.tell(tab, event);
    if (known === undefined || known.isRefused) this.driver.give(input);
    else if (known.cursor !== null) this.catchUp(tab, input, known);
  }

  /** A tab that comes to a room in which others are already: history up to where they are, then what they hear. */
  catchUp(tab, { room: name, history = 0, presence, after }, { cursor }) {
    const { epoch, seq } = cursor;
    const missed = after?.epoch === epoch ? seq - after.seq : MOST_MISSED + 1;
    const goesOn = missed <= MOST_MISSED;
    if (after !== undefined && !goesOn) this.tell(tab, { type: "reset", room: name, epoch, head: seq });
    this.tell(tab, { type: "joined", room: name, epoch, head: seq, recovered: goesOn });
    if (presence === true) this.driver.give({ type: "presence", request: `${tab.id}:room ${name}`, room: name });
    const limit = goesOn ? missed : Math.min(history, seq);
    if (limit <= 0) return;
    tab.rooms.get(name).heldBack = [];
    const before = { epoch, seq: seq + 1 };
    this.driver.give({ type: "history", request: `${tab.id}:late ${name}`, room: name, before, limit });
  }

  caughtUp(tab, name, result) {
    const seat = tab.rooms.get(name);
    if (seat === undefined || seat.heldBack === null) return;
    const { heldBack } = seat;
    seat.heldBack = null;
    for (const frame of result?.messages ?? []) this.tell(tab, eventOf(frame));
    for (const event of heldBack) this.tell(tab, event);
  }

  leave(tab, name) {
    const room = this.rooms.get(name);
    if (room === undefined || !tab.rooms.delete(name)) return;
    room.tabs.delete(tab);
    this.tell(tab, { type: "left", room: name });
    if (room.tabs.size > 0) return;
    this.rooms.delete(name);
    this.driver.give({ type: "leave", room: name });
  }

  // What the machine says

  hear(action) {
    if (action.type === "emit") this.route(action.event);
    else if (action.type === "answer") this.answer(action);
    else if (action.type === "fetchToken") this.askForToken();
  }

  answer({ request, result, error }) {
    const at = request.indexOf(":");
    const tab = this.tabs.get(request.slice(0, at));
    const tag = request.slice(at + 1);
    if (tab === undefined) return;
    if (tag.startsWith("late ")) this.caughtUp(tab, tag.slice(5), result);
    else if (tag.startsWith("room ")) result && this.tell(tab, { type: "presence", ...result });
    else tab.post({ type: "answer", request: tag, result, error });
  }

  /** One tab is asked at a time; if it does not answer, the machine asks again, and then the next one is. */
  askForToken() {
    const tabs = [...this.tabs.values()];
    if (tabs.length === 0) return;
    this.tokenTurn += 1;
    tabs[this.tokenTurn % tabs.length].post({ type: "fetchToken" });
  }

  route(event) {
    if (event.type === "state") this.state = event;
    if (event.room === undefined || typeof event.room !== "string" || event.type === "personal") {
      for (const tab of this.tabs.values()) this.tell(tab, event);
      return;
    }
    this.follow(event);
    for (const tab of this.audience(event)) this.tellInTurn(tab, event);
  }

  /** Keeps track of where a room is, for tabs that come later. */
  follow(event) {
    const room = this.rooms.get(event.room);
    if (event.type === "pending") {
      this.pending.set(event.messageId, { tab: this.pending.get(event.messageId)?.tab ?? null, event });
    }
    if (room === undefined) return;
    if (event.type === "refused") room.isRefused = true;
    if (event.type === "reset") room.cursor = null;
    if (event.type === "joined") {
      room.isRefused = false;
      room.cursor ??= { epoch: event.epoch, seq: event.head };
    }
    if (event.type === "gap") room.cursor.seq = Math.max(room.cursor.seq, event.to);
    if (event.seq !== undefined && event.type !== "sent") room.cursor.seq = Math.max(room.cursor.seq, event.seq);
  }

  /** Who is in the room, and who wrote the message. */
  audience(event) {
    const tabs = new Set(this.rooms.get(event.room)?.tabs ?? []);
    if (event.messageId === undefined) return tabs;
    const writer = this.pending.get(event.messageId)?.tab;
    if (event.type === "sent" || event.type === "failed") this.pending.delete(event.messageId);
    if (writer && this.tabs.has(writer.id)) tabs.add(writer);
    return tabs;
  }

  tellInTurn(tab, event) {
    const heldBack = tab.rooms.get(event.room)?.heldBack;
    if (!heldBack) return this.tell(tab, event);
    if (event.type === "reset" || heldBack.length >= MOST_HELD_BACK) this.caughtUp(tab, event.room, null);
    if (tab.rooms.get(event.room).heldBack) heldBack.push(event);
    else this.tell(tab, event);
  }
}

/** An entry of a history as the event that it was. */
export function eventOf({ type, messageId, timestamp, payload }) {
  return { type, messageId, at: timestamp, ...payload };
}
