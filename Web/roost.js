// Roost's client for browsers. Made of the modules in Web/roost by Scripts/bundle.py; change those.

// codes.js

// What close codes and error codes ask a client to do.

/** What to do after a connection has ended. */
const Verdict = Object.freeze({
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
const SLOW_ATTEMPTS = 3;

/** What a close code asks for. */
function verdictOf(code) {
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
function isMute(code) {
  return code === 1005 || code === 1006 || code === 1015;
}

/** Whether the same request may be taken later. */
function isPassing(code) {
  return code === "unavailable" || code === "rate_limited" || code === "internal";
}

/** The codes that clients add to those of the server. */
const OwnCode = Object.freeze({
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

// options.js

// Every number and choice of a client, with its default. Times are milliseconds.

/**
 * What a machine is built with; whatever is left out has this value.
 * @type {Readonly<import("../roost").MachineOptions>}
 */
const DEFAULTS = Object.freeze({
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
const PRESETS = Object.freeze({
  chatflow: Object.freeze({
    messageTimeoutMs: 60_000,
    messageAttempts: 5,
    messageBackoffMs: 100,
    messageBackoffMaxMs: 2_000,
  }),
});

/** The limits that hold until a welcome says others. */
const LIMITS = Object.freeze({
  maxMessageBytes: 65_536,
  rateLimitMessages: 200,
  dedupeWindowMs: 600_000,
});

/** Options with every gap filled: defaults, over them the preset's, over them what is given. */
function optionsFrom(given) {
  const preset = given.preset === undefined ? {} : PRESETS[given.preset];
  return { ...DEFAULTS, ...preset, ...given };
}

// time.js

/** The least of some times, each of which may be null. */
function earliest(times) {
  let least = null;
  for (const time of times) {
    if (time !== null && (least === null || time < least)) least = time;
  }
  return least;
}

// token.js

// The token of a connection: when it is asked for, how long it is used.


/** A token is renewed when this part of its life is over, or so many milliseconds before its end, whichever is later. */
const RENEW_AT_PART = 0.8;
const RENEW_BEFORE_MS = 60_000;
/** Between two questions for a token while the old one still serves. */
const ASK_AGAIN_MS = 5_000;
/** However short a token's life, it is not renewed sooner. */
const LEAST_LIFE_MS = 1_000;

class TokenKeeper {
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

// transports.js

// Which way to the server to take: one is judged by what came over it, not by whether it opened.

/** A transport that has worked is left only after so many connections in a row that brought nothing. */
const MOST_FAILURES = 3;

class TransportChoice {
  constructor(machine) {
    this.machine = machine;
    this.index = 0;
    /** Whether the current one has brought a welcome. */
    this.isProven = false;
    this.failures = 0;
  }

  current() {
    return this.machine.options.transports[this.index];
  }

  useful() {
    this.isProven = true;
  }

  /**
   * A connection was of no use: it brought nothing, or ended at once.
   * @returns whether another transport is to be tried without waiting
   */
  failed() {
    this.failures += 1;
    if (this.isProven && this.failures < MOST_FAILURES) return false;
    this.failures = 0;
    this.isProven = false;
    this.index += 1;
    if (this.index < this.machine.options.transports.length) return true;
    this.index = 0;
    return false;
  }

  /**
   * A connection was of use, or its end told something of the server.
   * @param lasted how long it was online; null if it was not
   * @returns false: no reason not to wait
   */
  fine(lasted) {
    this.failures = 0;
    if (this.index > 0 && lasted !== null && lasted >= this.machine.options.betterAfterMs) {
      this.index = 0;
      this.isProven = false;
    }
    return false;
  }
}

// link.js

// The connection: its life, its backoff, its heartbeat, its token.


/** What the connection is doing. The application sees `disconnected`, `connecting` or `connected`. */
const Phase = Object.freeze({
  /** Nothing, until `connect`. */
  idle: "idle",
  /** Waiting for a token. */
  token: "token",
  /** Waiting for a transport to bring a welcome. */
  opening: "opening",
  /** Welcomed. */
  online: "online",
  /** Waiting for the time of the next attempt. */
  waiting: "waiting",
});

class Link {
  constructor(machine) {
    this.machine = machine;
    this.phase = Phase.idle;
    /** The number of the newest connection; whatever comes from an older one is ignored. */
    this.connection = 0;
    this.deadline = null;
    this.failures = 0;
    this.onlineSince = null;
    this.isNetworkUp = true;
    /** When the server said to come back. */
    this.advisedAt = null;
    this.heardAt = null;
    this.pingDeadline = null;
    this.heartbeatMs = machine.options.heartbeatMs;
    this.heartbeatTimeoutMs = machine.options.heartbeatTimeoutMs;
    this.limits = { ...LIMITS };
    this.user = null;
    this.session = null;
    this.token = new TokenKeeper(machine);
    this.transports = new TransportChoice(machine);
  }

  isOnline() {
    return this.phase === Phase.online;
  }

  isOpen() {
    return this.phase === Phase.online || this.phase === Phase.opening;
  }

  // Connecting

  connect() {
    if (this.phase !== Phase.idle && this.phase !== Phase.waiting) return;
    if (this.phase === Phase.idle) {
      this.failures = 0;
      this.token.isRenewed = false;
      this.machine.emit({ type: "state", state: "connecting" });
    }
    this.begin();
  }

  begin() {
    this.advisedAt = null;
    if (this.token.isNeeded()) {
      this.phase = Phase.token;
      this.deadline = null;
      return this.token.ask();
    }
    this.open();
  }

  open() {
    const { options } = this.machine;
    this.phase = Phase.opening;
    this.connection += 1;
    this.deadline = this.machine.now + options.openTimeoutMs;
    const protocols = ["roost.v1.json"];
    const query = {};
    if (this.token.value !== null) {
      protocols.push(`roost.token.${this.token.value}`);
    } else {
      if (options.user !== null) query.user = options.user;
      else if (this.session !== null) query.session = this.session;
      if (options.name !== null) query.name = options.name;
    }
    this.machine.act({
      type: "open",
      connection: this.connection,
      transport: this.transports.current(),
      protocols,
      query,
    });
  }

  welcome(payload, messageId) {
    this.limits = { ...LIMITS, ...payload.limits };
    if (payload.heartbeatMs > 0) this.heartbeatMs = payload.heartbeatMs;
    if (this.limits.heartbeatTimeoutMs > 0) this.heartbeatTimeoutMs = this.limits.heartbeatTimeoutMs;
    this.token.welcomed(messageId);
    if (this.phase !== Phase.opening) return;
    this.phase = Phase.online;
    this.deadline = null;
    this.onlineSince = this.machine.now;
    this.user = payload.user;
    this.transports.useful();
    if (payload.session !== undefined && payload.session !== this.session) {
      this.session = payload.session;
      this.machine.act({ type: "keepSession", session: this.session });
    }
    const { user, name, clientId, node } = payload;
    const transport = this.transports.current();
    this.machine.emit({ type: "state", state: "connected", user, name, clientId, node, transport });
    this.machine.cameOnline();
  }

  // Losing it

  closed({ connection, code, reason }) {
    if (connection !== this.connection || !this.isOpen()) return;
    this.lose(code, reason);
  }

  /** Ends the connection from this side and goes on as if the server had closed it with this code. */
  drop(code, reason) {
    this.machine.act({ type: "close", connection: this.connection, code: code >= 4000 ? code : 4000, reason });
    this.lose(code, reason);
  }

  disconnect() {
    if (this.phase === Phase.idle) return;
    const reason = "The client has closed the connection.";
    if (this.isOpen()) this.machine.act({ type: "close", connection: this.connection, code: 1000, reason });
    this.stop(1000, reason);
  }

  lose(code, reason) {
    const next = this.judge(code);
    if (next.stops) return this.stop(code, reason);
    this.goOffline();
    this.wait(next.delay, code, reason);
  }

  /** What is to follow a loss; keeps the books of failures, transports and tokens. */
  judge(code) {
    const { now, options } = this.machine;
    const lasted = this.phase === Phase.online ? now - this.onlineSince : null;
    const wasStable = lasted !== null && lasted >= options.stableAfterMs;
    if (wasStable) this.failures = 0;
    const isUseless = isMute(code) && !wasStable;
    const turnsAtOnce = isUseless ? this.transports.failed() : this.transports.fine(lasted);
    const verdict = this.token.judge(verdictOf(code));
    if (verdict === Verdict.stop) return { stops: true, delay: null };
    if (this.advisedAt !== null) return { stops: false, delay: Math.max(0, this.advisedAt - now) };
    if (turnsAtOnce) return { stops: false, delay: 0 };
    return { stops: false, delay: this.backoff(verdict === Verdict.slowly ? SLOW_ATTEMPTS : 0) };
  }

  /** Full jitter: anything from nothing up to a bound that doubles with every failure. */
  backoff(atLeast) {
    const { options, random } = this.machine;
    const exponent = Math.min(Math.max(this.failures, atLeast), 30);
    const bound = Math.min(options.reconnectMaxMs, options.reconnectBaseMs * 2 ** exponent);
    this.failures += 1;
    return Math.floor(random() * (this.isNetworkUp ? bound : options.reconnectMaxMs));
  }

  wait(delay, code, reason) {
    this.phase = Phase.waiting;
    this.deadline = this.machine.now + delay;
    this.machine.emit({ type: "state", state: "connecting", code, reason, retryInMs: delay });
  }

  stop(code, reason) {
    this.goOffline();
    this.phase = Phase.idle;
    this.deadline = null;
    this.token.forgetQuestion();
    this.machine.emit({ type: "state", state: "disconnected", code, reason });
    this.machine.requests.closeAll({ code: OwnCode.closed, reason });
  }

  goOffline() {
    const wasOnline = this.phase === Phase.online;
    this.phase = Phase.waiting;
    this.onlineSince = null;
    this.heardAt = null;
    this.pingDeadline = null;
    if (wasOnline) this.machine.wentOffline();
  }

  advise({ afterMs }) {
    this.advisedAt = this.machine.now + afterMs;
  }

  // Tokens

  takeToken(input) {
    this.token.take(input);
    if (this.phase === Phase.token) this.open();
    else if (this.phase === Phase.online) this.token.signIn();
  }

  tokenFailed({ reason, isFinal }) {
    this.token.failed();
    if (this.phase !== Phase.token) return;
    if (isFinal) return this.stop(4501, reason);
    this.wait(this.backoff(0), 4501, reason);
  }

  /** A refusal of `auth`: the token is of no use here, whatever comes of the connection. */
  refused(messageId, error) {
    if (!this.token.isAnswer(messageId)) return false;
    this.drop(4501, error.reason);
    return true;
  }

  // The world outside

  network(isUp) {
    this.isNetworkUp = isUp;
    if (isUp) this.hurry();
    else this.probe();
  }

  visible() {
    this.hurry();
  }

  /** Time may have stood still: what waits goes on at once, what is connected proves that it is. */
  hurry() {
    if (this.phase === Phase.waiting && this.advisedAt === null) this.begin();
    else this.probe();
  }

  probe() {
    if (this.phase !== Phase.online) return;
    const deadline = this.machine.now + this.machine.options.probeTimeoutMs;
    if (this.pingDeadline === null) this.machine.write("ping", {});
    this.pingDeadline = this.pingDeadline === null ? deadline : Math.min(this.pingDeadline, deadline);
  }

  // Time

  dueAt() {
    if (this.phase !== Phase.online) return earliest([this.deadline, this.token.dueAt()]);
    return earliest([this.pingDeadline ?? this.heardAt + this.heartbeatMs, this.token.dueAt()]);
  }

  wake() {
    const { now } = this.machine;
    if (this.deadline !== null && now >= this.deadline) {
      this.deadline = null;
      if (this.phase === Phase.waiting) this.begin();
      else if (this.phase === Phase.opening) this.drop(1006, "The server did not answer in time.");
    }
    if (this.phase === Phase.online) this.beat(now);
    this.token.wake();
  }

  beat(now) {
    if (this.pingDeadline !== null) {
      if (now >= this.pingDeadline) this.drop(4005, "The server fell silent.");
      return;
    }
    if (now < this.heardAt + this.heartbeatMs) return;
    this.machine.write("ping", {});
    this.pingDeadline = now + this.heartbeatTimeoutMs;
  }
}

// entry.js

// A message on its way, and the lane of its room.

/** The messages of one room that wait to be acked. */
function newLane() {
  return {
    entries: [],
    // Nothing is written before then.
    holdUntil: null,
  };
}

/**
 * The message of a lane that goes first, and alone, while something comes again that was refused for now, or not acked in
 * time: the first of those that come again and those that are to go before them.
 */
function probeOf(lane) {
  if (!lane.entries.some((entry) => entry.comesAgain)) return undefined;
  return lane.entries.find((entry) => entry.comesAgain || !entry.isWritten);
}

/** Whether the log is known to have a message. */
function isInLog(entry) {
  return entry.isSent || entry.heardAt !== null;
}

/** A message that waits to be acked. */
function newEntry({ messageId, room, content, createdAt, since = null, attemptedAt = null, sender = null }) {
  return {
    messageId,
    room,
    content,
    createdAt,
    // The room's position at the first attempt; when that was, by the calendar; and by whom.
    since,
    attemptedAt,
    sender,
    bytes: utf8Length(JSON.stringify(content)),
    attempts: 0,
    isWritten: false,
    // How many times it was written over this connection without an answer so far.
    unanswered: 0,
    // Whether it was refused over this connection and has not been written since.
    wasRefused: false,
    // Whether it was refused for now, or not acked in time, over this connection.
    comesAgain: false,
    // When it was last written.
    writtenAt: null,
    // Until when the attempt on its way must be answered.
    deadline: null,
    // Its seq, where it was heard before it was acked.
    heardAt: null,
    // Whether the application was told that it is in the log.
    isSent: false,
    // Whether storage has it.
    isKept: false,
    // Why it failed.
    code: null,
  };
}

/** How many bytes a text takes as UTF-8. */
function utf8Length(text) {
  let length = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0);
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

// pace.js

// How fast messages are written, once the server has said that it was too fast.

/** A little slower than the server allows, since other frames count as well. */
const SLOWER = 1.25;
const LONGEST_PAUSE_MS = 1_000;
/** After so long without a complaint it may go a step faster. */
const CALM_MS = 1_000;

class Pace {
  constructor(machine) {
    this.machine = machine;
    this.reset();
  }

  reset() {
    /** Between two messages; 0: as fast as they come. */
    this.gapMs = 0;
    this.nextAt = null;
    /** What the server allows, as a time between two messages. */
    this.allowedMs = 0;
    /** When the pace was last changed for a complaint. */
    this.slowedAt = 0;
    /** Since when nobody has complained, nor the pace become faster. */
    this.calmSince = 0;
  }

  /**
   * A complaint about a message that was written at this pace doubles the time between two messages; those about what was
   * written before say nothing of it.
   */
  slowDown(retryAfterMs, writtenAt) {
    const { limits } = this.machine.link;
    const { now } = this.machine;
    if (this.gapMs === 0) {
      this.allowedMs = limits.rateLimitMessages > 0 ? Math.ceil((1_000 / limits.rateLimitMessages) * SLOWER) : 1;
      this.gapMs = this.allowedMs;
      this.slowedAt = now;
    } else if (writtenAt > this.slowedAt) {
      this.gapMs = Math.min(LONGEST_PAUSE_MS, this.gapMs * 2);
      this.slowedAt = now;
    }
    this.calmSince = now;
    this.nextAt = Math.max(this.nextAt ?? 0, now + retryAfterMs);
  }

  /** A message was taken that was written at this pace, and all is calm: an eighth less, down to what the server allows. */
  acked(writtenAt) {
    const { now } = this.machine;
    if (this.gapMs <= this.allowedMs || writtenAt <= this.slowedAt || now - this.calmSince < CALM_MS) return;
    this.gapMs = Math.max(this.allowedMs, this.gapMs - Math.max(1, Math.floor(this.gapMs / 8)));
    this.calmSince = now;
  }

  allows() {
    return this.nextAt === null || this.machine.now >= this.nextAt;
  }

  wrote() {
    if (this.gapMs > 0) this.nextAt = this.machine.now + this.gapMs;
  }

  dueAt() {
    return this.nextAt !== null && this.nextAt > this.machine.now ? this.nextAt : null;
  }
}

// outbox.js

// Messages to be sent: each is acked once or reported as failed, those of one room in their order.


/** Failed messages that are remembered for `retry`; of more, the oldest are forgotten. */
const MOST_FAILED = 1_000;
/** A message that was written may take so long until it is stored. */
const ON_ITS_WAY_MS = 10_000;

class Outbox {
  constructor(machine) {
    this.machine = machine;
    this.byId = new Map();
    /** Room → its messages in order, and what holds them up. */
    this.lanes = new Map();
    this.failed = new Map();
    this.bytes = 0;
    this.inFlight = 0;
    this.pace = new Pace(machine);
  }

  // In

  send({ room, content, messageId, createdAt }) {
    const known = this.byId.get(messageId);
    if (known !== undefined && !known.isSent) return;
    if (known !== undefined) this.remove(known);
    this.take(newEntry({ room, content, messageId, createdAt }));
  }

  /** Takes a message, or reports it as failed where too much waits already. */
  take(entry, replaced) {
    if (this.isFull(entry)) {
      entry.code = OwnCode.queueFull;
      this.remember(entry);
      const reason = "Too much waits to be sent. Send it again when the connection is back.";
      return this.tellFailed(entry, { code: OwnCode.queueFull, reason });
    }
    this.add(entry, replaced);
    this.flush();
    if (!entry.isKept && this.byId.has(entry.messageId)) this.keep(entry);
  }

  isFull(entry) {
    const { queueLimit, queueBytes } = this.machine.options;
    return this.byId.size >= queueLimit || this.bytes + entry.bytes > queueBytes;
  }

  /** Puts a message at the end of its room's lane. */
  add(entry, replaced) {
    this.byId.set(entry.messageId, entry);
    this.bytes += entry.bytes;
    if (!this.lanes.has(entry.room)) this.lanes.set(entry.room, newLane());
    this.lanes.get(entry.room).entries.push(entry);
    const { room, messageId, content, createdAt } = entry;
    const replaces = replaced === undefined ? {} : { replaces: replaced };
    this.machine.emit({ type: "pending", room, messageId, content, createdAt, ...replaces });
  }

  /** What storage has kept, in its order; what was sent since goes behind it. */
  restore(queue) {
    const later = this.lanes;
    this.lanes = new Map();
    for (const kept of queue) if (!this.byId.has(kept.messageId)) this.add({ ...newEntry(kept), isKept: true });
    for (const [name, lane] of later) {
      const earlier = this.lanes.get(name);
      if (earlier === undefined) this.lanes.set(name, lane);
      else earlier.entries.push(...lane.entries);
    }
    this.flush();
  }

  /** Sends a failed message again; one that may be in the log where nobody can see it becomes a new message. */
  retry({ messageId, freshId }) {
    const entry = this.failed.get(messageId);
    if (entry === undefined) return;
    this.failed.delete(messageId);
    const isNew = entry.code === "retry_expired" || entry.code === OwnCode.otherUser;
    const again = newEntry(isNew ? { ...entry, messageId: freshId, since: null, attemptedAt: null, sender: null } : entry);
    if (!this.byId.has(again.messageId)) this.take(again, isNew ? messageId : undefined);
  }

  /** Gives a message up; one that is on its way may arrive all the same. */
  discard(messageId) {
    if (this.failed.delete(messageId)) return;
    const entry = this.byId.get(messageId);
    if (entry === undefined || entry.isSent) return;
    this.remove(entry);
    this.forget(entry);
    this.tellFailed(entry, { code: OwnCode.discarded, reason: "It was discarded." });
    this.flush();
  }

  // Out

  online() {
    this.pace.reset();
    for (const entry of [...this.byId.values()]) {
      if (entry.sender === null || entry.sender === this.machine.link.user) continue;
      this.fail(entry, { code: OwnCode.otherUser, reason: "It was written by another user." });
    }
    this.flush();
  }

  /** Writes what may be written: lane by lane, each in its order, one alone where it is not known to be welcome. */
  flush() {
    if (!this.machine.isOnline()) return;
    const lanes = [...this.lanes.values()];
    for (const lane of lanes) if (lane.holdUntil !== null && this.machine.now >= lane.holdUntil) lane.holdUntil = null;
    for (const lane of lanes) {
      for (let entry = this.next(lane); entry !== undefined; entry = this.next(lane)) {
        if (this.inFlight >= this.machine.options.inFlightLimit || !this.pace.allows()) return;
        if (this.attempt(entry)) this.pace.wrote();
      }
    }
  }

  /** What a lane may write next: while something must come again, the first of that alone, so that nothing overtakes it. */
  next(lane) {
    if (lane.holdUntil !== null) return undefined;
    const probe = probeOf(lane);
    if (probe === undefined) return lane.entries.find((entry) => !entry.isWritten);
    return probe.isWritten ? undefined : probe;
  }

  /** Writes a message, unless it can be seen that it would be in vain or stored twice. */
  attempt(entry) {
    const { link, now, options, rooms, wall } = this.machine;
    const isFirst = entry.attemptedAt === null;
    const window = link.limits.dedupeWindowMs;
    // The server remembers for the window; the copy has to get there within it.
    const safeMs = window - Math.min(ON_ITS_WAY_MS, Math.floor(window / 2));
    if (!isFirst && entry.since === null && now + wall - entry.attemptedAt > safeMs) {
      const reason = "It was sent too long ago to know whether it was stored.";
      return this.fail(entry, { code: "retry_expired", reason });
    }
    const payload = { room: entry.room, content: entry.content };
    if (!isFirst && entry.since !== null) payload.since = entry.since;
    if (this.frameBytes(entry, payload) > link.limits.maxMessageBytes) {
      return this.fail(entry, { code: "too_large", reason: `It is longer than ${link.limits.maxMessageBytes} bytes.` });
    }
    if (isFirst) {
      Object.assign(entry, { since: rooms.position(entry.room), attemptedAt: now + wall, sender: link.user });
    }
    // Before it is written: what may be in the log is known to have been tried.
    if (isFirst || (!entry.isKept && !isInLog(entry))) this.keep(entry);
    entry.isWritten = true;
    entry.wasRefused = false;
    entry.unanswered += 1;
    entry.attempts += 1;
    entry.writtenAt = now;
    entry.deadline = now + options.messageTimeoutMs;
    this.inFlight += 1;
    this.machine.write("message", payload, entry.messageId);
    return true;
  }

  /** The length of a message's frame; the content has been measured before. */
  frameBytes({ messageId, bytes }, payload) {
    const empty = { type: "message", messageId, payload: { ...payload, content: 0 } };
    return utf8Length(JSON.stringify(empty)) - 1 + bytes;
  }

  keep(entry) {
    entry.isKept = true;
    const { messageId, room, content, createdAt, since, attemptedAt, sender } = entry;
    const message = { messageId, room, content, createdAt, since, attemptedAt, sender };
    this.machine.act({ type: "keep", message });
  }

  forget(entry) {
    if (entry.isKept) this.machine.act({ type: "forget", messageId: entry.messageId });
    entry.isKept = false;
  }

  // Answers

  /**
   * It is in the log. One that was refused besides, or may yet be, since it was written more than once over this
   * connection, stays until that is known not to be so: the server lets nothing that was sent later pass before what it
   * has refused has come again.
   */
  ack(messageId, { seq = null, durability, duplicate = false }) {
    const failed = this.failed.get(messageId);
    if (failed !== undefined && this.failed.delete(messageId)) return this.tellSent(failed, { seq, durability, duplicate });
    const entry = this.byId.get(messageId);
    if (entry === undefined) return;
    entry.unanswered = Math.max(0, entry.unanswered - 1);
    this.tellSent(entry, { seq, durability, duplicate });
    if (entry.unanswered === 0 && !entry.wasRefused) this.settle(entry);
    else if (entry.isWritten) entry.comesAgain = false;
    this.flush();
  }

  /**
   * Its author hears it: it is in the log, whether or not the ack comes. One that was refused over this connection is
   * sent again all the same, since the server lets nothing that was sent later pass before it comes.
   */
  heard(room, messageId, seq, sender) {
    if (sender !== this.machine.link.user) return false;
    const entry = this.byId.get(messageId);
    if (entry === undefined || entry.room !== room) return true;
    entry.heardAt = seq;
    this.forget(entry);
    if (!entry.isWritten && !entry.comesAgain) this.settleHeard(entry);
    return true;
  }

  settleHeard(entry) {
    this.tellSent(entry, { seq: entry.heardAt, durability: null, duplicate: false });
    this.settle(entry);
    this.flush();
  }

  settle(entry) {
    const lane = this.lanes.get(entry.room);
    const wasProbe = probeOf(lane) === entry;
    this.remove(entry);
    // Nothing is on its way that could be refused because of what came before: all at once again.
    if (wasProbe && !lane.entries.some((other) => other.isWritten)) {
      for (const other of lane.entries) other.comesAgain = false;
    }
  }

  /** Tells once that a message is in the log. */
  tellSent(entry, receipt) {
    if (entry.writtenAt !== null) this.pace.acked(entry.writtenAt);
    if (entry.isSent) return;
    entry.isSent = true;
    this.forget(entry);
    this.machine.emit({ type: "sent", room: entry.room, messageId: entry.messageId, ...receipt });
  }

  refused(messageId, error) {
    const entry = this.byId.get(messageId);
    if (entry === undefined) return this.failed.has(messageId);
    entry.unanswered = Math.max(0, entry.unanswered - 1);
    entry.wasRefused = true;
    if (!isPassing(error.code)) {
      this.fail(entry, error);
    } else {
      // Being too fast is no fault of the message: it is told when to come again, as often as it takes.
      if (error.code === "rate_limited") {
        entry.attempts -= 1;
        this.pace.slowDown(error.retryAfterMs ?? 0, entry.writtenAt ?? this.machine.now);
      }
      this.putOff(entry, error, error.retryAfterMs);
    }
    this.flush();
    return true;
  }

  /** Sends a message again later, and its room's later ones behind it. */
  putOff(entry, error, retryAfterMs) {
    this.takeBack(entry);
    if (entry.attempts >= this.machine.options.messageAttempts) return this.fail(entry, error);
    const { messageBackoffMs, messageBackoffMaxMs } = this.machine.options;
    const backoff = Math.min(messageBackoffMaxMs, messageBackoffMs * 2 ** Math.max(0, Math.min(entry.attempts, 30) - 1));
    const lane = this.lanes.get(entry.room);
    entry.comesAgain = true;
    // Those behind it wait for it anyway.
    if (probeOf(lane) === entry) lane.holdUntil = this.machine.now + (retryAfterMs ?? backoff);
  }

  takeBack(entry) {
    if (!entry.isWritten) return;
    entry.isWritten = false;
    entry.deadline = null;
    this.inFlight -= 1;
  }

  remove(entry) {
    this.takeBack(entry);
    this.byId.delete(entry.messageId);
    this.bytes -= entry.bytes;
    const lane = this.lanes.get(entry.room);
    if (probeOf(lane) === entry) lane.holdUntil = null;
    lane.entries.splice(lane.entries.indexOf(entry), 1);
    if (lane.entries.length === 0) this.lanes.delete(entry.room);
  }

  /** Reports a message as failed, unless it is known to be in the log; those behind it go on. */
  fail(entry, error) {
    if (isInLog(entry)) {
      this.settleHeard(entry);
      return false;
    }
    this.remove(entry);
    this.forget(entry);
    entry.code = error.code;
    this.remember(entry);
    this.tellFailed(entry, error);
    return false;
  }

  remember(entry) {
    if (this.failed.size >= MOST_FAILED) this.failed.delete(this.failed.keys().next().value);
    this.failed.set(entry.messageId, entry);
  }

  tellFailed({ room, messageId }, { code, reason }) {
    this.machine.emit({ type: "failed", room, messageId, code, reason });
  }

  // Losing the connection

  /** What was on its way is sent again over the next one, in the order in which it was given. */
  offline() {
    for (const lane of this.lanes.values()) lane.holdUntil = null;
    for (const entry of [...this.byId.values()]) {
      Object.assign(entry, { comesAgain: false, wasRefused: false, unanswered: 0 });
      if (isInLog(entry)) {
        this.settleHeard(entry);
        continue;
      }
      if (!entry.isWritten) continue;
      this.takeBack(entry);
      const error = { code: OwnCode.timeout, reason: "The connection was lost too often before it was acknowledged." };
      if (entry.attempts >= this.machine.options.messageAttempts) this.fail(entry, error);
    }
  }

  // Time

  dueAt() {
    if (!this.machine.isOnline()) return null;
    const times = [this.byId.size > 0 ? this.pace.dueAt() : null];
    for (const lane of this.lanes.values()) {
      times.push(lane.holdUntil);
      for (const entry of lane.entries) if (entry.isWritten) times.push(entry.deadline);
    }
    return earliest(times);
  }

  wake() {
    if (!this.machine.isOnline()) return;
    for (const entry of [...this.byId.values()]) {
      if (!entry.isWritten || this.machine.now < entry.deadline) continue;
      // Nobody refused it: that it is in the log is answer enough.
      if (isInLog(entry) && !entry.comesAgain) this.settleHeard(entry);
      else this.putOff(entry, { code: OwnCode.timeout, reason: "It was not acknowledged in time." }, undefined);
    }
    this.flush();
  }
}

// requests.js

// Questions of the application: history, presence, new rooms. Each is answered once.


/** So many questions may wait at a time. */
const MOST_WAITING = 1_000;

class Requests {
  constructor(machine) {
    this.machine = machine;
    /** By the application's own tag. */
    this.waiting = new Map();
  }

  history({ request, room, before, after, limit }) {
    const payload = { room };
    const place = after ?? before;
    if (place !== undefined) {
      const position = this.position(room, place);
      if (position === null) {
        const reason = "A seq alone says nothing of a room that was not joined; give a position.";
        return this.refuse(request, { code: "invalid", reason });
      }
      payload[after !== undefined ? "after" : "before"] = position;
    }
    if (limit !== undefined) payload.limit = limit;
    this.ask(request, "history", payload, true);
  }

  /** A bare seq is one of the log that we are listening to; null where we listen to none. */
  position(room, seqOrPosition) {
    if (typeof seqOrPosition !== "number") return seqOrPosition;
    const epoch = this.machine.rooms.position(room)?.epoch;
    return epoch === undefined ? null : { epoch, seq: seqOrPosition };
  }

  presence({ request, room, cursor }) {
    this.ask(request, "presence", cursor === undefined ? { room } : { room, cursor }, true);
  }

  createRoom({ request, name, participants, visibility }) {
    const payload = { participants };
    if (name !== undefined) payload.name = name;
    if (visibility !== undefined) payload.visibility = visibility;
    this.ask(request, "create_room", payload, false);
  }

  /** @param isRepeatable whether it may be asked again over another connection */
  ask(tag, type, payload, isRepeatable) {
    if (this.waiting.size >= MOST_WAITING) {
      return this.refuse(tag, { code: OwnCode.queueFull, reason: "Too many questions wait for an answer." });
    }
    const deadline = this.machine.now + this.machine.options.answerTimeoutMs;
    const question = { tag, type, payload, isRepeatable, deadline, messageId: null };
    this.waiting.set(tag, question);
    if (this.machine.isOnline()) this.write(question);
  }

  write(question) {
    question.messageId = this.machine.write(question.type, question.payload);
  }

  online() {
    for (const question of this.waiting.values()) this.write(question);
  }

  offline() {
    for (const question of [...this.waiting.values()]) {
      if (question.messageId !== null && !question.isRepeatable) {
        const reason = "The connection was lost before the answer came; it may have been done.";
        this.refuse(question.tag, { code: "unavailable", reason });
      }
      question.messageId = null;
    }
  }

  /** @returns whether that was the answer to a question */
  answer(messageId, result) {
    const question = this.find(messageId);
    if (question === undefined) return false;
    this.waiting.delete(question.tag);
    this.machine.act({ type: "answer", request: question.tag, result });
    return true;
  }

  fail(messageId, error) {
    const question = this.find(messageId);
    if (question === undefined) return false;
    this.refuse(question.tag, error);
    return true;
  }

  find(messageId) {
    for (const question of this.waiting.values()) {
      if (question.messageId !== null && question.messageId === messageId) return question;
    }
    return undefined;
  }

  refuse(tag, error) {
    this.waiting.delete(tag);
    this.machine.act({ type: "answer", request: tag, error });
  }

  closeAll(error) {
    for (const tag of [...this.waiting.keys()]) this.refuse(tag, error);
  }

  dueAt() {
    return earliest([...this.waiting.values()].map((question) => question.deadline));
  }

  wake() {
    for (const question of [...this.waiting.values()]) {
      if (this.machine.now < question.deadline) continue;
      this.refuse(question.tag, { code: OwnCode.timeout, reason: "The server did not answer in time." });
    }
  }
}

// rooms.js

// Rooms and cursors: what has been heard of each log, and how to hear the rest of it once and in order.


/** What a room is doing. */
const RoomPhase = Object.freeze({
  /** To be joined when there is a connection. */
  idle: "idle",
  /** A join is on its way; nothing is heard until it is answered, since the answer replays all that is missing. */
  joining: "joining",
  /** Joined. */
  live: "live",
  /** A join was refused for a passing cause and is repeated at `retryAt`. */
  waiting: "waiting",
  /** Refused for good, or put out; joined again by the application or with the next connection. */
  refused: "refused",
});

const ROOM_NAME = /^[A-Za-z0-9_.:-]{1,128}$/;
/** So many holes or unanswered joins without anything heard in between, and the connection is given up. */
const MOST_REPAIRS = 3;
const JOIN_BACKOFF_MS = 500;
const JOIN_BACKOFF_MAX_MS = 10_000;

class Rooms {
  constructor(machine) {
    this.machine = machine;
    this.byName = new Map();
    /** Rooms that we have left, until the server has said so: `{request, retryAt}` by name. */
    this.leaving = new Map();
    this.kept = {};
  }

  /** Positions from storage, for rooms that are joined as durable. */
  restore(positions) {
    this.kept = positions;
  }

  /** Where a room has been heard up to; null before the first join was answered. */
  position(name) {
    const room = this.byName.get(name);
    return room === undefined || room.seq === null ? null : { epoch: room.epoch, seq: room.seq };
  }

  isLive(name) {
    return this.byName.get(name)?.phase === RoomPhase.live;
  }

  // In and out

  join({ room: name, history = 0, presence, durable = false, after }) {
    if (!ROOM_NAME.test(name)) {
      const reason = "A room's name is 1 to 128 letters, digits, _ . : or -.";
      return this.machine.emit({ type: "refused", room: name, code: "invalid", reason });
    }
    const known = this.byName.get(name);
    if (known === undefined) this.byName.set(name, newRoom(name));
    const room = this.byName.get(name);
    // What has not been left for certain may have to be left again.
    if (this.leaving.delete(name)) room.mayBeIn = true;
    Object.assign(room, { history, presence, durable });
    const start = after ?? (durable ? this.kept[name] : undefined);
    if (known === undefined && start !== undefined) Object.assign(room, { epoch: start.epoch, seq: start.seq });
    const isWanting = room.phase === RoomPhase.idle || room.phase === RoomPhase.refused;
    if (isWanting && this.machine.isOnline()) this.ask(room);
  }

  leave(name) {
    const room = this.byName.get(name);
    if (room === undefined) return;
    this.machine.signals.forget(name);
    this.byName.delete(name);
    delete this.kept[name];
    const mayBeIn = room.mayBeIn || room.phase === RoomPhase.joining;
    if (mayBeIn && this.machine.isOnline()) this.askToLeave(name);
    if (room.durable) this.machine.act({ type: "forgetPosition", room: name });
    this.machine.emit({ type: "left", room: name });
  }

  askToLeave(name) {
    this.leaving.set(name, { request: this.machine.write("leave", { room: name }), retryAt: null });
  }

  /** Asks for a room: from its position on where there is one. */
  ask(room) {
    const payload = { room: room.name };
    if (room.seq !== null) payload.after = { epoch: room.epoch, seq: room.seq };
    else if (room.history > 0) payload.history = room.history;
    if (room.presence !== undefined) payload.presence = room.presence;
    this.asked(room, this.machine.write("join", payload));
  }

  asked(room, request) {
    room.phase = RoomPhase.joining;
    room.request = request;
    room.deadline = this.machine.now + this.machine.options.answerTimeoutMs;
    room.retryAt = null;
  }

  /** Several rooms that go on from a position and want no list of members share a frame. */
  online() {
    const rooms = [...this.byName.values()];
    const resuming = rooms.filter((room) => room.seq !== null && room.presence === undefined);
    const isShared = resuming.length > 1;
    if (isShared) {
      const positions = {};
      for (const room of resuming) positions[room.name] = { epoch: room.epoch, seq: room.seq };
      const request = this.machine.write("resume", { rooms: positions });
      for (const room of resuming) this.asked(room, request);
    }
    for (const room of rooms) if (!isShared || !resuming.includes(room)) this.ask(room);
  }

  offline() {
    // Who is not connected is in no room.
    this.leaving.clear();
    for (const room of this.byName.values()) {
      Object.assign(room, { phase: RoomPhase.idle, mayBeIn: false, request: null, deadline: null, retryAt: null, failures: 0 });
      this.keep(room);
    }
  }

  // Answers

  joined(payload, messageId) {
    const room = this.byName.get(payload.room);
    if (room === undefined) return;
    room.mayBeIn = true;
    const isAnswer = room.request !== null && messageId === room.request;
    if (!isAnswer) {
      // The log has become another one while we listened.
      if (room.phase === RoomPhase.live && payload.epoch !== room.epoch) this.startAnew(room, payload);
      return;
    }
    Object.assign(room, { phase: RoomPhase.live, request: null, deadline: null, failures: 0 });
    if (room.seq === null) this.begin(room, payload);
    else if (payload.epoch !== room.epoch || payload.head < room.seq) return this.startAnew(room, payload);
    else room.isHole = !payload.recovered;
    this.machine.emit({ type: "joined", ...payload });
    this.machine.signals.flush(room.name);
  }

  /** The first time: what comes begins somewhere within the history that was asked for. */
  begin(room, { epoch, head }) {
    Object.assign(room, { epoch, seq: Math.max(0, head - room.history), mayBeginLater: room.history > 0, isHole: false });
    room.isDirty = true;
  }

  /** Another log: nothing of the old one goes on; what it has already said is joined like a room never heard. */
  startAnew(room, payload) {
    this.machine.emit({ type: "reset", room: room.name, epoch: payload.epoch, head: payload.head });
    Object.assign(room, { epoch: payload.epoch, seq: null });
    this.machine.signals.forgetMarks(room.name);
    if (room.history > 0 && payload.head > 0) return this.ask(room);
    this.begin(room, payload);
    this.machine.emit({ type: "joined", ...payload });
  }

  /** The server says that we are out of a room. A leave of our own has been seen to, and is of no interest. */
  left(name, messageId) {
    // That to an earlier leave than the last is of no interest either.
    if (this.machine.isOwnId(messageId) && this.leaving.get(name)?.request !== messageId) return;
    this.leaving.delete(name);
    const room = this.byName.get(name);
    if (room !== undefined) room.mayBeIn = false;
    if (room?.phase !== RoomPhase.live) return;
    this.refuse(room, { code: "forbidden", reason: "You are no longer in this room." });
  }

  refused(messageId, name, error) {
    if (this.stayed(messageId, error)) return true;
    const asking = [...this.byName.values()].filter((room) => room.request !== null && room.request === messageId);
    if (asking.length === 0) return false;
    const concerned = name === undefined ? asking : asking.filter((room) => room.name === name);
    for (const room of concerned) {
      if (isPassing(error.code)) this.putOff(room, error.retryAfterMs);
      // All of them together may be too many where some are not.
      else if (concerned.length > 1) this.ask(room);
      else this.refuse(room, error);
    }
    return true;
  }

  /** A leave was refused: it comes again, unless there is nothing to be left. */
  stayed(messageId, error) {
    const found = [...this.leaving].find(([, { request }]) => request !== null && request === messageId);
    if (found === undefined) return false;
    const [name, leave] = found;
    if (!isPassing(error.code)) this.leaving.delete(name);
    else Object.assign(leave, { request: null, retryAt: this.machine.now + (error.retryAfterMs ?? JOIN_BACKOFF_MS) });
    return true;
  }

  refuse(room, error) {
    Object.assign(room, { phase: RoomPhase.refused, request: null, deadline: null, retryAt: null });
    this.machine.emit({ type: "refused", room: room.name, ...error });
  }

  putOff(room, retryAfterMs) {
    const backoff = Math.min(JOIN_BACKOFF_MAX_MS, JOIN_BACKOFF_MS * 2 ** Math.min(room.failures, 16));
    room.failures += 1;
    Object.assign(room, { phase: RoomPhase.waiting, request: null, deadline: null });
    room.retryAt = this.machine.now + (retryAfterMs ?? backoff);
  }

  // Entries of the log

  entry(type, { room: name, seq, ...fields }, frame) {
    const room = this.byName.get(name);
    if (room === undefined) return this.personal(type, { room: name, seq, ...fields }, frame);
    if (!this.advance(room, seq)) return;
    const { messageId, timestamp } = frame;
    const own = this.machine.outbox.heard(name, messageId, seq, fields.sender);
    this.machine.signals.stopped(name, fields.sender);
    this.machine.emit({ type, room: name, seq, messageId, at: timestamp, ...fields, ...(own ? { own } : {}) });
  }

  /** A user's own room is heard without joining; of other rooms, only what was on its way when we left. */
  personal(type, payload, { messageId, timestamp }) {
    if (!payload.room?.startsWith("user:")) return;
    this.machine.emit({ type: "personal", entry: type, messageId, at: timestamp, ...payload });
  }

  /** Moves a cursor; false for what is not the next entry of a log we are listening to. */
  advance(room, seq) {
    if (room.phase !== RoomPhase.live || seq <= room.seq) return false;
    if (seq > room.seq + 1 && !room.mayBeginLater && !room.isHole) {
      this.repair(room, "A message is missing.");
      return false;
    }
    if (seq > room.seq + 1 && room.isHole) {
      this.machine.emit({ type: "gap", room: room.name, from: room.seq + 1, to: seq - 1 });
    }
    this.moveTo(room, seq);
    return true;
  }

  moveTo(room, seq) {
    Object.assign(room, { seq, mayBeginLater: false, isHole: false, repairs: 0, isDirty: true });
  }

  /** What the server no longer has. */
  gap({ room: name, from, to }) {
    const room = this.byName.get(name);
    if (room?.phase !== RoomPhase.live || to <= room.seq) return;
    this.machine.emit({ type: "gap", room: name, from: Math.max(from, room.seq + 1), to });
    this.moveTo(room, to);
  }

  /** Joins again from where we are; what comes in the meantime will come again. */
  repair(room, reason) {
    room.repairs += 1;
    if (room.repairs > MOST_REPAIRS) {
      room.repairs = 0;
      return this.machine.link.drop(4000, reason);
    }
    this.ask(room);
  }

  // Events beside the log

  /** Passes on what is said of a room, as it came, if we are in it. */
  tell(name, type, payload) {
    if (this.isLive(name)) this.machine.emit({ type, ...payload });
  }

  // Time

  dueAt() {
    const times = [...this.leaving.values()].map(({ retryAt }) => retryAt);
    for (const room of this.byName.values()) times.push(room.deadline, room.retryAt, this.keepsAt(room));
    return earliest(times);
  }

  keepsAt(room) {
    return room.durable && room.isDirty && room.seq !== null ? room.keptAt + this.machine.options.positionEveryMs : null;
  }

  wake() {
    const { now } = this.machine;
    for (const [name, { retryAt }] of [...this.leaving]) if (retryAt !== null && now >= retryAt) this.askToLeave(name);
    for (const room of [...this.byName.values()]) {
      const keepsAt = this.keepsAt(room);
      if (keepsAt !== null && now >= keepsAt) this.keep(room);
      if (room.retryAt !== null && now >= room.retryAt) this.ask(room);
      else if (room.deadline !== null && now >= room.deadline) this.repair(room, "A join was not answered.");
    }
  }

  keep(room) {
    if (!room.durable || !room.isDirty || room.seq === null) return;
    Object.assign(room, { isDirty: false, keptAt: this.machine.now });
    this.machine.act({ type: "keepPosition", room: room.name, position: { epoch: room.epoch, seq: room.seq } });
  }
}

function newRoom(name) {
  return {
    name,
    phase: RoomPhase.idle,
    // The server has, or may have, us in: it said so, and not yet that we are out again.
    mayBeIn: false,
    history: 0,
    presence: undefined,
    durable: false,
    epoch: null,
    // Heard up to here.
    seq: null,
    // The id of the join or resume that waits for its answer, and until when.
    request: null,
    deadline: null,
    retryAt: null,
    failures: 0,
    repairs: 0,
    // The first message of the history may have any seq.
    mayBeginLater: false,
    // The server has said that not everything after our position follows: what is missing is a gap.
    isHole: false,
    // Whether the position has moved since it was kept, and when that was.
    isDirty: false,
    keptAt: 0,
  };
}

// signals.js

// What is said beside the log: who is typing, and how far has been read.


class Signals {
  constructor(machine) {
    this.machine = machine;
    /** Room → when we last said that we are typing; absent if we have not, or have said that we stopped. */
    this.saidAt = new Map();
    /** Room → user → when they are taken to have stopped. */
    this.typing = new Map();
    /** Room → what is to be told of our marks, and what has been. */
    this.marks = new Map();
  }

  // Our own typing

  type({ room, active }) {
    const { now, options, rooms } = this.machine;
    if (!rooms.isLive(room)) return;
    const said = this.saidAt.get(room);
    if (active) {
      if (said !== undefined && now < said + options.typingEveryMs) return;
      this.saidAt.set(room, now);
    } else {
      this.saidAt.delete(room);
      // The server has noticed by itself by now.
      if (said === undefined || now >= said + options.typingLapseMs) return;
    }
    this.machine.write("typing", { room, active });
  }

  // Others' typing

  heardTyping({ room, user, active }) {
    if (!this.machine.rooms.isLive(room)) return;
    if (!active) return this.stopped(room, user);
    if (!this.typing.has(room)) this.typing.set(room, new Map());
    const users = this.typing.get(room);
    const isNews = !users.has(user);
    users.set(user, this.machine.now + this.machine.options.typingLapseMs);
    if (isNews) this.machine.emit({ type: "typing", room, user, active: true });
  }

  /** They have said so, sent what they typed, left, or were not heard of for too long. */
  stopped(room, user) {
    if (user === this.machine.link.user) this.saidAt.delete(room);
    const users = this.typing.get(room);
    if (users === undefined || !users.delete(user)) return;
    if (users.size === 0) this.typing.delete(room);
    this.machine.emit({ type: "typing", room, user, active: false });
  }

  // Marks

  /** Notes how far we have got; the highest is told, now or when it may be. */
  mark(kind, { room, seq }) {
    if (!this.marks.has(room)) this.marks.set(room, { received: newMark(), read: newMark() });
    const mark = this.marks.get(room)[kind];
    if (seq <= mark.seq) return;
    mark.seq = seq;
    this.flush(room);
  }

  flush(room) {
    const marks = this.marks.get(room);
    if (marks === undefined || !this.machine.rooms.isLive(room)) return;
    for (const kind of ["received", "read"]) this.tell(room, kind, marks[kind]);
  }

  tell(room, kind, mark) {
    const { now, options } = this.machine;
    if (mark.seq <= mark.told || (mark.toldAt !== null && now < mark.toldAt + options.markEveryMs)) return;
    Object.assign(mark, { told: mark.seq, toldAt: now });
    this.machine.write(kind, { room, seq: mark.seq });
  }

  // Comings and goings

  /** Nobody is known to be typing any more; the newest marks are told again, since they may not have arrived. */
  offline() {
    this.saidAt.clear();
    for (const [room, users] of [...this.typing]) for (const user of [...users.keys()]) this.stopped(room, user);
    for (const marks of this.marks.values()) {
      for (const kind of ["received", "read"]) Object.assign(marks[kind], { told: 0, toldAt: null });
    }
  }

  forget(room) {
    this.saidAt.delete(room);
    this.typing.delete(room);
    this.marks.delete(room);
  }

  forgetMarks(room) {
    this.marks.delete(room);
  }

  dueAt() {
    const times = [];
    for (const users of this.typing.values()) times.push(...users.values());
    for (const [room, marks] of this.marks) {
      if (!this.machine.rooms.isLive(room)) continue;
      for (const kind of ["received", "read"]) {
        const mark = marks[kind];
        if (mark.seq > mark.told && mark.toldAt !== null) times.push(mark.toldAt + this.machine.options.markEveryMs);
      }
    }
    return earliest(times);
  }

  wake() {
    const { now } = this.machine;
    for (const [room, users] of [...this.typing]) {
      for (const [user, until] of [...users]) if (now >= until) this.stopped(room, user);
    }
    for (const room of this.marks.keys()) this.flush(room);
  }
}

function newMark() {
  return { seq: 0, told: 0, toldAt: null };
}

// machine.js

// The whole behaviour of a client, without a socket, clock, timer, random number or store of its own.


/**
 * One client of one server: what happens goes in, what is to be done comes out.
 *
 * Times are milliseconds of a clock that never goes back. `wall` is what a calendar's clock is ahead of it; it matters
 * only for what outlives the process: when a kept message was tried, and when a token ends.
 */
class ClientMachine {
  /**
   * @param {Partial<import("../roost").MachineOptions>} options
   * @param {() => number} random numbers from 0 up to 1
   * @param {number} wall
   */
  constructor(options, random, wall = 0) {
    this.options = optionsFrom(options);
    this.random = random;
    this.wall = wall;
    this.now = 0;
    this.actions = [];
    this.frames = 0;
    this.wakeAt = null;
    this.link = new Link(this);
    this.rooms = new Rooms(this);
    this.outbox = new Outbox(this);
    this.requests = new Requests(this);
    this.signals = new Signals(this);
    this.parts = [this.link, this.rooms, this.outbox, this.requests, this.signals];
  }

  /**
   * Takes one input and says what is to be done, in this order. Inputs of an unknown type do nothing.
   * @returns {import("../roost").Action[]}
   */
  handle(input, now) {
    this.now = now;
    this.actions = [];
    this.take(input);
    this.askToBeWoken();
    return this.actions;
  }

  take(input) {
    switch (input.type) {
      case "connect": return this.link.connect();
      case "disconnect": return this.link.disconnect();
      case "opened": return undefined; // that it opened does not make it useful
      case "closed": return this.link.closed(input);
      case "frame": return this.hear(input);
      case "wake": return this.wake();
      case "network": return this.link.network(input.online);
      case "visible": return this.link.visible();
      case "token": return this.link.takeToken(input);
      case "tokenFailed": return this.link.tokenFailed(input);
      case "restored": return this.restore(input);
      case "join": return this.rooms.join(input);
      case "leave": return this.rooms.leave(input.room);
      case "send": return this.outbox.send(input);
      case "retry": return this.outbox.retry(input);
      case "discard": return this.outbox.discard(input.messageId);
      case "typing": return this.signals.type(input);
      case "received": return this.signals.mark("received", input);
      case "read": return this.signals.mark("read", input);
      case "history": return this.requests.history(input);
      case "presence": return this.requests.presence(input);
      case "createRoom": return this.requests.createRoom(input);
      default: return undefined;
    }
  }

  restore({ session, positions, queue }) {
    if (session !== undefined) this.link.session = session;
    this.rooms.restore(positions ?? {});
    this.outbox.restore(queue ?? []);
  }

  // Frames

  hear({ connection, frame }) {
    if (connection !== this.link.connection || !this.link.isOpen()) return;
    this.link.heardAt = this.now;
    this.link.pingDeadline = null;
    if (frame === null || typeof frame !== "object" || typeof frame.type !== "string") return;
    const payload = frame.payload ?? {};
    switch (frame.type) {
      case "welcome": return this.link.welcome(payload, frame.messageId);
      case "reconnect": return this.link.advise(payload);
      case "joined": return this.rooms.joined(payload, frame.messageId);
      case "left": return this.rooms.left(payload.room, frame.messageId);
      case "message": return this.rooms.entry("message", payload, frame);
      case "deleted": return this.rooms.entry("deleted", payload, frame);
      case "gap": return this.rooms.gap(payload);
      case "ack": return this.outbox.ack(frame.messageId, payload);
      case "error": return this.refused(payload, frame.messageId);
      case "history": return this.requests.answer(frame.messageId, payload);
      case "presence": return this.heardPresence(payload, frame.messageId);
      case "room_created": return this.heardRoom(payload, frame.messageId);
      case "typing": return this.signals.heardTyping(payload);
      case "user_joined": return this.rooms.tell(payload.room, "user_joined", payload);
      case "user_left": return this.heardLeaving(payload);
      case "receipts": return this.rooms.tell(payload.room, "receipts", payload);
      default: return undefined;
    }
  }

  /** Whoever has sent what was refused takes the refusal; one that belongs to nobody is told to the application. */
  refused({ code, reason, room, retryAfterMs }, messageId) {
    const error = { code, reason };
    if (retryAfterMs !== undefined) error.retryAfterMs = retryAfterMs;
    if (this.outbox.refused(messageId, error)) return;
    if (this.rooms.refused(messageId, room, error)) return;
    if (this.requests.fail(messageId, error)) return;
    if (this.link.refused(messageId, error)) return;
    this.emit({ type: "error", ...error, ...(room === undefined ? {} : { room }) });
  }

  heardPresence(payload, messageId) {
    if (!this.requests.answer(messageId, payload)) this.rooms.tell(payload.room, "presence", payload);
  }

  /** The one who asked has an answer; every participant, this one too, is told. */
  heardRoom(payload, messageId) {
    this.requests.answer(messageId, payload);
    this.emit({ type: "room_created", room: payload.room });
  }

  heardLeaving(payload) {
    this.signals.stopped(payload.room, payload.user);
    this.rooms.tell(payload.room, "user_left", payload);
  }

  // What the parts share

  act(action) {
    this.actions.push(action);
  }

  emit(event) {
    this.actions.push({ type: "emit", event });
  }

  /** Writes a frame, under an id of the machine's own unless one is given; returns the id. */
  write(type, payload, messageId = this.freshId()) {
    this.act({ type: "write", connection: this.link.connection, frame: { type, messageId, payload } });
    return messageId;
  }

  /** Whether a frame's id is one that the machine has made. */
  isOwnId(messageId) {
    return messageId?.startsWith("~") ?? false;
  }

  freshId() {
    this.frames += 1;
    return `~${this.frames}`;
  }

  /** The connection has been welcomed. The order matters: positions first, so that what is sent again finds them. */
  isOnline() {
    return this.link.isOnline();
  }

  cameOnline() {
    this.rooms.online();
    this.outbox.online();
    this.requests.online();
  }

  wentOffline() {
    this.rooms.offline();
    this.outbox.offline();
    this.requests.offline();
    this.signals.offline();
  }

  // Time

  /** Does what is due; each part looks at the clock by itself. */
  wake() {
    this.wakeAt = null;
    for (const part of this.parts) part.wake();
  }

  /** Only what is earlier than what has been said is said: a wake for nothing costs less than a timer per frame. */
  askToBeWoken() {
    const due = earliest(this.parts.map((part) => part.dueAt()));
    if (due === null || (this.wakeAt !== null && this.wakeAt <= due)) return;
    this.wakeAt = due;
    this.act({ type: "wake", at: due });
  }
}

// websocket.js

// The WebSocket transport.

/**
 * Opens a WebSocket. A transport is opened by a function like this one.
 * @param way
 * @param way.url with its query
 * @param way.protocols subprotocols to offer
 * @param way.opened called once when it is open
 * @param way.heard called with each text that comes
 * @param way.ended called once with a close code and a reason, unless `close` was called
 * @returns {{write(text: string): void, close(code: number, reason: string): void}}
 */
function openWebSocket({ url, protocols, opened, heard, ended }) {
  let isOver = false;
  const socket = make(url, protocols);
  if (socket === null) {
    // As if it had been tried: the caller hears of it after it has been given the transport.
    queueMicrotask(() => isOver || ended(1006, "The browser refused to open a WebSocket there."));
    return { write() {}, close: () => (isOver = true) };
  }
  socket.onopen = opened;
  socket.onmessage = ({ data }) => isOver || heard(data);
  socket.onclose = ({ code, reason }) => {
    if (isOver) return;
    isOver = true;
    ended(code, reason);
  };
  return {
    write: (text) => socket.readyState === WebSocket.OPEN && socket.send(text),
    close(code, reason) {
      isOver = true;
      socket.close(code, reason);
    },
  };
}

function make(url, protocols) {
  try {
    return new WebSocket(url, protocols);
  } catch {
    return null;
  }
}

// driver.js

// Does what a machine says: timers, sockets, storage, tokens. Knows nothing of rooms or tabs.


/** How each transport is opened. One more is one more line. */
const TRANSPORTS = { websocket: openWebSocket };

class Driver {
  /**
   * @param settings
   * @param settings.url address of the server's `/ws`
   * @param settings.options for the machine
   * @param settings.store a `Store`
   * @param settings.transports name → function that opens one, as `openWebSocket`; by default those there are
   * @param settings.hear is told every event, answer and question for a token, as actions
   */
  constructor({ url, options, store, transports = TRANSPORTS, hear }) {
    this.url = url;
    this.store = store;
    this.transports = transports;
    this.hear = hear;
    this.machine = new ClientMachine(options, Math.random, Date.now() - performance.now());
    this.sockets = new Map();
    this.timer = null;
    this.isOver = false;
    /** What came before storage had answered; null afterwards. */
    this.early = [];
    this.start();
  }

  async start() {
    const kept = await this.store.load();
    const early = this.early;
    this.early = null;
    this.give({ type: "restored", ...kept });
    for (const input of early) this.give(input);
  }

  give(input) {
    if (this.isOver) return;
    if (this.early !== null) {
      this.early.push(input);
      return;
    }
    for (const action of this.machine.handle(input, Math.floor(performance.now()))) this.perform(action);
  }

  /** Ends for good; storage keeps what is to be kept. */
  end() {
    this.give({ type: "disconnect" });
    this.isOver = true;
    clearTimeout(this.timer);
    this.store.close();
  }

  perform(action) {
    switch (action.type) {
      case "open": return this.open(action);
      case "write": return this.sockets.get(action.connection)?.write(JSON.stringify(action.frame));
      case "close": return this.close(action);
      case "wake": return this.wakeAt(action.at);
      case "keep": return this.store.keep(action.message);
      case "forget": return this.store.forget(action.messageId);
      case "keepPosition": return this.store.keepPosition(action.room, action.position);
      case "forgetPosition": return this.store.keepPosition(action.room, undefined);
      case "keepSession": return this.store.keepSession(action.session);
      default: return this.hear(action);
    }
  }

  open({ connection, transport, protocols, query }) {
    const url = new URL(this.url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const ended = (code, reason) => {
      this.sockets.delete(connection);
      this.give({ type: "closed", connection, code, reason });
    };
    const socket = this.transports[transport]({
      url: url.href,
      protocols,
      opened: () => this.give({ type: "opened", connection }),
      heard: (text) => this.give({ type: "frame", connection, frame: parse(text) }),
      ended,
    });
    this.sockets.set(connection, socket);
  }

  close({ connection, code, reason }) {
    const socket = this.sockets.get(connection);
    this.sockets.delete(connection);
    socket?.close(code, reason);
  }

  wakeAt(at) {
    clearTimeout(this.timer);
    const delay = Math.max(0, Math.ceil(at - performance.now()));
    // A timer can't be set for more than 24 days; being woken early does no harm.
    this.timer = setTimeout(() => this.give({ type: "wake" }), Math.min(delay, 2 ** 31 - 1));
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the machine ignores what is no frame
  }
}

// store.js

// What outlives a page: messages that are not acked, positions of durable rooms, the secret of an anonymous user.

/** Nothing outlives the page: where there is no IndexedDB, or it is not wanted. */
class MemoryStore {
  async load() {
    return {};
  }
  keep() {}
  forget() {}
  keepPosition() {}
  keepSession() {}
  close() {}
}

const DATABASE = "roost";
const LOCKS = "roost.";

/** The best store there is for one server and user. */
function openStore(scope) {
  return globalThis.indexedDB === undefined ? new MemoryStore() : new IndexedStore(scope);
}

/**
 * IndexedDB. Several pages may write to one database: each message belongs to the page that wrote it, as long as that
 * page lives, which others see by a lock that it holds. Messages of pages that are gone are taken over by the next that
 * loads. Where a browser has no locks (pages that came by plain HTTP from elsewhere than this machine), messages are
 * not kept, since two pages might both send them.
 */
class IndexedStore {
  constructor(scope, locks = globalThis.navigator?.locks) {
    this.scope = scope;
    this.locks = locks;
    this.owner = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    this.order = Date.now() * 1_000;
    this.database = null;
    this.release = () => {};
    /** Why nothing is kept any more; null while all is well. */
    this.trouble = null;
  }

  /** @returns {Promise<{session?: string, positions?: object, queue?: object[]}>} what earlier pages have left */
  async load() {
    try {
      this.database = await openDatabase();
      const queue = this.locks === undefined ? [] : await this.adopt();
      const rows = await done(this.rows("state", "readonly").getAll(rowsOf(this.scope)));
      const positions = {};
      for (const { name, value } of rows) if (name.startsWith("position:")) positions[name.slice(9)] = value;
      return { session: rows.find(({ name }) => name === "session")?.value, positions, queue };
    } catch (error) {
      this.giveUp(error);
      return {};
    }
  }

  /** Makes messages of pages that are gone our own; one page does so at a time. */
  async adopt() {
    await this.hold(this.owner);
    return this.locks.request(`${LOCKS}adopt`, async () => {
      const held = new Set((await this.locks.query()).held.map(({ name }) => name));
      const rows = this.rows("queue", "readwrite");
      const orphans = (await done(rows.getAll(rowsOf(this.scope)))).filter(({ owner }) => !held.has(LOCKS + owner));
      for (const row of orphans) rows.put({ ...row, owner: this.owner });
      return orphans.sort((a, b) => a.order - b.order).map(({ message }) => message);
    });
  }

  /** Holds a lock until `close`, or until the page is gone. */
  hold(name) {
    return new Promise((held) => {
      const released = new Promise((release) => (this.release = release));
      this.locks.request(LOCKS + name, () => {
        held();
        return released;
      });
    });
  }

  keep(message) {
    if (this.locks === undefined) return;
    this.write("queue", (rows) => {
      const key = [this.scope, message.messageId];
      const known = rows.get(key);
      known.onsuccess = () => {
        const order = known.result?.order ?? this.order++;
        rows.put({ scope: this.scope, messageId: message.messageId, owner: this.owner, order, message });
      };
    });
  }

  forget(messageId) {
    this.write("queue", (rows) => rows.delete([this.scope, messageId]));
  }

  keepPosition(room, position) {
    this.keepState(`position:${room}`, position);
  }

  keepSession(session) {
    this.keepState("session", session);
  }

  keepState(name, value) {
    this.write("state", (rows) => {
      if (value === undefined) rows.delete([this.scope, name]);
      else rows.put({ scope: this.scope, name, value });
    });
  }

  close() {
    this.release();
    this.database?.close();
    this.database = null;
  }

  rows(name, mode) {
    return this.database.transaction(name, mode).objectStore(name);
  }

  write(name, action) {
    if (this.database === null) return;
    try {
      const rows = this.rows(name, "readwrite");
      rows.transaction.onabort = () => this.giveUp(rows.transaction.error);
      action(rows);
    } catch (error) {
      this.giveUp(error);
    }
  }

  /** Storage that is full or withdrawn ends the keeping, not the client. */
  giveUp(error) {
    if (this.trouble !== null) return;
    this.trouble = error;
    console.warn(`roost: messages are not kept over a reload from now on, since the browser's storage failed: ${error}`);
    this.close();
  }
}

function openDatabase() {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("queue", { keyPath: ["scope", "messageId"] });
    opening.result.createObjectStore("state", { keyPath: ["scope", "name"] });
  };
  return done(opening);
}

/** Everything of one scope. */
function rowsOf(scope) {
  return IDBKeyRange.bound([scope], [scope, []]);
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// hub.js

// One connection for several tabs: says what each tab wants to one driver, and to each tab what concerns it.
// A page by itself is a hub with one tab.


/** What a tab that joins late may be told twice over before it is up to date; beyond it is told to begin anew. */
const MOST_HELD_BACK = 10_000;
/** A tab that comes back and has missed no more goes on where it was; one page of history. */
const MOST_MISSED = 1_000;

class Hub {
  /**
   * @param config `{url, scope, options}`
   * @param ended called when the last tab has gone
   */
  constructor({ url, scope, options }, ended = () => {}) {
    this.ended = ended;
    this.tabs = new Map(); // id → Tab
    this.rooms = new Map(); // name → {cursor, tabs}
    this.pending = new Map(); // messageId → its event, and the tab that wrote it
    this.state = { type: "state", state: "disconnected" };
    this.tokenTurn = 0;
    this.tabsSoFar = 0;
    this.driver = new Driver({ url, options, store: openStore(scope), hear: (action) => this.hear(action) });
    this.driver.give({ type: "connect" });
  }

  // Tabs

  /** @param post called with what a tab is told */
  attach(post) {
    this.tabsSoFar += 1;
    const tab = { id: String(this.tabsSoFar), post, rooms: new Map() };
    this.tabs.set(tab.id, tab);
    this.tell(tab, this.state);
    return tab;
  }

  detach(tab) {
    if (!this.tabs.delete(tab.id)) return;
    for (const name of [...tab.rooms.keys()]) this.leave(tab, name);
    if (this.tabs.size > 0) return;
    this.driver.end();
    this.ended();
  }

  /** An input for the machine, from a tab. */
  receive(tab, input) {
    switch (input.type) {
      case "join": return this.join(tab, input);
      case "leave": return this.leave(tab, input.room);
      case "send": return this.send(tab, input);
      case "history":
      case "presence":
      case "createRoom": return this.driver.give({ ...input, request: `${tab.id}:${input.request}` });
      default: return this.driver.give(input);
    }
  }

  send(tab, input) {
    this.pending.set(input.messageId, { tab, event: null });
    this.driver.give(input);
  }

  tell(tab, event) {
    tab.post({ type: "emit", event });
  }

  // Rooms

  join(tab, input) {
    const { room: name } = input;
    const known = this.rooms.get(name);
    tab.rooms.set(name, { heldBack: null });
    if (known === undefined) this.rooms.set(name, { cursor: null, tabs: new Set([tab]) });
    else known.tabs.add(tab);
    for (const { event } of this.pending.values()) if (event?.room === name) this.tell(tab, event);
    if (known === undefined || known.isRefused) this.driver.give(input);
    else if (known.cursor !== null) this.catchUp(tab, input, known);
  }

  /** A tab that comes to a room in which others are already: history up to where they are, then what they hear. */
  catchUp(tab, { room: name, history = 0, presence, after }, { cursor }) {
    const { epoch, seq } = cursor;
    const missed = after?.epoch === epoch ? seq - after.seq : MOST_MISSED + 1;
    const goesOn = missed <= MOST_MISSED;
    if (after !== undefined && !goesOn) this.tell(tab, { type: "reset", room: name, epoch, head: seq });
    this.tell(tab, { type: "joined", room: name, epoch, head: seq, recovered: goesOn });
    if (presence === true) this.driver.give({ type: "presence", request: `${tab.id}:room ${name}`, room: name });
    const limit = goesOn ? missed : Math.min(history, seq);
    if (limit <= 0) return;
    tab.rooms.get(name).heldBack = [];
    const before = { epoch, seq: seq + 1 };
    this.driver.give({ type: "history", request: `${tab.id}:late ${name}`, room: name, before, limit });
  }

  caughtUp(tab, name, result) {
    const seat = tab.rooms.get(name);
    if (seat === undefined || seat.heldBack === null) return;
    const { heldBack } = seat;
    seat.heldBack = null;
    for (const frame of result?.messages ?? []) this.tell(tab, eventOf(frame));
    for (const event of heldBack) this.tell(tab, event);
  }

  leave(tab, name) {
    const room = this.rooms.get(name);
    if (room === undefined || !tab.rooms.delete(name)) return;
    room.tabs.delete(tab);
    this.tell(tab, { type: "left", room: name });
    if (room.tabs.size > 0) return;
    this.rooms.delete(name);
    this.driver.give({ type: "leave", room: name });
  }

  // What the machine says

  hear(action) {
    if (action.type === "emit") this.route(action.event);
    else if (action.type === "answer") this.answer(action);
    else if (action.type === "fetchToken") this.askForToken();
  }

  answer({ request, result, error }) {
    const at = request.indexOf(":");
    const tab = this.tabs.get(request.slice(0, at));
    const tag = request.slice(at + 1);
    if (tab === undefined) return;
    if (tag.startsWith("late ")) this.caughtUp(tab, tag.slice(5), result);
    else if (tag.startsWith("room ")) result && this.tell(tab, { type: "presence", ...result });
    else tab.post({ type: "answer", request: tag, result, error });
  }

  /** One tab is asked at a time; if it does not answer, the machine asks again, and then the next one is. */
  askForToken() {
    const tabs = [...this.tabs.values()];
    if (tabs.length === 0) return;
    this.tokenTurn += 1;
    tabs[this.tokenTurn % tabs.length].post({ type: "fetchToken" });
  }

  route(event) {
    if (event.type === "state") this.state = event;
    if (event.room === undefined || typeof event.room !== "string" || event.type === "personal") {
      for (const tab of this.tabs.values()) this.tell(tab, event);
      return;
    }
    this.follow(event);
    for (const tab of this.audience(event)) this.tellInTurn(tab, event);
  }

  /** Keeps track of where a room is, for tabs that come later. */
  follow(event) {
    const room = this.rooms.get(event.room);
    if (event.type === "pending") {
      this.pending.set(event.messageId, { tab: this.pending.get(event.messageId)?.tab ?? null, event });
    }
    if (room === undefined) return;
    if (event.type === "refused") room.isRefused = true;
    if (event.type === "reset") room.cursor = null;
    if (event.type === "joined") {
      room.isRefused = false;
      room.cursor ??= { epoch: event.epoch, seq: event.head };
    }
    if (event.type === "gap") room.cursor.seq = Math.max(room.cursor.seq, event.to);
    if (event.seq !== undefined && event.type !== "sent") room.cursor.seq = Math.max(room.cursor.seq, event.seq);
  }

  /** Who is in the room, and who wrote the message. */
  audience(event) {
    const tabs = new Set(this.rooms.get(event.room)?.tabs ?? []);
    if (event.messageId === undefined) return tabs;
    const writer = this.pending.get(event.messageId)?.tab;
    if (event.type === "sent" || event.type === "failed") this.pending.delete(event.messageId);
    if (writer && this.tabs.has(writer.id)) tabs.add(writer);
    return tabs;
  }

  tellInTurn(tab, event) {
    const heldBack = tab.rooms.get(event.room)?.heldBack;
    if (!heldBack) return this.tell(tab, event);
    if (event.type === "reset" || heldBack.length >= MOST_HELD_BACK) this.caughtUp(tab, event.room, null);
    if (tab.rooms.get(event.room).heldBack) heldBack.push(event);
    else this.tell(tab, event);
  }
}

/** An entry of a history as the event that it was. */
function eventOf({ type, messageId, timestamp, payload }) {
  return { type, messageId, at: timestamp, ...payload };
}

// sharing.js

// Tabs and their hub: in a SharedWorker where there is one, else in the page itself.


/** A worker that has not answered by then is taken to be none. */
const WORKER_TIMEOUT_MS = 3_000;
const TAB_LOCKS = "roost.tab.";

/**
 * Connects a page to a hub.
 * @param config `{url, scope, options}`: what tabs must have in common to share a connection
 * @param isShared whether they are to
 * @param told called with `{type: "emit" | "answer" | "fetchToken", …}`
 * @returns {{give(input: object): void, end(): void}}
 */
function joinHub(config, isShared, told) {
  return isShared && globalThis.SharedWorker !== undefined ? new SharedHub(config, told) : new OwnHub(config, told);
}

class OwnHub {
  constructor(config, told) {
    this.hub = new Hub(config);
    // Never while the page is in the middle of asking for something: answers come later, as from a worker.
    this.tab = this.hub.attach((message) => queueMicrotask(() => told(message)));
  }

  give(input) {
    this.hub.receive(this.tab, input);
  }

  end() {
    this.hub.detach(this.tab);
  }
}

/** A hub in a worker; until the worker has answered, what is given waits. */
class SharedHub {
  constructor(config, told) {
    this.config = config;
    this.told = told;
    this.waiting = [];
    this.target = null;
    this.isOver = false;
    this.timer = setTimeout(() => this.settle(null), WORKER_TIMEOUT_MS);
    try {
      this.worker = new SharedWorker(import.meta.url, { type: "module", name: JSON.stringify(config) });
    } catch {
      // Another origin's script, or forbidden by the page's policy.
      this.settle(null);
      return;
    }
    this.worker.onerror = () => this.settle(null);
    // A browser that keeps the page while it is left would freeze the worker with it, its connection open: others would
    // see a ghost. It does not keep pages that want to hear of their end.
    globalThis.addEventListener?.("unload", () => {});
    this.worker.port.onmessage = ({ data }) => this.hear(data);
    this.greet();
  }

  /** Says hello, with the name of a lock that is ours as long as the page lives. */
  async greet() {
    const name = TAB_LOCKS + Math.random().toString(36).slice(2);
    const { locks } = navigator;
    if (locks !== undefined) {
      await new Promise((held) => {
        locks.request(name, () => {
          held();
          return new Promise((release) => (this.release = release));
        });
      });
    }
    if (this.target !== null || this.isOver) return;
    this.worker.port.postMessage({ type: "hello", config: this.config, lock: locks === undefined ? null : name });
  }

  hear(message) {
    if (message.type === "attached") this.settle(this.worker.port);
    else if (!this.isOver && this.target === this.worker.port) this.told(message);
  }

  /** Takes the worker, or, without one, a hub of our own; once. */
  settle(port) {
    if (this.target !== null || this.isOver) return;
    clearTimeout(this.timer);
    if (port === null) this.worker?.port.postMessage({ type: "bye" });
    this.target = port ?? new OwnHub(this.config, this.told);
    for (const input of this.waiting) this.give(input);
    this.waiting = [];
  }

  give(input) {
    if (this.target === null) this.waiting.push(input);
    else if (this.target instanceof OwnHub) this.target.give(input);
    else this.target.postMessage({ type: "input", input });
  }

  end() {
    this.isOver = true;
    clearTimeout(this.timer);
    if (this.target instanceof OwnHub) this.target.end();
    else this.worker?.port.postMessage({ type: "bye" });
    this.release?.();
  }
}

/** The worker's side: a hub for all pages that come. */
function serveTabs(scope) {
  let hub = null;
  scope.onconnect = ({ ports: [port] }) => {
    let tab = null;
    const leave = () => {
      if (tab !== null) hub?.detach(tab);
      tab = null;
      port.onmessage = null;
    };
    port.onmessage = ({ data }) => {
      if (data.type === "input" && tab !== null) hub.receive(tab, data.input);
      if (data.type === "bye") leave();
      if (data.type !== "hello" || tab !== null) return;
      port.postMessage({ type: "attached" });
      hub ??= new Hub(data.config, () => (hub = null));
      tab = hub.attach((message) => port.postMessage(message));
      // A page that is gone without a word lets go of its lock.
      if (data.lock !== null) navigator.locks.request(data.lock, leave);
    };
  };
}

// error.js

/** What went wrong, under the name that the server or the client has for it. */
class RoostError extends Error {
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

// reader.js

// Messages one by one, for `for await`: bounded in memory, however slow the reader.


/** So many messages wait for a reader; of one that falls further behind, the rest is read from the log when it comes. */
const MOST_UNREAD = 1_000;
const PAGE = 100;

class Reader {
  #room;
  #ended;
  #waiting = [];
  /** Where the reader is: the seq it was given last, or, before the first, the one that it joined at. */
  #seq = null;
  /** Whether messages were let go that must be read from the log. */
  #isBehind = false;
  #isOver = false;
  #error = null;
  #wake = null;

  constructor(room, ended) {
    this.#room = room;
    this.#ended = ended;
  }

  /** Called by the room with each message. */
  push(message) {
    if (this.#seq === null) this.#seq = message.seq - 1;
    if (this.#waiting.length >= MOST_UNREAD) this.#isBehind = true;
    if (!this.#isBehind) this.#waiting.push(message);
    this.#wake?.();
  }

  /** Called by the room when its log is another one: what is let go of the old one can't be had any more. */
  restart() {
    this.#seq = null;
    this.#isBehind = false;
  }

  end(error) {
    this.#isOver = true;
    this.#error = error;
    this.#ended();
    this.#wake?.();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async next() {
    for (;;) {
      if (this.#waiting.length > 0) {
        const value = this.#waiting.shift();
        this.#seq = value.seq;
        return { value, done: false };
      }
      if (this.#isOver) return this.#finish();
      if (this.#isBehind) await this.#catchUp();
      else await new Promise((resolve) => (this.#wake = resolve));
      this.#wake = null;
    }
  }

  async return() {
    this.end(null);
    this.#waiting = [];
    return { value: undefined, done: true };
  }

  #finish() {
    const error = this.#error;
    this.#error = null;
    if (error !== null && error.code !== "closed") throw error;
    return { value: undefined, done: true };
  }

  /** Reads a page of the log; live again once it reaches what the room has heard. */
  async #catchUp() {
    try {
      const page = await this.#room.history({ after: this.#seq, limit: PAGE });
      if (page.messages.length > 0) {
        this.#waiting.push(...page.messages.filter(({ type }) => type === "message"));
        this.#seq = page.messages.at(-1).seq;
      }
      this.#isBehind = this.#seq < (this.#room.position?.seq ?? 0) && page.messages.length > 0;
    } catch (error) {
      const reason = `The reader fell behind, and the log could not be read: ${error.message}`;
      this.end(new RoostError({ code: "slow_reader", reason }));
    }
  }
}

// room.js

// A room, as an application sees it.


const KEEP = 500;

/**
 * A joined room. It tells by events (`detail` in brackets):
 * `message` (each message of the log, once and in order), `pending` (one's own, before that), `change` (a message whose
 * state or content is another one now), `deleted`, `joined`, `reset`, `gap` ({from, to}), `members`, `typing`
 * ({user, active}), `receipts`, `refused` (a RoostError), `left`.
 */
class Room extends EventTarget {
  /** Messages in order: the newest that are in the log, then those that are not there yet. */
  messages = [];
  /** Who is here, by user: `{user, name, since, connections}`; empty unless joined with `presence: true`. */
  members = new Map();
  /** How many are here; null if that is not known. */
  count = null;
  /** Users who are typing. */
  typingUsers = new Set();
  /** Where the log has been heard up to: `{epoch, seq}`, or null. */
  position = null;
  /** Whether `position` is where we are; else nothing has been heard since a join that went on from somewhere. */
  #isPlaced = false;
  #roost;
  #options;
  /** Whether acks may have been missed, so that hearing one's own message must do. */
  #wasAway = false;
  #lines;
  #receipts = new Map();
  #readers = new Set();
  #unsent = new Map();

  /** Made by `Roost.join`. */
  constructor(roost, name, options, lines) {
    super();
    this.name = name;
    this.#roost = roost;
    this.#options = options;
    this.#lines = lines;
  }

  // Saying

  /**
   * Sends a message. It is in `messages` at once, as pending, and stays there whatever happens to the connection.
   * @returns a promise of `{messageId, seq, durability, duplicate}` once the server has it; it rejects with a RoostError
   *   if the message has failed, which the message's own state says as well.
   */
  send(content) {
    const messageId = newId();
    const receipt = new Promise((resolve, reject) => this.#receipts.set(messageId, { resolve, reject }));
    // Who does not wait for it is told by the message's state.
    receipt.catch(() => {});
    const createdAt = Date.now();
    this.#addUnsent({ messageId, content, createdAt });
    this.#lines.give({ type: "send", room: this.name, content, messageId, createdAt });
    return receipt;
  }

  /** Sends a failed message again. */
  retry(message) {
    this.#lines.give({ type: "retry", messageId: message.messageId, freshId: newId() });
  }

  /** Gives up a message that has failed or waits. */
  discard(message) {
    this.#lines.give({ type: "discard", messageId: message.messageId });
    if (message.state === "failed") this.#drop(message);
  }

  /** Says that the user is typing, for every key if you like; `false` that it has stopped. */
  typing(active = true) {
    this.#lines.give({ type: "typing", room: this.name, active });
  }

  /** Says that everything up to a seq was read. */
  read(seq = this.position?.seq) {
    if (seq > 0) this.#lines.give({ type: "read", room: this.name, seq });
  }

  /** Says that everything up to a seq has arrived. */
  received(seq = this.position?.seq) {
    if (seq > 0) this.#lines.give({ type: "received", room: this.name, seq });
  }

  // Asking

  /**
   * Reads the log, oldest first.
   * @param {{before?: number, after?: number, limit?: number}} range
   * @returns {Promise<{messages: object[], more: boolean}>}
   */
  async history(range = {}) {
    const { messages, more, epoch } = await this.#lines.ask({ type: "history", room: this.name, ...range });
    return { messages: messages.map((frame) => entryOf(frame, this.#roost.user)), more, epoch };
  }

  /** Who is here, as the server knows now. */
  presence(cursor) {
    return this.#lines.ask({ type: "presence", room: this.name, ...(cursor === undefined ? {} : { cursor }) });
  }

  /** Leaves; messages that are not acknowledged are sent all the same. */
  leave() {
    this.#lines.give({ type: "leave", room: this.name });
    this.#lines.left();
    this.end(null);
  }

  /** Each message that comes from now on, once and in order, however slowly they are taken. */
  [Symbol.asyncIterator]() {
    const reader = new Reader(this, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }

  /** Called by the connection after the page was away: how to join again. */
  comeBack() {
    this.#wasAway = true;
    const { keep: _, ...wishes } = this.#options;
    return { type: "join", room: this.name, ...wishes, ...(this.#isPlaced ? { after: this.position } : {}) };
  }

  /** Called by the connection: no more events come. */
  end(error) {
    for (const reader of [...this.#readers]) reader.end(error);
    for (const { reject } of error === null ? [] : this.#receipts.values()) reject(error);
  }

  // Hearing

  /** Called by the connection with each event of this room. */
  hear(event) {
    switch (event.type) {
      case "joined": return this.#joined(event);
      case "reset": return this.#reset(event);
      case "message": return this.#entry(event);
      case "deleted": return this.#deleted(event);
      case "pending": return this.#pending(event);
      case "sent": return this.#settled(event);
      case "failed": return this.#failed(event);
      case "presence": return this.#setMembers(event);
      case "user_joined": return this.#came(event);
      case "user_left": return this.#went(event);
      case "typing": return this.#typed(event);
      case "refused": return this.#tell("refused", new RoostError(event));
      default: return this.#tell(event.type, event);
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #joined(event) {
    if (this.position?.epoch !== event.epoch) {
      const { after, durable, history = 0 } = this.#options;
      // Where it goes on from a position, it is heard from there, whichever that was.
      const goesOn = durable === true || after !== undefined;
      this.position = { epoch: event.epoch, seq: goesOn ? 0 : Math.max(0, event.head - history) };
      this.#isPlaced = !goesOn;
    }
    if (event.members !== undefined) this.#setMembers(event);
    this.#tell("joined", event);
  }

  #reset(event) {
    this.position = null;
    this.#isPlaced = false;
    // What was acked has gone with the log.
    for (const [messageId, { state }] of this.#unsent) if (state === "sent") this.#unsent.delete(messageId);
    this.messages = [...this.#unsent.values()];
    for (const reader of this.#readers) reader.restart();
    this.#tell("reset", event);
  }

  /** False for what has been heard: a tab that came late may be told something twice. */
  #advance(seq) {
    if (this.position === null || seq <= this.position.seq) return false;
    this.position = { epoch: this.position.epoch, seq };
    this.#isPlaced = true;
    return true;
  }

  /** One of ours that was shown as pending is the same object afterwards, in its place. */
  #entry({ type: _, room: __, own = false, ...event }) {
    if (!this.#advance(event.seq)) return;
    const isOwn = own || event.sender === this.#roost.user;
    const unsent = isOwn ? this.#unsent.get(event.messageId) : undefined;
    if (unsent !== undefined) this.#drop(unsent);
    if (isOwn && this.#wasAway) this.#settled({ ...event, durability: null, duplicate: false });
    const message = Object.assign(unsent ?? {}, event, { own: isOwn, state: "sent", error: null });
    this.messages.splice(this.messages.length - this.#unsent.size, 0, message);
    if (this.messages.length - this.#unsent.size > (this.#options.keep ?? KEEP)) this.messages.shift();
    this.#tell("message", message);
    for (const reader of this.#readers) reader.push(message);
  }

  #deleted(event) {
    if (!this.#advance(event.seq)) return;
    const message = this.messages.find(({ seq }) => seq === event.refSeq);
    if (message !== undefined) Object.assign(message, { content: null, deleted: true });
    if (message !== undefined) this.#tell("change", message);
    this.#tell("deleted", event);
  }

  // Messages that are not in the log yet

  #addUnsent({ messageId, content, createdAt }) {
    const at = new Date(createdAt).toISOString();
    const sender = this.#roost.user;
    const message = { messageId, seq: null, sender, content, at, own: true, state: "pending", error: null };
    this.#unsent.set(messageId, message);
    this.messages.push(message);
    this.#tell("pending", message);
  }

  /** Of this tab, where it is shown already, of another, or from storage. */
  #pending(event) {
    const known = this.#unsent.get(event.messageId) ?? this.#unsent.get(event.replaces);
    if (known === undefined) return this.#addUnsent(event);
    this.#unsent.delete(known.messageId);
    this.#unsent.set(event.messageId, known);
    this.#change(known, { messageId: event.messageId, state: "pending", error: null });
  }

  #settled({ messageId, seq, durability, duplicate }) {
    this.#receipts.get(messageId)?.resolve({ messageId, seq, durability, duplicate });
    this.#receipts.delete(messageId);
    const message = this.#unsent.get(messageId);
    if (message !== undefined) this.#change(message, { state: "sent", error: null });
  }

  #failed({ messageId, code, reason }) {
    const error = new RoostError({ code, reason });
    this.#receipts.get(messageId)?.reject(error);
    this.#receipts.delete(messageId);
    const message = this.#unsent.get(messageId);
    if (message === undefined) return;
    if (code === "discarded") this.#drop(message);
    else this.#change(message, { state: "failed", error });
  }

  #change(message, fields) {
    Object.assign(message, fields);
    this.#tell("change", message);
  }

  #drop(message) {
    this.#unsent.delete(message.messageId);
    this.messages = this.messages.filter((other) => other !== message);
  }

  // Who is here

  #setMembers({ members, count }) {
    if (members !== undefined) this.members = new Map(members.map((member) => [member.user, member]));
    this.count = count ?? this.members.size;
    this.#tell("members", this.members);
  }

  #came({ user, name }) {
    if (this.count !== null && !this.members.has(user)) {
      this.count += 1;
      this.members.set(user, { user, name, connections: 1 });
    }
    this.#tell("members", this.members);
  }

  #went({ user }) {
    if (this.members.delete(user)) this.count -= 1;
    this.#tell("members", this.members);
  }

  #typed({ user, active }) {
    if (active) this.typingUsers.add(user);
    else this.typingUsers.delete(user);
    this.#tell("typing", { user, active });
  }
}

/** An entry of a history as messages are shown. */
function entryOf({ type, messageId, timestamp, payload: { room: _, ...payload } }, user) {
  return { type, messageId, at: timestamp, ...payload, own: payload.sender === user, state: "sent", error: null };
}

/** A random id; `crypto.randomUUID` would need a page that came by HTTPS. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// client.js

// What applications use: `connect`, and what it returns.


/** Options that are not the machine's. */
const OWN_OPTIONS = ["url", "getToken", "identity", "shared"];

/**
 * Connects to a server, and stays connected.
 *
 * ```js
 * const roost = connect({ url: "wss://chat.example.com/ws", getToken: () => fetch("/token").then((r) => r.text()) });
 * const room = roost.join("general", { history: 50 });
 * room.addEventListener("message", ({ detail }) => show(detail));
 * await room.send({ text: "hello" });
 * ```
 * @param {import("../roost").ConnectOptions} options
 * @returns {Roost}
 */
function connect(options) {
  return new Roost(options);
}

/** A connection to one server, in whatever state it is. */
class Roost extends EventTarget {
  /** `disconnected`, `connecting` or `connected`. */
  state = "disconnected";
  /** The user that the server knows us as; null before the first welcome. */
  user = null;
  /** Why the connection is not there: `{code, reason}`; null while it is, or before it was. */
  lost = null;
  #hub;
  #enter;
  #getToken;
  #rooms = new Map();
  #requests = new Map();
  #requestsSoFar = 0;
  #unlisten = () => {};

  constructor(options) {
    super();
    const { url, getToken, identity, shared } = options;
    this.#getToken = getToken;
    const machine = optionsOfMachine(options);
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    const who = identity ?? machine.user ?? (getToken ? "token" : "");
    const config = {
      url: address.href,
      scope: `${address.href} ${who}`,
      options: { ...machine, hasToken: getToken !== undefined },
    };
    // Two tabs may be signed in as different users, unless somebody says who is.
    const isShared = shared ?? (getToken === undefined || identity !== undefined);
    this.#enter = () => joinHub(config, isShared, (message) => this.#hear(message));
    this.#hub = this.#enter();
    this.#listen();
  }

  // Rooms

  /**
   * Joins a room, or gives the one that was joined already.
   * @param {string} name
   * @param {import("../roost").JoinOptions} options
   * @returns {Room}
   */
  join(name, options = {}) {
    const known = this.#rooms.get(name);
    if (known !== undefined) return known;
    const { keep, ...wishes } = options;
    const room = new Room(this, name, options, {
      give: (input) => this.#hub.give(input),
      ask: (input) => this.#ask(input),
      left: () => this.#rooms.delete(name),
    });
    this.#rooms.set(name, room);
    this.#hub.give({ type: "join", room: name, ...wishes });
    return room;
  }

  /** The rooms that are joined, by name. */
  get rooms() {
    return new Map(this.#rooms);
  }

  /**
   * Makes a room for some users and oneself; resolves to the room as the server describes it.
   * @param {import("../roost").NewRoom} room
   */
  async createRoom(room) {
    return (await this.#ask({ type: "createRoom", ...room })).room;
  }

  // The connection

  /** Tries to connect now, where it waits to try again or was ended by the server. */
  connect() {
    this.#hub.give({ type: "connect" });
  }

  /** Ends it. What was not acknowledged stays in storage, for the next `connect` to the same server. */
  close() {
    this.#unlisten();
    this.#hub.end();
    this.#setState({ state: "disconnected", code: 1000, reason: "The client has closed the connection." });
    const error = new RoostError({ code: "closed", reason: "The client has closed the connection." });
    for (const { reject } of this.#requests.values()) reject(error);
    this.#requests.clear();
    for (const room of this.#rooms.values()) room.end(error);
    this.#rooms.clear();
  }

  #ask(input) {
    this.#requestsSoFar += 1;
    const request = String(this.#requestsSoFar);
    return new Promise((resolve, reject) => {
      this.#requests.set(request, { resolve, reject });
      this.#hub.give({ ...input, request });
    });
  }

  // What is heard

  #hear(message) {
    if (message.type === "emit") this.#route(message.event);
    else if (message.type === "answer") this.#answer(message);
    else if (message.type === "fetchToken") this.#fetchToken();
  }

  #answer({ request, result, error }) {
    const waiting = this.#requests.get(request);
    this.#requests.delete(request);
    if (error !== undefined) waiting?.reject(new RoostError(error));
    else waiting?.resolve(result);
  }

  #route(event) {
    if (event.type === "state") return this.#setState(event);
    const room = typeof event.room === "string" ? this.#rooms.get(event.room) : undefined;
    if (room !== undefined && event.type !== "personal") room.hear(event);
    else this.dispatchEvent(new CustomEvent(event.type, { detail: event }));
  }

  #setState(event) {
    this.state = event.state;
    this.user = event.user ?? this.user;
    this.lost = event.code === undefined ? null : { code: event.code, reason: event.reason };
    this.dispatchEvent(new CustomEvent("state", { detail: event }));
  }

  async #fetchToken() {
    try {
      const answer = await this.#getToken();
      const token = typeof answer === "object" && answer !== null ? answer.token : (answer ?? null);
      this.#hub.give({ type: "token", token, expiresAt: answer?.expiresAt ?? expiryOf(token) });
    } catch (error) {
      const isFinal = error instanceof RoostError && error.code === "unauthenticated";
      this.#hub.give({ type: "tokenFailed", reason: `No token: ${error?.message ?? error}`, isFinal });
    }
  }

  /** What a browser tells of its network, of being looked at, and of leaving the page. */
  #listen() {
    const { document } = globalThis;
    if (document === undefined) return;
    const listeners = [
      [globalThis, "online", () => this.#hub.give({ type: "network", online: true })],
      [globalThis, "offline", () => this.#hub.give({ type: "network", online: false })],
      [document, "visibilitychange", () => document.visibilityState === "visible" && this.#hub.give({ type: "visible" })],
      [globalThis, "pagehide", () => this.#hub.end()],
      [globalThis, "pageshow", ({ persisted }) => persisted && this.#comeBack()],
    ];
    for (const [target, type, listener] of listeners) target.addEventListener(type, listener);
    this.#unlisten = () => {
      for (const [target, type, listener] of listeners) target.removeEventListener(type, listener);
    };
  }

  /** The browser has kept the page while it was left, and shows it again: its rooms go on where they were. */
  #comeBack() {
    this.#hub = this.#enter();
    for (const room of this.#rooms.values()) this.#hub.give(room.comeBack());
  }
}

function optionsOfMachine(options) {
  if (options.preset !== undefined && PRESETS[options.preset] === undefined) {
    const reason = `There is no preset ${options.preset}; there is ${Object.keys(PRESETS).join(", ")}.`;
    throw new RoostError({ code: "invalid", reason });
  }
  const given = Object.entries(options).filter(([name, value]) => !OWN_OPTIONS.includes(name) && value !== undefined);
  return Object.fromEntries(given);
}

/** When a JWT ends, in calendar milliseconds; undefined where it does not say. The server is who believes it or not. */
function expiryOf(token) {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims.exp === "number" ? claims.exp * 1_000 : undefined;
  } catch {
    return undefined; // not a JWT: it is renewed when the server says so
  }
}

// index.js

// The module: what it exports, and what it does where it runs as a SharedWorker.



if (globalThis.SharedWorkerGlobalScope !== undefined && globalThis instanceof SharedWorkerGlobalScope) {
  serveTabs(globalThis);
}

export { ClientMachine, PRESETS, Room, Roost, RoostError, connect };
