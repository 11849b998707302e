// A room's messages: a window over its log, moved by scrolling, of bounded size whatever the length of the log.

import { Pane } from "./pane.js";
import { counted } from "./text.js";

/** Messages asked for at a time. */
const PAGE = 150;
/** Messages of the log that are shown at most, of those on the way at most, and how many the client keeps to show. */
const MOST_SHOWN = 300;
const MOST_WAITING = 60;
export const KEEP = 300;

export class Timeline {
  #pane;
  #parts; // log, edge, older, newest, announcer: elements of the page
  #read;
  #room = null;
  #listeners = new AbortController();
  #entries = []; // what is shown of the log, and notes in it
  #low = 1; // the window: the first and the last seq that it has gone through
  #high = 0;
  #isReady = false; // whether the window holds something of the log
  #atTail = true; // whether it reaches to the newest
  #noOlder = false;
  #isLoading = false;
  #turn = 0; // answers to what was asked in an earlier turn are of no use
  #seen = 0; // read up to this seq
  #fresh = 0; // heard while the reader was elsewhere
  #receipts = new Map(); // user → seq

  /**
   * @param parts elements of the page
   * @param isConnected says whether what waits is being sent
   * @param read called with a room's name when all of it has been read
   */
  constructor(parts, isConnected, read) {
    this.#parts = parts;
    this.#read = read;
    this.#pane = new Pane(parts, {
      wanted: () => this.#wanted(),
      context: (message) => this.#context(message, isConnected()),
      settled: () => this.#settled(),
    });
    parts.newest.addEventListener("click", () => this.toNewest());
    parts.older.addEventListener("click", () => this.#again());
  }

  /** Starts over with a room that is joined, or is being joined. */
  open(room) {
    const parts = this.#parts;
    this.#listeners.abort();
    this.#listeners = new AbortController();
    this.#room = room;
    this.#receipts.clear();
    this.#clear();
    const on = (type, listener) => room.addEventListener(type, ({ detail }) => listener(detail), this.#listeners);
    on("joined", () => this.#isReady || this.#loadNewest());
    on("message", (message) => this.#heard(message));
    on("deleted", ({ refSeq, seq }) => this.#deleted(refSeq, seq));
    on("gap", ({ from, to }) => this.#note(to, `${counted(to - from + 1, "message")} of before ${to === from ? "is" : "are"} no longer kept.`));
    on("reset", () => this.#clear("The history of this room has started anew."));
    on("receipts", ({ members }) => this.#marked(members));
    on("refused", ({ reason }) => Object.assign(parts.edge, { textContent: reason }));
    on("pending", () => this.redraw());
    on("change", () => this.redraw());
    if (room.position !== null) this.#loadNewest();
  }

  redraw() {
    this.#pane.redraw();
  }

  /** Whether the newest message is in view. */
  get isAtEnd() {
    return this.#atTail && this.#pane.isPinned;
  }

  toNewest() {
    this.#fresh = 0;
    this.#pane.pin();
    if (this.#atTail || !this.#isReady) return this.redraw();
    return this.#loadNewest();
  }

  // What is shown

  #wanted() {
    const unsent = this.#atTail ? this.#room.messages.filter(({ seq }) => seq === null) : [];
    const shown = unsent.length <= MOST_WAITING ? unsent : chosen(unsent);
    return { entries: [...this.#entries, ...shown], hidden: unsent.length - shown.length };
  }

  #context(message, isConnected) {
    const room = this.#room;
    return {
      isConnected,
      readers: message === this.#lastRead ? this.#readersOf(message) : [],
      retry: () => room.retry(message),
      discard: () => (room.discard(message), this.redraw()),
    };
  }

  /** The newest of one's own that somebody has read: it says for those above as well. */
  get #lastRead() {
    const furthest = Math.max(0, ...this.#receipts.values());
    if (furthest === 0) return undefined;
    return this.#entries.findLast(({ own, seq }) => own && seq <= furthest);
  }

  #readersOf({ seq }) {
    return [...this.#receipts].filter(([, read]) => read >= seq).map(([user]) => user);
  }

  /** After each drawing and scroll: what else is to be loaded, what has been read. */
  #settled() {
    if (this.#room === null) return;
    const { isPinned, isNearTop, isNearBottom, lastSeen } = this.#pane;
    const isAtEnd = this.#atTail && isPinned;
    if (isAtEnd) this.#fresh = 0;
    if (this.#isReady && document.visibilityState === "visible") this.#see(isAtEnd ? this.#room.position?.seq : lastSeen, isAtEnd);
    const { newest } = this.#parts;
    newest.hidden = isAtEnd || (this.#fresh === 0 && this.#atTail && isNearBottom);
    newest.textContent = this.#fresh > 0 ? counted(this.#fresh, "new message") : "Newest messages";
    if (isNearTop) this.#loadOlder();
    if (isNearBottom && !this.#atTail) this.#loadNewer();
  }

  #see(seq = 0, isAtEnd) {
    if (seq > this.#seen) this.#room.read(seq);
    this.#seen = Math.max(seq, this.#seen);
    if (isAtEnd) this.#read(this.#room.name);
  }

  #clear(note) {
    this.#seen = 0;
    this.#turn += 1;
    this.#parts.older.hidden = true;
    this.#entries = note === undefined ? [] : [{ note: true, seq: 0, text: note, at: new Date().toISOString() }];
    this.#isReady = this.#isLoading = this.#noOlder = false;
    this.#atTail = true;
    this.#fresh = 0;
    this.#parts.log.ariaBusy = "true";
    this.#showEdge();
    this.#pane.pin();
    this.redraw();
  }

  // What is heard

  #heard(message) {
    if (!this.#isReady || message.seq <= this.#high) return this.redraw();
    if (!message.own) this.#parts.announce(message.sender, message.content);
    const isFull = this.#entries.length >= MOST_SHOWN && !this.#pane.isPinned;
    if (!message.own && !this.isAtEnd) this.#fresh += 1;
    if (isFull) this.#atTail = false;
    if (!this.#atTail) return this.redraw();
    this.#entries.push(message);
    this.#high = message.seq;
    if (this.#pane.isPinned) this.#trimTop();
    this.redraw();
  }

  #deleted(refSeq, seq) {
    const message = this.#entries.find((entry) => entry.seq === refSeq && !entry.note);
    if (message !== undefined) Object.assign(message, { content: null, deleted: true });
    if (this.#atTail) this.#high = Math.max(this.#high, seq);
    this.redraw();
  }

  #note(seq, text) {
    if (!this.#isReady || !this.#atTail) return;
    this.#entries.push({ note: true, seq, text, at: new Date().toISOString() });
    this.#high = Math.max(this.#high, seq);
    this.redraw();
  }

  #marked(members) {
    for (const { user, read } of members) this.#receipts.set(user, Math.max(read ?? 0, this.#receipts.get(user) ?? 0));
    this.#receipts.delete(this.#parts.me.id);
    this.redraw();
  }

  // Moving the window

  #loadNewest() {
    this.#turn += 1;
    this.#isLoading = false;
    const { epoch, seq } = this.#room.position;
    return this.#load({ before: { epoch, seq: seq + 1 } }, ({ messages, more }) => {
      const notes = this.#entries.filter(({ note, seq: at }) => note && at === 0);
      this.#entries = [...notes, ...shownOf(messages)];
      this.#low = messages[0]?.seq ?? seq + 1;
      this.#high = Math.max(seq, messages.at(-1)?.seq ?? 0);
      this.#noOlder = !more;
      this.#isReady = true;
      this.#atTail = false;
      this.#reachTail();
      this.#pane.pin();
      this.#parts.log.ariaBusy = "false";
    });
  }

  #loadOlder() {
    if (!this.#isReady || this.#isLoading || this.#noOlder || !this.#parts.older.hidden) return;
    this.#load({ before: this.#low }, ({ messages, more }) => {
      this.#entries = [...shownOf(messages), ...this.#entries];
      this.#low = messages[0]?.seq ?? this.#low;
      this.#noOlder = !more;
      if (this.#entries.length <= MOST_SHOWN) return;
      this.#entries.length = MOST_SHOWN;
      this.#high = this.#entries.at(-1).seq;
      this.#atTail = false;
    });
  }

  #loadNewer() {
    if (!this.#isReady || this.#isLoading || !this.#parts.older.hidden) return;
    this.#load({ after: this.#high }, ({ messages, more }) => {
      this.#entries.push(...shownOf(messages));
      this.#high = messages.at(-1)?.seq ?? this.#high;
      if (!more) this.#reachTail();
      this.#trimTop();
    });
  }

  /** Asks for a page and takes it in, unless the reader has gone elsewhere meanwhile. */
  async #load(range, take) {
    const turn = this.#turn;
    this.#isLoading = true;
    this.#showEdge();
    try {
      const page = await this.#room.history({ ...range, limit: PAGE });
      if (turn !== this.#turn) return;
      take(page);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#failed(error);
    }
    this.#isLoading = false;
    this.#showEdge();
    this.redraw();
  }

  /** A room whose history is for nobody shows what is said from now on. */
  #failed({ code, reason }) {
    if (code === "forbidden" && !this.#isReady) {
      this.#isReady = this.#noOlder = this.#atTail = true;
      this.#low = (this.#room.position?.seq ?? 0) + 1;
      this.#high = this.#low - 1;
      this.#parts.log.ariaBusy = "false";
    } else {
      this.#parts.older.hidden = false;
      this.#parts.older.textContent = `These messages could not be loaded. ${reason} Try again`;
    }
  }

  /** The connection is back. */
  retryLoading() {
    if (!this.#parts.older.hidden) this.#again();
  }

  #again() {
    this.#parts.older.hidden = true;
    if (this.#isReady) this.#settled();
    else if (this.#room.position !== null) this.#loadNewest();
  }

  /** The window has come to where the room has been heard from: from here on it grows by what is said. */
  #reachTail() {
    const kept = this.#room.messages.filter(({ seq }) => seq !== null);
    const heard = kept.filter(({ seq }) => seq > this.#high);
    // So much was said while the page came that the client has not kept it all: another page, then.
    if (heard.length > 0 && heard.length === kept.length && kept.length >= KEEP) return;
    this.#entries.push(...heard);
    this.#high = Math.max(this.#high, this.#room.position?.seq ?? 0);
    this.#atTail = true;
  }

  #trimTop() {
    if (this.#entries.length <= MOST_SHOWN) return;
    this.#entries = this.#entries.slice(-MOST_SHOWN);
    this.#low = this.#entries[0].seq;
    this.#noOlder = false;
  }

  #showEdge() {
    const { edge } = this.#parts;
    if (!this.#isReady) edge.textContent = this.#isLoading ? "Loading messages…" : "";
    else if (!this.#noOlder) edge.textContent = this.#isLoading ? "Loading earlier messages…" : "";
    else if (this.#low > 1) edge.textContent = "What was said before is not shown, or no longer kept.";
    else edge.textContent = this.#entries.length ? "This is where it all began." : "It is quiet here. Say the first word.";
  }
}

/** Entries that say what was deleted are not shown; what they deleted is. */
function shownOf(messages) {
  return messages.filter(({ type }) => type === "message");
}

/** Of too many that are not sent yet: what has failed wants a decision, of the others the newest are shown. */
function chosen(unsent) {
  const newest = (isFailed) => unsent.filter(({ state }) => (state === "failed") === isFailed).slice(-MOST_WAITING / 2);
  const shown = new Set([...newest(true), ...newest(false)]);
  return unsent.filter((message) => shown.has(message));
}
