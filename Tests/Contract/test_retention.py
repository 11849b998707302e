"""Retention and the `gap` that it leaves (contract, sections 3 and 5)."""

import pytest

from checks import entry, eventually, is_timestamp, position

LAST_5 = 'kinds: [{match: "short:*", retainCount: 5}, {match: "brief:*", retainAge: 1s}]\n'
# The same for a log that is not stored.
LAST_5_IN_MEMORY = 'kinds: [{match: "short:*", log: memory, retainCount: 5}]\n'
# How soon what is not retained must be gone.
SOON = 15


def fill(client, room, count, first=1):
    for seq in range(first, first + count):
        assert client.publish(room, seq)["seq"] == seq


def stored(node, room):
    response = node.http.get(f"/rooms/{room}/messages", params={"limit": 1000})
    assert response.status_code == 200, response.text
    return [message["seq"] for message in response.json()]


def gap_and_messages(client, room, head):
    """All that a client hears of a room up to a seq, in order: (from, to) for a gap, the seq for a message."""
    found = []
    while not found or (found[-1][1] if isinstance(found[-1], tuple) else found[-1]) < head:
        frame = client.expect(("gap", "message"), where=lambda f: f.payload["room"] == room)
        gap = frame["type"] == "gap"
        found.append((frame.payload["from"], frame.payload["to"]) if gap else frame.payload["seq"])
    return found


@pytest.fixture(params=["stored", "memory"])
def short_room(request, start_with, native, sqlite, name):
    """A room of a kind that retains 5, into which 12 messages went; with its node and epoch."""
    node = start_with(LAST_5 if request.param == "stored" else LAST_5_IN_MEMORY, store=sqlite)
    room, author = f"short:{name('room')}", native(node)
    epoch = author.join(room)["epoch"]
    fill(author, room, 12)
    eventually(lambda: stored(node, room) == [8, 9, 10, 11, 12], SOON, "retaining the last 5 only")
    return node, room, epoch


def test_retain_count(short_room, native):
    """`retainCount`; `seq` goes on"""
    node, room, _ = short_room
    author = native(node)
    page = author.request("history", {"room": room, "limit": 100}, "history").payload
    assert [entry(item)[0] for item in page["messages"]] == [8, 9, 10, 11, 12]
    assert page["more"] is False
    fill(author, room, 1, first=13)
    eventually(lambda: stored(node, room) == [9, 10, 11, 12, 13], SOON, "retaining the last 5 only")


def test_other_kinds_keep_everything(short_room, native, room):
    """the default kind keeps everything"""
    node, _, _ = short_room
    fill(native(node), room, 12)
    assert stored(node, room) == list(range(1, 13))


@pytest.mark.parametrize("seen, first_missing", [(0, 1), (2, 3), (6, 7)])
@pytest.mark.parametrize("way", ["join", "resume"])
def test_gap(short_room, native, way, seen, first_missing):
    """`gap {room, from, to}` (inclusive; only where retention has dropped what the client asked for; what is retained
    follows)"""
    node, room, epoch = short_room
    client, place = native(node), position(epoch, seen)
    if way == "join":
        joined = client.join(room, after=place)
    else:
        joined = client.request("resume", {"rooms": {room: place}}, "joined").payload
    assert (joined["epoch"], joined["head"]) == (epoch, 12)
    assert gap_and_messages(client, room, 12) == [(first_missing, 7), 8, 9, 10, 11, 12]
    fill(native(node), room, 1, first=13)
    assert client.hear(room).payload["seq"] == 13
    assert client.waiting("gap") == []


def test_gap_is_a_whole_envelope_after_joined(short_room, native):
    """Every frame: type, messageId, timestamp, payload; `joined`, then what was missed"""
    node, room, epoch = short_room
    client = native(node)
    client.join(room, after=position(epoch, 1))
    gap = client.expect("gap")
    assert (gap.payload["room"], gap.payload["from"], gap.payload["to"]) == (room, 2, 7)
    assert is_timestamp(gap["timestamp"])
    kinds = [f["type"] for f in client.log if f.payload.get("room") == room and f["type"] in ("joined", "gap")]
    assert kinds == ["joined", "gap"]


@pytest.mark.parametrize("seen", [7, 9, 12])
def test_no_gap_where_nothing_is_missing(short_room, native, seen):
    """only where retention has dropped what the client asked for"""
    node, room, epoch = short_room
    client = native(node)
    assert client.join(room, after=position(epoch, seen))["recovered"] is True
    heard = [frame.payload["seq"] for frame in client.hear(room, 12 - seen)]
    assert heard == list(range(seen + 1, 13))
    client.ping()
    assert client.waiting("gap") == []


def test_live_only_and_foreign_epochs_hear_of_no_gap(short_room, native):
    """only where retention has dropped what the client asked for"""
    node, room, _ = short_room
    for options in ({}, {"after": position("foreign0", 1)}):
        client = native(node)
        client.join(room, **options)
        assert client.heard_nothing(room)
        assert client.waiting("gap") == []


def test_history_before_what_is_retained(short_room, native):
    """`history {…, messages:[…], more}`: what is dropped is nowhere any more"""
    node, room, epoch = short_room
    client = native(node)
    page = client.request("history", {"room": room, "before": position(epoch, 8), "limit": 5}, "history").payload
    assert (page["messages"], page["more"]) == ([], False)
    page = client.request("history", {"room": room, "after": position(epoch, 2), "limit": 3}, "history").payload
    assert [entry(item)[0] for item in page["messages"]] == [8, 9, 10]


def test_a_member_who_is_there_hears_everything(start_with, native, sqlite, name):
    """messages are never silently dropped: retention is for those who come later"""
    node, room = start_with(LAST_5, "--rate-limit-messages", "0", store=sqlite), f"short:{name('room')}"
    reader, author = native(node), native(node)
    reader.join(room)
    for number in range(200):
        author.send("message", {"room": room, "content": number})
    heard = gap_and_messages(reader, room, 200)
    covered = [seq for item in heard for seq in (range(item[0], item[1] + 1) if isinstance(item, tuple) else [item])]
    assert covered == list(range(1, 201))


def test_retain_age(start_with, native, sqlite, name):
    """`retainAge`: what is older is gone, `gap` says so, and `seq` goes on"""
    node, room = start_with(LAST_5, store=sqlite), f"brief:{name('room')}"
    author = native(node)
    epoch = author.join(room)["epoch"]
    fill(author, room, 3)
    eventually(lambda: stored(node, room) == [], SOON, "dropping what is older than a second")
    client = native(node)
    joined = client.join(room, after=position(epoch, 1))
    assert (joined["epoch"], joined["head"]) == (epoch, 3)
    assert gap_and_messages(client, room, 3) == [(2, 3)]
    fill(author, room, 1, first=4)
    assert client.hear(room).payload["seq"] == 4


def test_a_gap_stays_over_a_restart(start_with, native, sqlite, name):
    """`seq` has no gaps, the epoch is kept with the room, and what was dropped stays dropped"""
    first, room = start_with(LAST_5, store=sqlite), f"short:{name('room')}"
    author = native(first)
    epoch = author.join(room)["epoch"]
    fill(author, room, 9)
    eventually(lambda: stored(first, room) == [5, 6, 7, 8, 9], SOON, "retaining the last 5 only")
    assert first.stop() == 0
    client = native(start_with(LAST_5, store=sqlite))
    assert client.join(room, after=position(epoch, 1))["epoch"] == epoch
    assert gap_and_messages(client, room, 9) == [(2, 4), 5, 6, 7, 8, 9]
    assert client.publish(room, 10)["seq"] == 10


def test_everything_gone_and_restarted(start_with, native, sqlite, name):
    """Within one epoch a room's `seq` … has no gaps: the head outlives the last message"""
    first, room = start_with(LAST_5, store=sqlite), f"brief:{name('room')}"
    author = native(first)
    epoch = author.join(room)["epoch"]
    fill(author, room, 3)
    eventually(lambda: stored(first, room) == [], SOON, "dropping what is older than a second")
    assert first.stop() == 0
    author = native(start_with(LAST_5, store=sqlite))
    joined = author.join(room)
    assert (joined["epoch"], joined["head"]) == (epoch, 3)
    assert author.publish(room, 4)["seq"] == 4
