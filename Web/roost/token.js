// The token of a connection: when it is asked for, how long it is used.

import { Verdict } from "./codes.js";
import { earliest } from "./time.js";

/** A token is renewed when this part of its life is over, or so many milliseconds before its end, whichever is later. */
const RENEW_AT_PART = 0.8;
const RENEW_BEFORE_MS = 60_000;
/** Between two questions for a token while the old one still serves. */
const ASK_AGAIN_MS = 5_000;
/** However short a token's life, it is not renewed sooner. */
const LEAST_LIFE_MS = 1_000;

export class TokenKeeper {
  constructor(machine) {
    this.machine = machine;
    this.value = null;
    this.renewAt = null;
    this.isStale = true;
    /** Whether a token was renewed since one was last believed: then a refusal is final. */
    this.isRenewed = false;
    /** Until when the answer must come; null if nothing was asked. */
    this.deadline = null;
    /** The `auth` that waits for its welcome. */
    this.request = null;
  }

  isNeeded() {
    if (!this.machine.options.hasToken) return false;
    return this.isStale || (this.renewAt !== null && this.machine.now >= this.renewAt);
  }

  ask() {
    if (this.deadline !== null) return;
    this.deadline = this.machine.now + this.machine.options.tokenTimeoutMs;
    this.machine.act({ type: "fetchToken" });
  }

  /** Takes a token; null for none, which connects without one. */
  take({ token, expiresAt }) {
    const { now, wall } = this.machine;
    this.deadline = null;
    this.value = token;
    this.isStale = false;
    this.renewAt = null;
    if (expiresAt === undefined || expiresAt === null) return;
    const left = expiresAt - wall - now;
    this.renewAt = now + Math.max(LEAST_LIFE_MS, Math.floor(left * RENEW_AT_PART), left - RENEW_BEFORE_MS);
  }

  failed() {
    this.deadline = null;
    if (this.machine.isOnline()) this.renewAt = this.machine.now + ASK_AGAIN_MS;
  }

  forgetQuestion() {
    this.deadline = null;
    this.request = null;
  }

  /** Gives the server a new token over the connection there is. */
  signIn() {
    if (this.value !== null) this.request = this.machine.write("auth", { token: this.value });
  }

  isAnswer(messageId) {
    return this.request !== null && messageId === this.request;
  }

  welcomed(messageId) {
    if (this.request === null || this.isAnswer(messageId)) this.isRenewed = false;
    this.request = null;
  }

  /** What a verdict on a closed connection comes to, with what is known of the token. */
  judge(verdict) {
    this.request = null;
    if (verdict === Verdict.renew) {
      this.isStale = true;
      return Verdict.again;
    }
    if (verdict !== Verdict.signIn) return verdict;
    if (!this.machine.options.hasToken || this.isRenewed) return Verdict.stop;
    this.isRenewed = true;
    this.isStale = true;
    return Verdict.again;
  }

  dueAt() {
    return earliest([this.deadline, this.machine.isOnline() && this.deadline === null ? this.renewAt : null]);
  }

  wake() {
    const { now, link } = this.machine;
    if (this.deadline !== null && now >= this.deadline) {
      return link.tokenFailed({ reason: "No token came in time.", isFinal: false });
    }
    if (link.isOnline() && this.renewAt !== null && now >= this.renewAt) this.ask();
  }
}
