"""Draining (contract, section 6)."""

import asyncio
import json
import signal
import time

import pytest
import requests
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from checks import PATIENCE, assert_problem, eventually, is_integer, is_text, position, read_backwards
from roost_clients import NATIVE, NativeClient

UNLIMITED = ("--rate-limit-messages", "0")


def drain(node, with_signal=signal.SIGTERM):
    node.process.send_signal(with_signal)
    return time.monotonic()


def ready(node):
    """The status of `/ready`, asked over a connection of its own; None where nobody listens any longer."""
    try:
        return requests.get(f"{node.url}/ready", timeout=5 * PATIENCE).status_code
    except requests.ConnectionError:
        return None


def test_ready_turns_503_while_the_listener_is_open(start_node, native):
    """On SIGTERM: `/ready` turns 503; after `--drain-delay` (0) the listener stops taking connections"""
    node = start_node("--drain-delay", "1500ms")
    client = native(node)
    assert ready(node) == 200
    start, seen = drain(node), []
    while node.process.poll() is None and (not seen or seen[-1] is not None):
        seen.append(ready(node))
        assert time.monotonic() < start + 20 * PATIENCE
    assert 503 in seen
    statuses = [status for status in seen if status is not None]
    assert statuses[statuses.index(503):] == [503] * len(statuses[statuses.index(503):]), "it turned back"
    assert client.expect_close(timeout=25)[0] == 4001
    assert node.wait() == 0


def test_the_delay_is_one(start_node, native, room):
    """after `--drain-delay` (0): until then a client notices nothing, is served, and new ones get in"""
    node = start_node("--drain-delay", "2s", *UNLIMITED)
    client = native(node)
    client.join(room)
    start = drain(node)
    eventually(lambda: ready(node) == 503, 1.5, "/ready at 503")
    late = native(node)
    assert late.publish(room, "in the meantime")["seq"] == 1
    assert client.hear(room).payload["content"] == "in the meantime"
    assert time.monotonic() - start < 2, "(the test itself) too slow to tell"
    assert client.waiting("reconnect") == []
    assert client.expect_close(timeout=25)[0] == 4001
    assert time.monotonic() - start >= 1.9
    assert node.wait() == 0


def test_not_ready_says_why(start_node):
    """Errors are `application/problem+json`; `unavailable` 503"""
    node = start_node("--drain-delay", "1500ms")
    drain(node)
    eventually(lambda: ready(node) == 503, 1.5, "/ready at 503")
    assert_problem(requests.get(f"{node.url}/ready", timeout=5), 503, "unavailable")


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_every_client_is_told_when_to_come_back(start_node, native, with_signal):
    """every client gets `reconnect` `{afterMs, reason}` with its own delay and then close 4001"""
    node = start_node()
    clients = [native(node) for _ in range(20)]
    drain(node, with_signal)
    delays = []
    for client in clients:
        code, reason = client.expect_close(timeout=25)
        assert code == 4001 and is_text(reason)
        (told,) = client.waiting("reconnect")
        assert is_integer(told.payload["afterMs"]) and told.payload["afterMs"] >= 0
        assert is_text(told.payload["reason"])
        delays.append(told.payload["afterMs"])
    assert len(set(delays)) > 5, f"each client its own jittered delay: {delays}"
    assert node.wait() == 0


def test_who_has_not_joined_a_room_is_told_too(start_node, native, simple, raw):
    """every client gets … close 4001: of whatever dialect"""
    node = start_node()
    clients, hand = [native(node), simple(node), simple(node, subprotocols=["roost.simple"])], raw(node)
    drain(node)
    assert [client.expect_close(timeout=25)[0] for client in clients] == [4001] * 3
    assert hand.expect_close(timeout=25)[0] == 4001
    assert node.wait() == 0


@pytest.mark.parametrize("clients", [0, 2])
def test_few_clients_are_drained_quickly(start_node, native, clients):
    """in batches over `--drain-window` (20 s, less when there are few or none)"""
    node = start_node()
    opened = [native(node) for _ in range(clients)]
    start = drain(node)
    assert [client.expect_close()[0] for client in opened] == [4001] * clients
    assert node.wait() == 0
    assert time.monotonic() - start < 6 * PATIENCE


async def times_of_closing(node, count):
    """Opens connections, drains the node, and says for each when it was closed, and how."""
    async def closing(ws):
        try:
            while True:
                await ws.recv()
        except ConnectionClosed as closed:
            return time.monotonic(), closed.rcvd.code

    sockets = [await connect(f"ws://{node.authority}/ws", subprotocols=[NATIVE], compression=None, proxy=None,
                             ping_interval=None, open_timeout=20 * PATIENCE) for _ in range(count)]
    waiting = [asyncio.create_task(closing(ws)) for ws in sockets]
    start = drain(node)
    found = await asyncio.wait_for(asyncio.gather(*waiting), 40 * PATIENCE)
    return [when - start for when, _ in found], {code for _, code in found}


def test_the_window_spreads_the_closes(start_node):
    """in batches over `--drain-window`"""
    node = start_node("--drain-window", "2s")
    times, codes = asyncio.run(times_of_closing(node, 60))
    assert codes == {4001}
    times.sort()
    assert 0.3 <= times[-1] - times[0] <= 2 + 2 * PATIENCE, times
    batches = 1 + sum(later - earlier > 0.03 for earlier, later in zip(times, times[1:]))
    assert batches >= 3, times
    assert node.wait() == 0


def test_a_second_signal_exits_at_once(start_node, native):
    """a second signal exits at once"""
    node = start_node("--drain-delay", "60s")
    native(node)
    drain(node)
    eventually(lambda: ready(node) == 503, what="/ready at 503")
    start = drain(node)
    node.wait(timeout=10)
    assert time.monotonic() - start < 3 * PATIENCE


def test_what_was_acked_stays_and_what_stays_was_acked(start_node, sqlite, name):
    """Order: stop reading from clients, commit, ack, publish, close: whatever was taken is acked before the close"""
    node, rooms = start_node(*UNLIMITED, store=sqlite), [name("room") for _ in range(3)]
    clients = [NativeClient(node) for _ in range(6)]
    sent = {client.send("message", {"room": rooms[number % 3], "content": number}): None
            for number in range(150) for client in clients}
    clients[0].expect("ack")
    drain(node)
    acked = {}
    for client in clients:
        assert client.expect_close(timeout=25)[0] == 4001
        acked.update({f["messageId"]: f.payload["seq"] for f in client.log if f["type"] == "ack"})
        assert {f.payload["durability"] for f in client.log if f["type"] == "ack"} <= {"stored"}
    assert node.wait() == 0
    again = start_node(store=sqlite)
    stored = {m["messageId"]: m["seq"] for room in rooms for m in read_backwards(again.http, room)}
    assert acked and set(acked) <= set(sent)
    assert stored == acked


def test_members_hear_all_that_was_acked(start_node, native, sqlite, room):
    """commit, ack, publish, close: what is acked is published before its readers are closed, or comes with their
    position after the restart"""
    node = start_node(*UNLIMITED, store=sqlite)
    reader, author = native(node), native(node)
    epoch = reader.join(room)["epoch"]
    for number in range(400):
        author.send("message", {"room": room, "content": number})
    reader.hear(room, 20)
    drain(node)
    for client in (author, reader):
        assert client.expect_close(timeout=25)[0] == 4001
    assert node.wait() == 0
    heard = [f.payload["seq"] for f in reader.log if f["type"] == "message"]
    assert heard == list(range(1, len(heard) + 1))
    acks = [f.payload["seq"] for f in author.log if f["type"] == "ack"]
    again = native(start_node(store=sqlite))
    joined = again.join(room, after=position(epoch, len(heard)))
    assert joined["recovered"] is True
    assert joined["head"] >= max(acks)
    rest = [f.payload["seq"] for f in again.hear(room, joined["head"] - len(heard))]
    assert heard + rest == list(range(1, joined["head"] + 1))


def test_a_rolling_restart_is_no_hole_and_no_duplicate(start_node, sqlite, room, alice):
    """A rolling restart … loses nothing that was acked, and no client with cursors and message ids sees a duplicate
    or a hole"""
    share, heard, epoch, unacked = 200, [], None, {}
    for round_ in range(3):
        node = start_node(*UNLIMITED, store=sqlite)
        author, reader = NativeClient(node, user=alice), NativeClient(node)
        joined = reader.join(room, **({"after": position(epoch, len(heard))} if epoch else {}))
        assert epoch in (None, joined["epoch"])
        epoch = joined["epoch"]
        unacked.update({f"m-{number}": number for number in range(round_ * share, (round_ + 1) * share)})
        for message_id, number in unacked.items():
            author.send("message", {"room": room, "content": number}, message_id)
        if round_ < 2:
            author.expect("ack")
        else:
            for message_id in list(unacked):
                author.reply(message_id, timeout=20)
            reader.expect("message", where=lambda f: f.payload["seq"] == 3 * share)
        drain(node)
        for client in (author, reader):
            assert client.expect_close(timeout=25)[0] == 4001
        assert node.wait() == 0
        heard += [f for f in reader.log if f["type"] == "message"]
        for frame in author.log:
            if frame["type"] == "ack":
                unacked.pop(frame["messageId"], None)
    assert unacked == {}
    assert [frame.payload["seq"] for frame in heard] == list(range(1, 3 * share + 1))
    assert [frame.payload["content"] for frame in heard] == list(range(3 * share))


def test_http_requests_in_flight_are_answered(start_node, room, alice):
    """commit, ack, …: an HTTP publisher gets its answer, or no connection: nothing in between"""
    node = start_node("--drain-delay", "500ms", *UNLIMITED)
    drain(node)
    answered = 0
    while node.process.poll() is None:
        try:
            response = requests.post(f"{node.url}/rooms/{room}/messages", params={"user": alice},
                                     data=json.dumps({"content": answered}), timeout=5 * PATIENCE)
        except requests.ConnectionError:
            break
        assert response.status_code in (201, 503), response.text
        answered += response.status_code == 201
    assert answered > 0
    assert node.wait() == 0
