#!/usr/bin/env python3
"""What SQLite itself does on this machine with Roost's schema: a bare loop that inserts messages, with the row of the
dedupe window and the room's head that belong to each, in transactions of a fixed size, each of which is on disk before
the next begins. What Python does between transactions is not counted. `roost bench store` is to be seen beside it.

    bare_sqlite.py FILE      # a file that `roost serve --store sqlite:FILE` has made; it grows"""

import argparse
import json
import os
import sqlite3
import threading
import time

SEQ_BITS = 36  # a message's row is room << 36 | seq
# A page in the write-ahead log with its header, and the log's own header.
LOG_PAGE, LOG_HEADER = 4096 + 24, 32
# As Roost's: pages that the log grows by between checkpoints, and from which on it is made to begin anew.
CHECKPOINT_PAGES, RESTART_PAGES = 1024, 16384


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--batch", type=int, default=800, help="messages per transaction")
    parser.add_argument("--rooms", type=int, default=100)
    parser.add_argument("--size", type=int, default=512, help="bytes of content")
    parser.add_argument("--seconds", type=float, default=5, help="how long to insert; one transaction at least")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def connect(path):
    """As Roost does: a write-ahead log, every commit synced, checkpoints made on a connection of their own."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0", "cache_size = -16000",
                   "secure_delete = FAST", f"journal_size_limit = {RESTART_PAGES * 4096}"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    return db


class Checkpoints:
    """Moves the log into the file while the loop goes on; makes it begin anew where that never catches up."""

    def __init__(self, path, writer):
        self.aside = connect(path)
        self.writer = writer
        self.thread = None
        self.grown = 0
        self.pages = 0
        self.made = 0

    def committed(self, pages):
        self.grown += pages
        if self.thread and self.thread.is_alive():
            return
        if self.pages >= RESTART_PAGES:
            self.writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            self.pages = 0
        if self.grown >= CHECKPOINT_PAGES:
            self.grown = 0
            self.thread = threading.Thread(target=self.run)
            self.thread.start()

    def run(self):
        _, self.pages, _ = self.aside.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self.made += 1

    def end(self):
        if self.thread:
            self.thread.join()
        self.aside.close()


class Loop:
    """Messages for so many rooms, one after another, and where each room's log ends."""

    def __init__(self, db, options):
        self.db = db
        self.options = options
        now = int(time.time() * 1000)
        names = [f"bare-{os.getpid()}-{number}" for number in range(options.rooms)]
        db.executemany("INSERT INTO rooms (name, title, visibility, epoch, created_at) VALUES (?, '', 0, 'e', ?)",
                       [(name, now) for name in names])
        self.rooms = [db.execute("SELECT id FROM rooms WHERE name = ?", (name,)).fetchone()[0] for name in names]
        self.recent = (db.execute("SELECT max(id) FROM recent").fetchone()[0] or 0) + 1
        self.heads = dict.fromkeys(self.rooms, 0)
        self.content = b'"' + b"x" * (options.size - 2) + b'"'
        self.stored = 0

    def rows(self):
        """The next transaction's rows: messages, ids of the dedupe window, heads of rooms."""
        now, messages, ids = int(time.time() * 1000), [], []
        for number in range(self.stored, self.stored + self.options.batch):
            room = self.rooms[number % len(self.rooms)]
            self.heads[room] = head = self.heads[room] + 1
            messages.append((room << SEQ_BITS | head, now, "bench-1", f"m{number:012}", 0, self.content))
            ids.append((self.recent + number, hash((room, number)), hash((number, room)), head, now, 0))
        heads = [(self.heads[room], now, room) for room in {row[0] >> SEQ_BITS for row in messages}]
        self.stored += self.options.batch
        return messages, ids, heads

    def store(self, messages, ids, heads):
        """Returns how long the commit took."""
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(
            "INSERT INTO messages (id, at, sender, message_id, kind, content) VALUES (?, ?, ?, ?, ?, ?)", messages)
        self.db.executemany("INSERT INTO recent (id, a, b, seq, clock, ahead) VALUES (?, ?, ?, ?, ?, ?)", ids)
        self.db.executemany("UPDATE rooms SET head = ?, last_at = ? WHERE id = ?", heads)
        committing = time.perf_counter()
        self.db.execute("COMMIT")
        return time.perf_counter() - committing


def insert(path, options):
    """Inserts for so many seconds; returns the messages stored, the seconds, how long each commit took, the bytes of the
    log that a transaction takes, and how many checkpoints were made."""
    db = connect(path)
    loop = Loop(db, options)
    checkpoints = Checkpoints(path, db)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    loop.store(*loop.rows())
    log = os.stat(f"{path}-wal").st_size - LOG_HEADER
    before, seconds, commits = loop.stored, 0.0, []
    while seconds < options.seconds or not commits:
        rows = loop.rows()
        began = time.perf_counter()
        commits.append(loop.store(*rows))
        checkpoints.committed(log // LOG_PAGE)
        seconds += time.perf_counter() - began
    checkpoints.end()
    db.close()
    return loop.stored - before, seconds, sorted(commits), log, checkpoints.made


def main():
    options = arguments()
    stored, seconds, commits, log, checkpoints = insert(options.file, options)
    figures = {
        "messages/s": round(stored / seconds),
        "messages per transaction": options.batch,
        "log bytes per transaction": log,
        "checkpoints": checkpoints,
        "commit p50 ms": round(1000 * commits[len(commits) // 2], 3),
        "commit p99 ms": round(1000 * commits[int(len(commits) * 0.99)], 3),
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{name}  {value:,}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
