// The chat page: one room at a time, shown from what a Connection tells.
import { MessageList } from "./messages.js";
import { avatar, element, fillIn, learnName, nameOf } from "./people.js";
import { Connection, newId } from "./protocol.js";

const DEFAULT_ROOM = "general";
const ROOM_NAME = /^[A-Za-z0-9_.:-]{1,128}$/;
const MOODS = ["Bold", "Bright", "Calm", "Early", "Gentle", "Happy", "Keen", "Lucky", "Quiet", "Sunny", "Wise"];
const BIRDS = ["Avocet", "Curlew", "Finch", "Heron", "Jay", "Kestrel", "Plover", "Robin", "Swift", "Tern", "Wren"];

const $ = (id) => document.getElementById(id);
const me = loadIdentity();
const connection = new Connection({ url: socketUrl(), user: me.id, name: me.name });
const messages = new MessageList(connection, {
  list: $("messages"),
  log: $("log"),
  scroller: $("scroller"),
  older: $("older"),
  newest: $("newest"),
  empty: $("empty"),
});
const people = new Set(); // users in the room
let room = null;
let head = 0; // what has been said before we came: up to this seq
let rooms = [{ id: DEFAULT_ROOM }];
let unread = 0;

// Who we are and where

function loadIdentity() {
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem("roost.identity")) ?? {};
  } catch {} // no storage, or not ours: a new name will do
  const identity = { id: kept.id || newId(), name: kept.name || `${pick(MOODS)} ${pick(BIRDS)}` };
  keepIdentity(identity);
  return identity;
}

function keepIdentity(identity) {
  try {
    localStorage.setItem("roost.identity", JSON.stringify(identity));
  } catch {} // the name lasts as long as the page
}

function rename(name) {
  if (!name || name === me.name) return;
  me.name = name;
  keepIdentity(me);
  learnName(me.id, name);
  connection.rename(name);
}

function socketUrl() {
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  return url;
}

// Rooms

function roomOfHash() {
  const name = location.hash.slice(1);
  return ROOM_NAME.test(name) ? name : DEFAULT_ROOM;
}

function openRoom(name) {
  if (name === room) return;
  if (room) connection.leave(room);
  room = name;
  people.clear();
  $("room-title").textContent = nameOfRoom(name);
  messages.open(name);
  connection.join(name);
  showRooms();
  showPeople();
  showTitle();
  showSide(false);
}

async function refreshRooms() {
  const answer = await fetch("rooms").catch(() => null);
  if (!answer?.ok) return;
  rooms = (await answer.json()).filter(({ id }) => !id.startsWith("user:"));
  $("room-title").textContent = nameOfRoom(room);
  showRooms();
}

function nameOfRoom(id) {
  return rooms.find((each) => each.id === id)?.name || id;
}

function showRooms() {
  const listed = rooms.some(({ id }) => id === room) ? rooms : [...rooms, { id: room }];
  const items = listed.map(({ id }) => {
    const link = element("a", "", nameOfRoom(id));
    link.href = `#${id}`;
    if (id === room) link.ariaCurrent = "page";
    const item = element("li", "");
    item.append(link);
    return item;
  });
  $("rooms").replaceChildren(...items);
}

// People

function showPeople(count = people.size) {
  const here = [...people].filter((user) => user !== connection.user);
  here.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  if (people.has(connection.user)) here.unshift(connection.user);
  $("people").replaceChildren(...here.map(makePerson));
  $("here").textContent = count === 1 && people.has(connection.user) ? "only you" : count ? `${count} here` : "";
}

function makePerson(user) {
  const item = element("li", "");
  item.append(avatar(user), fillIn(element("span", "person-name"), user));
  if (user === connection.user) item.append(element("span", "you", "you"));
  return item;
}

function setPeople(members, count) {
  people.clear();
  for (const member of members ?? []) {
    people.add(member.user);
    learnName(member.user, member.user === me.id ? me.name : member.name);
  }
  showPeople(count);
}

// Connection

const words = {
  connecting: () => "Connecting…",
  connected: () => "Connected",
  waiting: () => (navigator.onLine ? "Connection lost, retrying" : "You are offline"),
  closed: ({ code, reason }) => `Disconnected: ${reason || "the server ended the connection"} (${code})`,
};

function showState(state) {
  $("status").dataset.state = state.name;
  $("status-text").textContent = words[state.name](state);
  $("reconnect").hidden = state.name === "connecting" || state.name === "connected";
  $("reconnect").textContent = state.name === "closed" ? "Connect" : "Try now";
  showCountdown();
  messages.showAllDeliveries();
  if (state.name === "connected") refreshRooms();
}

function showCountdown() {
  const { name, retryAt } = connection.state;
  const seconds = Math.ceil((retryAt - Date.now()) / 1000);
  $("countdown").textContent = name === "waiting" && seconds > 0 ? `in ${seconds} s` : "";
  if (name === "waiting") setTimeout(showCountdown, 500);
}

function hurry() {
  if (connection.state.name === "waiting") connection.connect();
}

function showTitle() {
  document.title = `${unread ? `(${unread}) ` : ""}${nameOfRoom(room)} · Roost`;
}

/** Lets a listener see what concerns the room that is shown. */
function onRoom(type, listener) {
  connection.addEventListener(type, ({ detail }) => (detail.room ?? detail.entry?.room) === room && listener(detail));
}

function listenToConnection() {
  connection.addEventListener("state", ({ detail }) => showState(detail));
  connection.addEventListener("created", refreshRooms);
  connection.addEventListener("refused", ({ detail }) => {
    messages.note(detail.reason || detail.code);
    messages.busy(false);
  });
  onRoom("joined", (joined) => {
    head = joined.head;
    if (joined.members) setPeople(joined.members);
    if (joined.reset) messages.reset(joined.head);
    else messages.busy(joined.seq < head);
  });
  onRoom("message", (message) => {
    messages.show(message);
    if (message.seq >= head) messages.busy(false);
    if (document.hidden && message.seq > head) unread += 1;
    showTitle();
  });
  onRoom("deleted", (deleted) => messages.showDeleted(deleted));
  onRoom("gap", ({ from, to }) => {
    messages.note(`${to - from + 1} messages are no longer kept.`, to);
    messages.busy(to < head);
  });
  onRoom("sent", ({ entry, seq }) => messages.showSent(entry, seq));
  onRoom("failed", ({ entry }) => messages.showDelivery(entry));
  onRoom("here", ({ members, count }) => setPeople(members, count));
  onRoom("came", ({ user, name }) => {
    people.add(user);
    if (user !== me.id) learnName(user, name);
    showPeople();
  });
  onRoom("left", ({ user }) => {
    if (user !== connection.user) people.delete(user);
    showPeople();
  });
}

// What people do

function send() {
  const content = $("text").value.trim();
  if (!content) return;
  messages.showUnsent(connection.send(room, content));
  messages.scrollToNewest();
  $("text").value = "";
  fitText();
}

function fitText() {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight}px`;
}

function showSide(open) {
  $("side").classList.toggle("open", open);
  $("menu").ariaExpanded = String(open);
}

function onSubmit(form, action) {
  $(form).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

function listenToPeople() {
  onSubmit("composer", send);
  onSubmit("room-form", () => {
    location.hash = $("room-name").value;
    $("room-name").value = "";
  });
  onSubmit("name-form", () => {
    rename($("name").value.trim());
    $("save-name").hidden = true;
    $("text").focus();
  });
  $("name").addEventListener("input", () => ($("save-name").hidden = $("name").value.trim() === me.name));
  $("text").addEventListener("input", fitText);
  $("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  $("reconnect").addEventListener("click", () => connection.connect());
  $("menu").addEventListener("click", () => showSide(!$("side").classList.contains("open")));
  addEventListener("keydown", (event) => event.key === "Escape" && showSide(false));
  $("scroller").addEventListener("click", () => showSide(false));
  $("text").addEventListener("focus", () => showSide(false));
  addEventListener("hashchange", () => openRoom(roomOfHash()));
  addEventListener("online", hurry);
  // A browser may keep a page that was left, its socket open: others would see a ghost.
  addEventListener("pagehide", () => connection.close());
  addEventListener("pageshow", (event) => event.persisted && connection.connect());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    unread = 0;
    showTitle();
    hurry();
  });
}

learnName(me.id, me.name);
$("name").value = me.name;
listenToConnection();
listenToPeople();
openRoom(roomOfHash());
connection.connect();
