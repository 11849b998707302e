// Types of roost.js, the client of Roost for browsers.

/** Any value that JSON can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A place in a room's log. A `seq` means something within its epoch only. */
export interface Position {
  epoch: string;
  seq: number;
}

export type State = "disconnected" | "connecting" | "connected";

/** A token, and when it ends (calendar milliseconds) where it does not say so itself. */
export type Token = string | { token: string; expiresAt?: number } | null;

/** Numbers that can be changed; times are milliseconds. Docs/client-machine.md says what each does. */
export interface Tuning {
  openTimeoutMs?: number;
  stableAfterMs?: number;
  reconnectBaseMs?: number;
  reconnectMaxMs?: number;
  betterAfterMs?: number;
  tokenTimeoutMs?: number;
  heartbeatMs?: number;
  heartbeatTimeoutMs?: number;
  probeTimeoutMs?: number;
  answerTimeoutMs?: number;
  messageTimeoutMs?: number;
  messageAttempts?: number;
  messageBackoffMs?: number;
  messageBackoffMaxMs?: number;
  inFlightLimit?: number;
  queueLimit?: number;
  queueBytes?: number;
  typingEveryMs?: number;
  typingLapseMs?: number;
  markEveryMs?: number;
  positionEveryMs?: number;
}

export interface ConnectOptions extends Tuning {
  /** Where the server's WebSocket is, `ws:`, `wss:`, `http:`, `https:` or relative to the page. */
  url: string | URL;
  /** Asked for a token before connecting and before one ends; null connects without. Throw to be asked again later. */
  getToken?: () => Token | Promise<Token>;
  /** Who `getToken` speaks for: tabs of one identity share a connection, and messages of another are never sent. */
  identity?: string;
  /** Whether tabs share one connection; by default they do, unless there is `getToken` and no `identity`. */
  shared?: boolean;
  /** On servers without sign-in: who we are. Left out, the server makes up a user that this browser keeps. */
  user?: string;
  name?: string;
  /** A named set of options: `chatflow` waits 60 s for an ack, five times, 100 ms doubling to 2 s apart. */
  preset?: "chatflow";
  /** Ways to the server, the best first. */
  transports?: "websocket"[];
}

export interface MachineOptions extends Required<Tuning> {
  hasToken: boolean;
  user: string | null;
  name: string | null;
  transports: string[];
}

export interface StateChange {
  state: State;
  /** Why the last connection ended: a WebSocket close code and one plain sentence. */
  code?: number;
  reason?: string;
  /** While connecting again: when the next attempt is made. */
  retryInMs?: number;
  user?: string;
  name?: string;
  clientId?: string;
  node?: string;
  transport?: string;
}

export interface JoinOptions {
  /** How many of the latest messages to hear first; 0 by default. */
  history?: number;
  /** true: with a list of members; false: without news of who comes and goes. */
  presence?: boolean;
  /** Go on, after a reload too, where this browser has heard the room up to. */
  durable?: boolean;
  /** Go on from here; it wins over `durable` and `history`. */
  after?: Position;
  /** How many messages `messages` holds at most; 500 by default. */
  keep?: number;
}

export interface Message {
  messageId: string;
  /** Its place in the log; null while it has none. */
  seq: number | null;
  sender: string | null;
  content: Json;
  /** When it was stored, or, before that, written: ISO 8601. */
  at: string;
  /** Whether this user has written it. */
  own: boolean;
  /** `sent` once the server has it. */
  state: "pending" | "sent" | "failed";
  /** Why it has failed. */
  error: RoostError | null;
  deleted?: boolean;
}

export interface Receipt {
  messageId: string;
  seq: number | null;
  /** What was true when the server said so; null if it stored the message but its answer was lost. */
  durability: "memory" | "stored" | "queued" | null;
  duplicate: boolean;
}

export interface Member {
  user: string;
  name: string;
  since?: string;
  connections: number;
}

export interface History {
  epoch: string;
  messages: (Message & { type: "message" | "deleted"; ref?: string; refSeq?: number })[];
  more: boolean;
}

export interface NewRoom {
  participants: string[];
  name?: string;
  visibility?: "public" | "private";
}

export interface RoomInfo {
  id: string;
  name: string;
  visibility: "public" | "private";
  participants: string[];
  createdAt: string;
  lastMessage: Json;
  lastMessageAt: string | null;
}

/** Codes of the server, and `timeout`, `queue_full`, `other_user`, `discarded`, `closed`, `slow_reader`. */
export class RoostError extends Error {
  constructor(error: { code: string; reason: string; retryAfterMs?: number });
  code: string;
  reason: string;
  retryAfterMs?: number;
}

export interface RoostEvents {
  state: CustomEvent<StateChange>;
  room_created: CustomEvent<{ room: RoomInfo }>;
  personal: CustomEvent<{ room: string; seq: number; entry: string; messageId: string; content?: Json; at: string }>;
  error: CustomEvent<{ code: string; reason: string; room?: string; retryAfterMs?: number }>;
}

export class Roost extends EventTarget {
  readonly state: State;
  readonly user: string | null;
  readonly lost: { code: number; reason: string } | null;
  readonly rooms: Map<string, Room>;
  join(name: string, options?: JoinOptions): Room;
  createRoom(room: NewRoom): Promise<RoomInfo>;
  connect(): void;
  close(): void;
  addEventListener<K extends keyof RoostEvents>(type: K, listener: (event: RoostEvents[K]) => void): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null): void;
}

export interface RoomEvents {
  message: CustomEvent<Message>;
  pending: CustomEvent<Message>;
  change: CustomEvent<Message>;
  deleted: CustomEvent<{ seq: number; ref: string; refSeq: number }>;
  joined: CustomEvent<{ epoch: string; head: number; recovered: boolean }>;
  reset: CustomEvent<{ epoch: string; head: number }>;
  gap: CustomEvent<{ from: number; to: number }>;
  members: CustomEvent<Map<string, Member>>;
  typing: CustomEvent<{ user: string; active: boolean }>;
  receipts: CustomEvent<{ members: { user: string; received: number; read: number }[] }>;
  refused: CustomEvent<RoostError>;
  left: CustomEvent<object>;
}

export class Room extends EventTarget implements AsyncIterable<Message> {
  private constructor();
  readonly name: string;
  readonly messages: Message[];
  readonly members: Map<string, Member>;
  readonly count: number | null;
  readonly typingUsers: Set<string>;
  readonly position: Position | null;
  send(content: Json): Promise<Receipt>;
  retry(message: Message): void;
  discard(message: Message): void;
  typing(active?: boolean): void;
  read(seq?: number): void;
  received(seq?: number): void;
  history(range?: { before?: number | Position; after?: number | Position; limit?: number }): Promise<History>;
  presence(cursor?: string): Promise<{ room: string; count: number; members: Member[]; next?: string }>;
  leave(): void;
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
  addEventListener<K extends keyof RoomEvents>(type: K, listener: (event: RoomEvents[K]) => void): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null): void;
}

/** Connects to a server, and stays connected until `close`. */
export function connect(options: ConnectOptions): Roost;

/** Named sets of options. */
export const PRESETS: Readonly<Record<"chatflow", Readonly<Tuning>>>;

export type Input = { type: string; [field: string]: unknown };
export type Action = { type: string; [field: string]: unknown };

/** The whole behaviour of a client without a socket or clock: for other shells, and for tests. */
export class ClientMachine {
  constructor(options: Partial<MachineOptions>, random: () => number, wall?: number);
  handle(input: Input, now: number): Action[];
}
