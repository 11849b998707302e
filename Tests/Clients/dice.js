// Random numbers under a seed, and a clock that jumps from event to event.

/** A small generator with 32 bits of state (the mixing step of "mulberry32"). */
export function dice(seed) {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return {
    random,
    chance: (part) => random() < part,
    between: (least, most) => least + Math.floor(random() * (most - least + 1)),
    pick: (list) => list[Math.floor(random() * list.length)],
  };
}

/** Things to be done at times; those of one time in the order in which they were given. */
export class Agenda {
  constructor() {
    this.now = 0;
    this.items = [];
    this.given = 0;
  }

  at(time, action) {
    const item = { time: Math.max(this.now, time), order: this.given++, action };
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle].time <= item.time) low = middle + 1;
      else high = middle;
    }
    this.items.splice(low, 0, item);
    return item;
  }

  after(delay, action) {
    return this.at(this.now + delay, action);
  }

  run(until) {
    while (this.items.length > 0 && this.items[0].time <= until) {
      const item = this.items.shift();
      this.now = item.time;
      item.action();
    }
    this.now = until;
  }
}
