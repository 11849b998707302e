/** What went wrong, under the name that the server or the client has for it. */
export class RoostError extends Error {
  constructor({ code, reason, retryAfterMs }) {
    super(reason);
    this.name = "RoostError";
    /** Names the cause: `forbidden`, `too_large`, `timeout`, … */
    this.code = code;
    /** One plain sentence. */
    this.reason = reason;
    /** When the same may be taken, in milliseconds; undefined if that is not known. */
    this.retryAfterMs = retryAfterMs;
  }
}
