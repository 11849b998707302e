// What is said beside the log: who is typing, and how far has been read.

import { earliest } from "./time.js";

export class Signals {
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
