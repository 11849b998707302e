// What applications use, with the model server behind a WebSocket that is none, in real time.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test, { beforeEach, describe } from "node:test";
import * as roostModule from "../../Web/roost.js";
import { Hub } from "../../Web/roost/hub.js";
import { dice } from "./dice.js";
import { ModelServer } from "./model_server.js";

const { connect, RoostError } = roostModule;
const URL_OF_SERVER = "ws://localhost/ws";
const WEB = new URL("../../Web/", import.meta.url);

let server;
let sockets;

class Agenda {
  get now() {
    return performance.now();
  }
  at(time, action) {
    setTimeout(action, Math.max(0, time - this.now));
  }
  after(delay, action) {
    setTimeout(action, delay);
  }
}

globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    sockets.push(this);
    this.link = server.connect(({ frame, closed }) => {
      if (frame !== undefined) this.onmessage({ data: JSON.stringify(frame) });
      else this.onclose({ code: closed, reason: "" });
    });
  }
  send(text) {
    this.link.write(JSON.parse(text));
  }
  close() {
    this.link.close(1006);
  }
};

beforeEach(() => {
  server = new ModelServer(new Agenda(), dice(1));
  server.isWell = true;
  sockets = [];
});

/** Waits for an event. */
const once = (target, type) => new Promise((resolve) => target.addEventListener(type, (event) => resolve(event.detail), { once: true }));

/** Connects and joins, and closes when the test is over. */
async function inRoom(context, options = {}, joining = {}) {
  const roost = connect({ url: URL_OF_SERVER, ...options });
  context.after(() => roost.close());
  const room = roost.join("general", joining);
  await once(room, "joined");
  return { roost, room };
}

describe("Room", () => {
  test("send resolves at the ack; the message is one object from pending to sent", async (context) => {
    const { room } = await inRoom(context);
    const heard = once(room, "message");
    const receipt = room.send({ text: "hi" });
    const [pending] = room.messages;
    assert.deepEqual([pending.state, pending.seq, pending.own, pending.content], ["pending", null, true, { text: "hi" }]);
    const { seq, durability, duplicate } = await receipt;
    assert.deepEqual([seq, durability, duplicate], [1, "stored", false]);
    assert.equal(await heard, pending);
    assert.deepEqual([pending.state, pending.seq, room.messages.length], ["sent", 1, 1]);
  });

  test("a first join from a position hears what was missed since", async (context) => {
    const writer = await inRoom(context);
    for (const content of ["one", "two", "three"]) await writer.room.send(content);
    const { epoch } = writer.room.position;
    const late = connect({ url: URL_OF_SERVER });
    context.after(() => late.close());
    const room = late.join("general", { after: { epoch, seq: 1 } });
    const heard = [];
    await new Promise((resolve) => room.addEventListener("message", ({ detail }) => heard.push(detail.content) === 2 && resolve()));
    assert.deepEqual(heard, ["two", "three"]);
    assert.deepEqual(room.position, { epoch, seq: 3 });
  });

  test("a message that fails rejects, says why, stays in the list, and can be sent again or discarded", async (context) => {
    const { room } = await inRoom(context);
    server.isForbidden = () => true;
    await assert.rejects(room.send("no"), (error) => error instanceof RoostError && error.code === "forbidden");
    const [message] = room.messages;
    assert.deepEqual([message.state, message.error.code], ["failed", "forbidden"]);
    server.isForbidden = () => false;
    const heard = once(room, "message");
    room.retry(message);
    assert.equal(await heard, message);
    server.isForbidden = () => true;
    await assert.rejects(room.send("no more"));
    room.discard(room.messages.at(-1));
    assert.deepEqual(room.messages, [message]);
  });

  test("what others say stands before what is not in the log yet; the list is bounded", async (context) => {
    const { room } = await inRoom(context, {}, { keep: 3 });
    server.isWell = true;
    sockets[0].link.write = () => {}; // nothing arrives
    room.send("waiting");
    for (let number = 1; number <= 5; number++) server.append("general", "ben", `b${number}`, number);
    while (room.position.seq < 5) await once(room, "message");
    assert.deepEqual(room.messages.map(({ content }) => content), [3, 4, 5, "waiting"]);
  });

  test("a slow reader hears everything once, from the log where it fell behind", async (context) => {
    const { room } = await inRoom(context);
    const reader = room[Symbol.asyncIterator]();
    const count = 1_350;
    for (let number = 1; number <= count; number++) server.append("general", "ben", `b${number}`, number);
    while (room.position.seq < count) await once(room, "message");
    const read = [];
    while (read.length < count) read.push((await reader.next()).value.content);
    server.append("general", "ben", "last", "live again");
    assert.equal((await reader.next()).value.content, "live again");
    assert.deepEqual(read, Array.from({ length: count }, (_, index) => index + 1));
  });

  test("a deletion empties the message that it names", async (context) => {
    const { room } = await inRoom(context);
    await room.send("secret");
    const changed = once(room, "change");
    const [link] = server.links;
    link.tell("deleted", { room: "general", seq: 2, sender: "ada", ref: room.messages[0].messageId, refSeq: 1 }, "d");
    assert.equal(await changed, room.messages[0]);
    assert.deepEqual([room.messages[0].content, room.messages[0].deleted, room.position.seq], [null, true, 2]);
  });

  test("leaving ends an iteration; a log that is another one empties the list", async (context) => {
    const { room } = await inRoom(context);
    await room.send("old");
    const [reset, joined] = [once(room, "reset"), once(room, "joined")];
    server.loseLog("general");
    await reset;
    assert.deepEqual(room.messages, []);
    await joined;
    const next = room[Symbol.asyncIterator]().next();
    room.leave();
    assert.deepEqual(await next, { value: undefined, done: true });
  });
});

describe("Roost", () => {
  test("a token is asked for, offered, and the connection says who we are", async (context) => {
    const { roost } = await inRoom(context, { getToken: async () => "abc" });
    assert.deepEqual(sockets[0].protocols, ["roost.v1.json", "roost.token.abc"]);
    assert.deepEqual([roost.state, roost.user], ["connected", "ada"]);
  });

  test("nobody signed in is final; anything else is asked again", async (context) => {
    let asked = 0;
    const getToken = () => {
      asked += 1;
      if (asked === 1) throw new Error("offline");
      throw new RoostError({ code: "unauthenticated", reason: "Signed out." });
    };
    const roost = connect({ url: URL_OF_SERVER, getToken, reconnectBaseMs: 1 });
    context.after(() => roost.close());
    while (roost.lost?.code !== 4501 || roost.state !== "disconnected") await once(roost, "state");
    assert.equal(asked, 2);
  });

  test("closing says so, and answers whoever waits", async (context) => {
    const { roost, room } = await inRoom(context);
    sockets[0].link.write = () => {};
    const [sending, asking] = [room.send("never"), room.history()];
    roost.close();
    await assert.rejects(sending, { code: "closed" });
    await assert.rejects(asking, { code: "closed" });
    assert.equal(roost.state, "disconnected");
  });

  test("an unknown preset is refused by name", () => {
    assert.throws(() => connect({ url: URL_OF_SERVER, preset: "chatflo" }), { code: "invalid", message: /chatflo.*chatflow/ });
  });
});

describe("Hub", () => {
  /** A tab that writes down what it is told. */
  function tabOf(hub) {
    const heard = [];
    const waiting = [];
    const tab = hub.attach((message) => {
      if (message.type === "emit") heard.push(message.event);
      waiting.splice(0).forEach((check) => check());
    });
    const until = async (holds) => {
      while (!holds()) await new Promise((resolve) => waiting.push(resolve));
    };
    const seqs = () => heard.filter(({ type }) => type === "message").map(({ seq }) => seq);
    return { tab, heard, until, seqs };
  }

  test("a tab that comes late hears its history and then everything once, over the same connection", async () => {
    const hub = new Hub({ url: URL_OF_SERVER, scope: "s", options: {} });
    const [first, late] = [tabOf(hub), tabOf(hub)];
    hub.receive(first.tab, { type: "join", room: "general" });
    await first.until(() => first.heard.some(({ type }) => type === "joined"));
    for (let number = 1; number <= 5; number++) server.append("general", "ben", `b${number}`, number);
    await first.until(() => first.seqs().length === 5);
    hub.receive(late.tab, { type: "join", room: "general", history: 3 });
    for (let number = 6; number <= 9; number++) server.append("general", "ben", `b${number}`, number);
    await late.until(() => late.seqs().includes(9));
    assert.deepEqual(late.seqs(), [3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(first.seqs(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(sockets.length, 1);
    hub.detach(late.tab);
    hub.detach(first.tab);
  });

  test("the room is left with its last tab, the connection with the last of all", async () => {
    let isOver = false;
    const hub = new Hub({ url: URL_OF_SERVER, scope: "s", options: {} }, () => (isOver = true));
    const tabs = [tabOf(hub), tabOf(hub)];
    for (const { tab } of tabs) hub.receive(tab, { type: "join", room: "general" });
    await tabs[1].until(() => tabs[1].heard.some(({ type }) => type === "joined"));
    hub.receive(tabs[0].tab, { type: "leave", room: "general" });
    server.append("general", "ben", "b1", 1);
    await tabs[1].until(() => tabs[1].seqs().length === 1);
    assert.deepEqual(tabs[0].seqs(), []);
    hub.detach(tabs[1].tab);
    assert.equal(isOver, false);
    hub.detach(tabs[0].tab);
    assert.equal(isOver, true);
  });
});

describe("The module", () => {
  test("is what Web/roost makes", () => {
    execFileSync("python3", [new URL("../../Scripts/bundle.py", import.meta.url).pathname, "--check"]);
  });

  test("has a type for everything it exports, and exports everything that has one", () => {
    const types = readFileSync(new URL("roost.d.ts", WEB), "utf8");
    const declared = [...types.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(([, name]) => name);
    assert.deepEqual(declared.sort(), Object.keys(roostModule).sort());
  });

  test("has a type for every option, with every method of rooms and connections", async () => {
    const types = readFileSync(new URL("roost.d.ts", WEB), "utf8");
    const { DEFAULTS } = await import("../../Web/roost/options.js");
    const methods = [roostModule.Room, roostModule.Roost].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype));
    const inner = ["constructor", "hear", "comeBack", "end"];
    for (const name of [...Object.keys(DEFAULTS), ...methods.filter((method) => !inner.includes(method))]) {
      assert.match(types, new RegExp(`\\b${name}\\b`), `${name} has no type`);
    }
  });
});
