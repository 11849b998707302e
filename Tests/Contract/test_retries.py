"""Sending again: within the dedupe window, after it, and after the log is gone (contract, section 3)."""

import pytest

from checks import assert_problem, eventually, let_pass, position, read_backwards

WINDOW = ("--dedupe-window", "300ms", "--rate-limit-messages", "0")
# After this the window of 300 ms has passed, whatever is made of it.
LATER = 0.7
RETAIN_3 = 'kinds: [{match: "short:*", retainCount: 3}]\n'


def fill(client, room, count):
    ids = [client.send("message", {"room": room, "content": number}) for number in range(count)]
    for message_id in ids:
        assert client.reply(message_id, timeout=20)["type"] == "ack"


def ids_in(node, room):
    return [message["messageId"] for message in read_backwards(node.http, room)]


def post(node, room, user, body):
    return node.http.post(f"/rooms/{room}/messages", params={"user": user}, json=body)


@pytest.fixture(params=["memory", "sqlite"])
def hasty(request, start_node, sqlite):
    """A node whose dedupe window is short."""
    return start_node(*WINDOW, store="memory:" if request.param == "memory" else sqlite)


def test_within_the_window(start_node, native, sqlite, room, alice):
    """sent again within `--dedupe-window` …, is stored once, acked again with the same `seq`"""
    node = start_node("--dedupe-window", "1m", store=sqlite)
    first = native(node, user=alice).publish(room, 1, "again-1")
    fill(native(node), room, 20)
    again = native(node, user=alice).publish(room, 1, "again-1")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)
    assert ids_in(node, room).count("again-1") == 1


def test_since_finds_it_after_the_window(hasty, native, room, alice):
    """A client that retries later sends `since` …: the server looks in the log from there"""
    client = native(hasty, user=alice)
    since = position(client.join(room)["epoch"], client.join(room)["head"])
    first = client.publish(room, 1, "late-1", since=since)
    fill(client, room, 5)
    let_pass(LATER)
    for again in (client, native(hasty, user=alice)):
        ack = again.publish(room, 1, "late-1", since=since)
        assert (ack["room"], ack["seq"], ack["duplicate"]) == (room, first["seq"], True)
    assert ids_in(hasty, room).count("late-1") == 1


def test_what_since_finds_is_heard_once(hasty, native, room, alice):
    """heard once by every cursor"""
    client, reader = native(hasty, user=alice), native(hasty)
    since = position(reader.join(room)["epoch"], 0)
    client.publish(room, "once", "late-1", since=since)
    let_pass(LATER)
    client.publish(room, "once", "late-1", since=since)
    client.publish(room, "next")
    assert [f.payload["content"] for f in reader.hear(room, 2)] == ["once", "next"]


def test_what_since_does_not_find_is_stored_once(hasty, native, room, alice):
    """the server looks in the log from there: what is not there was never stored, and is stored now"""
    client = native(hasty, user=alice)
    since = position(client.join(room)["epoch"], 0)
    fill(client, room, 3)
    let_pass(LATER)
    ack = client.publish(room, 1, "lost-1", since=since)
    assert (ack["seq"], ack["duplicate"]) == (4, False)
    again = client.publish(room, 1, "lost-1", since=since)
    assert (again["seq"], again["duplicate"]) == (4, True)
    let_pass(LATER)
    again = client.publish(room, 1, "lost-1", since=since)
    assert (again["seq"], again["duplicate"]) == (4, True)
    assert ids_in(hasty, room).count("lost-1") == 1


def test_since_of_an_empty_room(hasty, native, room, alice):
    """`since` (its position at the first attempt): of zero events too"""
    client = native(hasty, user=alice)
    since = position(client.join(room)["epoch"], 0)
    first = client.publish(room, 1, "first-1", since=since)
    let_pass(LATER)
    again = client.publish(room, 1, "first-1", since=since)
    assert (first["seq"], again["seq"], again["duplicate"]) == (1, 1, True)


def test_since_far_back(hasty, native, room, alice):
    """the server looks in the log from there: however long it is"""
    client = native(hasty, user=alice)
    since = position(client.join(room)["epoch"], 0)
    fill(client, room, 10)
    first = client.publish(room, 1, "far-1")
    fill(client, room, 2500)
    let_pass(LATER)
    ack = client.publish(room, 1, "far-1", since=since)
    assert (ack["seq"], ack["duplicate"]) == (first["seq"], True)


def test_since_tells_senders_apart(hasty, native, room, alice, bob):
    """The same `(room, sender, messageId)`: another sender's message with the same id is another message"""
    author, other = native(hasty, user=alice), native(hasty, user=bob)
    since = position(author.join(room)["epoch"], 0)
    author.publish(room, 1, "same-1")
    let_pass(LATER)
    ack = other.publish(room, 1, "same-1", since=since)
    assert (ack["seq"], ack["duplicate"]) == (2, False)


def test_since_over_a_restart(start_node, native, sqlite, room, alice):
    """sent again …, after any crash, is stored once"""
    first = start_node(*WINDOW, store=sqlite)
    client = native(first, user=alice)
    since = position(client.join(room)["epoch"], 0)
    seq = client.publish(room, 1, "crash-1", since=since)["seq"]
    first.kill9()
    let_pass(LATER)
    ack = native(start_node(*WINDOW, store=sqlite), user=alice).publish(room, 1, "crash-1", since=since)
    assert (ack["seq"], ack["duplicate"]) == (seq, True)


def test_since_of_a_foreign_epoch_has_expired(hasty, native, room, alice):
    """and answers `retry_expired` rather than store twice where the log no longer reaches back"""
    client = native(hasty, user=alice)
    fill(client, room, 2)
    payload = {"room": room, "content": 1, "since": position("foreign0", 0)}
    error = client.refused("message", payload, "retry_expired", message_id="foreign-1")
    assert error.get("room") in (None, room)
    assert "foreign-1" not in ids_in(hasty, room)
    assert client.publish(room, "and on")["seq"] == 3


def test_since_of_a_memory_store_that_was_started_again(start_node, native, room, alice):
    """`retry_expired` … where the log no longer reaches back: the epoch is new with the start of a memory store"""
    first = start_node()
    client = native(first, user=alice)
    since = position(client.join(room)["epoch"], 0)
    client.publish(room, 1, "gone-1", since=since)
    first.stop()
    node = start_node()
    payload = {"room": room, "content": 1, "since": since}
    native(node, user=alice).refused("message", payload, "retry_expired", message_id="gone-1")
    response = node.http.get(f"/rooms/{room}/messages")
    assert response.status_code == 404 or response.json() == []


@pytest.fixture
def trimmed(start_with, native, sqlite, name, alice):
    """A node, and a room whose retention has dropped alice's message "dropped-1" at seq 1: the last 3 of 11 are
    left; with its epoch."""
    node, room = start_with(RETAIN_3, *WINDOW, store=sqlite), f"short:{name('room')}"
    client = native(node, user=alice)
    epoch = client.join(room)["epoch"]
    assert client.publish(room, 1, "dropped-1")["seq"] == 1
    fill(client, room, 10)
    eventually(lambda: len(ids_in(node, room)) == 3, 15, "retaining the last 3 only")
    let_pass(LATER)
    return node, room, epoch


def test_since_before_what_is_retained_has_expired(trimmed, native, alice):
    """`retry_expired` rather than store twice where the log no longer reaches back"""
    node, room, epoch = trimmed
    client = native(node, user=alice)
    payload = {"room": room, "content": 1, "since": position(epoch, 0)}
    client.refused("message", payload, "retry_expired", message_id="dropped-1")
    assert "dropped-1" not in ids_in(node, room)
    assert client.join(room)["head"] == 11


def test_since_within_what_is_retained_is_looked_up(trimmed, native, alice):
    """where the log … reaches back: a `since` at the edge of what is retained is good"""
    node, room, epoch = trimmed
    client = native(node, user=alice)
    ack = client.publish(room, 1, "new-1", since=position(epoch, 8))
    assert (ack["seq"], ack["duplicate"]) == (12, False)


def test_the_window_outlives_retention(start_with, native, sqlite, name, alice):
    """sent again within `--dedupe-window` …, is stored once: though the log has dropped it"""
    node, room = start_with(RETAIN_3, "--dedupe-window", "5m", store=sqlite), f"short:{name('room')}"
    client = native(node, user=alice)
    client.publish(room, 1, "dropped-1")
    fill(client, room, 10)
    eventually(lambda: len(ids_in(node, room)) == 3, 15, "retaining the last 3 only")
    again = client.publish(room, 1, "dropped-1")
    assert (again["seq"], again["duplicate"]) == (1, True)
    assert client.publish(room, 2)["seq"] == 12


@pytest.mark.parametrize("since", ["x", 5, [], {}, {"epoch": "e"}, {"seq": 1}, {"epoch": "e", "seq": -1},
                                   {"epoch": "e", "seq": "1"}, {"epoch": 7, "seq": 1}, {"epoch": "e", "seq": 1.5}])
def test_wrong_values(native, http, room, alice, since):
    """`since?: position`: `bad_frame` 400 or `invalid` 422, over both ways"""
    client = native(user=alice)
    client.refused("message", {"room": room, "content": 1, "since": since}, "bad_frame", "invalid")
    response = http.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": 1, "since": since})
    assert_problem(response, (400, 422), ("bad_frame", "invalid"))
    assert client.publish(room, 1)["seq"] == 1


def test_http_since_finds_it(hasty, native, room, alice):
    """`POST /rooms/{room}/messages` … 200 duplicate: with `since` in the body, after the window too"""
    since = position(native(hasty).join(room)["epoch"], 0)
    body = {"content": 1, "messageId": "posted-1", "since": since}
    first = post(hasty, room, alice, body)
    assert (first.status_code, first.json()["duplicate"]) == (201, False)
    let_pass(LATER)
    again = post(hasty, room, alice, body)
    assert (again.status_code, again.json()["seq"], again.json()["duplicate"]) == (200, first.json()["seq"], True)
    assert ids_in(hasty, room) == ["posted-1"]


def test_http_since_does_not_find_it(hasty, native, room, alice):
    """201 new"""
    since = position(native(hasty).join(room)["epoch"], 0)
    fill(native(hasty), room, 2)
    response = post(hasty, room, alice, {"content": 1, "messageId": "posted-1", "since": since})
    assert (response.status_code, response.json()["seq"]) == (201, 3)


def test_http_since_has_expired(hasty, native, room, alice):
    """`retry_expired` 410"""
    fill(native(hasty), room, 2)
    body = {"content": 1, "messageId": "posted-1", "since": position("foreign0", 1)}
    assert_problem(post(hasty, room, alice, body), 410, "retry_expired")
    assert "posted-1" not in ids_in(hasty, room)


def test_http_since_before_what_is_retained(trimmed, alice):
    """`retry_expired` 410: retention has dropped it"""
    node, room, epoch = trimmed
    body = {"content": 1, "messageId": "dropped-1", "since": position(epoch, 0)}
    assert_problem(post(node, room, alice, body), 410, "retry_expired")
    assert "dropped-1" not in ids_in(node, room)
