"""Measures what a delivery costs while something else is there ten times over, and what rooms cost in memory."""

import contextlib
import pathlib
import tempfile
import time
from dataclasses import dataclass

from comparison.bare import blaming, keep
from comparison.clients import company, fill, metric, resident_bytes
from comparison.measuring import Measurement, generate
from comparison.rows import Line, Row
from comparison.servers import ROOST, Failure, serving
from comparison.table import NOTHING, by_round, markdown, number, shown, spread

BASE, GROWN = "base", "grown"
# What ten times as much may cost.
GOAL = 1.1
# What a room with one reader may take, in bytes, what it keeps of its messages aside.
ROOM_GOAL = 1024
# A room that `roost bench fanout` can be told to use.
NAME, ROOM = "measured", "measured-0"
# Those who are there hear nothing, pings neither: what they cost on their own is not what is asked for.
QUIET = {"--heartbeat": "0"}
# How long memory may take until it stays as it is, and for how long it has to.
SETTLING, SETTLED = 20, 1


@dataclass(frozen=True)
class Surroundings:
    """What is there besides the room that is measured: connections spread over rooms, and messages in that room."""

    connections: int = 0
    rooms: int = 0
    history: int = 0

    def rooms_of(self, number):
        """The rooms that a connection is in; every room has somebody."""
        if self.rooms > self.connections:
            return [f"other-{room}" for room in range(number, self.rooms, self.connections)]
        return [f"other-{number % self.rooms}"] if self.rooms else []


@dataclass(frozen=True)
class Growth:
    """A thing that grows, which a delivery is not to notice.

    - on_disk: whether it is measured with SQLite; else with the store in memory."""

    row: Row
    base: Surroundings
    grown: Surroundings
    on_disk: bool = False


@dataclass(frozen=True)
class Memory:
    """So many connections in a few rooms, and the same in a room of its own each: what a room costs is the difference,
    divided by how many more rooms there are."""

    row: Row
    base: Surroundings
    grown: Surroundings
    on_disk: bool = False

    def per_room(self, measurements):
        few, own = (by_round(measurements, self.row, "bytes", label) for label in (BASE, GROWN))
        more = self.grown.rooms - self.base.rooms
        return spread([(own[number] - few[number]) / more for number in own if number in few])


def cases(readers, connections):
    """Everything that is measured, with so many readers in the room and so many connections where many are."""
    few = connections // 10

    def growth(name, what, base, grown, on_disk=False):
        line = Line(f"CPU per delivery, 1 room × {readers}, 64 B: {what}", "server CPU per delivery", "µs", GOAL)
        load = ("--rooms", "1", "--readers", str(readers), "--size", "64", "--in-flight", "1", "--name", NAME)
        return Growth(Row(name, "fanout", load, (line,), base=BASE), base, grown, on_disk)

    def memory(name, store, on_disk):
        line = Line(f"memory (RSS) of {connections:,} connections, {store}", "bytes", "B")
        return Memory(Row(name, "", (), (line,), base=BASE), Surroundings(connections, 10),
                      Surroundings(connections, connections), on_disk)

    return (
        growth("rooms", f"{few:,} → {connections:,} other rooms, in each of which one of 100 connections is",
               Surroundings(100, few), Surroundings(100, connections)),
        growth("members", f"{few:,} → {connections:,} members of 10 other rooms",
               Surroundings(few, 10), Surroundings(connections, 10)),
        growth("connections", f"{few:,} → {connections:,} connections in no room",
               Surroundings(few), Surroundings(connections)),
        growth("history", "10,000 → 100,000 messages in the room before, SQLite",
               Surroundings(history=10_000), Surroundings(history=100_000), on_disk=True),
        memory("memory-sqlite", "SQLite", on_disk=True),
        memory("memory-store", "the store in memory", on_disk=False),
    )


@contextlib.contextmanager
def surrounded(case, surroundings, folder):
    """A fresh server in these surroundings."""
    with tempfile.TemporaryDirectory(prefix="roost-growth-", dir=folder) as scratch:
        store = f"sqlite:{pathlib.Path(scratch, 'growth.db')}" if case.on_disk else "memory:"
        with (serving(ROOST, options={"--store": store, **QUIET}) as server,
              company(server, surroundings.connections, surroundings.rooms_of)):
            if surroundings.history:
                fill(server, ROOM, surroundings.history)
            check_surroundings(server, surroundings)
            yield server


def check_surroundings(server, surroundings):
    """Else a ratio of 1 might say only that nobody came."""
    for name, wanted in (("roost_connections", surroundings.connections), ("roost_rooms_open", surroundings.rooms)):
        if (found := metric(server, name)) != wanted:
            raise Failure(f"{name} is {found:.0f} where it should be {wanted}")
    if (found := metric(server, "roost_log_messages_total")) != surroundings.history:
        raise Failure(f"the log has {found:.0f} messages where it should have {surroundings.history}")


def measure(case, round_number, seconds, folder):
    """One case in one round: as it is at first, and grown; now one first, now the other."""
    pair = [(BASE, case.base), (GROWN, case.grown)]
    for label, surroundings in pair[:: 1 if round_number % 2 else -1]:
        measurement = Measurement(case.row.name, label, round_number)
        with blaming(measurement), surrounded(case, surroundings, folder) as server:
            if isinstance(case, Memory):
                measurement.figures = {"bytes": settled(server)}
            else:
                timing = ["--seconds", str(seconds)]
                measurement.arguments = " ".join([case.row.benchmark, *case.row.arguments, *timing])
                measurement.figures = keep(measurement, generate(case.row, server, timing))
        yield measurement


def settled(server):
    """The server's memory once it stays the same, without what it keeps of messages."""
    deadline, since, last = time.monotonic() + SETTLING, time.monotonic(), resident_bytes(server)
    while time.monotonic() - since < SETTLED:
        if time.monotonic() > deadline:
            raise Failure(f"the server's memory did not stay the same for {SETTLED} s within {SETTLING} s")
        time.sleep(0.1)
        now = resident_bytes(server)
        if now != last:
            since, last = time.monotonic(), now
    return last - metric(server, "roost_recent_bytes")


def rooms_in_memory(chosen, measurements):
    """What a room costs, and whether that is what it may."""
    body = []
    for case in chosen:
        line = case.row.lines[0]
        figures = [shown(spread([value / 2**20 for value in by_round(measurements, case.row, line.figure, label)
                                 .values()]), " MiB") for label in (BASE, GROWN)]
        found = case.per_room(measurements)
        verdict = NOTHING if found is None else "yes" if found.median <= ROOM_GOAL else "**no**"
        body.append([line.title, *figures, shown(found, " B"), f"≤ {number(ROOM_GOAL)} B", verdict])
    return markdown(["what", "in 10 rooms", "each in its own", "per room", "goal", "met"], body)
