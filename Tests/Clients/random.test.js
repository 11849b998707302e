// The machine against a model of the server, in virtual time, over many seeds.
// SEEDS=100000 FROM=1 node --test random.test.js runs more of them; a failure names its seed.

import assert from "node:assert/strict";
import test from "node:test";
import { RandomWorld } from "./random_world.js";

const SEEDS = Number(process.env.SEEDS ?? 500);
const FROM = Number(process.env.FROM ?? 1);

test(`${SEEDS} random worlds from seed ${FROM}`, () => {
  for (let seed = FROM; seed < FROM + SEEDS; seed++) {
    try {
      new RandomWorld(seed).run();
    } catch (error) {
      assert.fail(`seed ${seed}: ${error.stack}`);
    }
  }
});
