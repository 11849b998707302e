"""Positions, epochs and `recovered` (contract, section 3)."""

import pytest

from checks import is_epoch, position
from roost_clients import NativeClient


def fill(client, room, count, first=1):
    for seq in range(first, first + count):
        assert client.publish(room, seq)["seq"] == seq


def seqs(frames):
    return [frame.payload["seq"] for frame in frames]


@pytest.fixture(params=["join", "resume"])
def come_back(request):
    """Joins a room with a position in either way; returns the payload of `joined`."""
    def join(client, room, place):
        if request.param == "join":
            return client.join(room, after=place)
        return client.request("resume", {"rooms": {room: place}}, "joined").payload

    return join


def test_a_position_is_good_from_zero_events(either_node, native, room, come_back):
    """resume … from zero events: a room joined while empty, its messages came while its member was away"""
    client = native(either_node)
    joined = client.join(room)
    assert joined["head"] == 0 and is_epoch(joined["epoch"])
    client.close()
    fill(native(either_node), room, 3)
    client = native(either_node)
    back = come_back(client, room, position(joined["epoch"], 0))
    assert (back["recovered"], back["epoch"], back["head"]) == (True, joined["epoch"], 3)
    assert seqs(client.hear(room, 3)) == [1, 2, 3]
    assert client.heard_nothing(room)


def test_nothing_came_while_away(either_node, native, room, come_back):
    """resume from zero events: nothing was missed, and what comes then is live"""
    epoch = native(either_node).join(room)["epoch"]
    client = native(either_node)
    back = come_back(client, room, position(epoch, 0))
    assert (back["recovered"], back["head"]) == (True, 0)
    assert client.heard_nothing(room)
    fill(native(either_node), room, 1)
    assert client.hear(room).payload["seq"] == 1


def test_an_empty_room_keeps_its_epoch_over_a_restart(start_node, native, sqlite, room, come_back):
    """The epoch (…, kept with the room): of a room without messages too"""
    first = start_node(store=sqlite)
    epoch = native(first).join(room)["epoch"]
    assert first.stop() == 0
    again = start_node(store=sqlite)
    fill(native(again), room, 2)
    client = native(again)
    back = come_back(client, room, position(epoch, 0))
    assert (back["recovered"], back["epoch"]) == (True, epoch)
    assert seqs(client.hear(room, 2)) == [1, 2]


def test_an_empty_room_keeps_its_epoch_over_a_crash(start_node, native, sqlite, room):
    """The epoch (…, kept with the room): what a client was told is not forgotten"""
    first = start_node(store=sqlite)
    epoch = native(first).join(room)["epoch"]
    first.kill9()
    assert native(start_node(store=sqlite)).join(room)["epoch"] == epoch


def test_a_foreign_epoch_of_an_empty_room(native, room, come_back):
    """A join with a foreign epoch gets `recovered:false`: whatever its `seq`"""
    native().join(room)
    client = native()
    back = come_back(client, room, position("foreign0", 0))
    assert back["recovered"] is False and back["epoch"] != "foreign0"
    assert client.heard_nothing(room)


def test_repeated_recovery_has_no_duplicates(either_node, native, room, come_back):
    """heard once by every cursor: a client that comes back again and again from where it was"""
    author, client = native(either_node), native(either_node)
    epoch, heard = client.join(room)["epoch"], []
    for round_ in range(5):
        client.close()
        fill(author, room, 3, first=3 * round_ + 1)
        client = native(either_node)
        assert come_back(client, room, position(epoch, len(heard)))["recovered"] is True
        heard += seqs(client.hear(room, 3))
        assert client.heard_nothing(room)
    assert heard == list(range(1, 16))


def test_a_room_created_again_recovers_nothing(either_node, native, room, alice, come_back):
    """The epoch … is new only when the log is: room creation; a join with a foreign epoch gets `recovered:false`"""
    author = native(either_node, user=alice)
    epoch = author.join(room)["epoch"]
    fill(author, room, 3)
    author.close()
    assert either_node.http.delete(f"/rooms/{room}", params={"user": alice}).status_code in (200, 202, 204)
    fill(native(either_node, user=alice), room, 2)
    client = native(either_node)
    back = come_back(client, room, position(epoch, 1))
    assert (back["recovered"], back["head"]) == (False, 2)
    assert back["epoch"] != epoch
    assert client.heard_nothing(room)


def test_the_epoch_is_the_same_wherever_it_is_told(either_node, native, room):
    """A position is `{"epoch":"…","seq":42}`, in URLs … `EPOCH:42`: one epoch for a room, in all answers"""
    client = native(either_node)
    epoch = client.join(room)["epoch"]
    fill(client, room, 4)
    assert client.request("history", {"room": room, "limit": 1}, "history").payload["epoch"] == epoch
    assert client.request("resume", {"rooms": {room: position(epoch, 4)}}, "joined").payload["epoch"] == epoch
    page = either_node.http.get(f"/rooms/{room}/messages", params={"after": f"{epoch}:2"}).json()
    assert [message["seq"] for message in page] == [3, 4]


def test_a_long_absence(start_node, room, come_back):
    """what was missed, in order: more than any page of it"""
    node, count = start_node("--rate-limit-messages", "0", "--max-history", "50"), 2500
    author = NativeClient(node)
    epoch = author.join(room)["epoch"]
    ids = [author.send("message", {"room": room, "content": number}) for number in range(count)]
    assert author.reply(ids[-1], timeout=20)["type"] == "ack"
    client = NativeClient(node)
    assert come_back(client, room, position(epoch, 0))["recovered"] is True
    assert seqs(client.hear(room, count, timeout=20)) == list(range(1, count + 1))
    assert client.heard_nothing(room)
    author.close()
    client.close()
