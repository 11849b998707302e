// The module: what it exports, and what it does where it runs as a SharedWorker.

import { serveTabs } from "./sharing.js";

export { connect, Roost } from "./client.js";
export { RoostError } from "./error.js";
export { ClientMachine } from "./machine.js";
export { PRESETS } from "./options.js";
export { Room } from "./room.js";

if (globalThis.SharedWorkerGlobalScope !== undefined && globalThis instanceof SharedWorkerGlobalScope) {
  serveTabs(globalThis);
}
