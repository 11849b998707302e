"""`roost chat`: in a pipe, and in a terminal of its own (a pty)."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from checks import PATIENCE, eventually
from roost_node import binary, environment

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def chat(node, room, *args, stdin=None, env=None):
    """Runs the command with `stdin` as its input until it ends."""
    return subprocess.run(
        [binary(), "chat", room, "--url", node.socket_url, *args], input=stdin, capture_output=True, text=True,
        timeout=30 * PATIENCE, env=environment(env))


def texts(node, room):
    response = node.http.get(f"/rooms/{room}/messages")
    return [entry["content"] for entry in response.json()] if response.status_code == 200 else []


class Terminal:
    """The command in a terminal, and what that shows."""

    def __init__(self, node, room, *args, columns=80):
        self.process_id, self.file = pty.fork()
        if self.process_id == 0:
            settings = environment({"TERM": "xterm-256color"})
            settings.pop("NO_COLOR", None)
            os.execve(binary(), [binary(), "chat", room, "--url", node.socket_url, *args], settings)
        self.output = ""
        self.resize(columns)

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        """Takes what has been written since; false at its end."""
        while select.select([self.file], [], [], 0.05)[0]:
            try:
                data = os.read(self.file, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.output += data.decode(errors="replace")
        return True

    @property
    def plain(self):
        return ESCAPES.sub("", self.output)

    def expect(self, text):
        def has_come():
            self.read()
            return text in self.plain
        eventually(has_come, 15 * PATIENCE, f"{text!r} in the terminal; it shows {self.plain[-600:]!r}")

    def forget(self):
        self.read()
        self.output = ""

    def press(self, keys):
        os.write(self.file, keys.encode())

    def end(self):
        """Waits for the command to end; returns its exit code."""
        deadline = time.monotonic() + 15 * PATIENCE
        while time.monotonic() < deadline:
            self.read()
            done, status = os.waitpid(self.process_id, os.WNOHANG)
            if done:
                os.close(self.file)
                self.process_id = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"roost chat does not end; it shows {self.plain[-600:]!r}")

    def kill(self):
        if self.process_id:
            os.kill(self.process_id, signal.SIGKILL)
            os.waitpid(self.process_id, 0)
            os.close(self.file)


@pytest.fixture
def terminal():
    """Opens terminals: terminal(node, room, *args)."""
    opened = []

    def open_one(*args, **options):
        opened.append(Terminal(*args, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.kill()


def test_once_sends_what_comes_and_ends(node, room):
    done = chat(node, room, "--user", "ada", "--once", stdin="hi\nsecond 🐦\n\nlast without an end")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert texts(node, room) == ["hi", "second 🐦", "last without an end"]


def test_a_pipe_prints_what_is_said_without_colours(node, room, start_chat):
    chat(node, room, "--user", "ada", "--once", stdin="before\n")
    ben = start_chat(node, room, "--user", "ben")
    assert re.fullmatch(r"— \d{4}-\d\d-\d\d —\n", ben.stdout.readline())
    assert re.fullmatch(r"\d\d:\d\d ada before\n", ben.stdout.readline())
    ben.stdin.write("from ben\n")
    ben.stdin.flush()
    assert re.fullmatch(r"\d\d:\d\d ben from ben\n", ben.stdout.readline())
    ben.stdin.close()
    chat(node, room, "--user", "ada", "--once", stdin="after the end of his input\n")
    assert ben.stdout.readline().endswith("ada after the end of his input\n")
    ben.send_signal(signal.SIGTERM)
    assert ben.wait(10 * PATIENCE) == 0


@pytest.fixture
def start_chat():
    """Starts the command with pipes on both sides."""
    started = []

    def start(node, room, *args):
        process = subprocess.Popen(
            [binary(), "chat", room, "--url", node.socket_url, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("args, says", [
    (["general", "--url", "foo"], "The URL foo is none; it should look like ws://localhost:8080/ws"),
    (["general", "--url", "ftp://host"], "begins with ftp:; it should be ws: or wss:"),
    (["general", "--history", "-1"], "--history"),
    (["general", "--colour"], "--color"),
    ([], "<room>"),
])
def test_a_slip_is_told_and_exits_64(args, says):
    done = subprocess.run([binary(), "chat", *args], capture_output=True, text=True, timeout=20 * PATIENCE, input="")
    assert done.returncode == 64
    assert says in done.stderr


def test_a_room_that_can_not_be_is_told(node):
    done = chat(node, "no such room!", stdin="hi\n")
    assert done.returncode == 1
    assert "A room's name is 1 to 128 letters" in done.stdout


def test_a_wrong_path_is_told_and_exits_1(node):
    done = subprocess.run(
        [binary(), "chat", "general", "--once", "--url", node.socket_url + "/nowhere"], input="hi\n",
        capture_output=True, text=True, timeout=20 * PATIENCE)
    assert done.returncode == 1
    assert "/nowhere" in done.stderr


def test_a_message_that_is_refused_is_told_and_exits_1(start_node, room):
    node = start_node("--max-message-bytes", "2000")
    done = chat(node, room, "--once", stdin="x" * 3000 + "\nshort\n")
    assert done.returncode == 1
    assert "not sent: It is longer than 2000 bytes." in done.stderr
    assert texts(node, room) == ["short"]


def test_two_terminals_talk(node, room, terminal):
    chat(node, room, "--user", "cleo", "--once", stdin="said before\n")
    ada = terminal(node, room, "--user", "ada", "--name", "Ada")
    ada.expect("cleo said before")
    ben = terminal(node, room, "--user", "ben", "--name", "Ben")
    ada.expect("→ Ben is here")
    ben.press("hello, wörld 🐦\x7f\x7f\r")
    ada.expect("Ben hello, wörld")
    assert texts(node, room) == ["said before", "hello, wörld"]
    ada.press("typ")
    ben.expect("Ada is typing")
    ada.press("\x15/who\r")
    ada.expect("2 here: Ada, Ben")
    ada.press("/dance\r")
    ada.expect("there is no command /dance; /help tells which there are")
    ada.press("//quit\r")
    ben.expect("Ada /quit")
    ben.press("\x03")
    assert ben.end() == 0
    ada.expect("← Ben has left")
    ada.press("/quit\r")
    assert ada.end() == 0


def test_the_terminal_is_left_as_it_was(node, room, terminal):
    ada = terminal(node, room, "--user", "ada")
    before = termios.tcgetattr(ada.file)
    ada.expect(f"── {room}")
    assert not termios.tcgetattr(ada.file)[3] & termios.ECHO
    ada.press("\x04")
    assert ada.end() == 0
    assert before[3] & termios.ECHO


def test_a_restart_of_the_server_is_no_more_than_a_pause(start_node, sqlite, room, terminal):
    node = start_node(store=sqlite)
    ada = terminal(node, room, "--user", "ada")
    ada.expect(f"── {room}")
    ada.press("one\r")
    ada.expect("ada one")
    node.kill9()
    ada.expect("not connected")
    ada.press("two, meanwhile\r")
    ada.expect("… two, meanwhile")
    ada.forget()
    start_node(store=sqlite, port=node.port)
    ada.expect("ada two, meanwhile")


def test_a_narrow_terminal_shows_the_end_of_a_long_line(node, room, terminal):
    ada = terminal(node, room, "--user", "ada", columns=80)
    ada.expect(f"── {room}")
    ada.press("".join(f"{number:03}-" for number in range(60)))
    ada.expect("059-")
    ada.forget()
    ada.resize(30)
    os.kill(ada.process_id, signal.SIGWINCH)
    ada.expect("059-")
    lines = [line for line in re.split(r"[\r\n]+", ada.plain) if line]
    assert max(len(line) for line in lines) <= 30
    # From the beginning on again, and the whole line is sent.
    ada.press("\x01start \x05\r")
    ada.expect("start 000-")
    assert texts(node, room) == ["start " + "".join(f"{number:03}-" for number in range(60))]


def test_what_others_write_can_not_command_the_terminal(node, room, terminal):
    ada = terminal(node, room, "--user", "ada")
    ada.expect(f"── {room}")
    node.http.post(f"/rooms/{room}/messages", json={"content": "evil \x1b[2Jtext\x07", "messageId": "evil"})
    ada.expect("evil �[2Jtext�")
    assert "\x1b[2J" not in ada.output
