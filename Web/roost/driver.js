// Does what a machine says: timers, sockets, storage, tokens. Knows nothing of rooms or tabs.

import { ClientMachine } from "./machine.js";
import { openWebSocket } from "./websocket.js";

/** How each transport is opened. One more is one more line. */
const TRANSPORTS = { websocket: openWebSocket };

export class Driver {
  /**
   * @param settings
   * @param settings.url address of the server's `/ws`
   * @param settings.options for the machine
   * @param settings.store a `Store`
   * @param settings.transports name → function that opens one, as `openWebSocket`; by default those there are
   * @param settings.hear is told every event, answer and question for a token, as actions
   */
  constructor({ url, options, store, transports = TRANSPORTS, hear }) {
    this.url = url;
    this.store = store;
    this.transports = transports;
    this.hear = hear;
    this.machine = new ClientMachine(options, Math.random, Date.now() - performance.now());
    this.sockets = new Map();
    this.timer = null;
    this.isOver = false;
    /** What came before storage had answered; null afterwards. */
    this.early = [];
    this.start();
  }

  async start() {
    const kept = await this.store.load();
    const early = this.early;
    this.early = null;
    this.give({ type: "restored", ...kept });
    for (const input of early) this.give(input);
  }

  give(input) {
    if (this.isOver) return;
    if (this.early !== null) {
      this.early.push(input);
      return;
    }
    for (const action of this.machine.handle(input, Math.floor(performance.now()))) this.perform(action);
  }

  /** Ends for good; storage keeps what is to be kept. */
  end() {
    this.give({ type: "disconnect" });
    this.isOver = true;
    clearTimeout(this.timer);
    this.store.close();
  }

  perform(action) {
    switch (action.type) {
      case "open": return this.open(action);
      case "write": return this.sockets.get(action.connection)?.write(JSON.stringify(action.frame));
      case "close": return this.close(action);
      case "wake": return this.wakeAt(action.at);
      case "keep": return this.store.keep(action.message);
      case "forget": return this.store.forget(action.messageId);
      case "keepPosition": return this.store.keepPosition(action.room, action.position);
      case "forgetPosition": return this.store.keepPosition(action.room, undefined);
      case "keepSession": return this.store.keepSession(action.session);
      default: return this.hear(action);
    }
  }

  open({ connection, transport, protocols, query }) {
    const url = new URL(this.url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const ended = (code, reason) => {
      this.sockets.delete(connection);
      this.give({ type: "closed", connection, code, reason });
    };
    const socket = this.transports[transport]({
      url: url.href,
      protocols,
      opened: () => this.give({ type: "opened", connection }),
      heard: (text) => this.give({ type: "frame", connection, frame: parse(text) }),
      ended,
    });
    this.sockets.set(connection, socket);
  }

  close({ connection, code, reason }) {
    const socket = this.sockets.get(connection);
    this.sockets.delete(connection);
    socket?.close(code, reason);
  }

  wakeAt(at) {
    clearTimeout(this.timer);
    const delay = Math.max(0, Math.ceil(at - performance.now()));
    // A timer can't be set for more than 24 days; being woken early does no harm.
    this.timer = setTimeout(() => this.give({ type: "wake" }), Math.min(delay, 2 ** 31 - 1));
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the machine ignores what is no frame
  }
}
