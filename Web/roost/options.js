// Every number and choice of a client, with its default. Times are milliseconds.

/**
 * What a machine is built with; whatever is left out has this value.
 * @type {Readonly<import("../roost").MachineOptions>}
 */
export const DEFAULTS = Object.freeze({
  // Who we are: a token is asked for if `hasToken`, else the handshake names the user or the kept session.
  hasToken: false,
  user: null,
  name: null,
  // Ways to the server, the best first.
  transports: ["websocket"],
  // A transport must bring a welcome within this, from when it was asked to open.
  openTimeoutMs: 10_000,
  // A connection that lasted so long was a good one: the next loss begins its backoff anew.
  stableAfterMs: 5_000,
  // Full jitter: a delay is anything from 0 up to base × 2^failures, at most the max.
  reconnectBaseMs: 500,
  reconnectMaxMs: 20_000,
  // After so long over a transport that is not the best, a lost connection tries the best again.
  betterAfterMs: 600_000,
  // The shell's answer to `fetchToken` must come within this.
  tokenTimeoutMs: 15_000,
  // For servers that say nothing of heartbeats.
  heartbeatMs: 25_000,
  heartbeatTimeoutMs: 10_000,
  // When the network or the page comes back, a connection must prove itself faster.
  probeTimeoutMs: 5_000,
  // Joins, history, presence and room creation are answered within this.
  answerTimeoutMs: 10_000,
  // A message: how long one attempt waits for its ack, how many attempts, and how long between two of them.
  messageTimeoutMs: 10_000,
  messageAttempts: 10,
  messageBackoffMs: 200,
  messageBackoffMaxMs: 10_000,
  // Messages on their way at a time, over all rooms.
  inFlightLimit: 64,
  // What may wait to be sent: messages, and UTF-8 bytes of their content as JSON.
  queueLimit: 5_000,
  queueBytes: 16_777_216,
  // Frames of typing are at least so far apart; a server forgets who types after 5 s.
  typingEveryMs: 3_000,
  typingLapseMs: 6_000,
  // `received`, `read` and kept positions are told at most so often per room.
  markEveryMs: 1_000,
  positionEveryMs: 1_000,
});

/** Named sets of options. */
export const PRESETS = Object.freeze({
  chatflow: Object.freeze({
    messageTimeoutMs: 60_000,
    messageAttempts: 5,
    messageBackoffMs: 100,
    messageBackoffMaxMs: 2_000,
  }),
});

/** The limits that hold until a welcome says others. */
export const LIMITS = Object.freeze({
  maxMessageBytes: 65_536,
  rateLimitMessages: 200,
  dedupeWindowMs: 600_000,
});

/** Options with every gap filled: defaults, over them the preset's, over them what is given. */
export function optionsFrom(given) {
  const preset = given.preset === undefined ? {} : PRESETS[given.preset];
  return { ...DEFAULTS, ...preset, ...given };
}
