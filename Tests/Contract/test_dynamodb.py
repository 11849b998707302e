"""The DynamoDB store, against its emulator: `roost store create|check`, several nodes, restarts (contract, section 1)."""

import contextlib
import http.server
import json
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import pytest
import requests

from checks import PATIENCE, assert_problem, eventually, read_backwards
from raw_socket import RawSocket, upgrade_status
from roost_node import Http, binary, environment, run

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLEKEY", "AWS_EC2_METADATA_DISABLED": "true",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    def __init__(self, port=None):
        self.port = port or free_port()
        server = pathlib.Path(__file__).resolve().parent.parent / "dynamodb_emulator.py"
        self.process = subprocess.Popen(
            [sys.executable, server, "-H", "127.0.0.1", "-p", str(self.port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens(self):
        assert self.process.poll() is None, "the emulator has ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def pause(self):
        """It takes connections and requests and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def emulator():
    emulator = Emulator()
    try:
        eventually(emulator.listens, timeout=60, what="the emulator to listen")
        yield emulator
    finally:
        emulator.stop()


def url(port, prefix, more=""):
    return f"dynamodb://us-east-1?endpoint=http://127.0.0.1:{port}&prefix={prefix}_{more}"


@pytest.fixture
def store(emulator, room):
    """A store that no other test uses."""
    return url(emulator.port, room)


def refused(result):
    """Ends with 78 and one line; that line."""
    assert (result.returncode, result.stdout) == (78, ""), (result.returncode, result.stdout, result.stderr)
    (line,) = result.stderr.splitlines()
    return line


def test_missing_tables_are_said_and_created(store, emulator, room):
    """`roost store create|check`; missing tables: one sentence that says what to do"""
    strict = store + "&create=false"
    for command in (["store", "check"], ["serve", "--port", "0"]):
        line = refused(run(*command, "--store", strict, env=CREDENTIALS))
        assert f"{room}_users" in line and "missing; run `roost store create`" in line
    created = run("store", "create", "--store", strict, env=CREDENTIALS)
    assert created.returncode == 0, created.stderr
    assert created.stdout.splitlines() == [
        f"roost: created {room}_users, {room}_rooms, {room}_messages, {room}_user_rooms"]
    again = run("store", "create", "--store", strict, env=CREDENTIALS)
    assert again.returncode == 0 and "were there already" in again.stdout
    checked = run("store", "check", "--store", strict, env=CREDENTIALS)
    assert checked.returncode == 0 and "is in order" in checked.stdout, checked.stderr


def test_missing_credentials_are_said(store, tmp_path):
    """Wrong credentials … exit 78"""
    env = {key: "" for key in CREDENTIALS} | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    line = refused(run("serve", "--port", "0", "--store", store, env=env))
    assert "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in line


@contextlib.contextmanager
def refusing(code, message):
    """A server in DynamoDB's place that answers whatever it is asked with this error."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            question = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.asked.append((self.headers["X-Amz-Target"], question))
            body = json.dumps({"__type": f"com.amazon.coral.service#{code}", "message": message}).encode()
            self.send_response(400)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["store", "check"], ["store", "create"]])
@pytest.mark.parametrize("code, message", [
    ("UnrecognizedClientException", "The security token included in the request is invalid."),
    ("InvalidSignatureException", "The request signature we calculated does not match the signature you provided."),
    ("AccessDeniedException", "User: roost is not authorized to perform: dynamodb:DescribeTable"),
])
def test_wrong_credentials_are_said_and_not_told(room, command, code, message):
    """Wrong credentials … exit 78; each with one line"""
    credentials = CREDENTIALS | {"AWS_SESSION_TOKEN": "EXAMPLETOKEN"}
    with refusing(code, message) as server:
        line = refused(run(*command, "--store", url(server.server_port, room), env=credentials))
        # What is refused for good is not asked for again.
        assert 0 < len(server.asked) == len(set(server.asked))
    assert f"http://127.0.0.1:{server.server_port}/" in line and f"({code}: {message})" in line
    assert line.endswith("; check the AWS credentials and what their policy allows.")
    assert not any(secret in line for secret in ("EXAMPLEKEY", "EXAMPLETOKEN", "Signature="))


def test_other_stores_are_looked_after_too(tmp_path):
    file = tmp_path / "roost.db"
    assert "is missing; `roost store create`" in refused(run("store", "check", "--store", f"sqlite:{file}"))
    assert not file.exists()
    assert run("store", "create", "--store", f"sqlite:{file}").returncode == 0
    assert file.exists()
    checked = run("store", "check", "--store", f"sqlite:{file}")
    assert checked.returncode == 0 and "is in order" in checked.stdout
    file.write_bytes(b"no database" * 100)
    assert "is no Roost store" in refused(run("store", "check", "--store", f"sqlite:{file}"))
    assert run("store", "check", "--store", "memory:").returncode == 0


def test_acked_messages_outlive_a_crash(store, start_node, room):
    """What was acknowledged … outlives kill -9; the epoch is kept; a retry is stored once, to any node."""
    first, second = (start_node(store=store, env=CREDENTIALS) for _ in range(2))
    assert first.http.get("/health").json()["store"] == "dynamodb"
    acks = [first.http.post(f"/rooms/{room}/messages", json={"content": i, "messageId": f"m{i}"}) for i in range(5)]
    assert [ack.status_code for ack in acks] == [201] * 5
    assert {ack.json()["durability"] for ack in acks} == {"stored"}
    first.kill9()
    again = second.http.post(f"/rooms/{room}/messages", json={"content": 3, "messageId": "m3"})
    assert (again.status_code, again.json()["seq"], again.json()["duplicate"]) == (200, 4, True)
    assert second.http.post(f"/rooms/{room}/messages", json={"content": 5}).json()["seq"] == 6
    history = second.http.get(f"/rooms/{room}/messages").json()
    assert [entry["content"] for entry in history] == list(range(6))
    assert second.stop() == 0
    third = start_node(store=store, env=CREDENTIALS)
    assert third.http.get(f"/rooms/{room}/messages").json() == history


def test_two_nodes_write_one_log(store, start_node, room):
    """`seq` … has no gaps; every reader sees one order, on whatever node"""
    nodes = [start_node("--rate-limit-messages", "0", store=store, env=CREDENTIALS) for _ in range(2)]

    def write(node, name):
        for i in range(20):
            answer = node.http.post(f"/rooms/{room}/messages", json={"content": f"{name}{i}"})
            assert answer.status_code == 201, answer.text

    writers = [threading.Thread(target=write, args=(node, name)) for node, name in zip(nodes, "ab")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60 * PATIENCE)
    logs = [read_backwards(node.http, room) for node in nodes]
    assert logs[0] == logs[1]
    assert [entry["seq"] for entry in logs[0]] == list(range(1, 41))
    for name in "ab":
        assert [e["content"] for e in logs[0] if e["content"][0] == name] == [f"{name}{i}" for i in range(20)]


def test_who_may_be_there_no_longer_is_put_out_of_other_nodes_at_once(store, redis, start_node, room, native):
    one, other = (start_node("--bus", redis.url, store=store, env=CREDENTIALS) for _ in range(2))
    for node in (one, other):
        eventually(lambda node=node: node.http.get("/health").json()["redis_connected"], what="Redis to be reached")
    made = one.http.post("/rooms", params={"user": "ann"}, json={"id": room, "name": "R", "participants": ["ann", "bob"]})
    assert made.status_code == 201, made.text
    members = {user: native(other, user=user) for user in ("ann", "bob", "guest")}
    for client in members.values():
        client.join(room)
    # The node asks for what the room is, and remembers it for two seconds.
    members["ann"].publish(room, "public")
    changed = one.http.patch(f"/rooms/{room}", params={"user": "ann"}, json={"visibility": "private"})
    assert changed.status_code == 200, changed.text
    members["guest"].expect("left", timeout=1)
    members["bob"].publish(room, "private")
    removed = one.http.delete(f"/rooms/{room}/members/bob", params={"user": "ann"})
    assert removed.status_code in (200, 204), removed.text
    members["bob"].expect("left", timeout=1)
    members["ann"].publish(room, "alone")
    members["ann"].hear(room, 3)
    assert not members["ann"].waiting("left")


def test_a_reader_hears_what_another_node_stored(store, start_node, room, native):
    """everyone reads the log with a cursor, whoever has written to it"""
    one, other = (start_node(store=store, env=CREDENTIALS) for _ in range(2))
    reader = native(one)
    reader.join(room)
    assert other.http.post(f"/rooms/{room}/messages", json={"content": "hello"}).status_code == 201
    assert reader.expect("message", timeout=10).payload["content"] == "hello"


class Starting:
    """A node whose store is not there yet."""

    def __init__(self, directory, store):
        self.port = free_port()
        self.host, self.authority = "127.0.0.1", f"127.0.0.1:{self.port}"
        self.url = f"http://{self.authority}"
        self.http = Http(self.url)
        self.trust = None
        self.file = directory / "stderr.log"
        with self.file.open("wb") as file:
            self.process = subprocess.Popen(
                [binary(), "serve", "--port", str(self.port), "--store", store], env=environment(CREDENTIALS),
                cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file, text=True)
        eventually(self.answers, timeout=20, what="the node to listen")

    def answers(self):
        try:
            return self.http.get("/health").status_code == 200
        except requests.ConnectionError:
            return False

    def log(self):
        return self.file.read_text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30 * PATIENCE)
        return self.process.returncode, out


@pytest.fixture
def starting(tmp_path, room):
    """A node whose store will be at `starting.store_port`."""
    port = free_port()
    node = Starting(tmp_path, url(port, room))
    node.store_port = port
    yield node
    node.process.kill()
    node.process.wait()


def test_a_node_without_its_store_lives_and_is_not_ready(starting):
    """An engine that can't be reached is retried with `/ready` at 503."""
    health = starting.http.get("/health").json()
    assert (health["status"], health["starting"], health["store"]) == ("healthy", True, "dynamodb")
    assert (health["store_connected"], health["planes"]) == (False, ["http", "websocket"])
    for method, path in (("GET", "/ready"), ("GET", "/rooms"), ("GET", "/"), ("POST", "/messages")):
        answer = starting.http.request(method, path, json=[] if method == "POST" else None)
        problem = assert_problem(answer, 503, "unavailable")
        assert problem["retryAfterMs"] > 0 and answer.headers["Retry-After"]
    assert upgrade_status(starting) == 503
    assert starting.http.get("/health", headers={"Host": "evil.example"}).status_code == 403
    code, out = starting.stop()
    assert (code, out) == (0, "")


def test_a_store_that_cannot_be_reached_is_said_and_tried_again(starting, room):
    """An engine that can't be reached is retried; one sentence that says what to do"""
    place, advice = f"http://127.0.0.1:{starting.store_port}/", "; check the endpoint and the network."
    # Each is patient for 15 s before it says so; the node meanwhile, too.
    line = refused(run("store", "check", "--store", url(starting.store_port, room), env=CREDENTIALS, timeout=60))
    assert place in line and "Connection refused" in line and line.endswith(advice)
    said = "the store can't be reached; trying again"
    eventually(lambda: said in starting.log(), timeout=60, what="the node to say that it can't reach its store")
    (warning,) = [line for line in starting.log().splitlines() if said in line]
    assert "warning" in warning and place in warning and "Connection refused" in warning and advice in warning
    assert "EXAMPLEKEY" not in line + starting.log()
    assert starting.http.get("/ready").status_code == 503
    assert starting.stop() == (0, "")


def test_a_mistake_in_the_settings_is_told_before_the_store_is_there(tmp_path, room):
    missing = tmp_path / "ca.pem"
    ended = run(
        "serve", "--port", "0", "--store", url(free_port(), room), "--bus", f"rediss://127.0.0.1:1?ca={missing}",
        env=CREDENTIALS)
    assert (ended.returncode, ended.stdout) == (78, "")
    assert f"{missing}, which --bus names behind ?ca=" in ended.stderr


def test_it_is_ready_once_the_store_is_there(starting):
    emulator = Emulator(starting.store_port)
    try:
        eventually(emulator.listens, timeout=60, what="the emulator to listen")
        # Connections that have not asked for anything until then are served by the node that there is then.
        early, partial = RawSocket(starting), RawSocket(starting)
        partial.send(b"GET /ready HT")
        eventually(
            lambda: starting.http.get("/ready").status_code == 200, timeout=60 * PATIENCE, what="the node to be ready")
        early.send(f"GET /ready HTTP/1.1\r\nHost: {starting.authority}\r\n\r\n".encode())
        assert early.read_head()[0] == 200
        partial.send(f"TP/1.1\r\nHost: {starting.authority}\r\n\r\n".encode())
        assert partial.read_head()[0] == 200
        assert "starting" not in starting.http.get("/health").json()
        code, out = starting.stop()
        assert (code, out) == (0, f"roost: listening on {starting.url}\n")
        early.close()
        partial.close()
    finally:
        emulator.stop()


def test_a_node_whose_store_goes_away_lives_and_is_not_ready(starting):
    """`GET /health`: liveness, 200; `GET /ready`: 503 while the store is away. Both before whoever checks gives up."""
    emulator = Emulator(starting.store_port)
    try:
        eventually(
            lambda: starting.http.get("/ready").status_code == 200, timeout=60 * PATIENCE, what="the node to be ready")
        emulator.pause()
        for _ in range(2):
            health = starting.http.get("/health", timeout=3 * PATIENCE)
            assert (health.status_code, health.json()["store_connected"]) == (200, False)
            assert_problem(starting.http.get("/ready", timeout=5 * PATIENCE), 503, "unavailable")
        emulator.go_on()
        eventually(
            lambda: starting.http.get("/ready").status_code == 200, timeout=60 * PATIENCE, what="the node to be ready")
        assert starting.http.get("/health").json()["store_connected"] is True
    finally:
        emulator.go_on()
        emulator.stop()
