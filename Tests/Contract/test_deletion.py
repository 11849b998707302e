"""Deleting messages: a tombstone with its own `seq`, the content redacted in place (contract, section 2)."""

from urllib.parse import quote

import pytest

from checks import assert_problem, entry, is_timestamp, position

SECRET = "what-should-not-have-been-said"
# What a deletion that was done already may be answered with.
HARMLESS = (200, 202, 204, 404)


def delete(node, room, message_id, user):
    return node.http.delete(f"/rooms/{room}/messages/{quote(message_id, safe='')}", params={"user": user})


def deleted(node, room, message_id, user):
    response = delete(node, room, message_id, user)
    assert response.status_code in (200, 202, 204), response.text
    return response


def messages(node, room, **params):
    response = node.http.get(f"/rooms/{room}/messages", params={"limit": 100, **params})
    assert response.status_code == 200, response.text
    return {message["seq"]: message for message in response.json()}


@pytest.fixture
def said(either_node, native, room, alice):
    """A room of 3 messages, of which alice's at seq 2, "regret-1", is to be deleted; its node and its epoch."""
    author = native(either_node, user=alice)
    epoch = author.join(room)["epoch"]
    author.publish(room, "first", "first-1")
    author.publish(room, {"text": SECRET}, "regret-1")
    author.publish(room, "third", "third-1")
    return either_node, epoch


def test_members_hear_of_it(said, native, room, alice):
    """`deleted {room, seq, ref}` (a log entry): with its own `seq`; `ref` is the messageId of what was deleted"""
    node, _ = said
    members = [native(node), native(node, user=alice)]
    for member in members:
        member.join(room)
    deleted(node, room, "regret-1", alice)
    for member in members:
        frame = member.expect("deleted")
        assert (frame.payload["room"], frame.payload["seq"], frame.payload["ref"]) == (room, 4, "regret-1")
        assert frame.payload["refSeq"] == 2
        assert is_timestamp(frame["timestamp"])
        assert SECRET not in frame.raw


def test_it_takes_its_place_in_the_log(said, native, room, alice):
    """(a log entry): Within one epoch a room's `seq` … has no gaps"""
    node, _ = said
    deleted(node, room, "regret-1", alice)
    client = native(node)
    assert client.join(room)["head"] == 4
    assert client.publish(room, "next")["seq"] == 5


def test_history_shows_it_redacted(said, native, room, alice):
    """the content is redacted in place: null, the rest stays"""
    node, _ = said
    before = messages(node, room)
    deleted(node, room, "regret-1", alice)
    after = messages(node, room)
    assert {key: after[2][key] for key in before[2]} == {**before[2], "content": None}
    assert (after[1], after[3]) == (before[1], before[3])
    page = native(node).request("history", {"room": room, "limit": 100}, "history")
    found = [entry(item) for item in page.payload["messages"] if item["messageId"] == "regret-1"]
    assert found == [(2, "regret-1", alice, None)]
    assert SECRET not in page.raw


def test_replay_after_a_position_shows_it_redacted(said, native, room, alice):
    """then what was missed, in order: the message without its content, and the tombstone at its own `seq`"""
    node, epoch = said
    deleted(node, room, "regret-1", alice)
    client = native(node)
    client.join(room, after=position(epoch, 0))
    frames = [client.expect(("message", "deleted")) for _ in range(4)]
    assert [(f["type"], f.payload["seq"]) for f in frames] == [
        ("message", 1), ("message", 2), ("message", 3), ("deleted", 4)]
    assert [f.payload.get("content") for f in frames[:3]] == ["first", None, "third"]
    assert frames[1]["messageId"] == "regret-1"
    assert frames[3].payload["ref"] == "regret-1"


@pytest.mark.parametrize("way", ["join", "resume"])
def test_who_was_away_hears_of_it(said, native, room, alice, way):
    """(a log entry): who has heard the message and comes back with a position after it"""
    node, epoch = said
    deleted(node, room, "regret-1", alice)
    client = native(node)
    if way == "join":
        client.join(room, after=position(epoch, 3))
    else:
        client.request("resume", {"rooms": {room: position(epoch, 3)}}, "joined")
    frame = client.expect("deleted")
    assert (frame.payload["seq"], frame.payload["ref"], frame.payload["refSeq"]) == (4, "regret-1", 2)
    assert client.heard_nothing(room)


def test_no_trace_of_the_content(said, native, room, alice, bob):
    """the content is redacted: no way of reading leads to it"""
    node, epoch = said
    retried = native(node, user=alice)
    retried.publish(room, {"text": SECRET + "-latest"}, "regret-2")
    for message_id in ("regret-1", "regret-2"):
        deleted(node, room, message_id, alice)
    client = native(node, user=bob)
    for options in ({"history": 100}, {"after": position(epoch, 0)}, {"after": position(epoch, 1)}):
        client.join(room, **options)
        client.ping()
        client.request("leave", {"room": room}, "left")
    for options in ({}, {"before": position(epoch, 4)}, {"after": position(epoch, 0)}):
        client.request("history", {"room": room, "limit": 100, **options}, "history")
    client.request("resume", {"rooms": {room: position(epoch, 0)}}, "joined")
    client.ping()
    assert SECRET not in "".join(frame.raw for frame in client.log)
    for path in (f"/rooms/{room}/messages", f"/rooms/{room}/messages?after=0", f"/rooms/{room}/messages?before=4",
                 f"/rooms/{room}", "/rooms?limit=1000"):
        assert SECRET not in node.http.get(path).text, path


def test_only_its_author_may(said, native, room, bob):
    """`forbidden` 403: others' messages stay"""
    node, _ = said
    native(node, user=bob)
    assert_problem(delete(node, room, "regret-1", bob), 403, "forbidden")
    assert messages(node, room)[2]["content"] == {"text": SECRET}
    assert native(node).join(room)["head"] == 3


def test_what_is_not_there(said, room, name, alice):
    """`not_found` 404"""
    node, _ = said
    assert_problem(delete(node, room, "no-such-message", alice), 404, "not_found")
    assert_problem(delete(node, name("room"), "regret-1", alice), 404, "not_found")


def test_repeating_it_is_harmless(said, native, room, alice):
    """a tombstone: one, however often it is asked for"""
    node, _ = said
    reader = native(node)
    reader.join(room)
    deleted(node, room, "regret-1", alice)
    for _ in range(2):
        assert delete(node, room, "regret-1", alice).status_code in HARMLESS
    assert native(node).publish(room, "next")["seq"] == 5
    reader.hear(room)
    reader.ping()
    assert len([f for f in reader.log if f["type"] == "deleted"]) == 1


def test_it_survives_a_restart(start_node, native, sqlite, room, alice):
    """the content is redacted in place: on disk"""
    first = start_node(store=sqlite)
    author = native(first, user=alice)
    epoch = author.join(room)["epoch"]
    author.publish(room, SECRET, "regret-1")
    deleted(first, room, "regret-1", alice)
    first.kill9()
    node = start_node(store=sqlite)
    client = native(node)
    assert client.join(room, after=position(epoch, 0))["head"] == 2
    frames = [client.expect(("message", "deleted")) for _ in range(2)]
    assert [(f["type"], f.payload["seq"], f.payload.get("content")) for f in frames] == [
        ("message", 1, None), ("deleted", 2, None)]
    assert messages(node, room)[1]["content"] is None
    assert delete(node, room, "regret-1", alice).status_code in HARMLESS
    assert client.publish(room, "next")["seq"] == 3


def test_a_retry_does_not_bring_it_back(said, native, room, alice):
    """The same `(room, sender, messageId)` sent again … is stored once: and stays deleted"""
    node, _ = said
    deleted(node, room, "regret-1", alice)
    ack = native(node, user=alice).publish(room, {"text": SECRET}, "regret-1")
    assert (ack["seq"], ack["duplicate"]) == (2, True)
    assert messages(node, room)[2]["content"] is None


def test_two_authors_with_one_message_id(either_node, native, room, alice, bob):
    """(room, sender, messageId): each deletes its own"""
    for user in (alice, bob):
        native(either_node, user=user).publish(room, f"of {user}", "same-1")
    deleted(either_node, room, "same-1", bob)
    assert [messages(either_node, room)[seq]["content"] for seq in (1, 2)] == [f"of {alice}", None]
    deleted(either_node, room, "same-1", alice)
    assert [messages(either_node, room)[seq]["content"] for seq in (1, 2)] == [None, None]


@pytest.mark.parametrize("message_id", ["a/b", "with space", "é?&#%", "a+b"])
def test_message_ids_in_an_address(either_node, native, room, alice, message_id):
    """`DELETE /rooms/{room}/messages/{messageId}`: any messageId, percent-encoded"""
    native(either_node, user=alice).publish(room, 1, message_id)
    deleted(either_node, room, message_id, alice)
    assert messages(either_node, room)[1]["content"] is None


def test_a_message_far_back(start_node, native, sqlite, room, alice):
    """redacted in place: wherever in the log, and out of the memory of recent messages"""
    node = start_node("--rate-limit-messages", "0", "--recent-bytes", "64KiB", store=sqlite)
    author, reader = native(node, user=alice), native(node)
    author.publish(room, SECRET, "regret-1")
    ids = [author.send("message", {"room": room, "content": "x" * 1000}) for _ in range(300)]
    assert author.reply(ids[-1])["type"] == "ack"
    epoch = reader.join(room)["epoch"]
    deleted(node, room, "regret-1", alice)
    frame = reader.expect("deleted")
    assert (frame.payload["seq"], frame.payload["refSeq"]) == (302, 1)
    late = native(node)
    late.join(room, after=position(epoch, 0))
    assert late.hear(room).payload["content"] is None


def test_in_a_room_that_is_not_stored(start_with, native, sqlite, name, alice):
    """`log: memory`: the same there"""
    node, room = start_with('kinds: [{match: "game:*", log: memory}]\n', store=sqlite), f"game:{name('room')}"
    author = native(node, user=alice)
    epoch = author.join(room)["epoch"]
    author.publish(room, SECRET, "regret-1")
    deleted(node, room, "regret-1", alice)
    assert author.expect("deleted").payload["seq"] == 2
    late = native(node)
    late.join(room, after=position(epoch, 0))
    assert late.hear(room).payload["content"] is None
