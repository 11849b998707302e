"""Limits, made small by flags (contract, section 5). Over a limit: a named error or close code, nothing else harmed."""

import json
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed

from checks import PATIENCE, assert_problem, entry, eventually, is_integer
from raw_socket import CLOSE, PING, PONG, TEXT, RawSocket, upgrade


def refusal_or_close(client, message_id, error, close):
    """What answers a frame over a limit: this error, or this close code."""
    try:
        reply = client.reply(message_id)
    except AssertionError:
        assert client.expect_close()[0] == close
        return
    assert (reply["type"], reply.payload["code"]) == ("error", error)
    client.ping()


@pytest.fixture
def small_node(start_node):
    return start_node("--max-message-bytes", "1024", "--max-body-bytes", "4096", "--max-head-bytes", "2048")


def test_max_message_bytes(small_node, native, room):
    """`--max-message-bytes`: 1009 / `too_large`"""
    client, other = native(small_node), native(small_node)
    client.join(room)
    client.publish(room, "x" * 500)
    client.hear(room)
    refusal_or_close(client, client.send("message", {"room": room, "content": "x" * 3000}), "too_large", 1009)
    assert other.publish(room, "x" * 500)["seq"] == 2


def test_max_message_bytes_simple(small_node, simple, room):
    """`--max-message-bytes`: the simple dialect has the same limits"""
    client, other = simple(small_node), simple(small_node)
    other.join(room)
    client.join(room)
    client.send_text("x" * 3000)
    try:
        client.expect("error")
    except AssertionError:
        assert client.expect_close()[0] == 1009
    other.say("still here")


def test_max_message_bytes_http(small_node, room, alice):
    """`--max-message-bytes`: `too_large` 413"""
    post = lambda size: small_node.http.post(f"/rooms/{room}/messages", json={"content": "x" * size},  # noqa: E731
                                             params={"user": alice})
    assert post(500).status_code == 201
    assert_problem(post(3000), 413, "too_large")


def test_max_body_bytes(small_node):
    """`--max-body-bytes`: 413"""
    assert small_node.http.post("/users", json={"name": "x" * 500}).status_code in (200, 201)
    assert_problem(small_node.http.post("/users", json={"name": "x" * 5000}), 413, "too_large")


def test_max_head_bytes(small_node):
    """`--max-head-bytes`: 431"""
    for size, status in ((1000, 200), (3000, 431)):
        with RawSocket(small_node) as client:
            head = f"GET /health HTTP/1.1\r\nHost: {small_node.authority}\r\nX-Long: {'x' * size}\r\n\r\n"
            client.send(head.encode())
            assert client.read_head()[0] == status


def test_max_head_bytes_of_an_upgrade(small_node):
    """`--max-head-bytes`: 431 for a handshake too"""
    raw, status, _ = upgrade(small_node, X_Long="x" * 3000)
    raw.close()
    assert status == 431


def test_rate_limit(start_node, native, room):
    """`--rate-limit-messages`, `--rate-limit-burst`: `rate_limited`, and when to try again"""
    node = start_node("--rate-limit-messages", "5", "--rate-limit-burst", "10")
    client, other = native(node), native(node)
    replies = [client.reply(message_id) for message_id in
               [client.send("message", {"room": room, "content": n}) for n in range(30)]]
    acks = [reply.payload for reply in replies if reply["type"] == "ack"]
    errors = [reply.payload for reply in replies if reply["type"] == "error"]
    assert len(acks) >= 10
    assert errors and {error["code"] for error in errors} == {"rate_limited"}
    assert all(is_integer(error["retryAfterMs"]) and error["retryAfterMs"] > 0 for error in errors)
    assert [ack["seq"] for ack in acks] == list(range(1, len(acks) + 1)), "what was refused was not stored"
    assert other.publish(room, "another user's")["seq"] == len(acks) + 1
    eventually(lambda: client.request("message", {"room": room, "content": "later"})["type"] == "ack",
               what="being allowed to send again")


def test_rate_limit_is_per_user_too(start_node, native, room, alice):
    """(per connection and per user, a second)"""
    node = start_node("--rate-limit-messages", "1", "--rate-limit-burst", "10")
    clients = [native(node, user=alice), native(node, user=alice)]
    start = time.monotonic()
    sent = [(client, client.send("message", {"room": room, "content": n})) for n in range(12) for client in clients]
    acked = sum(client.reply(message_id)["type"] == "ack" for client, message_id in sent)
    assert 10 <= acked <= 11 + time.monotonic() - start


def test_rate_limit_that_goes_on_closes_4003(start_node, native, room):
    """`rate_limited`, 4003 if it goes on"""
    node = start_node("--rate-limit-messages", "5", "--rate-limit-burst", "10")
    client, other = native(node), native(node)
    deadline = time.monotonic() + 15 * PATIENCE
    try:
        while time.monotonic() < deadline:
            client.send("message", {"room": room, "content": 1})
    except ConnectionClosed:
        pass
    assert client.expect_close()[0] == 4003
    other.publish(room, "another user's")


def test_rate_limit_off(start_node, native, room):
    """(0 = off)"""
    client = native(start_node("--rate-limit-messages", "0"))
    ids = [client.send("message", {"room": room, "content": n}) for n in range(3000)]
    assert client.reply(ids[-1], timeout=20)["type"] == "ack"
    assert client.waiting("error") == []


def test_rate_limit_connects(start_node):
    """`--rate-limit-connects` (per address, a second): 429"""
    node = start_node("--rate-limit-connects", "1")
    for _ in range(1500):
        raw, status, _ = upgrade(node)
        raw.close()
        if status == 429:
            return
        assert status == 101
    raise AssertionError("1500 connections at once were let in, at 1 a second and a burst of 1000")


def test_max_rooms_per_connection(start_node, native, name):
    """`--max-rooms-per-connection`: `conflict`"""
    node = start_node("--max-rooms-per-connection", "3")
    client, other = native(node), native(node)
    rooms = [name("room") for _ in range(4)]
    for room in rooms[:3]:
        client.join(room)
    client.refused("join", {"room": rooms[3]}, "conflict")
    assert other.join(rooms[0])["room"] == rooms[0]
    client.request("leave", {"room": rooms[0]}, "left")
    client.join(rooms[3])


def test_max_rooms_per_connection_by_default(native, name):
    """`--max-rooms-per-connection` 128"""
    client, prefix = native(), name("many")
    ids = [client.send("join", {"room": f"{prefix}.{n}"}) for n in range(129)]
    replies = [client.reply(message_id) for message_id in ids]
    assert {reply["type"] for reply in replies[:128]} == {"joined"}
    assert replies[128].payload["code"] == "conflict"


@pytest.mark.alone
def test_100000_joins(start_node, native, raw, name):
    """100,000 joins: `conflict` for each over the limit; no other client touched"""
    node = start_node("--rate-limit-messages", "0")
    bystander, client, prefix, count = native(node), raw(node), name("flood"), 100_000
    frames = bytearray()
    for n in range(count):
        text = b'{"type":"join","messageId":"%d","payload":{"room":"%s.%d"}}' % (n, prefix.encode(), n)
        frames += bytes([0x80 | TEXT, 0x80 | len(text)] if len(text) < 126 else [0x80 | TEXT, 0xFE, 0, len(text)])
        frames += b"\0\0\0\0" + text
    out = client.sock.dup()
    out.settimeout(60 * PATIENCE)
    sending = threading.Thread(target=out.sendall, args=(bytes(frames),), daemon=True)
    sending.start()
    seen = {"joined": 0, "conflict": 0}
    while sum(seen.values()) < count:
        opcode, payload = client.read_frame(timeout=10)
        assert opcode != CLOSE, payload
        if opcode == TEXT:
            frame = json.loads(payload)
            if frame["type"] in ("joined", "error"):
                seen[frame["payload"].get("code", "joined")] += 1
                if sum(seen.values()) % 10_000 == 0:
                    bystander.ping(timeout=2)
    sending.join()
    assert seen == {"joined": 128, "conflict": count - 128}
    assert node.http.get(f"/rooms/{prefix}.99999").status_code == 404


def test_max_history(start_node, native, room):
    """`--max-history` (page): clamped"""
    node = start_node("--max-history", "5")
    client = native(node)
    for number in range(12):
        client.publish(room, number)
    page = client.request("history", {"room": room, "limit": 100}, "history").payload
    assert [entry(item)[0] for item in page["messages"]] == [8, 9, 10, 11, 12]
    assert page["more"] is True
    response = node.http.get(f"/rooms/{room}/messages?limit=100")
    assert [message["seq"] for message in response.json()] == [8, 9, 10, 11, 12]


def test_max_connections(start_node, native):
    """`--max-connections` (per node): 503 / 4006"""
    node = start_node("--max-connections", "2")
    first, second = native(node), native(node)

    def admitted():
        """Whether one more is let in; if not, it was refused in one of the two ways."""
        raw, status, _ = upgrade(node, Sec_WebSocket_Protocol="roost.v1.json")
        with raw:
            if status == 101:
                opcode, payload = raw.read_frame()
                assert opcode == TEXT or int.from_bytes(payload[:2], "big") == 4006
                return opcode == TEXT
            assert status == 503
            return False

    assert not admitted()
    first.ping()
    second.close()
    eventually(admitted, what="being let in again")
    first.ping()


def test_heartbeat_missed_closes_4005(start_node, native, raw):
    """`--heartbeat`, `--heartbeat-timeout`: 4005; the server pings with WebSocket pings"""
    node = start_node("--heartbeat", "200ms", "--heartbeat-timeout", "300ms")
    other, silent = native(node), raw(node)
    opcodes = []
    while CLOSE not in opcodes:
        opcode, payload = silent.read_frame()
        opcodes.append(opcode)
    assert PING in opcodes
    assert int.from_bytes(payload[:2], "big") == 4005
    other.ping()


def test_heartbeat_answered_keeps_the_connection(start_node, raw):
    """`--heartbeat`: who answers, stays"""
    client, pings = raw(start_node("--heartbeat", "200ms", "--heartbeat-timeout", "300ms")), 0
    while pings < 6:
        opcode, payload = client.read_frame()
        assert opcode != CLOSE, payload
        if opcode == PING:
            pings += 1
            client.send_frame(PONG, payload)
    client.send_frame(TEXT, '{"type":"ping","messageId":"1","payload":{}}')
    assert any(b'"pong"' in client.read_frame()[1] for _ in range(3))


def test_heartbeat_is_told(start_node, native):
    """`welcome {…, heartbeatMs, …}`"""
    assert native(start_node("--heartbeat", "200ms")).welcome.payload["heartbeatMs"] == 200


def test_a_reader_that_falls_behind_is_fed_from_the_log(start_node, native, raw, room):
    """`--max-unsent-bytes`: a subscriber that falls behind … is fed from the log at its own pace until it has caught
    up … messages are never silently dropped."""
    node = start_node("--max-unsent-bytes", "65536", "--rate-limit-messages", "0")
    slow, quick, author, count = raw(node, receive_buffer=1 << 17), native(node), native(node), 400
    slow.send_frame(TEXT, json.dumps({"type": "join", "messageId": "1", "payload": {"room": room}}))
    while json.loads(slow.read_frame()[1])["type"] != "joined":
        pass
    quick.join(room)
    content = "x" * 40_000
    for _ in range(count):
        author.publish(room, content)
    assert [frame.payload["seq"] for frame in quick.hear(room, count)] == list(range(1, count + 1))

    def next_seq():
        while True:
            opcode, payload = slow.read_frame(timeout=10)
            assert opcode != CLOSE, payload
            if opcode == TEXT and json.loads(payload)["type"] == "message":
                return json.loads(payload)["payload"]["seq"]

    assert [next_seq() for _ in range(count)] == list(range(1, count + 1))
    author.publish(room, "live again")
    assert next_seq() == count + 1


def test_since_works_after_the_dedupe_window(start_node, native, sqlite, room):
    """A client that retries later sends `since` …: the server looks in the log from there"""
    client = native(start_node("--dedupe-window", "100ms", store=sqlite))
    joined = client.join(room)
    client.publish(room, 1, "late-1")
    threading.Event().wait(0.5)  # the window itself has to pass
    ack = client.publish(room, 1, "late-1", since={"epoch": joined["epoch"], "seq": joined["head"]})
    assert (ack["seq"], ack["duplicate"]) == (1, True)
