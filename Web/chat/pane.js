// The list of messages on the screen: draws what is wanted, and holds still what is being read.

import { arrange, fillMessage, makeMessage, makeNote, waitingNote } from "./message.js";

/** So near to the end of the list the next page is asked for, and so near the newest message is kept in view. */
const NEAR_PX = 800;
const PINNED_PX = 40;

export class Pane {
  #parts; // list, scroller, waiting: elements of the page
  #source;
  #items = new WeakMap(); // message → element
  #shown = []; // entries, as drawn
  #isAsked = false;
  /** Whether the newest message is to stay in view. */
  isPinned = true;

  /** @param source `{wanted(), context(message), settled()}` */
  constructor(parts, source) {
    this.#parts = parts;
    this.#source = source;
    parts.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    document.addEventListener("visibilitychange", () => this.redraw());
    new ResizeObserver(() => this.#hold()).observe(parts.scroller);
  }

  pin() {
    this.isPinned = true;
  }

  /** Draws before the next frame; a page that is not looked at has no frames. */
  redraw() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    const draw = () => {
      this.#isAsked = false;
      this.#draw();
    };
    if (document.hidden) setTimeout(draw, 100);
    else requestAnimationFrame(draw);
  }

  get isNearTop() {
    return this.#parts.scroller.scrollTop < NEAR_PX;
  }

  get isNearBottom() {
    return this.#belowView < NEAR_PX;
  }

  /** The last seq in view; undefined if there is none. */
  get lastSeen() {
    const bottom = this.#parts.scroller.getBoundingClientRect().bottom;
    return this.#shown.findLast((entry) => entry.seq > 0 && this.#contentOf(entry).getBoundingClientRect().top < bottom)?.seq;
  }

  get #belowView() {
    const { scrollHeight, scrollTop, clientHeight } = this.#parts.scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #draw() {
    const { entries, hidden } = this.#source.wanted();
    const anchor = this.isPinned ? undefined : this.#anchor(new Set(entries));
    const { list, waiting } = this.#parts;
    let place = list.firstElementChild;
    entries.forEach((entry, at) => {
      const item = this.#itemOf(entry);
      if (item === place) place = place.nextElementSibling;
      else if (item.isConnected && place?.nextElementSibling === item) {
        place.remove(); // what was above it has gone
        place = item.nextElementSibling;
      } else list.insertBefore(item, place);
      arrange(item, entry, entries[at - 1]);
    });
    while (place !== null) {
      const next = place.nextElementSibling;
      place.remove();
      place = next;
    }
    this.#shown = entries;
    waiting.hidden = hidden === 0;
    waiting.textContent = hidden === 0 ? "" : waitingNote(hidden);
    this.#hold(anchor);
    this.#source.settled();
  }

  #itemOf(entry) {
    let item = this.#items.get(entry);
    if (item === undefined) {
      item = entry.note ? makeNote(entry) : makeMessage(entry);
      this.#items.set(entry, item);
    }
    if (!entry.note) fillMessage(item, entry, this.#source.context(entry));
    return item;
  }

  /** The first message in view that will still be there, and where it is. */
  #anchor(staying) {
    const { top } = this.#parts.scroller.getBoundingClientRect();
    for (const entry of this.#shown) {
      if (!staying.has(entry)) continue;
      const place = this.#contentOf(entry).getBoundingClientRect();
      if (place.bottom > top) return { entry, top: place.top };
    }
    return undefined;
  }

  /** What is written, not what stands above it: a day or an author may come and go with the neighbours. */
  #contentOf(entry) {
    const item = this.#items.get(entry);
    return item.querySelector(".content") ?? item;
  }

  #hold(anchor) {
    const { scroller } = this.#parts;
    if (this.isPinned) scroller.scrollTop = scroller.scrollHeight;
    else if (anchor !== undefined) {
      const moved = this.#contentOf(anchor.entry).getBoundingClientRect().top - anchor.top;
      if (moved !== 0) scroller.scrollTop += moved;
    }
  }

  #scrolled() {
    this.isPinned = this.#belowView < PINNED_PX;
    this.#source.settled();
  }
}
