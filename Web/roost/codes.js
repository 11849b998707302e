// What close codes and error codes ask a client to do.

/** What to do after a connection has ended. */
export const Verdict = Object.freeze({
  /** Connect again with backoff. */
  again: "again",
  /** Connect again with backoff, but not soon: the server has too much to do. */
  slowly: "slowly",
  /** Get a new token, then connect again with backoff. */
  renew: "renew",
  /** A token was not believed: one new one may be tried. */
  signIn: "signIn",
  /** Don't connect again. */
  stop: "stop",
});

/** A backoff after `Verdict.slowly` counts as if so many attempts had failed before. */
export const SLOW_ATTEMPTS = 3;

/** What a close code asks for. */
export function verdictOf(code) {
  if (code === 4501) return Verdict.signIn;
  if (code === 4004) return Verdict.renew;
  if (code === 4003 || code === 4006 || code === 1013) return Verdict.slowly;
  if (code >= 4000 && code <= 4499) return Verdict.again;
  if (code >= 4500 && code <= 4999) return Verdict.stop;
  if (code === 1000 || code === 1002 || code === 1003) return Verdict.stop;
  if (code >= 1007 && code <= 1010) return Verdict.stop;
  return Verdict.again;
}

/** Whether a close tells nothing of the server: it may be the transport that does not work here. */
export function isMute(code) {
  return code === 1005 || code === 1006 || code === 1015;
}

/** Whether the same request may be taken later. */
export function isPassing(code) {
  return code === "unavailable" || code === "rate_limited" || code === "internal";
}

/** The codes that clients add to those of the server. */
export const OwnCode = Object.freeze({
  /** No answer came in time. */
  timeout: "timeout",
  /** Too much waits to be sent. */
  queueFull: "queue_full",
  /** A kept message was written by another user than the one who is signed in now. */
  otherUser: "other_user",
  /** The message was given up by the application. */
  discarded: "discarded",
  /** The room was left, or the client closed, before the answer came. */
  closed: "closed",
});
