// The list of messages: elements in the order of their seq, what is not acked below them, and the scrolling.
import { avatar, element, fillIn } from "./people.js";

const PAGE = 50;
const MOST_SHOWN = 500;
const SAME_BREATH_MS = 5 * 60_000;
const AT_BOTTOM_PX = 60;

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const fullTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export class MessageList {
  #connection;
  #parts; // list, log, scroller, older, newest, empty: elements of the page
  #room = null;
  #shown = new Map(); // seq → element
  #unacked = new Map(); // messageId → element
  #pinned = true; // the newest message is kept in view
  #noMore = false; // nothing older is kept

  constructor(connection, parts) {
    this.#connection = connection;
    this.#parts = parts;
    parts.older.addEventListener("click", () => this.loadOlder(this.#oldest()));
    parts.newest.addEventListener("click", () => this.scrollToNewest());
    parts.scroller.addEventListener("scroll", () => this.#scrolled());
    const keepInView = new ResizeObserver(() => this.#pinned && this.scrollToNewest());
    keepInView.observe(parts.scroller);
    keepInView.observe(parts.list);
  }

  /** Starts over with a room: nothing but what was written for it and not sent. */
  open(room) {
    this.#room = room;
    this.#clear();
    this.busy(true);
    for (const entry of this.#connection.unsent(room)) this.showUnsent(entry);
    this.scrollToNewest();
  }

  /** The room has another log now: shows that one's latest messages. */
  reset(head) {
    this.#clear();
    for (const entry of this.#connection.unsent(this.#room)) this.showUnsent(entry);
    this.note("The history of this room has started anew.");
    return this.loadOlder(head + 1);
  }

  /** Screen readers wait while what was said before comes in. */
  busy(busy) {
    this.#parts.log.ariaBusy = String(busy);
    this.#parts.empty.hidden = busy || this.#parts.list.childElementCount > 0;
  }

  show(message) {
    if (message.type === "deleted" || this.#shown.has(message.seq)) return;
    const own = message.sender === this.#connection.user && this.#unacked.get(message.messageId);
    if (own) this.#unacked.delete(message.messageId);
    if (!this.#pinned) this.#parts.newest.hidden = false;
    this.#place(own || this.#make(message), message);
  }

  showUnsent(entry) {
    const message = { seq: Infinity, sender: this.#connection.user, content: entry.content, at: Date.now() };
    const item = this.#make(message);
    this.#unacked.set(entry.messageId, item);
    this.#place(item, message);
    this.showDelivery(entry);
  }

  /** Acked; without a seq it is only queued, and its own broadcast will say where it belongs. */
  showSent({ messageId }, seq) {
    const item = this.#unacked.get(messageId);
    if (!item) return;
    item.classList.remove("pending", "failed");
    item.querySelector(".delivery").replaceChildren();
    if (seq === undefined) return;
    this.#unacked.delete(messageId);
    this.#place(item, { ...item.message, seq });
  }

  showDelivery(entry) {
    const item = this.#unacked.get(entry.messageId);
    if (!item) return;
    const failed = entry.status === "failed";
    const connected = this.#connection.state.name === "connected";
    const note = failed ? `Not sent. ${entry.reason}` : connected ? "Sending…" : "Will be sent when connected";
    item.classList.toggle("pending", !failed);
    item.classList.toggle("failed", failed);
    item.querySelector(".delivery").replaceChildren(note);
    const choices = failed ? ["Retry", "Discard"].map((text) => this.#choice(text, entry, item)) : [];
    item.querySelector(".delivery").append(...choices);
  }

  showAllDeliveries() {
    for (const entry of this.#connection.unsent(this.#room)) this.showDelivery(entry);
  }

  showDeleted({ ref }) {
    for (const item of this.#shown.values()) {
      if (item.message.seq !== ref && item.message.messageId !== ref) continue;
      item.classList.add("deleted");
      item.querySelector(".content").textContent = "This message was deleted.";
    }
  }

  /** A line that is no message, at a seq or at the end. */
  note(text, seq = Infinity) {
    this.#place(element("li", "note", text), { seq, at: Date.now() });
  }

  async loadOlder(before) {
    const { older, scroller } = this.#parts;
    const room = this.#room;
    older.disabled = true;
    this.busy(true);
    try {
      const { messages, more } = await this.#connection.older(room, before, PAGE);
      if (room !== this.#room) return;
      const wasPinned = this.#pinned;
      const belowTop = scroller.scrollHeight - scroller.scrollTop;
      this.#pinned = false;
      messages.forEach((message) => this.show(message));
      this.#pinned = wasPinned;
      if (!wasPinned) scroller.scrollTop = scroller.scrollHeight - belowTop;
      this.#parts.newest.hidden = true;
      this.#noMore = !more;
      older.textContent = "Load older messages";
    } catch {
      older.textContent = "That did not work. Load older messages";
    } finally {
      older.disabled = false;
      this.busy(false);
      this.#showOlderButton();
    }
  }

  scrollToNewest() {
    this.#parts.scroller.scrollTop = this.#parts.scroller.scrollHeight;
    this.#pinned = true;
    this.#parts.newest.hidden = true;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#parts.scroller;
    this.#pinned = scrollHeight - scrollTop - clientHeight < AT_BOTTOM_PX;
    if (this.#pinned) this.#parts.newest.hidden = true;
  }

  #make(message) {
    const item = element("li", message.sender === this.#connection.user ? "message own" : "message");
    const meta = element("p", "meta");
    meta.append(fillIn(element("span", "author"), message.sender), " ", element("time", ""));
    const content = typeof message.content === "string" ? message.content : JSON.stringify(message.content);
    const body = element("div", "body");
    body.append(meta, element("p", "content", content), element("p", "delivery"));
    item.append(element("p", "day"), avatar(message.sender), body);
    return item;
  }

  /** Puts an element where its seq belongs. */
  #place(item, message) {
    const { list } = this.#parts;
    const next = item.nextElementSibling;
    item.remove();
    item.message = message;
    let above = list.lastElementChild;
    while (above && above.message.seq > message.seq) above = above.previousElementSibling;
    if (above) above.after(item);
    else list.prepend(item);
    if (message.seq !== Infinity) {
      this.#shown.set(message.seq, item);
      item.classList.remove("pending", "failed");
      item.querySelector(".delivery")?.replaceChildren();
    }
    for (const changed of [item, item.nextElementSibling, next]) this.#arrange(changed);
    this.#parts.empty.hidden = true;
    this.#prune();
    this.#showOlderButton();
  }

  /** One author's messages of a few minutes stand together; a new day gets a line. */
  #arrange(item) {
    if (!item?.message.sender) return;
    const { message, previousElementSibling } = item;
    const last = previousElementSibling?.message;
    const at = new Date(message.at);
    const newDay = !last || new Date(last.at).toDateString() !== at.toDateString();
    const follows = !newDay && last.sender === message.sender && at - new Date(last.at) < SAME_BREATH_MS;
    item.classList.toggle("follows", follows);
    item.querySelector(".day").textContent = newDay ? dayOfYear.format(at) : "";
    const time = item.querySelector("time");
    time.dateTime = at.toISOString();
    time.title = fullTime.format(at);
    time.textContent = timeOfDay.format(at);
  }

  /** A page that stays open for days keeps the newest messages; the others can be loaded again. */
  #prune() {
    const { list } = this.#parts;
    while (this.#pinned && this.#shown.size > MOST_SHOWN) {
      this.#shown.delete(list.firstElementChild.message.seq);
      list.firstElementChild.remove();
      this.#noMore = false;
      this.#arrange(list.firstElementChild);
    }
  }

  #oldest() {
    return this.#shown.size ? Math.min(...this.#shown.keys()) : undefined;
  }

  #showOlderButton() {
    this.#parts.older.hidden = this.#noMore || !(this.#oldest() > 1);
  }

  #choice(text, entry, item) {
    const button = element("button", "choice", text);
    button.type = "button";
    button.addEventListener("click", () => {
      this.#unacked.delete(entry.messageId);
      if (text === "Discard") {
        this.#connection.discard(entry);
        item.remove();
      } else {
        this.#connection.retry(entry);
        this.#unacked.set(entry.messageId, item);
        this.showDelivery(entry);
      }
    });
    return button;
  }

  #clear() {
    this.#shown.clear();
    this.#unacked.clear();
    this.#noMore = false;
    this.#parts.list.replaceChildren();
    this.#parts.newest.hidden = true;
    this.#showOlderButton();
  }
}
