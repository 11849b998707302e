// The list of rooms: what was said last in each, and how much of it is unread.

import { KEEP } from "./timeline.js";
import { element, textOf, timeElement } from "./text.js";

/** Rooms that are listened to at a time, the one that is shown included. */
const MOST_JOINED = 20;
const MOST_LISTED = 500;
const PREVIEW_LETTERS = 80;

export class RoomList {
  #list;
  #me;
  #changed;
  #roost = null;
  #known = new Map(); // id → {id, name, unread, last, at}
  #seats = new Map(); // id → {room, isOpened, usedAt}
  #items = new Map(); // id → element
  #turn = 0;
  #isAsked = false;
  /** The id of the room that is shown. */
  current = null;

  /** @param changed called when titles or counts may be others */
  constructor(list, me, changed) {
    this.#list = list;
    this.#me = me;
    this.#changed = changed;
    list.addEventListener("keydown", (event) => this.#moveFocus(event));
  }

  /** Goes on over another connection; its rooms are yet to be joined. */
  attach(roost) {
    this.#roost = roost;
    this.#seats.clear();
  }

  /** Joins a room to show it, with the people in it. */
  open(id) {
    this.current = id;
    this.#know(id);
    if (this.#seats.get(id)?.isOpened === false) this.#leave(id);
    if (!this.#seats.has(id)) this.#join(id, { presence: true, keep: KEEP }, true);
    this.#turn += 1;
    const seat = this.#seats.get(id);
    seat.usedAt = this.#turn;
    this.#letGo();
    this.#redraw();
    return seat.room;
  }

  titleOf(id) {
    return this.#known.get(id)?.name || id;
  }

  /** All that is unread, for the title of the page. */
  get unread() {
    return [...this.#known.values()].reduce((sum, { unread }) => sum + unread, 0);
  }

  /** Everything in a room has been read. */
  markRead(id) {
    const known = this.#know(id);
    if (known.unread === 0) return;
    known.unread = 0;
    this.#redraw();
  }

  /** Asks which rooms there are, and listens to those in which something was said last. */
  async refresh() {
    const roost = this.#roost;
    const query = new URLSearchParams({ user: this.#me.id, limit: MOST_LISTED });
    const answer = await fetch(`rooms?${query}`).catch(() => null);
    if (!answer?.ok || roost !== this.#roost) return;
    for (const { id, name, unread = 0, lastMessage, lastMessageAt } of await answer.json()) {
      if (id.startsWith("user:")) continue;
      const known = this.#know(id);
      known.name = name;
      // Where we listen, we count ourselves.
      if (this.#seats.has(id)) continue;
      Object.assign(known, { unread, last: lastMessage, at: lastMessageAt });
    }
    this.#follow();
    this.#redraw();
  }

  get #sorted() {
    return [...this.#known.values()].sort((a, b) => (b.at ?? "").localeCompare(a.at ?? "") || a.name.localeCompare(b.name));
  }

  #know(id) {
    if (!this.#known.has(id)) this.#known.set(id, { id, name: id, unread: 0, last: null, at: null });
    return this.#known.get(id);
  }

  #follow() {
    for (const { id } of this.#sorted.slice(0, MOST_JOINED)) {
      if (this.#seats.size >= MOST_JOINED) return;
      if (!this.#seats.has(id)) this.#join(id, { presence: false, keep: 1 }, false);
    }
  }

  #join(id, options, isOpened) {
    const room = this.#roost.join(id, options);
    this.#seats.set(id, { room, isOpened, usedAt: 0 });
    room.addEventListener("message", ({ detail }) => this.#heard(id, detail));
    room.addEventListener("refused", () => this.#seats.get(id)?.room === room && !isOpened && this.#leave(id));
  }

  #leave(id) {
    this.#seats.get(id).room.leave();
    this.#seats.delete(id);
  }

  /** Of too many, those that were not looked at for longest are left; not those in which something waits to be sent. */
  #letGo() {
    const seats = [...this.#seats].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [id, { room }] of seats) {
      if (this.#seats.size <= MOST_JOINED) return;
      if (id !== this.current && !room.messages.some(({ state }) => state !== "sent")) this.#leave(id);
    }
  }

  #heard(id, { sender, own, content, at }) {
    const known = this.#know(id);
    Object.assign(known, { last: content, at });
    if (!own && sender !== this.#me.id) known.unread += 1;
    this.#redraw();
  }

  // The elements

  /** Many messages may come at once. */
  #redraw() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    setTimeout(() => {
      this.#isAsked = false;
      this.#draw();
      this.#changed();
    }, 30);
  }

  #draw() {
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const items = this.#sorted.map((known) => this.#itemOf(known));
    const isMoved = items.length !== this.#list.children.length || items.some((item, at) => item !== this.#list.children[at]);
    if (isMoved) this.#list.replaceChildren(...items);
    if (isMoved) focused?.focus();
  }

  #itemOf({ id, name, unread, last, at }) {
    if (!this.#items.has(id)) this.#items.set(id, makeItem(id));
    const item = this.#items.get(id);
    const link = item.firstElementChild;
    const isCurrent = id === this.current;
    const look = [name, unread, JSON.stringify(last), at, isCurrent].join("|");
    if (item.look === look) return item;
    item.look = look;
    link.ariaCurrent = isCurrent ? "page" : null;
    const preview = last === null ? "" : textOf(last).slice(0, PREVIEW_LETTERS);
    const parts = [element("span", "room-name", name), at ? timeElement(new Date(at), true) : "", element("span", "preview", preview)];
    if (unread > 0 && !isCurrent) parts.push(badge(unread));
    link.replaceChildren(...parts.filter(Boolean));
    return item;
  }

  /** Up and down go from room to room; Enter is the link's own. */
  #moveFocus(event) {
    const links = [...this.#list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const goals = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 };
    if (at < 0 || !Object.hasOwn(goals, event.key)) return;
    event.preventDefault();
    links[Math.min(links.length - 1, Math.max(0, goals[event.key]))].focus();
  }
}

function makeItem(id) {
  const item = element("li", "");
  const link = element("a", "room");
  link.href = `#${id}`;
  item.append(link);
  return item;
}

function badge(unread) {
  const made = element("span", "badge", unread > 99 ? "99+" : String(unread));
  made.append(element("span", "unseen", " unread"));
  return made;
}
