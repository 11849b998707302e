"""Native protocol: create_room and history (contract, section 3)."""

import pytest

from checks import entry, is_epoch, is_text, is_timestamp, participant_ids


def fill(client, room, count):
    for number in range(1, count + 1):
        client.publish(room, number)


def history(client, room, **options):
    return client.request("history", {"room": room, **options}, "history").payload


def seqs(page):
    return [entry(item)[0] for item in page["messages"]]


def test_room_created(native, alice, bob):
    """`create_room {name?, participants, visibility?}` → `room_created {room:{…}}`"""
    client = native(user=alice)
    payload = {"name": "The two", "participants": [alice, bob], "visibility": "private"}
    created = client.request("create_room", payload, "room_created")
    room = created.payload["room"]
    assert is_text(room["id"])
    assert room["name"] == "The two"
    assert room["visibility"] == "private"
    assert participant_ids(room["participants"]) >= {alice, bob}
    assert is_timestamp(room["createdAt"])


def test_name_and_visibility_are_optional(native, alice):
    """`create_room {name?, participants: [user], visibility?: public|private}`"""
    room = native(user=alice).request("create_room", {"participants": [alice]}, "room_created").payload["room"]
    assert room["visibility"] in ("public", "private")


def test_room_created_reaches_every_online_participant(native, name, alice, bob):
    """`room_created {room:{…}}`, to every online participant too"""
    carol = name("carol")
    author, participant, outsider = native(user=alice), native(user=bob), native(user=carol)
    room = author.request("create_room", {"participants": [alice, bob]}, "room_created").payload["room"]
    heard = participant.expect("room_created")
    assert heard.payload["room"]["id"] == room["id"]
    author.request("create_room", {"participants": [carol]}, "room_created")
    assert outsider.expect("room_created").payload["room"]["id"] != room["id"]


def test_room_created_reaches_every_connection_of_a_participant(native, alice, bob):
    """to every online participant: on each of its connections"""
    first, second = native(user=bob), native(user=bob)
    room = native(user=alice).request("create_room", {"participants": [alice, bob]}, "room_created").payload["room"]
    for client in (first, second):
        assert client.expect("room_created").payload["room"]["id"] == room["id"]


def test_created_rooms_can_be_talked_in(native, alice, bob):
    """A created room is a room: its participants join, publish and hear."""
    author, participant = native(user=alice), native(user=bob)
    payload = {"participants": [alice, bob], "visibility": "private"}
    room = author.request("create_room", payload, "room_created").payload["room"]["id"]
    participant.join(room)
    assert author.publish(room, "hi")["seq"] == 1
    assert participant.hear(room).payload["content"] == "hi"


def test_private_rooms_are_closed_to_others(native, name, alice):
    """visibility `private`: members only"""
    author, outsider = native(user=alice), native(user=name("eve"))
    payload = {"participants": [alice], "visibility": "private"}
    room = author.request("create_room", payload, "room_created").payload["room"]["id"]
    outsider.refused("join", {"room": room}, "forbidden", "not_found")
    outsider.refused("message", {"room": room, "content": 1}, "forbidden", "not_found")
    outsider.refused("history", {"room": room, "limit": 10}, "forbidden", "not_found")


def test_public_rooms_are_open_to_others(native, alice, bob):
    """visibility `public`"""
    payload = {"participants": [alice], "visibility": "public"}
    room = native(user=alice).request("create_room", payload, "room_created").payload["room"]["id"]
    assert native(user=bob).join(room)["room"] == room


@pytest.mark.parametrize("payload", [
    {}, {"participants": "alice"}, {"participants": [1]}, {"participants": ["a"], "visibility": "secret"},
    {"participants": ["a"], "name": 7},
])
def test_create_room_with_wrong_values(native, payload):
    """`create_room {name?, participants: [user], visibility?: public|private}`"""
    client = native()
    client.refused("create_room", payload, "invalid", "bad_frame")
    client.ping()


def test_rooms_that_always_exist(native):
    """`general`, `support` and `random` always exist."""
    client = native()
    for room in ("general", "support", "random"):
        history(client, room, limit=1)


def test_history(either_node, native, room, alice):
    """`history {room, …, limit}` → `history {room, epoch, messages:[…], more}`"""
    client = native(either_node, user=alice)
    epoch = client.join(room)["epoch"]
    for number in (1, 2):
        client.publish(room, {"n": number}, f"id-{number}")
    page = history(client, room, limit=10)
    assert (page["room"], page["epoch"], page["more"]) == (room, epoch, False)
    assert is_epoch(page["epoch"])
    expected = [(1, "id-1", alice, {"n": 1}), (2, "id-2", alice, {"n": 2})]
    assert [entry(item) for item in page["messages"]] == expected


def test_history_gives_the_latest(either_node, native, room):
    """`limit` without a position: the latest ones, oldest first, and `more` where there are older ones"""
    client = native(either_node)
    fill(client, room, 7)
    page = history(client, room, limit=3)
    assert seqs(page) == [5, 6, 7]
    assert page["more"] is True


def test_history_before(either_node, native, room):
    """`before?: position`"""
    client = native(either_node)
    fill(client, room, 7)
    epoch = client.join(room)["epoch"]
    page = history(client, room, before={"epoch": epoch, "seq": 5}, limit=3)
    assert seqs(page) == [2, 3, 4]
    assert page["more"] is True
    page = history(client, room, before={"epoch": epoch, "seq": 2}, limit=3)
    assert seqs(page) == [1]
    assert page["more"] is False


def test_history_after(either_node, native, room):
    """`after?: position`"""
    client = native(either_node)
    fill(client, room, 7)
    epoch = client.join(room)["epoch"]
    page = history(client, room, after={"epoch": epoch, "seq": 2}, limit=3)
    assert seqs(page) == [3, 4, 5]
    assert page["more"] is True
    page = history(client, room, after={"epoch": epoch, "seq": 5}, limit=3)
    assert seqs(page) == [6, 7]
    assert page["more"] is False


def test_history_pages_meet(either_node, native, room):
    """Pages read with `before`, one after another, hold every message once."""
    client = native(either_node)
    fill(client, room, 10)
    epoch = client.join(room)["epoch"]
    found, page = [], history(client, room, limit=4)
    while True:
        found = seqs(page) + found
        if not page["more"]:
            break
        assert len(found) < 20
        page = history(client, room, before={"epoch": epoch, "seq": found[0]}, limit=4)
    assert found == list(range(1, 11))


def test_history_of_a_room_without_messages(native, room):
    """`messages:[…]` of a room that exists and holds nothing"""
    client = native()
    client.join(room)
    page = history(client, room, limit=10)
    assert (page["messages"], page["more"]) == ([], False)


def test_history_of_an_unknown_room(native, room):
    """An unknown room: … reading its history is 404 (`not_found`) and creates nothing."""
    client = native()
    client.refused("history", {"room": room, "limit": 10}, "not_found")
    client.refused("history", {"room": room, "limit": 10}, "not_found")


def test_history_needs_no_join(native, room):
    """`history` is a question about a room, not a subscription."""
    fill(native(), room, 1)
    reader = native()
    assert seqs(history(reader, room, limit=1)) == [1]
    fill(native(), room, 1)
    assert reader.heard_nothing(room)


@pytest.mark.parametrize("options", [
    {"limit": "ten"}, {"limit": 5, "before": 3.5}, {"limit": 5, "after": {"epoch": 1, "seq": "x"}}, {"limit": -1},
])
def test_history_with_wrong_values(native, options):
    """`history {room, before?|after?: position, limit}`"""
    client = native()
    client.refused("history", {"room": "general", **options}, "invalid", "bad_frame")
    client.ping()
