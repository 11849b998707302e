// Replays Tests/Clients/scenarios against the machine. Each file is a list of stories:
//   {"name", "options"?, "random"?: [numbers, used in turn], "wall"?, "steps": [{"at", "in", "out"}]}
// `out` is everything that the machine is to do about `in`, in order. `node scenarios.test.js --record` writes down what it
// does now, to be read before it is believed.

import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import test, { describe } from "node:test";
import { ClientMachine } from "../../Web/roost/machine.js";

const FOLDER = new URL("./scenarios/", import.meta.url);
const isRecording = process.argv.includes("--record");

function machineOf(story) {
  const numbers = story.random ?? [0.5];
  let used = 0;
  const random = () => numbers[used++ % numbers.length];
  return new ClientMachine(story.options ?? {}, random, story.wall ?? 0);
}

/** What is compared is JSON: fields without a value don't count. */
const asJSON = (value) => JSON.parse(JSON.stringify(value));

function play(story, check) {
  const machine = machineOf(story);
  for (const [index, step] of story.steps.entries()) {
    check(step, asJSON(machine.handle(asJSON(step.in), step.at)), index);
  }
}

/** One line per step and action, so that a change shows where it is. */
function print(stories) {
  const steps = (story) => story.steps.map(({ at, in: input, out }) => {
    const head = `{"at":${at},"in":${JSON.stringify(input)},"out":[`;
    return `      ${head}${out.map((action) => `\n        ${JSON.stringify(action)}`).join(",")}]}`;
  });
  const one = ({ steps: _, ...story }) => JSON.stringify(story).slice(0, -1);
  return `[\n${stories.map((story) => `  ${one(story)},"steps":[\n${steps(story).join(",\n")}\n  ]}`).join(",\n")}\n]\n`;
}

function record(file) {
  const stories = JSON.parse(readFileSync(file, "utf8"));
  for (const story of stories) play(story, (step, out) => (step.out = out));
  writeFileSync(file, print(stories));
}

for (const name of readdirSync(FOLDER).sort()) {
  const file = new URL(name, FOLDER);
  if (isRecording) {
    record(file);
    continue;
  }
  describe(name.replace(".json", ""), () => {
    for (const story of JSON.parse(readFileSync(file, "utf8"))) {
      test(story.name, () => {
        play(story, (step, out, index) => {
          assert.deepEqual(out, step.out, `step ${index}, at ${step.at}: ${JSON.stringify(step.in)}`);
        });
      });
    }
  });
}
