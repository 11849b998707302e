// The state of the connection, in words.

const COUNT_EVERY_MS = 500;

export class Status {
  #parts; // box, text, countdown, button: elements of the page
  #isBack = false; // whether we were connected before
  #retryAt = null;
  #timer = null;

  constructor(parts) {
    this.#parts = parts;
  }

  /** @param detail of a `state` event */
  show({ state, code, reason, retryInMs }) {
    this.#retryAt = state === "connecting" && retryInMs > 0 ? performance.now() + retryInMs : null;
    if (state === "connected") this.#isBack = true;
    const isOver = state === "disconnected" && code !== undefined;
    const mood = isOver ? "closed" : state === "connected" ? "connected" : this.#isBack || this.#retryAt ? "waiting" : "connecting";
    const { box, text, button } = this.#parts;
    box.dataset.state = mood;
    text.textContent = this.#words(mood, code, reason);
    button.hidden = mood === "connected" || mood === "connecting";
    button.textContent = isOver ? "Connect" : "Try now";
    this.#count();
  }

  /** Another connection of our own making: not a loss. */
  startOver() {
    this.#isBack = false;
  }

  #words(mood, code, reason) {
    switch (mood) {
      case "connected": return "Connected";
      case "connecting": return "Connecting…";
      case "closed": return `Disconnected: ${reason || "the server ended the connection"} (${code})`;
      default: return navigator.onLine ? "Connection lost, trying again" : "You are offline";
    }
  }

  #count() {
    clearTimeout(this.#timer);
    const seconds = this.#retryAt === null ? 0 : Math.ceil((this.#retryAt - performance.now()) / 1000);
    this.#parts.countdown.textContent = seconds > 0 ? `in ${seconds} s` : "";
    if (seconds > 0) this.#timer = setTimeout(() => this.#count(), COUNT_EVERY_MS);
  }
}
