"""Starts and stops the program under test."""

import os
import queue
import re
import signal
import subprocess
import threading
import time

import pytest
import requests

from certificates import trust
from checks import PATIENCE

LISTENING = re.compile(r"roost: listening on (https?://(.+):(\d+))")


def binary():
    """The program under test, named by ROOST_BIN."""
    path = os.environ.get("ROOST_BIN")
    if not path:
        pytest.exit("Set ROOST_BIN to the path of the roost binary that shall be tested.", returncode=2)
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        pytest.exit(f"ROOST_BIN names {path}, which is no program.", returncode=2)
    return path


def environment(extra=None):
    """This process's environment without any option of Roost, and with `extra`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ROOST_")}
    clean.update(extra or {})
    return clean


def run(*args, env=None, cwd=None, timeout=20):
    """Runs a command that must end by itself; returns its code and what it wrote."""
    program = binary()
    try:
        return subprocess.run(
            [program, *args], env=environment(env), cwd=cwd, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout * PATIENCE,
        )
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"roost {' '.join(args)} did not end by itself; it wrote {late.stderr!r}") from None


class Http:
    """HTTP requests to one node: paths or whole addresses."""

    def __init__(self, base):
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False

    def request(self, method, path, **options):
        options.setdefault("timeout", 10 * PATIENCE)
        url = path if path.startswith("http") else self.base + path
        return self.session.request(method, url, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def patch(self, path, **options):
        return self.request("PATCH", path, **options)

    def put(self, path, **options):
        return self.request("PUT", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)


class Node:
    """`roost serve`, from its start to the line that says that it listens; with a pair of `tls` files, over TLS."""

    def __init__(self, directory, *args, store="memory:", env=None, port=0, tls=None):
        os.makedirs(directory, exist_ok=True)
        self.directory = str(directory)
        self.stderr_path = os.path.join(self.directory, f"stderr-{time.monotonic_ns()}.log")
        command = [binary(), "serve", "--port", str(port)]
        if store is not None:
            command += ["--store", store]
        if tls is not None:
            command += tls.flags
        # What clients connect with; None: plainly.
        self.trust = trust(tls) if tls else None
        self._stderr = open(self.stderr_path, "wb")
        self.process = subprocess.Popen(
            [*command, *args], env=environment(env), cwd=self.directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self._stderr, text=True,
        )
        self._written = []
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._await_listening()
        except BaseException:
            self.kill9()
            raise
        self.http = Http(self.url)
        if tls:
            self.http.session.verify = str(tls.root)

    def _read(self):
        for line in self.process.stdout:
            self._written.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def _await_listening(self):
        try:
            line = self._lines.get(timeout=30 * PATIENCE)
        except queue.Empty:
            raise AssertionError(f"roost serve did not say that it listens; it logged:\n{self.stderr()}") from None
        if line is None:
            code = self.process.wait(5)
            raise AssertionError(f"roost serve ended with {code} at its start; it logged:\n{self.stderr()}")
        match = LISTENING.fullmatch(line.rstrip("\n"))
        assert match, f"the line on standard output is {line!r}"
        self.url, self.host, self.port = match[1], match[2], int(match[3])

    @property
    def authority(self):
        return f"{self.host}:{self.port}"

    @property
    def socket_url(self):
        return self.url.replace("http", "ws", 1)

    def stdout(self):
        """All of standard output; complete once the node has ended."""
        if self.process.poll() is not None:
            self._reader.join(5)
        return "".join(self._written)

    def stderr(self):
        with open(self.stderr_path, errors="replace") as file:
            return file.read()

    def stop(self, with_signal=signal.SIGTERM, timeout=30):
        """Asks the node to end, waits, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
            self.wait(timeout)
        self._stderr.close()
        return self.process.returncode

    def wait(self, timeout=30):
        try:
            return self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the node did not end within {timeout} s; it logged:\n{self.stderr()}") from None

    def kill9(self):
        """Ends the node as a power cut would, as far as the process is concerned."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._stderr.close()
