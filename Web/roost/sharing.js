// Tabs and their hub: in a SharedWorker where there is one, else in the page itself.

import { Hub } from "./hub.js";

/** A worker that has not answered by then is taken to be none. */
const WORKER_TIMEOUT_MS = 3_000;
const TAB_LOCKS = "roost.tab.";

/**
 * Connects a page to a hub.
 * @param config `{url, scope, options}`: what tabs must have in common to share a connection
 * @param isShared whether they are to
 * @param told called with `{type: "emit" | "answer" | "fetchToken", …}`
 * @returns {{give(input: object): void, end(): void}}
 */
export function joinHub(config, isShared, told) {
  return isShared && globalThis.SharedWorker !== undefined ? new SharedHub(config, told) : new OwnHub(config, told);
}

class OwnHub {
  constructor(config, told) {
    this.hub = new Hub(config);
    // Never while the page is in the middle of asking for something: answers come later, as from a worker.
    this.tab = this.hub.attach((message) => queueMicrotask(() => told(message)));
  }

  give(input) {
    this.hub.receive(this.tab, input);
  }

  end() {
    this.hub.detach(this.tab);
  }
}

/** A hub in a worker; until the worker has answered, what is given waits. */
class SharedHub {
  constructor(config, told) {
    this.config = config;
    this.told = told;
    this.waiting = [];
    this.target = null;
    this.isOver = false;
    this.timer = setTimeout(() => this.settle(null), WORKER_TIMEOUT_MS);
    try {
      this.worker = new SharedWorker(import.meta.url, { type: "module", name: JSON.stringify(config) });
    } catch {
      // Another origin's script, or forbidden by the page's policy.
      this.settle(null);
      return;
    }
    this.worker.onerror = () => this.settle(null);
    // A browser that keeps the page while it is left would freeze the worker with it, its connection open: others would
    // see a ghost. It does not keep pages that want to hear of their end.
    globalThis.addEventListener?.("unload", () => {});
    this.worker.port.onmessage = ({ data }) => this.hear(data);
    this.greet();
  }

  /** Says hello, with the name of a lock that is ours as long as the page lives. */
  async greet() {
    const name = TAB_LOCKS + Math.random().toString(36).slice(2);
    const { locks } = navigator;
    if (locks !== undefined) {
      await new Promise((held) => {
        locks.request(name, () => {
          held();
          return new Promise((release) => (this.release = release));
        });
      });
    }
    if (this.target !== null || this.isOver) return;
    this.worker.port.postMessage({ type: "hello", config: this.config, lock: locks === undefined ? null : name });
  }

  hear(message) {
    if (message.type === "attached") this.settle(this.worker.port);
    else if (!this.isOver && this.target === this.worker.port) this.told(message);
  }

  /** Takes the worker, or, without one, a hub of our own; once. */
  settle(port) {
    if (this.target !== null || this.isOver) return;
    clearTimeout(this.timer);
    if (port === null) this.worker?.port.postMessage({ type: "bye" });
    this.target = port ?? new OwnHub(this.config, this.told);
    for (const input of this.waiting) this.give(input);
    this.waiting = [];
  }

  give(input) {
    if (this.target === null) this.waiting.push(input);
    else if (this.target instanceof OwnHub) this.target.give(input);
    else this.target.postMessage({ type: "input", input });
  }

  end() {
    this.isOver = true;
    clearTimeout(this.timer);
    if (this.target instanceof OwnHub) this.target.end();
    else this.worker?.port.postMessage({ type: "bye" });
    this.release?.();
  }
}

/** The worker's side: a hub for all pages that come. */
export function serveTabs(scope) {
  let hub = null;
  scope.onconnect = ({ ports: [port] }) => {
    let tab = null;
    const leave = () => {
      if (tab !== null) hub?.detach(tab);
      tab = null;
      port.onmessage = null;
    };
    port.onmessage = ({ data }) => {
      if (data.type === "input" && tab !== null) hub.receive(tab, data.input);
      if (data.type === "bye") leave();
      if (data.type !== "hello" || tab !== null) return;
      port.postMessage({ type: "attached" });
      hub ??= new Hub(data.config, () => (hub = null));
      tab = hub.attach((message) => port.postMessage(message));
      // A page that is gone without a word lets go of its lock.
      if (data.lock !== null) navigator.locks.request(data.lock, leave);
    };
  };
}
