"""Clients that ask and don't read: nothing is harmed but them (contract, section 5)."""

import json
import time

import pytest

from raw_socket import TEXT, RawWebSocket

pytestmark = pytest.mark.alone


def resident(node):
    """The server's resident memory in bytes."""
    with open(f"/proc/{node.process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


def ask(socket_, kind, payload, number):
    socket_.send_frame(TEXT, json.dumps({"type": kind, "messageId": f"{kind}-{number}", "payload": payload}))


@pytest.fixture
def full_room(start_node, native, room):
    """A node with a room of 3 MB."""
    node = start_node("--heartbeat", "1s", "--heartbeat-timeout", "1s", "--rate-limit-messages", "0")
    author = native(node)
    for number in range(100):
        author.publish(room, "x" * 30000 + str(number))
    return node, room


def test_answers_that_nobody_reads_are_not_made(full_room, native):
    """A subscriber that falls behind is not fed from memory; `--max-unsent-bytes` … memory bounded"""
    node, room = full_room
    before = resident(node)
    with RawWebSocket(node, subprotocol="roost.v1.json", receive_buffer=4096) as client:
        for number in range(100):
            ask(client, "history", {"room": room, "limit": 1000}, number)
        # Each answer would be 3 MB. Another client's round trip says that the server has had the time to make them.
        other = native(node)
        for _ in range(20):
            other.request("history", {"room": room, "limit": 100}, "history")
        assert resident(node) - before < 60 << 20


def test_catching_up_stops_where_the_socket_does(full_room, native):
    """a subscriber that falls behind … is fed from the log at its own pace"""
    node, room = full_room
    before = resident(node)
    sockets = [RawWebSocket(node, subprotocol="roost.v1.json", receive_buffer=4096) for _ in range(20)]
    for client in sockets:
        ask(client, "join", {"room": room, "history": 100}, 0)
    other = native(node)
    other.join(room, history=100)
    other.expect("message", where=lambda frame: frame["payload"]["seq"] == 100)
    # 20 × 3 MB wait in the log; at most the limit and a page of each may wait in memory.
    assert resident(node) - before < 20 * (2 << 20)
    for client in sockets:
        client.close()


def test_a_client_that_takes_nothing_is_closed(full_room, native):
    """4002 too far behind to be resumed / 4005 heartbeat missed: a dead reader does not stay for ever"""
    node, room = full_room
    with RawWebSocket(node, subprotocol="roost.v1.json", receive_buffer=4096) as client:
        ask(client, "join", {"room": room, "history": 100}, 0)
        other = native(node)
        deadline = time.monotonic() + 30
        # The author, this one, and until it is closed the silent one.
        while node.http.get("/health").json()["connections"] > 2:
            assert time.monotonic() < deadline, "the silent reader is still connected"
            other.ping()


def test_a_slow_reader_hears_everything_in_order(full_room, native):
    """messages are never silently dropped"""
    node, room = full_room
    with RawWebSocket(node, subprotocol="roost.v1.json", receive_buffer=4096) as client:
        ask(client, "join", {"room": room, "history": 100}, 0)
        author = native(node)
        author.publish(room, "while it was not reading")
        heard = []
        while len(heard) < 101:
            opcode, payload = client.read_frame()
            frame = json.loads(payload) if opcode == TEXT else {}
            if frame.get("type") == "message":
                heard.append(frame["payload"]["seq"])
        assert heard == list(range(1, 102))
