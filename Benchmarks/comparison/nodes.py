"""Several nodes over one Redis, and what stands beside them in the measurements of a cluster."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request

from comparison.servers import ENDING, ROOST, STARTING, Failure, Server, environment, free_port, roost_program

TICK = os.sysconf("SC_CLK_TCK")
# Between two clients of one divider only; what is measured is not how long somebody is silent.
DIVIDER = """
global
  fd-hard-limit 20000
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen divider
  bind 127.0.0.1:{port}
  balance roundrobin
{nodes}
"""


def cpu_seconds(pid):
    """The time that a process has had of processors (Linux)."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def wait(condition, what):
    deadline = time.monotonic() + STARTING
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what} did not come about within {STARTING} s")
        time.sleep(0.02)


@contextlib.contextmanager
def running(*command):
    """A process, until the block ends."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Redis:
    def __init__(self, process, port):
        self.process, self.port = process, port

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def answers(self):
        if self.process.poll() is not None:
            raise Failure(f"redis-server ended with {self.process.returncode}")
        with contextlib.suppress(OSError):
            return bool(self.info())
        return False

    def info(self):
        """What it counts, by name."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"INFO ALL\r\n")
            answer = connection.makefile("rb")
            text = answer.read(int(answer.readline()[1:])).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def subscribers(self, channel):
        """How many hear a channel."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"PUBSUB NUMSUB {channel}\r\n".encode())
            answer = connection.makefile("rb")
            # An array of two: the name, which is two lines, and its number.
            return int([answer.readline() for _ in range(4)][3][1:])

    def counts(self):
        """Commands so far, posts among them, and the bytes that came with all of them."""
        info = self.info()
        posts = info.get("cmdstat_publish", "calls=0").split(",")[0].removeprefix("calls=")
        return {"commands": int(info["total_commands_processed"]), "posts": int(posts),
                "bytes": int(info["total_net_input_bytes"])}


@contextlib.contextmanager
def redis():
    port = free_port()
    with running("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                 "--appendonly", "no") as process:
        server = Redis(process, port)
        wait(server.answers, "an answer of Redis")
        yield server


@contextlib.contextmanager
def node(bus, store):
    """A node with one event loop, connected to the bus when the block begins."""
    with tempfile.TemporaryFile("a+b") as output:
        process = subprocess.Popen(
            [roost_program(), "serve", "--port", "0", "--loops", "1", "--store", store, "--bus", bus.url,
             "--rate-limit-messages", "0", "--rate-limit-connects", "0"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment())
        server = Server(ROOST, process, output)
        try:
            server.wait_until_listening()
            wait(lambda: health(server)["redis_connected"], "a node's connection to Redis")
            yield server
        finally:
            server.end()


def health(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health", timeout=STARTING) as answer:
        return json.load(answer)


@contextlib.contextmanager
def cluster(count, folder):
    """Redis and so many nodes on one SQLite file in that folder."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="roost-cluster-", dir=folder))
        bus = stack.enter_context(redis())
        store = f"sqlite:{place}/roost.db"
        yield bus, [stack.enter_context(node(bus, store)) for _ in range(count)]


@contextlib.contextmanager
def divider(servers):
    """A port whose connections are led to the servers in turn, as bytes, and the process that does so (HAProxy)."""
    port = free_port()
    lines = "\n".join(f"  server s{number} 127.0.0.1:{server.port}" for number, server in enumerate(servers))
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as config:
        config.write(DIVIDER.format(port=port, nodes=lines))
        config.flush()
        with running("haproxy", "-f", config.name) as process:
            # Asked without connecting, so that the first client is the first server's.
            wait(lambda: process.poll() is not None or listens(port), "the divider's start")
            if process.poll() is not None:
                raise Failure(f"haproxy ended with {process.returncode}")
            yield port, process


def listens(port):
    """Whether somebody listens on a port of loopback (Linux)."""
    with open("/proc/net/tcp") as table:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in list(table)[1:])
