"""The servers that are compared: how each is spoken to, started on a processor of its own, and ended."""

import contextlib
import os
import pathlib
import re
import resource
import select
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START_PEER = REPOSITORY / "Benchmarks" / "peers" / "start.sh"
SERVER_PROCESSOR, GENERATOR_PROCESSOR = "0", "1"
# How long a server may take until it listens, and to end when asked to.
STARTING, ENDING = 30, 3


@dataclass(frozen=True)
class Kind:
    """One of the servers: its name, the dialect its rooms are spoken to in, and its paths."""

    name: str
    dialect: str
    rooms: str
    echo: str | None


ROOST = Kind("roost", "native", "/ws", "/echo")
# Roost's sockets with nothing of Roost behind them: below /echo/ whatever is said is sent to all who are there.
BARE = Kind("bare", "pubsub", "/echo", None)
PEERS = {kind.name: kind for kind in (
    # A room's name follows the path.
    Kind("limit", "pubsub", "/ps/", "/echo"),
    Kind("nchan", "pubsub", "/ps/", "/echo"),
    Kind("node-ws", "simple", "/ws", "/echo"),
    Kind("nats", "nats", "/", None),
    Kind("fastapi", "simple", "/ws", "/echo"),
)}


class Failure(Exception):
    """A server or a generator that did not do its part, and why."""


class Server:
    """A process that listens on loopback."""

    def __init__(self, kind, process, output):
        self.kind = kind
        self.process = process
        self.output = output
        self.port = None

    @property
    def pid(self):
        return self.process.pid

    def url(self, path):
        return f"ws://127.0.0.1:{self.port}{path}"

    def last_words(self):
        self.output.seek(0)
        lines = self.output.read().decode(errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or "it wrote nothing"

    def wait_until_listening(self):
        """Asks again and again, since most servers don't announce it."""
        deadline = time.monotonic() + STARTING
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"{self.kind.name} ended with {self.process.returncode}: {self.last_words()}")
            self.port = self.port or self.announced_port()
            if self.port:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                    return
            select.select([], [], [], 0.02)
        raise Failure(f"{self.kind.name} did not listen within {STARTING} s: {self.last_words()}")

    def announced_port(self):
        self.output.seek(0)
        found = re.search(rb"http://[^\s/]+:(\d+)", self.output.read())
        return int(found[1]) if found else None

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def roost_program():
    """The release build under comparison, which is the generator, too."""
    path = os.environ.get("ROOST_BIN")
    if not path or not os.access(path, os.X_OK):
        raise Failure("Set ROOST_BIN to a release build of roost.")
    return os.path.abspath(path)


def environment():
    """This process's environment without any option of Roost."""
    return {key: value for key, value in os.environ.items() if not key.startswith("ROOST_")}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def command(kind, port, echo, options):
    if kind not in (ROOST, BARE):
        return [str(START_PEER), kind.name, str(port)]
    chosen = {"--store": "memory:", "--rate-limit-messages": "0", "--rate-limit-connects": "0", **options}
    flags = ["--conformance"] if echo or kind is BARE else []
    return [roost_program(), "serve", "--port", "0", "--loops", "1",
            *(part for option in chosen.items() for part in option), *flags]


@contextlib.contextmanager
def serving(kind, echo=False, options=None):
    """A fresh server of this kind on the server's processor, until the block ends.

    - echo: whether the benchmark is of its echo, which Roost has only when told to.
    - options: of `roost serve`, where they are other than usual, by flag."""
    port = None if kind in (ROOST, BARE) else free_port()
    # Appended to, so that reading it does not move where the server writes.
    with tempfile.TemporaryFile("a+b") as output:
        process = subprocess.Popen(
            ["taskset", "-c", SERVER_PROCESSOR, *command(kind, port, echo, options or {})],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment())
        server = Server(kind, process, output)
        server.port = port
        try:
            server.wait_until_listening()
            yield server
        finally:
            server.end()


def raise_open_files():
    """Lets this process and those it starts have as many open files as they may; returns how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
