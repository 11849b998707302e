// Who we are: an id that this browser keeps, and a name that can be changed.

const KEY = "roost.identity";
const MOODS = ["Bold", "Bright", "Calm", "Early", "Gentle", "Happy", "Keen", "Lucky", "Quiet", "Sunny", "Wise"];
const BIRDS = ["Avocet", "Curlew", "Finch", "Heron", "Jay", "Kestrel", "Plover", "Robin", "Swift", "Tern", "Wren"];

/** `{id, name}`: the kept one, or a new one with a name made up. */
export function loadIdentity() {
  const kept = read();
  const identity = { id: kept.id || newId(), name: kept.name || `${pick(MOODS)} ${pick(BIRDS)}` };
  keepIdentity(identity);
  return identity;
}

export function keepIdentity({ id, name }) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ id, name }));
  } catch {} // the name lasts as long as the page
}

/** Calls back when another tab of this browser has changed the name. */
export function onNameElsewhere(told) {
  addEventListener("storage", ({ key }) => key === KEY && read().name && told(read().name));
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // no storage, or not ours: a new name will do
  }
}

function pick(list) {
  return list[Math.floor(Math.random() * list.length)];
}

/** `crypto.randomUUID` would need a page that came by HTTPS. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
