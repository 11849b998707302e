#!/usr/bin/env python3
"""Stands in for `roost` and for a peer: listens, says its version, and prints made-up figures of a benchmark.

Told by the environment: STUB_CALLS, a file for the benchmarks' arguments; STUB_FAULT, a dialect whose runs lose
something; STUB_SILENT, a dialect whose runs print nothing.
"""

import json
import os
import signal
import socket
import sys

# By dialect: what one delivery costs, and how many publications are made in a second.
COSTS = {"native": 4.0, "pubsub": 8.0, "simple": 16.0, None: 2.0}
UNITS = {"server CPU per delivery": "µs", "latency p99": "ms", "server RSS per connection": "B"}


def listen(port):
    with socket.create_server(("127.0.0.1", port)) as server:
        print(f"roost: listening on http://127.0.0.1:{server.getsockname()[1]}", flush=True)
        signal.pause()


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
               "server CPU per connection": 10 * cost, "server CPU per cycle": cost}
    faults = ["3 deliveries were lost"] if dialect and dialect == os.environ.get("STUB_FAULT") else []
    warnings = ["the generator itself was the bottleneck"] if options.get("--in-flight") == "16" else []
    print(json.dumps({"title": "made up", "warnings": warnings, "faults": faults, "figures": [
        {"name": name, "value": value, "unit": UNITS.get(name, "µs")} for name, value in figures.items()]}))
    sys.exit(1 if faults else 0)


match sys.argv[1:]:
    case ["serve", *_]:
        listen(0)
    case ["version"]:
        print("roost 0.0.0 (commit stub)\nengines: none")
    case ["bench", *arguments]:
        bench([each for each in arguments if each != "--json"])
    case [_, "--version"]:
        print("a peer that is none")
    case [_, port]:
        listen(int(port))
