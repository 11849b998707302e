#!/usr/bin/env python3
"""Measures nodes over one real Redis: how long a message takes from one node to another, how many a second go through one
Redis, and what a cluster costs in which nothing happens; prints the tables (README.md says how to read them).

    ROOST_BIN=… Benchmarks/cluster.py
"""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from websockets.asyncio.client import connect

from comparison import machine
from comparison.clients import Client, metric
from comparison.nodes import cluster, cpu_seconds, divider, running, wait
from comparison.servers import Failure, environment, raise_open_files, roost_program
from comparison.table import markdown, number, shown, spread

PARTS = ("latency", "throughput", "idle")
ROOMS, SIZE, IN_FLIGHT = 20, 64, [1, 4, 16, 64]
WARMING_UP = 50


class Usage:
    """What processes and Redis have done since it was made."""

    def __init__(self, bus, servers):
        self.bus, self.servers = bus, servers
        self.begun, self.counts = time.monotonic(), bus.counts()
        self.cpu = [cpu_seconds(server.pid) for server in [bus, *servers]]

    def since(self):
        seconds = time.monotonic() - self.begun
        counts = {name: value - self.counts[name] for name, value in self.bus.counts().items()}
        redis, *servers = (100 * (cpu_seconds(server.pid) - before) / seconds
                         for server, before in zip([self.bus, *self.servers], self.cpu))
        return {"seconds": seconds, "redis": redis, "servers": servers, **counts}


# Latency

def latencies(author_node, reader_node, samples, room):
    """Milliseconds from sending until a reader has it, one message at a time, by sockets without anything around them."""
    author, reader = Client(author_node, "author"), Client(reader_node, "reader")
    found = []
    try:
        reader.join(room)
        reader.until(b'"type":"joined"')
        for sample in range(WARMING_UP + samples):
            begun = time.perf_counter()
            author.say("message", f"m{sample}", {"room": room, "content": "x" * SIZE})
            reader.until(b'"type":"message"')
            found.append((time.perf_counter() - begun) * 1000)
            author.until(b'"type":"ack"')
    finally:
        author.close()
        reader.close()
    found = sorted(found[WARMING_UP:])
    return {"p50": found[len(found) // 2], "p99": found[int(len(found) * 0.99)]}


def latency_table(chosen, folders):
    rows = []
    for name, folder in folders:
        rounds = []
        for number_ in range(chosen.rounds):
            with cluster(2, folder) as (_, (first, second)):
                # In turn, so that neither is always the one whose nodes are warm.
                readers = [("same", first), ("other", second)]
                found = {side: latencies(first, reader, chosen.samples, f"{side}-{number_}")
                         for side, reader in (reversed(readers) if number_ % 2 else readers)}
            rounds.append((found["same"], found["other"]))
        same, other = ([each[side] for each in rounds] for side in (0, 1))
        more = [there["p50"] - here["p50"] for here, there in rounds]
        rows.append([name, *(shown(spread([found[part] for found in side]), " ms")
                             for side in (same, other) for part in ("p50", "p99")), shown(spread(more), " ms")])
    head = ["store", "same node, p50", "p99", "another node, p50", "p99", "what the way over Redis adds (p50)"]
    return "From sending to hearing, one message at a time:\n\n" + markdown(head, rows)


# Throughput

def load(bus, port, divides, nodes, in_flight, seconds):
    """`roost bench fanout` on rooms whose publisher is on the first node, with one reader on each: its figures, and the CPU
    of all parts while it runs."""
    process = subprocess.Popen(
        [roost_program(), "bench", "fanout", "--url", f"ws://127.0.0.1:{port}/ws", "--rooms", str(ROOMS), "--readers", "2",
         "--size", str(SIZE), "--in-flight", str(in_flight), "--seconds", str(seconds), "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    def is_divided():
        return all(metric(node, "roost_rooms_open") >= ROOMS for node in nodes)

    try:
        wait(lambda: process.poll() is not None or is_divided(), "a reader of each room on each node")
        divided = process.poll() is None
        # Of the middle only: coming in and reckoning at the end are no part of the load.
        usage = Usage(bus, [*nodes, process, divides])
        time.sleep(seconds * 0.8)
        used = usage.since()
        output, complaints = process.communicate(timeout=seconds + 60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    try:
        found = json.loads(output)
    except ValueError:
        raise Failure(f"roost bench said {complaints.strip() or 'nothing'}") from None
    if found["faults"]:
        raise Failure(f"roost bench found: {'; '.join(found['faults'])}")
    if not divided:
        raise Failure("The readers of each room were not on both nodes.")
    return {figure["name"]: figure["value"] for figure in found["figures"]}, used


def alone(bus, size, pipeline):
    """Posts a second to one subscriber that Redis does by itself, as its own benchmark says."""
    size -= len(f"*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n${size}\r\n\r\n")
    # Else a subscriber that falls behind is cut off, and posts to nobody are cheap.
    limit = subprocess.run(
        ["redis-cli", "-p", str(bus.port), "CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0"],
        capture_output=True, text=True, timeout=10)
    if limit.stdout.strip() != "OK":
        raise Failure(f"Redis kept its limit for subscribers: {limit.stderr.strip() or limit.stdout.strip() or 'no answer'}")
    with running("redis-cli", "-p", str(bus.port), "SUBSCRIBE", "bench"):
        wait(lambda: bus.subscribers("bench") == 1, "the subscriber of Redis")
        done = subprocess.run(
            ["redis-benchmark", "-p", str(bus.port), "-c", "20", "-P", str(pipeline), "-n", "100000", "--csv", "PUBLISH",
             "bench", "x" * size], capture_output=True, text=True, timeout=120)
        if bus.subscribers("bench") != 1:
            raise Failure("Redis has cut off the subscriber while it was measured by itself.")
    rows = list(csv.reader(done.stdout.splitlines()))
    if done.returncode or len(rows) < 2:
        raise Failure(f"redis-benchmark said {done.stderr.strip() or done.stdout.strip() or 'nothing'}")
    return float(rows[-1][1])


def throughput_table(chosen, folders):
    rows, bytes_of_post = [], 300
    for name, folder in folders:
        for in_flight in chosen.in_flight:
            with cluster(2, folder) as (bus, nodes), divider(nodes) as (port, divides):
                usage = Usage(bus, nodes)
                found, busy = load(bus, port, divides, nodes, in_flight, chosen.seconds)
                used = usage.since()
                messages = sum(metric(node, "roost_log_messages_total") for node in nodes)
            bytes_of_post = round(used["bytes"] / max(1, used["posts"]))
            rows.append([name, str(in_flight), number(found["publications/s"]), number(used["posts"] / messages),
                         f"{found['latency p50']:.1f} / {found['latency p99']:.1f} ms", number(busy["redis"]) + " %",
                         *(number(cpu) + " %" for cpu in busy["servers"])])
    head = ["store", "in flight per room", "messages/s, each heard on both nodes", "posts per message", "p50 / p99",
            "CPU of Redis", "of the publishers' node", "of the other", "of the clients", "of what divides them"]
    with cluster(1, folders[-1][1]) as (bus, _):
        bare = {pipeline: alone(bus, bytes_of_post, pipeline) for pipeline in (1, 16)}
    return (f"Messages of {SIZE} B in {ROOMS} rooms, published on one node and heard on both:\n\n" + markdown(head, rows)
            + f"\n\nRedis by itself (`redis-benchmark`, 20 connections, one subscriber, {bytes_of_post} B, as large as a post "
            f"was): {number(bare[1])} posts/s one by one, {number(bare[16])} with 16 in a pipeline.")


# Idle

class Audience:
    """Connections that are there, answer pings and hear nothing, ten to a room, spread over the nodes."""

    def __init__(self, nodes, count):
        self.urls = [f"ws://127.0.0.1:{nodes[number % len(nodes)].port}/ws?user=idle-{number}" for number in range(count)]
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.sockets = asyncio.run_coroutine_threadsafe(self.enter(), self.loop).result(120)

    async def enter(self):
        places = asyncio.Semaphore(50)

        async def one(number_, url):
            async with places:
                client = await connect(url, subprotocols=["roost.v1.json"], ping_interval=None, compression=None, proxy=None)
                await client.send(json.dumps({"type": "join", "messageId": "j", "payload": {
                    "room": f"idle-{number_ // 10}", "presence": False}}))
                while '"type":"joined"' not in await client.recv():
                    pass
                return client

        return await asyncio.gather(*(one(*each) for each in enumerate(self.urls)))

    def leave(self):
        async def close():
            await asyncio.gather(*(client.close() for client in self.sockets))

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


def idle_table(chosen, folders):
    rows = []
    with cluster(3, folders[-1][1]) as (bus, nodes):
        for connections in (0, chosen.connections):
            audience = Audience(nodes, connections) if connections else None
            # What coming in costs is over when presence is told, within seconds.
            time.sleep(min(10, chosen.idle_seconds))
            usage = Usage(bus, nodes)
            time.sleep(chosen.idle_seconds)
            used = usage.since()
            if connections and (there := sum(metric(node, "roost_connections") for node in nodes)) != connections:
                raise Failure(f"{there:.0f} of {connections} idle connections were left")
            rows.append([f"{connections:,}", shown(spread(used["servers"]), " %"), number(used["redis"]) + " %",
                         number(used["commands"] / used["seconds"]), number(used["bytes"] / used["seconds"]) + " B"])
            if audience:
                audience.leave()
    head = ["connections", "CPU of a node", "CPU of Redis", "commands/s", "bytes/s to Redis"]
    return (f"Three nodes in which nothing is said, over {chosen.idle_seconds} s:\n\n" + markdown(head, rows))


# Spins, at the lowest priority there is, so that it takes nothing from anybody.
SPINNER = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"


@contextlib.contextmanager
def awake():
    """Keeps the processors from sleeping: on some virtual machines it takes them milliseconds to wake up, and what goes
    through several processes, one message at a time, waits for that."""
    with contextlib.ExitStack() as stack:
        for _ in os.sched_getaffinity(0):
            stack.enter_context(running(sys.executable, "-c", SPINNER))
        yield


def options():
    parser = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS), metavar="PARTS",
                        help=f"of {','.join(PARTS)} (all)")
    parser.add_argument("--rounds", type=int, default=5, help="of latencies (5)")
    parser.add_argument("--samples", type=int, default=2000, help="messages of each latency (2000)")
    parser.add_argument("--seconds", type=int, default=5, help="of each load (5)")
    parser.add_argument("--in-flight", type=lambda text: [int(part) for part in text.split(",")], default=IN_FLIGHT,
                        metavar="NUMBERS", help=f"messages under way in each room ({','.join(map(str, IN_FLIGHT))})")
    parser.add_argument("--idle-seconds", type=int, default=60, help="over which idle nodes are watched (60)")
    parser.add_argument("--connections", type=int, default=1000, help="that do nothing (1000)")
    parser.add_argument("--let-sleep", action="store_true", help="let processors sleep that have nothing to do")
    parser.add_argument("--folder", metavar="DIR", default=tempfile.gettempdir(),
                        help=f"where stores are made, on a disk ({tempfile.gettempdir()})")
    chosen = parser.parse_args()
    if unknown := set(chosen.only) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: not among {', '.join(PARTS)}")
    return chosen


def main():
    chosen = options()
    tables = {"latency": latency_table, "throughput": throughput_table, "idle": idle_table}
    try:
        roost_program()
        # Where Debian has HAProxy, and a user's path does not lead.
        os.environ["PATH"] += ":/usr/sbin"
        if missing := [name for name in ("redis-server", "redis-benchmark", "haproxy") if not shutil.which(name)]:
            raise Failure(f"{', '.join(missing)} is missing; `make setup` installs it.")
        raise_open_files()
        # No cluster keeps its store in memory. One whose file is there shows what the disk has no part in.
        folders = [("SQLite on a disk", chosen.folder), ("SQLite on a file in memory", "/dev/shm")]
        facts = machine.circumstances(["roost"], chosen.rounds, chosen.seconds)
        print(f"{facts['date']}, {facts['machine']}, commit `{facts['commit']}`: {facts['versions']['roost']}. Nodes with one "
              "event loop each, Redis, clients and what divides them share all processors"
              + (", which may sleep." if chosen.let_sleep else ", which are kept awake."), end="\n\n")
        with contextlib.nullcontext() if chosen.let_sleep else awake():
            for part in PARTS:
                if part in chosen.only:
                    print(tables[part](chosen, [each for each in folders if os.path.isdir(each[1])]), end="\n\n", flush=True)
    except Failure as failure:
        print(f"cluster: {failure}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
