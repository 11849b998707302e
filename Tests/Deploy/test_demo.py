"""`make demo-cluster`, as whoever types it sees it, and its script."""

import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from browser import SERVER_AWAY, Window
from checks import PATIENCE, eventually

DEMO = pathlib.Path(__file__).parents[2] / "Scripts" / "demo-cluster.py"


class Demo:
    """The demonstration, with what it has printed so far and a keyboard."""

    def __init__(self, *arguments, **env):
        self.lines, self.printed = [], queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, DEMO, *arguments], env={**os.environ, "PYTHONUNBUFFERED": "1", **env}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.printed.put(line)

    def says(self, pattern, timeout=30):
        """The first line from here on that matches."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            try:
                self.lines.append(self.printed.get(timeout=max(0.01, deadline - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"{pattern!r} was not printed within {timeout} s: {''.join(self.lines)}") from None
            if match := re.search(pattern, self.lines[-1]):
                return match

    def types(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


@pytest.fixture
def demo():
    started = []

    def start(*arguments, **env):
        started.append(Demo(*arguments, **env))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.send_signal(signal.SIGINT)
        one.process.wait(30 * PATIENCE)


def test_the_script_shows_stickiness_and_loses_nothing(demo):
    """a script shows sticky on and off, kills a node, and reports messages lost (0)"""
    told = demo("--script")
    told.says("stickiness on")
    for client in (1, 2, 3):
        told.says(rf"client {client}: node [123] 10 times$")
    told.says("stickiness off")
    for client in (1, 2, 3):
        told.says(rf"client {client}: node 1 \d times, node 2 \d times, node 3 \d times$")
    told.says("node 1 was killed")
    told.says(r"^[1-9]\d* messages were acked")
    told.says("^messages lost: 0$")
    told.says("^messages heard twice: 0$")
    assert told.process.wait(10 * PATIENCE) == 0


@pytest.fixture
def windows():
    opened = []

    def open_window(address):
        opened.append(Window().open(address))
        opened[-1].allow(SERVER_AWAY)
        opened[-1].allow(r"/health - Failed to load resource")
        return opened[-1]

    yield open_window
    errors = [error for window in opened for error in window.console_errors()]
    for window in opened:
        window.driver.quit()
    assert not errors, "errors in the browser's console:\n" + "\n".join(errors)


def node_of(window):
    """The number of the node that a window says it is on; None while it says something else."""
    match = re.search(r" is on node (\d)$", window.text_of("status"))
    return match and int(match[1])


def log_of(window):
    """What the page shows of the room, oldest first: (seq, text)."""
    lines = window.js("return [...document.querySelectorAll('#log li')].map((line) => line.textContent)")
    return [(int(line.split()[0]), line.split(": ")[1]) for line in reversed(lines) if line[0] != "…"]


def ask(window, text):
    window.find("text").send_keys(text + "\n")


def test_the_page_shows_the_node_that_each_window_is_on(demo, windows):
    """opens a page that shows which node each window is on"""
    shown = demo("--no-open")
    address = shown.says(r"^  (http://\S+/cluster/\S+)")[1]
    shown.says("The chat")
    first, second = windows(address), windows(address)
    for window in (first, second):
        window.wait(lambda window=window: node_of(window), "the page to say its node")
    assert node_of(first) != node_of(second), "without stickiness they come to different nodes"
    ask(first, "hello")
    second.wait(lambda: log_of(second) == [(1, "hello")], "the message in the other window")
    lost = node_of(first)
    shown.types(f"kill {lost}")
    shown.says(f"kill {lost}: done")
    ask(second, "are you there")
    first.wait(lambda: node_of(first) not in (None, lost), "the page to be on another node")
    first.wait(lambda: log_of(first) == [(1, "hello"), (2, "are you there")], "what was said meanwhile")
    away = first.js("return [...document.querySelectorAll('#nodes .away strong')].map((name) => name.textContent)")
    assert away == [f"node {lost}"]
    shown.types(f"start {lost}")
    shown.says(f"start {lost}: done")
    first.wait(lambda: first.js("return document.querySelector('#nodes .away')") is None, "all nodes to be there")


@pytest.fixture
def opener(tmp_path):
    """A folder with a program in the place of the system's that opens addresses; and the file where it writes them."""
    folder, told = tmp_path / "programs", tmp_path / "told"
    folder.mkdir()
    program = folder / "xdg-open"
    # By another name first, so that who finds it finds all of it.
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" >'{told}.part' && mv '{told}.part' '{told}'\n")
    program.chmod(0o755)
    return folder, told


def test_the_page_is_opened(demo, opener):
    """starts three nodes behind HAProxy and opens a page"""
    folder, told = opener
    shown = demo(PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    address = shown.says(r"^  (http://\S+/cluster/\S+)")[1]
    eventually(told.exists, what="the page to be opened")
    # The first of the two: without stickiness.
    assert told.read_text().splitlines() == ["1", address]
    page = requests.get(address, timeout=10 * PATIENCE)
    assert page.status_code == 200 and "<html" in page.text


def test_no_page_is_opened_where_none_is_wanted(demo, opener):
    """--no-open: open no browser"""
    folder, told = opener
    shown = demo("--no-open", PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    shown.says("^Type")
    # A browser would be started before anything that is typed is done, and has had the time of the end to be.
    shown.types("start 1")
    shown.says("^node 1 is there$")
    shown.process.send_signal(signal.SIGINT)
    assert shown.process.wait(20 * PATIENCE) == 0
    assert not told.exists()


def test_a_node_that_does_not_do_what_it_should_is_told_in_one_sentence(demo):
    """type `kill 1`, `drain 1` or `start 1`; the demonstration goes on, whatever comes of it"""
    shown = demo("--no-open")
    address = shown.says(r"/cluster/\?(\S+)")[1]
    host, port = re.findall(r"http%3A%2F%2F([\d.]+)%3A(\d+)", address)[1]
    shown.says("^Type")
    node = subprocess.run(["pgrep", "-P", str(shown.process.pid), "-f", f"serve --port {port} "], capture_output=True, text=True)
    os.kill(int(node.stdout), signal.SIGKILL)
    shown.types("drain 1")
    shown.says("^drain 1: the node ended with -9$")
    with socket.create_server((host, int(port))):
        shown.types("start 1")
        shown.says(r"^start 1: roost serve ended with \d+ at its start$")
    shown.types("start 1")
    shown.says("^start 1: done$")
    shown.types("drain 1")
    shown.says("^drain 1: done$")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGHUP])
def test_it_ends_what_it_has_started(demo, end):
    """Ctrl-C ends it, and so does closing its window"""
    shown = demo("--no-open")
    address = shown.says(r"/cluster/\?(\S+)")[1]
    ports = [(host, int(port)) for host, port in re.findall(r"http%3A%2F%2F([\d.]+)%3A(\d+)", address)]
    chat = shown.says(r"^The chat: http://([\d.]+):(\d+)")
    ports.append((chat[1], int(chat[2])))
    assert len(ports) == 5 and all(listens(*port) for port in ports)
    shown.process.send_signal(end)
    assert shown.process.wait(20 * PATIENCE) == 0
    eventually(lambda: not any(listens(*port) for port in ports), what="nobody to listen any longer")


def listens(host, port):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
