// Where one writes: a draft for each room, and others are told that we are typing.

export class Composer {
  #parts; // form, text: elements of the page
  #room = null;
  #drafts = new Map(); // room's name → text
  #sent;

  /** @param sent called after each message that was written */
  constructor(parts, sent) {
    this.#parts = parts;
    this.#sent = sent;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    parts.text.addEventListener("input", () => this.#typed());
    parts.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
  }

  open(room, title) {
    const { text } = this.#parts;
    if (this.#room !== null && this.#room.name !== room.name) {
      this.#drafts.set(this.#room.name, text.value);
      text.value = this.#drafts.get(room.name) ?? "";
    }
    this.#room = room;
    this.rename(title);
    this.#fit();
  }

  /** The room is called something else. */
  rename(title) {
    this.#parts.text.placeholder = `Message ${title}`;
  }

  focus() {
    this.#parts.text.focus();
  }

  #typed() {
    this.#fit();
    this.#room.typing(this.#parts.text.value.trim() !== "");
  }

  #send() {
    const content = this.#parts.text.value.trim();
    if (!content) return;
    this.#room.send(content);
    this.#room.typing(false);
    this.#parts.text.value = "";
    this.#fit();
    this.#parts.text.focus();
    this.#sent();
  }

  #fit() {
    const { text } = this.#parts;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight}px`;
  }
}
