// The element of one message, and how it stands among its neighbours.

import { avatar, fillIn, nameOf } from "./people.js";
import { counted, dayOf, element, isSameDay, textOf, timeElement, withLinks } from "./text.js";

const SAME_BREATH_MS = 5 * 60_000;

/** A line that is no message. */
export function makeNote({ text }) {
  return element("li", "note", text);
}

export function makeMessage(message) {
  const item = element("li", message.own ? "message own" : "message");
  const meta = element("p", "meta");
  meta.append(fillIn(element("span", "author"), message.sender ?? ""), " ", timeElement(new Date(message.at)));
  const body = element("div", "body");
  body.append(meta, element("p", "content"), element("div", "delivery"));
  item.append(element("p", "day"), avatar(message.sender ?? ""), body);
  return item;
}

/**
 * Shows what has become of a message, if that is something else than what the element shows.
 * @param context `{isConnected, readers, retry(message), discard(message)}`; `readers` are users who have read up to here
 */
export function fillMessage(item, message, context) {
  const { isConnected, readers } = context;
  const look = [message.state, message.error?.reason, message.deleted, isConnected, message.seq === null, readers].join("|");
  if (item.dataset.look === look) return;
  item.dataset.look = look;
  item.classList.toggle("pending", message.state === "pending");
  item.classList.toggle("failed", message.state === "failed");
  item.classList.toggle("deleted", message.deleted === true);
  const content = item.querySelector(".content");
  content.classList.toggle("json", !message.deleted && typeof message.content !== "string");
  content.replaceChildren(...(message.deleted ? ["This message was deleted."] : withLinks(textOf(message.content))));
  item.querySelector(".delivery").replaceChildren(...delivery(message, context));
}

function delivery(message, { isConnected, readers, retry, discard }) {
  if (message.state === "pending") return [isConnected ? "Sending…" : "Will be sent when connected"];
  if (message.state === "failed") {
    const choices = [choice("Retry", () => retry(message)), choice("Discard", () => discard(message))];
    return [element("span", "", `Not sent. ${message.error.reason}`), ...choices];
  }
  return readers.length ? [readBy(readers)] : [];
}

/** How many have read it; opened, who. */
function readBy(readers) {
  const names = readers.map(nameOf).sort((a, b) => a.localeCompare(b));
  const box = element("details", "readers");
  box.append(element("summary", "", `Read by ${readers.length}`), element("span", "", names.slice(0, 50).join(", ")));
  box.title = names.slice(0, 50).join(", ");
  return box;
}

function choice(text, action) {
  const button = element("button", "choice", text);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}

/** One author's messages of a few minutes stand together; a new day gets a line. */
export function arrange(item, message, above) {
  if (message.note) return;
  const at = new Date(message.at);
  const isNewDay = above === undefined || !isSameDay(new Date(above.at), at);
  const follows = !isNewDay && !above.note && above.sender === message.sender && at - new Date(above.at) < SAME_BREATH_MS;
  if (item.classList.contains("follows") !== follows) item.classList.toggle("follows", follows);
  const day = isNewDay ? dayOf(at) : "";
  const line = item.firstElementChild;
  if (line.textContent !== day) line.textContent = day;
}

/** Words for messages that wait but are not shown. */
export function waitingNote(count) {
  return `${counted(count, "earlier message")} of yours ${count === 1 ? "waits" : "wait"} to be sent.`;
}
