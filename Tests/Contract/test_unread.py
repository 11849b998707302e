"""Unread counts: the head less the read cursor (contract, sections 2 and 3)."""

import pytest

from checks import assert_problem, eventually, next_page

KINDS = 'kinds: [{match: "short:*", retainCount: 3}]\n'
# The highest is kept per member, flushed every 5 s and on leaving.
FLUSHED = 8


@pytest.fixture
def room(either_node, name, alice, bob):
    """A room of alice and bob."""
    return create(either_node, name("shared"), alice, bob)


def create(node, room, *users):
    body = {"id": room, "participants": list(users), "visibility": "private"}
    response = node.http.post("/rooms", params={"user": users[0]}, json=body)
    assert response.status_code == 201, response.text
    return room


def listed(node, user, room):
    """A room as `GET /rooms` lists it for a user."""
    response = node.http.get("/rooms", params={"limit": 100, **({"user": user} if user else {})})
    while True:
        assert response.status_code == 200, response.text
        for found in response.json():
            if found["id"] == room:
                return found
        following = next_page(response)
        assert following, f"{room} is not listed for {user}"
        response = node.http.get(following)


def unread(node, user, room):
    return listed(node, user, room)["unread"]


def expect_unread(node, user, room, count):
    eventually(lambda: unread(node, user, room) == count, FLUSHED, f"{count} unread")


def fill(client, room, count):
    return [client.publish(room, number)["seq"] for number in range(count)][-1]


def read(node, user, room, seq):
    response = node.http.post(f"/rooms/{room}/read", params={"user": user}, json={"seq": seq})
    assert response.status_code in (200, 202, 204), response.text


def test_unread(either_node, native, room, alice, bob):
    """rooms …, with `unread` for a signed-in user: the head less the read cursor"""
    assert unread(either_node, alice, room) == 0
    fill(native(either_node, user=bob), room, 5)
    assert unread(either_node, alice, room) == 5
    read(either_node, alice, room, 3)
    expect_unread(either_node, alice, room, 2)
    fill(native(either_node, user=bob), room, 1)
    assert unread(either_node, alice, room) == 3
    read(either_node, alice, room, 6)
    expect_unread(either_node, alice, room, 0)


def test_one_room(either_node, native, room, alice, bob):
    """`GET /rooms/{room}`: rooms …, with `unread` for a signed-in user"""
    fill(native(either_node, user=bob), room, 4)
    read(either_node, alice, room, 1)
    get = lambda: either_node.http.get(f"/rooms/{room}", params={"user": alice}).json()  # noqa: E731
    eventually(lambda: get()["unread"] == 3, FLUSHED)


def test_the_frame_counts_as_well(either_node, native, room, alice, bob):
    """`read` `{room, seq}` (cumulative)"""
    fill(native(either_node, user=bob), room, 5)
    reader = native(either_node, user=alice)
    reader.join(room)
    reader.send("read", {"room": room, "seq": 4})
    expect_unread(either_node, alice, room, 1)


def test_received_is_not_read(either_node, native, room, alice, bob):
    """`received`, `read`: two cursors, and `unread` is of the second"""
    fill(native(either_node, user=bob), room, 5)
    reader = native(either_node, user=alice)
    reader.join(room)
    reader.send("received", {"room": room, "seq": 5})
    reader.request("leave", {"room": room}, "left")
    assert unread(either_node, alice, room) == 5


def test_it_is_of_one_user(either_node, native, room, name, alice, bob):
    """the highest is kept per member"""
    carol = name("carol")
    fill(native(either_node, user=carol), create(either_node, name("other"), carol, alice), 1)
    response = either_node.http.put(f"/rooms/{room}/members/{carol}", params={"user": alice})
    assert response.status_code in (200, 201, 204), response.text
    fill(native(either_node, user=bob), room, 4)
    read(either_node, alice, room, 4)
    expect_unread(either_node, alice, room, 0)
    assert unread(either_node, carol, room) == 4


def test_it_is_of_one_room(either_node, native, room, name, alice, bob):
    """`read` `{room, seq}`"""
    other, author = create(either_node, name("other"), alice, bob), native(either_node, user=bob)
    for where in (room, other):
        fill(author, where, 3)
    read(either_node, alice, room, 3)
    expect_unread(either_node, alice, room, 0)
    assert unread(either_node, alice, other) == 3


def test_it_never_goes_back(either_node, native, room, alice, bob):
    """(cumulative) … the highest is kept"""
    fill(native(either_node, user=bob), room, 5)
    read(either_node, alice, room, 4)
    expect_unread(either_node, alice, room, 1)
    read(either_node, alice, room, 2)
    reader = native(either_node, user=alice)
    reader.join(room)
    reader.send("read", {"room": room, "seq": 1})
    reader.request("leave", {"room": room}, "left")
    assert unread(either_node, alice, room) == 1


def test_beyond_the_head(either_node, native, room, alice, bob):
    """nobody has read what was not written: it counts once it is"""
    author = native(either_node, user=bob)
    fill(author, room, 2)
    read(either_node, alice, room, 100)
    expect_unread(either_node, alice, room, 0)
    fill(author, room, 1)
    assert unread(either_node, alice, room) == 1


def test_nobody_signed_in_nothing_unread(either_node):
    """with `unread` for a signed-in user"""
    assert "unread" not in listed(either_node, None, "general")


def test_it_survives_a_restart(start_node, native, sqlite, name, alice, bob):
    """the highest is kept per member, flushed … on leaving"""
    first = start_node(store=sqlite)
    room = create(first, name("shared"), alice, bob)
    author, reader = native(first, user=bob), native(first, user=alice)
    fill(author, room, 6)
    reader.join(room)
    reader.send("read", {"room": room, "seq": 4})
    reader.ping()
    assert first.stop() == 0
    again = start_node(store=sqlite)
    assert unread(again, alice, room) == 2
    assert unread(again, bob, room) in (0, 6)


def test_it_survives_a_crash_after_leaving(start_node, native, sqlite, name, alice, bob):
    """flushed … on leaving"""
    first = start_node(store=sqlite)
    room = create(first, name("shared"), alice, bob)
    fill(native(first, user=bob), room, 6)
    reader = native(first, user=alice)
    reader.join(room)
    reader.send("read", {"room": room, "seq": 5})
    reader.request("leave", {"room": room}, "left")
    expect_unread(first, alice, room, 1)
    first.kill9()
    assert unread(start_node(store=sqlite), alice, room) == 1


def test_what_retention_dropped_is_not_unread(start_with, native, sqlite, name, alice, bob):
    """messages dropped by retention don't count"""
    node = start_with(KINDS, store=sqlite)
    room = create(node, f"short:{name('shared')}", alice, bob)
    fill(native(node, user=bob), room, 10)
    eventually(lambda: unread(node, alice, room) == 3, 15, "3 unread, since no more are left")
    read(node, alice, room, 9)
    expect_unread(node, alice, room, 1)


@pytest.mark.parametrize("body", [{}, {"seq": "3"}, {"seq": -1}, {"seq": None}])
def test_wrong_values(either_node, room, alice, body):
    """`POST /rooms/{room}/read`: 400 or 422"""
    response = either_node.http.post(f"/rooms/{room}/read", params={"user": alice}, json=body)
    assert_problem(response, (400, 422), ("bad_frame", "invalid"))


def test_a_room_of_others(either_node, native, room, name, bob):
    """visibility `private`: members only"""
    eve = name("eve")
    native(either_node, user=eve)
    response = either_node.http.post(f"/rooms/{room}/read", params={"user": eve}, json={"seq": 1})
    assert_problem(response, (403, 404), ("forbidden", "not_found"))
