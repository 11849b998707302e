"""Measures Roost and, in the same round, what this machine does without it: SQLite, the disk, the sockets alone."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from comparison.clients import metric, payload_bytes
from comparison.measuring import GRACE, Measurement, generate
from comparison.rows import ADDED, STORE
from comparison.servers import BARE, REPOSITORY, ROOST, SERVER_PROCESSOR, Failure, environment, serving

BENCHMARKS = REPOSITORY / "Benchmarks"
# What `added` has switched on: limits that nobody reaches, since they are to cost what they cost.
ALL_ON = {"--rate-limit-messages": "1000000", "--rate-limit-burst": "1000000"}
# Bytes of content in `added`, and a room whose name is as long as those of `roost bench` mostly are.
ADDED_SIZE, LIKE_BENCH = 64, "bench-4000000000-0"
# File systems in memory, where a sync costs nothing.
IN_MEMORY = {"tmpfs", "ramfs"}


def check_folder(folder):
    """Whether stores can be measured there; returns the file system."""
    try:
        done = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, timeout=20)
    except OSError as error:
        raise Failure(f"stat can't be run: {error}") from None
    kind = done.stdout.strip()
    if done.returncode or not os.access(folder, os.W_OK):
        raise Failure(f"Stores can't be made in {folder}; name another folder with --folder.")
    if kind in IN_MEMORY:
        raise Failure(f"{folder} is in memory ({kind}), where nothing is synced; name one on a disk with --folder.")
    return kind


def measure(row, round_number, seconds, folder):
    """One row in one round: Roost's measurement and that of what is bare, which is nothing where Roost's failed."""
    measure_one = {STORE.name: store, ADDED.name: added}[row.name]
    roost, bare = (Measurement(row.name, name, round_number) for name in (ROOST.name, BARE.name))
    with blaming(roost):
        measure_one(row, roost, bare, seconds, folder)
    return [roost, bare]


@contextlib.contextmanager
def blaming(measurement):
    """What fails in this block is a fault of this measurement."""
    try:
        yield
    except Failure as failure:
        measurement.faults.append(str(failure))


def keep(measurement, found):
    """Adds what the generator has warned of and found missing; returns its figures."""
    figures, warnings, faults = found
    measurement.warnings += warnings
    measurement.faults += faults
    return figures


# MARK: the store

def store(row, roost, bare, seconds, folder):
    with tempfile.TemporaryDirectory(prefix="roost-store-", dir=folder) as scratch:
        full, batch = stored(row, roost, pathlib.Path(scratch, "full.db"), ["--seconds", str(seconds)])
        rate = max(1, round(figure(full, "acked messages/s") / 2))
        roost.arguments = " ".join([row.benchmark, *row.arguments, "--seconds", str(seconds), "--rate", str(rate)])
        half, half_batch = stored(row, roost, pathlib.Path(scratch, "half.db"),
                                  ["--seconds", str(seconds), "--rate", str(rate)])
        roost.figures = {
            "messages/s": full["acked messages/s"], "messages per commit": batch,
            "p99": figure(half, "ack latency p99"), "messages/s at p99": figure(half, "acked messages/s"),
            "messages per commit at p99": half_batch}
        with blaming(bare):
            bare.figures = bare_store(pathlib.Path(scratch), batch, half_batch, seconds)
            bare.arguments = f"{batch:.0f} messages a transaction"


def figure(figures, name):
    if not figures.get(name):
        raise Failure(f"the generator told no {name}")
    return figures[name]


def stored(row, measurement, path, timing):
    """Loads a fresh store; returns the generator's figures, and how many messages there were in a commit."""
    with serving(ROOST, options={"--store": f"sqlite:{path}"}) as server:
        figures = keep(measurement, generate(row, server, timing))
        batches, messages = (metric(server, f"roost_log_{name}_total") for name in ("batches", "messages"))
    if not batches:
        raise Failure("Roost counted no commit")
    return figures, messages / batches


def bare_store(scratch, batch, half_batch, seconds):
    """The same inserts in transactions as large as Roost's were, and syncs of as many bytes as its were at half load."""
    path = scratch / "bare.db"
    # Roost makes the schema, so that it is the same.
    with serving(ROOST, options={"--store": f"sqlite:{path}"}):
        pass
    inserts = program("bare_sqlite.py", path, "--batch", round(batch), "--seconds", seconds)
    small = program("bare_sqlite.py", path, "--batch", max(1, round(half_batch)), "--seconds", "0")
    bytes_per_fsync = small["log bytes per transaction"]
    syncs = program("bare_fsync.py", scratch / "bare.log", "--bytes", bytes_per_fsync, "--seconds", seconds)
    return {"messages/s": inserts["messages/s"], "messages per commit": inserts["messages per transaction"],
            "p99": syncs["p99 ms"], "bytes per fsync": bytes_per_fsync}


def program(name, *arguments):
    """Runs one of the programs beside this folder on the server's processor; returns its figures."""
    command = ["taskset", "-c", SERVER_PROCESSOR, sys.executable, str(BENCHMARKS / name), *map(str, arguments), "--json"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GRACE,
                              env=environment())
    except subprocess.TimeoutExpired:
        raise Failure(f"{name} did not end within {GRACE} s") from None
    if done.returncode:
        raise Failure(f"{name} ended with {done.returncode}: {(done.stderr.strip() or 'nothing').splitlines()[-1]}")
    return json.loads(done.stdout)


# MARK: the sockets

def added(row, roost, bare, seconds, _folder):
    with serving(ROOST, options=ALL_ON) as server:
        size = payload_bytes(server, LIKE_BENCH, ADDED_SIZE)
    timing = ["--seconds", str(seconds)]
    runs = [(roost, ROOST, ALL_ON, ADDED_SIZE), (bare, BARE, {}, size)]
    # Now one first, now the other.
    for measurement, kind, options, content in runs[:: 1 if roost.round % 2 else -1]:
        more = ["--size", str(content), *timing]
        measurement.arguments = " ".join([row.benchmark, *row.arguments, *more])
        with blaming(measurement), serving(kind, options=options) as server:
            measurement.figures = {**keep(measurement, generate(row, server, more)), "bytes per frame": size}
