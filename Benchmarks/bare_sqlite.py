#!/usr/bin/env python3
"""What SQLite itself does on this machine with Roost's schema: a bare loop that inserts messages, with the row of the
dedupe window and the room's head that belong to each, in transactions of a fixed size, each of which is on disk before
the next begins. `roost bench store` is to be seen beside it.

    bare_sqlite.py FILE      # a file that `roost serve --store sqlite:FILE` has made; it grows"""

import argparse
import json
import os
import sqlite3
import time

SEQ_BITS = 36  # a message's row is room << 36 | seq


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--batch", type=int, default=800, help="messages per transaction")
    parser.add_argument("--rooms", type=int, default=100)
    parser.add_argument("--size", type=int, default=512, help="bytes of content")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def connect(path):
    """As Roost does: a write-ahead log, every commit synced."""
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 1000"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    return db


def make_rooms(db, count):
    now = int(time.time() * 1000)
    names = [f"bare-{os.getpid()}-{number}" for number in range(count)]
    db.executemany("INSERT INTO rooms (name, title, visibility, epoch, created_at) VALUES (?, '', 0, 'e', ?)",
                   [(name, now) for name in names])
    return [db.execute("SELECT id FROM rooms WHERE name = ?", (name,)).fetchone()[0] for name in names]


def insert(db, options):
    """Inserts for so many seconds; returns the messages stored, the seconds, and how long each commit took."""
    rooms = make_rooms(db, options.rooms)
    recent = (db.execute("SELECT max(id) FROM recent").fetchone()[0] or 0) + 1
    heads = dict.fromkeys(rooms, 0)
    content, stored, commits = b'"' + b"x" * (options.size - 2) + b'"', 0, []
    began = time.perf_counter()
    while time.perf_counter() - began < options.seconds:
        now = int(time.time() * 1000)
        messages, ids = [], []
        for number in range(options.batch):
            room = rooms[number % len(rooms)]
            heads[room] += 1
            messages.append((room << SEQ_BITS | heads[room], now, "bench-1", f"m{stored + number:012}", 0, content))
            ids.append((recent + number, hash((room, number)), hash((number, room)), heads[room], now, 0))
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO messages (id, at, sender, message_id, kind, content) VALUES (?, ?, ?, ?, ?, ?)",
                       messages)
        db.executemany("INSERT INTO recent (id, a, b, seq, clock, ahead) VALUES (?, ?, ?, ?, ?, ?)", ids)
        db.executemany("UPDATE rooms SET head = ?, last_at = ? WHERE id = ?",
                       [(heads[room], now, room) for room in rooms[: options.batch]])
        committing = time.perf_counter()
        db.execute("COMMIT")
        commits.append(time.perf_counter() - committing)
        stored += options.batch
        recent += options.batch
    return stored, time.perf_counter() - began, sorted(commits)


def main():
    options = arguments()
    stored, seconds, commits = insert(connect(options.file), options)
    figures = {
        "messages/s": round(stored / seconds),
        "commit p50 ms": round(1000 * commits[len(commits) // 2], 3),
        "commit p99 ms": round(1000 * commits[int(len(commits) * 0.99)], 3),
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{name}  {value:,}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
