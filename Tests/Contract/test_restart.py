"""The SQLite store over restarts, and shared by two processes (contract, sections 1 and 3)."""

import pytest

from checks import participant_ids, read_backwards
from roost_clients import NativeClient


@pytest.fixture
def restart(start_node, sqlite):
    """Starts a node on this test's own store; the one before it has been stopped."""
    running = []

    def start():
        for node in running:
            assert node.stop() == 0
        running.append(start_node(store=sqlite))
        return running[-1]

    return start


@pytest.fixture
def pair(start_node, sqlite):
    """Two nodes of one host that share a SQLite file."""
    return tuple(start_node("--rate-limit-messages", "0", store=sqlite) for _ in range(2))


def fill(client, room, *contents):
    for content in contents:
        client.publish(room, content)


def test_history_survives(restart, native, room, alice):
    """`stored` (the store has it on disk): every field of it"""
    node = restart()
    fill(native(node, user=alice), room, "one", {"two": [2.0]}, None)
    before = node.http.get(f"/rooms/{room}/messages").content
    assert restart().http.get(f"/rooms/{room}/messages").content == before


def test_epoch_and_seq_continue(restart, native, room):
    """The epoch … is new only when the log is; a room's `seq` … has no gaps."""
    author = native(restart())
    epoch = author.join(room)["epoch"]
    fill(author, room, 1, 2, 3)
    author = native(restart())
    joined = author.join(room)
    assert (joined["epoch"], joined["head"]) == (epoch, 3)
    assert author.publish(room, 4)["seq"] == 4


def test_a_client_goes_on_where_it_was(restart, native, room):
    """`after?: position`: what was missed, in order, then live: over a restart too"""
    reader = native(restart())
    epoch = reader.join(room)["epoch"]
    fill(reader, room, 1, 2)
    seen = reader.hear(room, 2)[-1].payload["seq"]
    node = restart()
    author, reader = native(node), native(node)
    fill(author, room, 3, 4)
    assert reader.join(room, after={"epoch": epoch, "seq": seen})["recovered"] is True
    fill(author, room, 5)
    assert [frame.payload["content"] for frame in reader.hear(room, 3)] == [3, 4, 5]


def test_dedupe_survives(restart, native, room, alice):
    """The same `(room, sender, messageId)` sent again …, to any node, after any crash, is stored once"""
    first = native(restart(), user=alice).publish(room, 1, "same-1")
    node = restart()
    again = native(node, user=alice).publish(room, 1, "same-1")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)
    body = {"content": 1, "messageId": "same-1"}
    response = node.http.post(f"/rooms/{room}/messages", params={"user": alice}, json=body)
    assert (response.status_code, response.json()["seq"]) == (200, first["seq"])


def test_users_and_rooms_survive(restart, native, alice, bob):
    """A user exists from the first connection or `POST`; rooms are kept."""
    node = restart()
    posted = node.http.post("/users", json={"name": "Posted", "avatar": "p.png"}).json()["id"]
    payload = {"name": "The two", "participants": [alice, bob], "visibility": "private"}
    room = native(node, user=alice).request("create_room", payload, "room_created").payload["room"]["id"]
    http = restart().http
    assert http.get(f"/users/{posted}").json()["avatar"] == "p.png"
    assert http.get(f"/users/{alice}").json()["online"] is False
    found = http.get(f"/rooms/{room}", params={"user": alice}).json()
    assert (found["name"], found["visibility"]) == ("The two", "private")
    assert participant_ids(found["participants"]) >= {alice, bob}


def test_session_survives(restart, native):
    """gets an id made up for it, restored by `?session=` with its `welcome.session`"""
    first = native(restart())
    assert native(restart(), session=first.welcome.payload["session"]).user == first.user


def test_timestamps_never_go_back_over_a_restart(restart, native, room):
    """its `timestamp` the time it was stored, never going back within a room"""
    for _ in range(3):
        node = restart()
        fill(native(node), room, 1, 2)
    stamps = [message["createdAt"] for message in node.http.get(f"/rooms/{room}/messages").json()]
    assert len(stamps) == 6
    assert stamps == sorted(stamps)


def test_a_retry_after_the_log_is_gone(start_node, native, room, alice):
    """… and answers `retry_expired` rather than store twice where the log no longer reaches back"""
    first = start_node()
    client = native(first, user=alice)
    joined = client.join(room)
    client.publish(room, 1, "retried-1")
    first.stop()
    client = native(start_node(), user=alice)
    client.join(room)
    payload = {"room": room, "content": 1, "since": {"epoch": joined["epoch"], "seq": joined["head"]}}
    client.refused("message", payload, "retry_expired", message_id="retried-1")


def test_two_processes_number_a_room_together(pair, room):
    """`sqlite:` may be shared by processes of one host: `seq` is assigned inside the write transaction."""
    clients = [NativeClient(node) for node in pair for _ in range(2)]
    sent = [(client, client.send("message", {"room": room, "content": n})) for n in range(50) for client in clients]
    acks = {message_id: client.reply(message_id, timeout=20).payload["seq"] for client, message_id in sent}
    assert sorted(acks.values()) == list(range(1, 201))
    for node in pair:
        assert {m["messageId"]: m["seq"] for m in read_backwards(node.http, room)} == acks
    for client in clients:
        client.close()


def test_two_processes_hear_each_other(pair, native, room):
    """`sqlite:` may be shared by processes of one host: every reader hears every message once, in order."""
    readers = [native(node) for node in pair]
    epochs = {reader.join(room)["epoch"] for reader in readers}
    assert len(epochs) == 1
    authors = [native(node) for node in pair]
    for number in range(20):
        for author in authors:
            author.send("message", {"room": room, "content": number})
    for reader in readers:
        assert [f.payload["seq"] for f in reader.hear(room, 40, timeout=10)] == list(range(1, 41))
        assert reader.heard_nothing(room)


def test_two_processes_dedupe_together(pair, native, room, alice):
    """sent again …, to any node, … is stored once"""
    one, two = (native(node, user=alice) for node in pair)
    first = one.publish(room, 1, "either-1")
    again = two.publish(room, 1, "either-1")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)


def test_one_of_two_processes_ends(pair, native, room):
    """`sqlite:` may be shared: the other goes on"""
    fill(native(pair[0]), room, 1)
    survivor = native(pair[1])
    pair[0].kill9()
    assert survivor.publish(room, 2, "after-1")["seq"] == 2
