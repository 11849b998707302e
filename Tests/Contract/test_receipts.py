"""Receipts: `received` and `read`, and who is told (contract, section 3)."""

import time

import pytest

from checks import assert_problem, position

KINDS = 'kinds: [{match: "chat:*", receipts: true}]\n'
# Told at most once a second.
TOLD = 5


@pytest.fixture
def node(start_with, sqlite):
    return start_with(KINDS, "--rate-limit-messages", "0", store=sqlite)


@pytest.fixture
def chat(name):
    """The name of a room whose kind asks for receipts."""
    return f"chat:{name('room')}"


def fill(client, room, count):
    for number in range(count):
        client.publish(room, number)


def states(client, room, user):
    """What a client has been told of a user's receipts, in order: (received, read)."""
    return [(member.get("received") or 0, member.get("read") or 0) for f in client.log
            if f["type"] == "receipts" and f.payload["room"] == room
            for member in f.payload["members"] if member["user"] == user]


def expect_read(client, room, user, seq, timeout=TOLD):
    def told(frame):
        return frame.payload["room"] == room and any(
            member["user"] == user and member.get("read") == seq for member in frame.payload["members"])

    return client.expect("receipts", timeout, told)


@pytest.fixture
def pair(node, native, chat, alice, bob):
    """Two members of a room with 10 messages: who watches, and who reads."""
    watcher, reader = native(node, user=alice), native(node, user=bob)
    for client in (watcher, reader):
        client.join(chat)
    fill(watcher, chat, 10)
    return watcher, reader


def test_read_is_told(pair, chat, bob):
    """relayed as `receipts {room, members:[{user, received, read}]}`"""
    watcher, reader = pair
    reader.send("read", {"room": chat, "seq": 4})
    frame = expect_read(watcher, chat, bob, 4)
    assert set(frame.payload) >= {"room", "members"}


def test_received_is_told(pair, chat, bob):
    """`received`, `read` `{room, seq}`: two cursors"""
    watcher, reader = pair
    reader.send("received", {"room": chat, "seq": 6})
    watcher.expect("receipts", TOLD, lambda f: (6, 0) in states(watcher, chat, bob))
    reader.send("read", {"room": chat, "seq": 4})
    watcher.expect("receipts", TOLD, lambda f: (6, 4) in states(watcher, chat, bob))


def test_nothing_answers_it(pair, chat, bob):
    """none (no answer)"""
    watcher, reader = pair
    ids = [reader.send(kind, {"room": chat, "seq": 3}) for kind in ("received", "read")]
    expect_read(watcher, chat, bob, 3)
    reader.ping()
    assert [f for f in reader.log if f["messageId"] in ids] == []


def test_they_never_go_back(pair, native, node, chat, name, bob):
    """(cumulative) … the highest is kept per member"""
    watcher, reader = pair
    carol = name("carol")
    other = native(node, user=carol)
    other.join(chat)
    reader.send("read", {"room": chat, "seq": 7})
    expect_read(watcher, chat, bob, 7)
    for kind in ("read", "received"):
        reader.send(kind, {"room": chat, "seq": 2})
    reader.ping()
    other.send("read", {"room": chat, "seq": 1})
    expect_read(watcher, chat, carol, 1)
    reader.send("read", {"room": chat, "seq": 8})
    expect_read(watcher, chat, bob, 8)
    told = states(watcher, chat, bob)
    assert told == sorted(told) and {read for _, read in told} == {7, 8}


def test_beyond_the_head_is_the_head(pair, chat, bob):
    """(cumulative): nobody has read what was not written"""
    watcher, reader = pair
    reader.send("read", {"room": chat, "seq": 1000})
    expect_read(watcher, chat, bob, 10)
    watcher.publish(chat, "one more")
    reader.send("read", {"room": chat, "seq": 11})
    expect_read(watcher, chat, bob, 11)
    assert max(read for _, read in states(watcher, chat, bob)) == 11


def test_at_most_once_a_second(pair, node, native, chat, name, bob):
    """relayed as `receipts` … at most once a second: of a room, however many read"""
    watcher, reader = pair
    others = {name("reader"): None for _ in range(3)}
    for user in others:
        others[user] = native(node, user=user)
        others[user].join(chat)
    start = time.monotonic()
    for seq in range(1, 11):
        for client in (reader, *others.values()):
            client.send("read", {"room": chat, "seq": seq})
            client.ping()
    wanted = {bob, *others}
    watcher.expect("receipts", TOLD, lambda f: all(
        states(watcher, chat, user)[-1:] and states(watcher, chat, user)[-1][1] == 10 for user in wanted))
    frames = [f for f in watcher.log if f["type"] == "receipts"]
    assert len(frames) <= 2 + (time.monotonic() - start)


def test_every_room_is_told_for_itself(node, native, name, alice, bob):
    """`receipts {room, …}`"""
    rooms = [f"chat:{name('room')}" for _ in range(3)]
    watcher, reader = native(node, user=alice), native(node, user=bob)
    for number, room in enumerate(rooms, 1):
        watcher.join(room)
        reader.join(room)
        fill(watcher, room, 3)
        reader.send("read", {"room": room, "seq": number})
    for number, room in enumerate(rooms, 1):
        expect_read(watcher, room, bob, number)
    assert all({read for _, read in states(watcher, room, bob)} == {number} for number, room in enumerate(rooms, 1))


def test_only_where_the_kind_asks_for_it(pair, native, node, chat, room, alice, bob):
    """in rooms … whose kind asks for it; the default kind [is] without receipts"""
    watcher, reader = pair
    for client in (watcher, reader):
        client.join(room)
    fill(watcher, room, 3)
    reader.send("read", {"room": room, "seq": 2})
    reader.send("read", {"room": chat, "seq": 5})
    expect_read(watcher, chat, bob, 5)
    reader.send("read", {"room": chat, "seq": 6})
    expect_read(watcher, chat, bob, 6)
    watcher.ping()
    assert [f for f in watcher.log if f["type"] == "receipts" and f.payload["room"] == room] == []


def test_only_members_are_told(pair, native, node, chat, bob):
    """relayed … in rooms: to those who are in it"""
    watcher, reader = pair
    outsider = native(node)
    reader.send("read", {"room": chat, "seq": 5})
    expect_read(watcher, chat, bob, 5)
    outsider.ping()
    assert outsider.waiting("receipts") == []


def test_not_in_rooms_of_more_than_100(pair, native, node, chat, name, alice, bob):
    """in rooms of up to 100 members"""
    watcher, reader = pair
    crowded = f"chat:{name('crowd')}"
    for number in range(101):
        native(node, user=name("member")).join(crowded)
    for client in (watcher, reader):
        client.join(crowded)
    fill(watcher, crowded, 3)
    reader.send("read", {"room": crowded, "seq": 2})
    for seq in (5, 6):
        reader.send("read", {"room": chat, "seq": seq})
        expect_read(watcher, chat, bob, seq)
    watcher.ping()
    assert [f for f in watcher.log if f["type"] == "receipts" and f.payload["room"] == crowded] == []


def test_receipts_are_not_logged(pair, native, node, chat, bob):
    """Messages are logged. Receipts are not: they take no `seq`."""
    watcher, reader = pair
    reader.send("read", {"room": chat, "seq": 5})
    expect_read(watcher, chat, bob, 5)
    assert watcher.publish(chat, "next")["seq"] == 11
    late = native(node)
    epoch = late.join(chat)["epoch"]
    late.join(chat, after=position(epoch, 10))
    assert late.hear(chat).payload["content"] == "next"


def test_http_read_is_told(pair, node, chat, bob):
    """`POST /rooms/{room}/read`: as the native frame"""
    watcher, _ = pair
    response = node.http.post(f"/rooms/{chat}/read", params={"user": bob}, json={"seq": 9})
    assert response.status_code in (200, 202, 204), response.text
    expect_read(watcher, chat, bob, 9)


@pytest.mark.parametrize("seq", ["3", None, 1.5, -1, [], 10**30])
def test_wrong_values(pair, node, chat, bob, seq):
    """`received`, `read` `{room, seq}`: `bad_frame` 400 or `invalid` 422, over both ways"""
    _, reader = pair
    for kind in ("received", "read"):
        reader.refused(kind, {"room": chat, "seq": seq}, "bad_frame", "invalid")
    response = node.http.post(f"/rooms/{chat}/read", params={"user": bob}, json={"seq": seq})
    assert_problem(response, (400, 422), ("bad_frame", "invalid"))


def test_a_room_that_is_not_there(node, native, room):
    """`not_found` 404, or `conflict`, since nobody is in it"""
    client = native(node)
    client.refused("read", {"room": room, "seq": 1}, "not_found", "conflict")
    assert_problem(node.http.post(f"/rooms/{room}/read", params={"user": client.user}, json={"seq": 1}),
                   404, "not_found")
