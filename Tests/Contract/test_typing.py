"""Typing: relayed, throttled, lapsing (contract, section 3)."""

import time

import pytest

from checks import PATIENCE, assert_problem, eventually, let_pass

# It lapses after 5 s. Asked for within less, a stop is no lapse.
PROMPTLY = 3
LAPSED = 9


def about(user, room, active):
    return lambda f: (f.payload["user"], f.payload["room"], f.payload["active"]) == (user, room, active)


def relays(client, user):
    return [f.payload["active"] for f in client.log if f["type"] == "typing" and f.payload["user"] == user]


@pytest.fixture
def pair(native, room, alice, bob):
    """Two members of a room: who types, and who watches."""
    typist, watcher = native(user=alice), native(user=bob)
    for client in (typist, watcher):
        client.join(room)
    return typist, watcher


def test_typing_is_relayed_to_the_others(pair, native, room, alice):
    """`typing {room, active}`: … relayed as `typing {room, user, active}`"""
    typist, watcher = pair
    third = native()
    third.join(room)
    typist.send("typing", {"room": room, "active": True})
    for client in (watcher, third):
        assert client.expect("typing").payload == {"room": room, "user": alice, "active": True}


def test_nothing_answers_it(pair, room):
    """none (no answer), and the connection that types is not told"""
    typist, watcher = pair
    message_id = typist.send("typing", {"room": room, "active": True})
    watcher.expect("typing")
    typist.ping()
    assert typist.waiting("typing") == []
    assert [f for f in typist.log if f["messageId"] == message_id] == []


def test_a_stop_is_relayed(pair, room, alice):
    """relayed as `typing {room, user, active}`: the end of it too, at once"""
    typist, watcher = pair
    typist.send("typing", {"room": room, "active": True})
    watcher.expect("typing", where=about(alice, room, True))
    typist.send("typing", {"room": room, "active": False})
    watcher.expect("typing", PROMPTLY, where=about(alice, room, False))


def test_a_stop_is_relayed_once(pair, room, alice):
    """repeats of the same state are not relayed each time"""
    typist, watcher = pair
    typist.send("typing", {"room": room, "active": True})
    for _ in range(5):
        typist.send("typing", {"room": room, "active": False})
        typist.ping()
    watcher.expect("typing", PROMPTLY, where=about(alice, room, False))
    typist.publish(room, "said")
    watcher.hear(room)
    watcher.ping()
    assert relays(watcher, alice) == [True, False]


def test_it_is_throttled(pair, room, alice):
    """at most one relay per 2 s while it stays active"""
    typist, watcher = pair
    start = time.monotonic()
    while time.monotonic() < start + 3.2:
        typist.send("typing", {"room": room, "active": True})
        typist.ping()
        watcher.ping()
        let_pass(0.05)  # (not over the rate limit)
    typist.publish(room, "said")
    watcher.hear(room)
    found = relays(watcher, alice)
    assert found and set(found) == {True}
    assert len(found) <= 1 + (time.monotonic() - start) // 2


def test_the_last_state_wins(pair, room, alice):
    """throttled: who stops and starts again is seen to type in the end"""
    typist, watcher = pair
    for active in (True, False, True, False, True):
        typist.send("typing", {"room": room, "active": active})

    def seen():
        watcher.ping()
        return relays(watcher, alice)[-1:] == [True] and typist.ping()

    eventually(seen, PROMPTLY, "being seen to type")


def test_it_lapses(pair, room, alice):
    """lapses after 5 s, which is relayed too"""
    typist, watcher = pair
    typist.send("typing", {"room": room, "active": True})
    watcher.expect("typing", where=about(alice, room, True))
    start = time.monotonic()
    watcher.expect("typing", LAPSED, where=about(alice, room, False))
    assert 4 <= time.monotonic() - start <= 7 * PATIENCE


def test_it_is_kept_up_by_typing_on(pair, room, alice):
    """lapses after 5 s: counted from the last time it was said"""
    typist, watcher = pair
    start = time.monotonic()
    for said_at in (0, 2, 4):
        while time.monotonic() < start + said_at:
            watcher.ping()
            let_pass(0.05)
        typist.send("typing", {"room": room, "active": True})
        typist.ping()
    watcher.expect("typing", LAPSED, where=about(alice, room, False))
    assert time.monotonic() - start >= 8


def test_leaving_ends_it(pair, room, alice):
    """who leaves the room types there no longer: at once, no lapse"""
    typist, watcher = pair
    typist.send("typing", {"room": room, "active": True})
    watcher.expect("typing", where=about(alice, room, True))
    typist.request("leave", {"room": room}, "left")
    watcher.expect("typing", PROMPTLY, where=about(alice, room, False))


@pytest.mark.parametrize("end", ["close", "reset"])
def test_the_end_of_the_connection_ends_it(native, raw, room, alice, end):
    """who is gone types no longer: whether it said goodbye or not"""
    watcher, typist = native(), raw(path=f"/ws?user={alice}")
    watcher.join(room)
    typist.send_frame(1, '{"type":"join","messageId":"1","payload":{"room":"%s"}}' % room)
    typist.send_frame(1, '{"type":"typing","messageId":"2","payload":{"room":"%s","active":true}}' % room)
    watcher.expect("typing", where=about(alice, room, True))
    getattr(typist, end)()
    watcher.expect("typing", PROMPTLY, where=about(alice, room, False))


def test_it_stays_in_its_room(native, name, alice, bob):
    """`typing {room, …}`"""
    one, two = name("room"), name("room")
    typist, watcher, both = native(user=alice), native(user=bob), native()
    typist.join(one)
    watcher.join(two)
    for room in (one, two):
        both.join(room)
    typist.send("typing", {"room": one, "active": True})
    assert both.expect("typing").payload["room"] == one
    watcher.ping()
    assert watcher.waiting("typing") == []


def test_it_is_not_logged(pair, native, http, room):
    """Messages are logged. Typing is not: it takes no `seq` and is in no history."""
    typist, watcher = pair
    typist.send("typing", {"room": room, "active": True})
    watcher.expect("typing")
    assert http.get(f"/rooms/{room}/messages").json() == []
    assert typist.publish(room, 1)["seq"] == 1
    late = native()
    late.join(room, history=10)
    late.hear(room)
    late.ping()
    assert late.waiting("typing") == []


def test_a_private_room_of_others(native, http, name, alice, bob):
    """visibility `private`: outsiders are not heard typing"""
    private = {"id": name("private"), "participants": [alice], "visibility": "private"}
    assert http.post("/rooms", json=private, params={"user": alice}).status_code == 201
    owner, outsider = native(user=alice), native(user=bob)
    owner.join(private["id"])
    outsider.refused("typing", {"room": private["id"], "active": True}, "forbidden", "not_found", "conflict")
    response = http.post(f"/rooms/{private['id']}/typing", params={"user": bob}, json={"active": True})
    assert_problem(response, (403, 404), ("forbidden", "not_found"))
    owner.ping()
    assert owner.waiting("typing") == []


@pytest.mark.parametrize("payload", [{"active": "yes"}, {"active": 7}, {"active": None}, {"active": []},
                                     {"room": "no such name", "active": True}, {"room": 7, "active": True}])
def test_wrong_values(pair, http, room, alice, payload):
    """`typing {room, active}`: `bad_frame` 400 or `invalid` 422, over both ways"""
    typist, watcher = pair
    typist.refused("typing", {"room": room, **payload}, "bad_frame", "invalid")
    if "room" not in payload:
        response = http.post(f"/rooms/{room}/typing", params={"user": alice}, json=payload)
        assert_problem(response, (400, 422), ("bad_frame", "invalid"))
    watcher.ping()
    assert watcher.waiting("typing") == []


def test_http(native, http, room, alice):
    """`POST /rooms/{room}/typing`: as the native frame"""
    watcher = native()
    watcher.join(room)
    for active in (True, False):
        response = http.post(f"/rooms/{room}/typing", params={"user": alice}, json={"active": active})
        assert response.status_code in (200, 202, 204), response.text
        watcher.expect("typing", PROMPTLY, where=about(alice, room, active))


def test_http_lapses(native, http, room, alice):
    """lapses after 5 s, which is relayed too: however it was said"""
    watcher = native()
    watcher.join(room)
    http.post(f"/rooms/{room}/typing", params={"user": alice}, json={"active": True})
    watcher.expect("typing", where=about(alice, room, True))
    start = time.monotonic()
    watcher.expect("typing", LAPSED, where=about(alice, room, False))
    assert time.monotonic() - start >= 4
