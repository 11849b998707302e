// Words, times and elements: what is shown of a value.

const LINK = /\bhttps?:\/\/[^\s<>"]+/gi;
const DAY_MS = 86_400_000;

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const fullTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const fullDay = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const list = new Intl.ListFormat("en", { type: "conjunction" });

export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** A count with its noun: `1 message`, `2 messages`. */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** `Ada, Ben and Cy`; of more than `most`, `Ada, Ben and 3 others`. */
export function listed(names, most = 3) {
  if (names.length <= most) return list.format(names);
  return list.format([...names.slice(0, most - 1), counted(names.length - most + 1, "other")]);
}

/** What is written of a message's content: a string as it is, any other value as JSON. */
export function textOf(content) {
  return typeof content === "string" ? content : JSON.stringify(content);
}

/** A text as nodes, with the web addresses in it as links; nothing in it is ever read as markup. */
export function withLinks(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const address = withoutTail(match[0]);
    if (!URL.canParse(address)) continue;
    const link = element("a", "", address);
    link.href = address;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    nodes.push(text.slice(end, match.index), link);
    end = match.index + address.length;
  }
  return [...nodes, text.slice(end)];
}

/** What ends the sentence, not the address, is left out: a stop, or a bracket that was opened before it. */
function withoutTail(address) {
  const bare = address.replace(/[.,;:!?'*_~\]]+$/, "");
  return bare.endsWith(")") && !bare.includes("(") ? withoutTail(bare.slice(0, -1)) : bare;
}

/** Today, Yesterday, or which day. */
export function dayOf(date, now = new Date()) {
  if (isSameDay(date, now)) return "Today";
  if (isSameDay(date, new Date(now.getTime() - DAY_MS))) return "Yesterday";
  return date.getFullYear() === now.getFullYear() ? dayOfYear.format(date) : fullDay.format(date);
}

export function isSameDay(one, other) {
  return one.toDateString() === other.toDateString();
}

/** A `time` element: the time of day, or, where `isShort`, the day if that is not today. */
export function timeElement(date, isShort = false) {
  const isToday = isSameDay(date, new Date());
  const made = element("time", "", isShort && !isToday ? shortDay.format(date) : timeOfDay.format(date));
  made.dateTime = date.toISOString();
  made.title = fullTime.format(date);
  return made;
}
