// Who is who: names of users, from presence or else asked for once, and the elements that show them.

import { counted, element, listed } from "./text.js";

const HUES = 12;
const MOST_LISTED = 100;

const names = new Map(); // user → name

/** Sets what a user is called, wherever the page shows it. */
export function learnName(user, name) {
  if (!name || names.get(user) === name) return;
  names.set(user, name);
  for (const shown of document.querySelectorAll(`[data-user="${CSS.escape(user)}"]`)) fillIn(shown, user);
  for (const shown of document.querySelectorAll(`[data-face="${CSS.escape(user)}"]`)) shown.replaceWith(avatar(user));
}

export function nameOf(user) {
  if (!names.has(user)) askName(user);
  return names.get(user);
}

async function askName(user) {
  names.set(user, user.length > 12 ? `${user.slice(0, 8)}…` : user);
  const answer = await fetch(`users/${encodeURIComponent(user)}`).catch(() => null);
  if (answer?.ok) learnName(user, (await answer.json()).name);
}

export function fillIn(shown, user) {
  shown.dataset.user = user;
  shown.dataset.hue = hueOf(user);
  shown.textContent = nameOf(user);
  return shown;
}

export function avatar(user) {
  const initials = nameOf(user).match(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu) ?? ["?"];
  const face = element("span", "avatar", initials.slice(0, 2).join("").toUpperCase());
  face.dataset.face = user;
  face.dataset.hue = hueOf(user);
  face.ariaHidden = "true";
  return face;
}

function hueOf(user) {
  return [...user].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 997, 7) % HUES;
}

/** The people of one room, and who of them is typing. */
export class People {
  #parts; // list, here, typing: elements of the page
  #room = null;
  #me;
  #listeners = new AbortController();

  constructor(me, parts) {
    this.#me = me;
    this.#parts = parts;
  }

  open(room) {
    this.#listeners.abort();
    this.#listeners = new AbortController();
    this.#room = room;
    room.addEventListener("members", () => this.show(), this.#listeners);
    room.addEventListener("typing", () => this.#showTyping(), this.#listeners);
    this.show();
    this.#showTyping();
  }

  show() {
    const { members, count } = this.#room;
    for (const { user, name } of members.values()) learnName(user, user === this.#me.id ? this.#me.name : name);
    const others = [...members.keys()].filter((user) => user !== this.#me.id);
    others.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    const all = members.has(this.#me.id) ? [this.#me.id, ...others] : others;
    const items = all.slice(0, MOST_LISTED).map((user) => this.#makePerson(user));
    const unlisted = Math.max(count ?? 0, all.length) - items.length;
    if (unlisted > 0) items.push(element("li", "more-people", items.length ? `and ${counted(unlisted, "other")}` : `${unlisted} here`));
    this.#parts.list.replaceChildren(...items);
    const isAlone = count === 1 && members.has(this.#me.id);
    this.#parts.here.textContent = isAlone ? "only you" : count ? `${count.toLocaleString("en")} here` : "people";
  }

  #makePerson(user) {
    const item = element("li", "person");
    item.append(avatar(user), fillIn(element("span", "person-name"), user));
    if (user === this.#me.id) item.append(element("span", "you", "you"));
    return item;
  }

  #showTyping() {
    const typing = [...this.#room.typingUsers].filter((user) => user !== this.#me.id).map(nameOf);
    this.#parts.typing.textContent = typing.length ? `${listed(typing)} ${typing.length === 1 ? "is" : "are"} typing…` : "";
  }
}
