#!/usr/bin/env python3
"""Stands in for `roost` and for a peer: listens, says its version, and prints made-up figures of a benchmark. As a
server it makes an empty store, lets clients join and publish, and tells how many are there.

Told by the environment: STUB_CALLS, a file for the benchmarks' arguments; STUB_SERVES, a file for the servers'
arguments; STUB_PAYLOAD, the bytes of each message's frame without its header; STUB_FAULT, a dialect whose runs lose
something; STUB_SILENT, a dialect whose runs print nothing; STUB_DEAF, if anything, lets nobody join.
"""

import json
import os
import re
import selectors
import socket
import sqlite3
import sys

# By dialect: what one delivery costs, and how many publications are made in a second.
COSTS = {"native": 4.0, "pubsub": 8.0, "simple": 16.0, None: 2.0}
UNITS = {"server CPU per delivery": "µs", "latency p99": "ms", "server RSS per connection": "B"}
ACKED, PER_COMMIT = 5000, 40
SCHEMA = """
    CREATE TABLE rooms (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, title TEXT NOT NULL,
        visibility INTEGER NOT NULL, epoch TEXT NOT NULL, head INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE messages (id INTEGER PRIMARY KEY, at INTEGER, sender TEXT, message_id TEXT, kind INTEGER, content BLOB);
    CREATE TABLE recent (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, seq INTEGER, clock INTEGER, ahead INTEGER);
"""
WANTED = re.compile(rb'"type":"(join|message)".*?"room":"([^"]*)"')


def frame(text):
    data = text.encode()
    return b"\x81" + (bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")) + data


class Listener:
    """Enough of a server for the clients that prepare things."""

    def __init__(self, port):
        self.server = socket.create_server(("127.0.0.1", port), backlog=1000)
        self.waiting = {}
        self.rooms = {}
        self.messages = 0

    def run(self):
        print(f"roost: listening on http://127.0.0.1:{self.server.getsockname()[1]}", flush=True)
        selector = selectors.DefaultSelector()
        selector.register(self.server, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is self.server:
                    client, _ = self.server.accept()
                    self.waiting[client] = b""
                    selector.register(client, selectors.EVENT_READ)
                elif not self.hear(key.fileobj):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()

    def hear(self, client):
        """Answers what has come; false if the client has gone."""
        try:
            data = client.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            self.waiting.pop(client, None)
            self.rooms.pop(client, None)
            return False
        self.waiting[client] += data
        if self.waiting[client].startswith(b"GET ") and b"\r\n\r\n" in self.waiting[client]:
            head, _, self.waiting[client] = self.waiting[client].partition(b"\r\n\r\n")
            client.sendall(self.upgraded(client) if b"Upgrade:" in head else self.metrics())
        self.waiting[client] = WANTED.sub(lambda found: self.answer(client, found), self.waiting[client])
        return True

    def upgraded(self, client):
        self.rooms[client] = set()
        return b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + frame('{"type":"welcome"}')

    def metrics(self):
        # Of what the benchmarks make up, where nobody was there to say anything.
        messages = self.messages or (0 if self.rooms else 100 * PER_COMMIT)
        values = {"roost_log_messages_total": messages, "roost_log_batches_total": messages / PER_COMMIT,
                  "roost_recent_bytes": 0, "roost_connections": len(self.rooms),
                  "roost_rooms_open": len(set().union(*self.rooms.values()))}
        body = "".join(f"{name} {value}\n" for name, value in values.items()).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def answer(self, client, found):
        if found[1] == b"join":
            if not os.environ.get("STUB_DEAF"):
                self.rooms[client].add(found[2])
            client.sendall(frame('{"type":"joined"}'))
        else:
            self.messages += 1
            message = '{"type":"message"}'.ljust(int(os.environ.get("STUB_PAYLOAD", 200)))
            client.sendall(frame('{"type":"ack"}') + frame(message))
        return b""


def serve(arguments):
    if path := os.environ.get("STUB_SERVES"):
        with open(path, "a") as serves:
            print(*arguments, file=serves)
    store = arguments[arguments.index("--store") + 1]
    if store.startswith("sqlite:"):
        sqlite3.connect(store.removeprefix("sqlite:")).executescript(SCHEMA)
    Listener(0).run()


def bench(arguments):
    options = dict(zip(arguments[1::2], arguments[2::2]))
    dialect = options.get("--dialect")
    with open(os.environ["STUB_CALLS"], "a") as calls:
        print(*arguments, file=calls)
    if dialect and dialect == os.environ.get("STUB_SILENT"):
        sys.exit("roost: it went wrong")
    cost = COSTS[dialect]
    figures = {"deliveries/s": 800_000 / cost, "publications/s": 800 / cost, "server CPU per delivery": cost,
               "latency p99": cost, "server CPU per round trip": cost, "server RSS per connection": 100 * cost,
               "server CPU per connection": 10 * cost, "server CPU per cycle": cost,
               "acked messages/s": int(options.get("--rate", ACKED)), "ack latency p99": cost}
    faults = ["3 deliveries were lost"] if dialect and dialect == os.environ.get("STUB_FAULT") else []
    warnings = ["the generator itself was the bottleneck"] if options.get("--in-flight") == "16" else []
    print(json.dumps({"title": "made up", "warnings": warnings, "faults": faults, "figures": [
        {"name": name, "value": value, "unit": UNITS.get(name, "µs")} for name, value in figures.items()]}))
    sys.exit(1 if faults else 0)


match sys.argv[1:]:
    case ["serve", *arguments]:
        serve(arguments)
    case ["version"]:
        print("roost 0.0.0 (commit stub)\nengines: none")
    case ["bench", *arguments]:
        bench([each for each in arguments if each != "--json"])
    case [_, "--version"]:
        print("a peer that is none")
    case [_, port]:
        Listener(int(port)).run()
