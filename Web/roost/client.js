// What applications use: `connect`, and what it returns.

import { RoostError } from "./error.js";
import { PRESETS } from "./options.js";
import { Room } from "./room.js";
import { joinHub } from "./sharing.js";

/** Options that are not the machine's. */
const OWN_OPTIONS = ["url", "getToken", "identity", "shared"];

/**
 * Connects to a server, and stays connected.
 *
 * ```js
 * const roost = connect({ url: "wss://chat.example.com/ws", getToken: () => fetch("/token").then((r) => r.text()) });
 * const room = roost.join("general", { history: 50 });
 * room.addEventListener("message", ({ detail }) => show(detail));
 * await room.send({ text: "hello" });
 * ```
 * @param {import("../roost").ConnectOptions} options
 * @returns {Roost}
 */
export function connect(options) {
  return new Roost(options);
}

/** A connection to one server, in whatever state it is. */
export class Roost extends EventTarget {
  /** `disconnected`, `connecting` or `connected`. */
  state = "disconnected";
  /** The user that the server knows us as; null before the first welcome. */
  user = null;
  /** Why the connection is not there: `{code, reason}`; null while it is, or before it was. */
  lost = null;
  #hub;
  #enter;
  #getToken;
  #rooms = new Map();
  #requests = new Map();
  #requestsSoFar = 0;
  #unlisten = () => {};

  constructor(options) {
    super();
    const { url, getToken, identity, shared } = options;
    this.#getToken = getToken;
    const machine = optionsOfMachine(options);
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    const who = identity ?? machine.user ?? (getToken ? "token" : "");
    const config = {
      url: address.href,
      scope: `${address.href} ${who}`,
      options: { ...machine, hasToken: getToken !== undefined },
    };
    // Two tabs may be signed in as different users, unless somebody says who is.
    const isShared = shared ?? (getToken === undefined || identity !== undefined);
    this.#enter = () => joinHub(config, isShared, (message) => this.#hear(message));
    this.#hub = this.#enter();
    this.#listen();
  }

  // Rooms

  /**
   * Joins a room, or gives the one that was joined already.
   * @param {string} name
   * @param {import("../roost").JoinOptions} options
   * @returns {Room}
   */
  join(name, options = {}) {
    const known = this.#rooms.get(name);
    if (known !== undefined) return known;
    const { keep, ...wishes } = options;
    const room = new Room(this, name, options, {
      give: (input) => this.#hub.give(input),
      ask: (input) => this.#ask(input),
      left: () => this.#rooms.delete(name),
    });
    this.#rooms.set(name, room);
    this.#hub.give({ type: "join", room: name, ...wishes });
    return room;
  }

  /** The rooms that are joined, by name. */
  get rooms() {
    return new Map(this.#rooms);
  }

  /**
   * Makes a room for some users and oneself; resolves to the room as the server describes it.
   * @param {import("../roost").NewRoom} room
   */
  async createRoom(room) {
    return (await this.#ask({ type: "createRoom", ...room })).room;
  }

  // The connection

  /** Tries to connect now, where it waits to try again or was ended by the server. */
  connect() {
    this.#hub.give({ type: "connect" });
  }

  /** Ends it. What was not acknowledged stays in storage, for the next `connect` to the same server. */
  close() {
    this.#unlisten();
    this.#hub.end();
    this.#setState({ state: "disconnected", code: 1000, reason: "The client has closed the connection." });
    const error = new RoostError({ code: "closed", reason: "The client has closed the connection." });
    for (const { reject } of this.#requests.values()) reject(error);
    this.#requests.clear();
    for (const room of this.#rooms.values()) room.end(error);
    this.#rooms.clear();
  }

  #ask(input) {
    this.#requestsSoFar += 1;
    const request = String(this.#requestsSoFar);
    return new Promise((resolve, reject) => {
      this.#requests.set(request, { resolve, reject });
      this.#hub.give({ ...input, request });
    });
  }

  // What is heard

  #hear(message) {
    if (message.type === "emit") this.#route(message.event);
    else if (message.type === "answer") this.#answer(message);
    else if (message.type === "fetchToken") this.#fetchToken();
  }

  #answer({ request, result, error }) {
    const waiting = this.#requests.get(request);
    this.#requests.delete(request);
    if (error !== undefined) waiting?.reject(new RoostError(error));
    else waiting?.resolve(result);
  }

  #route(event) {
    if (event.type === "state") return this.#setState(event);
    const room = typeof event.room === "string" ? this.#rooms.get(event.room) : undefined;
    if (room !== undefined && event.type !== "personal") room.hear(event);
    else this.dispatchEvent(new CustomEvent(event.type, { detail: event }));
  }

  #setState(event) {
    this.state = event.state;
    this.user = event.user ?? this.user;
    this.lost = event.code === undefined ? null : { code: event.code, reason: event.reason };
    this.dispatchEvent(new CustomEvent("state", { detail: event }));
  }

  async #fetchToken() {
    try {
      const answer = await this.#getToken();
      const token = typeof answer === "object" && answer !== null ? answer.token : (answer ?? null);
      this.#hub.give({ type: "token", token, expiresAt: answer?.expiresAt ?? expiryOf(token) });
    } catch (error) {
      const isFinal = error instanceof RoostError && error.code === "unauthenticated";
      this.#hub.give({ type: "tokenFailed", reason: `No token: ${error?.message ?? error}`, isFinal });
    }
  }

  /** What a browser tells of its network, of being looked at, and of leaving the page. */
  #listen() {
    const { document } = globalThis;
    if (document === undefined) return;
    const listeners = [
      [globalThis, "online", () => this.#hub.give({ type: "network", online: true })],
      [globalThis, "offline", () => this.#hub.give({ type: "network", online: false })],
      [document, "visibilitychange", () => document.visibilityState === "visible" && this.#hub.give({ type: "visible" })],
      [globalThis, "pagehide", () => this.#hub.end()],
      [globalThis, "pageshow", ({ persisted }) => persisted && this.#comeBack()],
    ];
    for (const [target, type, listener] of listeners) target.addEventListener(type, listener);
    this.#unlisten = () => {
      for (const [target, type, listener] of listeners) target.removeEventListener(type, listener);
    };
  }

  /** The browser has kept the page while it was left, and shows it again: its rooms go on where they were. */
  #comeBack() {
    this.#hub = this.#enter();
    for (const room of this.#rooms.values()) this.#hub.give(room.comeBack());
  }
}

function optionsOfMachine(options) {
  if (options.preset !== undefined && PRESETS[options.preset] === undefined) {
    const reason = `There is no preset ${options.preset}; there is ${Object.keys(PRESETS).join(", ")}.`;
    throw new RoostError({ code: "invalid", reason });
  }
  const given = Object.entries(options).filter(([name, value]) => !OWN_OPTIONS.includes(name) && value !== undefined);
  return Object.fromEntries(given);
}

/** When a JWT ends, in calendar milliseconds; undefined where it does not say. The server is who believes it or not. */
export function expiryOf(token) {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims.exp === "number" ? claims.exp * 1_000 : undefined;
  } catch {
    return undefined; // not a JWT: it is renewed when the server says so
  }
}
