// What outlives a page: messages that are not acked, positions of durable rooms, the secret of an anonymous user.

/** Nothing outlives the page: where there is no IndexedDB, or it is not wanted. */
export class MemoryStore {
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
export function openStore(scope) {
  return globalThis.indexedDB === undefined ? new MemoryStore() : new IndexedStore(scope);
}

/**
 * IndexedDB. Several pages may write to one database: each message belongs to the page that wrote it, as long as that
 * page lives, which others see by a lock that it holds. Messages of pages that are gone are taken over by the next that
 * loads. Where a browser has no locks (pages that came by plain HTTP from elsewhere than this machine), messages are
 * not kept, since two pages might both send them.
 */
export class IndexedStore {
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
