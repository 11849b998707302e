// The chat page: one connection, one room in view, and what belongs to it.

import { connect } from "./roost.js";
import { Composer } from "./composer.js";
import { keepIdentity, loadIdentity, onNameElsewhere } from "./identity.js";
import { learnName, nameOf, People } from "./people.js";
import { RoomList } from "./rooms.js";
import { Status } from "./status.js";
import { element, textOf } from "./text.js";
import { Timeline } from "./timeline.js";

const DEFAULT_ROOM = "general";
const ROOM_NAME = /^[A-Za-z0-9_.:-]{1,128}$/;
const MOST_ANNOUNCED = 5;

const $ = (id) => document.getElementById(id);
const me = loadIdentity();
/** What the page is about: the connection and the room in view. */
export const app = { roost: null, room: null };
let toldName; // the name that the connection has

const isNarrow = matchMedia("(max-width: 47.99rem)");
const rooms = new RoomList($("rooms"), me, showTitles);
const people = new People(me, { list: $("people"), here: $("here"), typing: $("typing") });
const status = new Status({ box: $("status"), text: $("status-text"), countdown: $("countdown"), button: $("reconnect") });
const isConnected = () => app.roost?.state === "connected";
const composer = new Composer({ form: $("composer"), text: $("text") }, () => timeline.toNewest());
const parts = Object.fromEntries(["log", "edge", "older", "newest", "scroller", "waiting"].map((id) => [id, $(id)]));
const timeline = new Timeline({ ...parts, list: $("messages"), me, announce }, isConnected, (id) => rooms.markRead(id));

// The connection

function start() {
  toldName = me.name;
  const roost = connect({ url: new URL("ws", location.href.split("#")[0]), user: me.id, name: me.name });
  app.roost = roost;
  rooms.attach(roost);
  const on = (type, listener) => roost.addEventListener(type, ({ detail }) => app.roost === roost && listener(detail));
  on("state", (detail) => {
    status.show(detail);
    timeline.redraw();
    if (detail.state !== "connected") return;
    timeline.retryLoading();
    rooms.refresh();
    startAgain();
  });
  on("room_created", () => rooms.refresh());
  on("error", ({ reason }) => announceText(reason));
}

function rename(name) {
  if (!name || name === me.name) return;
  me.name = name;
  keepIdentity(me);
  learnName(me.id, name);
  startAgain();
}

/** With the name as it is now; first everything that was written over this connection must be settled. */
function startAgain() {
  $("name-note").hidden = true;
  if (toldName === me.name) return;
  const { roost } = app;
  const unsettled = [...roost.rooms.values()].find((room) => room.messages.some(({ state }) => state !== "sent"));
  $("name-note").hidden = unsettled === undefined;
  if (unsettled !== undefined) {
    unsettled.addEventListener("message", startAgain, { once: true });
    unsettled.addEventListener("change", () => setTimeout(startAgain), { once: true });
    return;
  }
  app.roost = null;
  roost.close();
  status.startOver();
  start();
  openRoom(rooms.current);
}

// The room in view

function roomOfHash() {
  let name = "";
  try {
    name = decodeURIComponent(location.hash.slice(1));
  } catch {} // not an address that we made
  return ROOM_NAME.test(name) ? name : DEFAULT_ROOM;
}

function openRoom(id) {
  app.room = rooms.open(id);
  timeline.open(app.room);
  people.open(app.room);
  composer.open(app.room, rooms.titleOf(id));
  showTitles();
}

function go() {
  const id = roomOfHash();
  showPane("room");
  if (!isNarrow.matches) composer.focus();
  if (id === rooms.current) return;
  openRoom(id);
  rooms.refresh();
}

function showTitles() {
  const title = rooms.titleOf(rooms.current);
  const { unread } = rooms;
  $("room-title").textContent = title;
  document.title = `${unread ? `(${unread > 99 ? "99+" : unread}) ` : ""}${title} · Roost`;
  composer.rename(title);
}

// For who listens rather than looks: what is said now, never what was said before.

function announce(sender, content) {
  announceText(`${nameOf(sender)}: ${textOf(content).slice(0, 300)}`);
}

function announceText(text) {
  const lines = $("announcer");
  lines.append(element("p", "", text));
  while (lines.childElementCount > MOST_ANNOUNCED) lines.firstElementChild.remove();
}

// Panes: on a phone one at a time

function showPane(pane) {
  document.body.dataset.pane = pane;
  $("here").ariaExpanded = String(pane === "people");
}

function listen() {
  const onSubmit = (form, action) => $(form).addEventListener("submit", (event) => (event.preventDefault(), action()));
  onSubmit("room-form", () => {
    location.hash = $("room-name").value;
    $("room-name").value = "";
    go();
  });
  onSubmit("name-form", () => {
    rename($("name").value.trim());
    $("save-name").hidden = true;
  });
  $("name").addEventListener("input", () => ($("save-name").hidden = $("name").value.trim() === me.name));
  onNameElsewhere((name) => {
    $("name").value = name;
    rename(name);
  });
  $("reconnect").addEventListener("click", () => app.roost.connect());
  $("back").addEventListener("click", () => {
    showPane("rooms");
    document.querySelector("#rooms [aria-current]")?.focus();
  });
  $("here").addEventListener("click", () => {
    const isOpen = document.body.dataset.pane === "people";
    showPane(isOpen ? "room" : "people");
    if (!isOpen) $("close-people").focus();
  });
  $("close-people").addEventListener("click", () => {
    showPane("room");
    $("here").focus();
  });
  addEventListener("keydown", ({ key }) => key === "Escape" && showPane("room"));
  $("rooms").addEventListener("click", ({ target }) => target.closest("[aria-current]") && go());
  addEventListener("hashchange", go);
  document.addEventListener("visibilitychange", () => document.hidden || rooms.refresh());
}

learnName(me.id, me.name);
$("name").value = me.name;
listen();
start();
openRoom(roomOfHash());
