"""Starting and stopping: one line on standard output, logs, SIGTERM, SIGINT (contract, sections 1 and 6)."""

import json
import signal
import socket

import pytest

from checks import is_text, read_backwards
from roost_clients import NativeClient


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_stops_with_0(start_node, with_signal):
    """SIGTERM and SIGINT drain … and exit 0"""
    assert start_node().stop(with_signal, timeout=10) == 0


def test_clients_are_told(start_node, native, simple):
    """On SIGTERM: every client gets … close 4001"""
    node = start_node()
    clients = [native(node), simple(node)]
    node.process.send_signal(signal.SIGTERM)
    for client in clients:
        code, reason = client.expect_close(timeout=25)
        assert code == 4001
        assert is_text(reason)
    assert node.wait() == 0


def test_stops_while_requests_hang(start_node):
    """SIGTERM … exit 0: a client that says nothing cannot hold it up"""
    node = start_node()
    silent = socket.create_connection(("127.0.0.1", node.port))
    half = socket.create_connection(("127.0.0.1", node.port))
    half.sendall(b"GET /ws HTTP/1.1\r\nHost: ro")
    assert node.stop(timeout=30) == 0
    silent.close()
    half.close()


def test_nobody_listens_any_longer(start_node):
    """the listener stops taking connections"""
    node = start_node()
    node.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", node.port), timeout=5)


def test_one_line_on_standard_output(start_node, native, room):
    """prints exactly one line on standard output, `roost: listening on http://HOST:PORT`; logs go to standard error"""
    node = start_node("--log-level", "debug")
    native(node).publish(room, 1)
    node.stop()
    assert node.stdout() == f"roost: listening on {node.url}\n"


def test_the_port_that_was_asked_for(start_node):
    """`--port 0` takes a free port; another takes that one."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    node = start_node(port=port)
    assert node.url == f"http://127.0.0.1:{port}"
    assert node.http.get("/ready").status_code == 200


def test_logs_as_json(start_node, native, room):
    """logs go to standard error (`--log-format text|json`, `--log-level`)"""
    node = start_node("--log-format", "json", "--log-level", "debug")
    native(node).publish(room, 1)
    node.stop()
    lines = node.stderr().splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_default_store(start_node, tmp_path, room):
    """default `sqlite:data/roost.db`"""
    node = start_node(store=None)
    assert node.http.post(f"/rooms/{room}/messages", json={"content": 1}).json()["durability"] == "stored"
    assert (tmp_path / "data" / "roost.db").exists()


def test_nothing_acked_is_lost_by_stopping(start_node, sqlite, room):
    """Order: stop reading from clients, commit, ack, publish, close."""
    node = start_node("--rate-limit-messages", "0", store=sqlite)
    client = NativeClient(node)
    ids = [client.send("message", {"room": room, "content": n}) for n in range(500)]
    client.reply(ids[50])
    node.process.send_signal(signal.SIGTERM)
    client.expect_close(timeout=25)
    acks = {f["messageId"]: f.payload["seq"] for f in client.log if f["type"] == "ack"}
    assert node.wait() == 0
    again = start_node(store=sqlite)
    stored = {message["messageId"]: message["seq"] for message in read_backwards(again.http, room)}
    assert len(acks) > 50
    assert {message_id: stored.get(message_id) for message_id in acks} == acks
    assert sorted(stored.values()) == list(range(1, len(stored) + 1))
