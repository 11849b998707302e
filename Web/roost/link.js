// The connection: its life, its backoff, its heartbeat, its token.

import { OwnCode, SLOW_ATTEMPTS, Verdict, isMute, verdictOf } from "./codes.js";
import { LIMITS } from "./options.js";
import { earliest } from "./time.js";
import { TokenKeeper } from "./token.js";
import { TransportChoice } from "./transports.js";

/** What the connection is doing. The application sees `disconnected`, `connecting` or `connected`. */
export const Phase = Object.freeze({
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

export class Link {
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
