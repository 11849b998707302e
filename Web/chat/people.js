// Who is who: names of users, from presence or else asked for once, and the elements that show them.

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

export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export function fillIn(shown, user) {
  shown.dataset.user = user;
  shown.textContent = nameOf(user);
  return shown;
}

export function avatar(user) {
  const initials = nameOf(user).match(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu) ?? ["?"];
  const face = element("span", "avatar", initials.slice(0, 2).join("").toUpperCase());
  face.dataset.face = user;
  face.dataset.hue = [...user].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 997, 7) % 8;
  face.ariaHidden = "true";
  return face;
}
