"""What is compared: which benchmark each row runs, which of its figures are shown, and what Roost is held to."""

from dataclasses import dataclass

NCHAN, LIMIT, BARE = "nchan", "limit", "bare"

ONE_ROOM = ("--rooms", "1", "--readers", "1000")
# How many publications are under way when the most that a server can do is looked for.
IN_FLIGHT_AT_MOST = "4"


@dataclass(frozen=True)
class Line:
    """A line of the table: one figure of a row's benchmark, by the name `roost bench` gives it.

    - goal: what Roost's figure divided by that of its base shall be, at most (at least where more is better).
    - limit_goal: the same, divided by the limit's."""

    title: str
    figure: str
    unit: str
    goal: float | None = None
    more_is_better: bool = False
    limit_goal: float | None = None


@dataclass(frozen=True)
class Row:
    """One benchmark with its arguments, run against a fresh server.

    - half_load: it is paced at half of what the server did when it was run with `IN_FLIGHT_AT_MOST` just before.
    - base: what Roost is measured against: a peer, or what the machine does without Roost."""

    name: str
    benchmark: str
    arguments: tuple[str, ...]
    lines: tuple[Line, ...]
    half_load: bool = False
    timed: bool = True
    base: str = NCHAN

    @property
    def echo(self):
        return self.benchmark == "echo"

    @property
    def speaks_dialects(self):
        return self.benchmark not in ("echo", "store")


def fan_out(size, in_flight):
    return (*ONE_ROOM, "--size", str(size), "--in-flight", str(in_flight))


def cpu_per_delivery(title, goal, limit_goal):
    return Line(title, "server CPU per delivery", "µs", goal, limit_goal=limit_goal)


def deliveries(title):
    return Line(title, "deliveries/s", "/s", goal=12, more_is_better=True, limit_goal=1)


STORE = Row("store", "store", ("--publishers", "100", "--rooms", "100", "--in-flight", "16", "--size", "512"), (
    Line("stored and acked, SQLite, 100 publishers × 16 in flight, 512 B; bare: a loop of inserts",
         "messages/s", "/s", 0.6, more_is_better=True),
    Line("messages per commit", "messages per commit", ""),
    Line("latency p99 of acks at half of that rate; bare: one write and fsync of as many bytes", "p99", "ms", 3),
    Line("the messages at which that was", "messages/s at p99", "/s", more_is_better=True),
    Line("messages per commit then", "messages per commit at p99", ""),
    Line("bytes of each write; none of Roost's are counted", "bytes per fsync", "B")), base=BARE)

ADDED = Row("added", "fanout", (*ONE_ROOM, "--in-flight", "1"), (
    Line("CPU per delivery, 1 room × 1000, 64 B of content; bare: frames of as many bytes sent to all",
         "server CPU per delivery", "µs", 1.1),
    Line("bytes of each frame's payload", "bytes per frame", "B")), base=BARE)


def rows(connections):
    """All rows; `connections` is how many idle ones this machine's limits allow."""
    return (
        Row("fanout-64", "fanout", fan_out(64, 1), (
            cpu_per_delivery("CPU per delivery, 1 room × 1000, 64 B", 0.85, 1.05),)),
        Row("fanout-512", "fanout", fan_out(512, 1), (
            cpu_per_delivery("CPU per delivery, 1 room × 1000, 512 B", 0.85, 1.05),)),
        Row("burst-64", "fanout", fan_out(64, 16), (
            deliveries("deliveries, 1 room × 1000, 64 B, 16 in flight"),)),
        Row("burst-512", "fanout", fan_out(512, 16), (
            deliveries("deliveries, 1 room × 1000, 512 B, 16 in flight"),)),
        Row("rooms", "fanout", ("--rooms", "20", "--readers", "50", "--size", "64", "--in-flight", "1"), (
            cpu_per_delivery("CPU per delivery, 20 rooms × 50, 64 B", 0.8, 1.1),)),
        Row("p99", "fanout", (*ONE_ROOM, "--size", "64"), (
            Line("latency p99 at half of its own maximum, 1 room × 1000, 64 B", "latency p99", "ms", 0.85, limit_goal=1),
            Line("the publications at which that was", "publications/s", "/s", more_is_better=True)), half_load=True),
        Row("echo", "echo", ("--connections", "100", "--in-flight", "1", "--size", "64"), (
            Line("CPU per echo, 100 connections, 64 B", "server CPU per round trip", "µs", 0.75, limit_goal=1.3),)),
        Row("idle", "idle", ("--connections", str(connections)), (
            Line(f"memory (RSS) per idle connection, {connections:,}", "server RSS per connection", "B", 0.35),
            Line("CPU per connect", "server CPU per connection", "µs", 1.2, limit_goal=1.5)), timed=False),
        Row("churn", "churn", ("--connections", "50"), (
            Line("CPU per connect, join, say, hear and close, 50 at once", "server CPU per cycle", "µs", 1.2, limit_goal=1.3),)),
        STORE, ADDED,
    )
