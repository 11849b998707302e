// Questions of the application: history, presence, new rooms. Each is answered once.

import { OwnCode } from "./codes.js";
import { earliest } from "./time.js";

/** So many questions may wait at a time. */
const MOST_WAITING = 1_000;

export class Requests {
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
