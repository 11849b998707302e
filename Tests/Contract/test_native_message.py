"""Native protocol: message, ack, dedupe, content, ping (contract, section 3)."""

import json
import uuid

import pytest

from checks import is_text, is_timestamp, raw_content, raw_elements, raw_members

# Texts of JSON values that a parser and a printer in the way would change.
CONTENTS = [
    '"plain"', '""', "null", "true", "false", "0", "-0", "1.0", "1e5", "1E+5", "0.10", "1e400", "-1.5e-10",
    "123456789012345678901234567890", "9007199254740993", "[]", "{}", '{"b":1,"a":2}', '{"a":1,"a":2}',
    '{ "a" : [ 1 , 2 ] }', '{"a":\t[1,\n2]}', r'"\u00e9\/\n\"\\"', r'"\u0000\u001f"', r'"\ud83d\ude00"', r'"\ud800"',
    '"\U0001f600 é \u2028 \u2029 \x7f"', '"</script>"', '{"":{"":[[[]]]}}', '{"content":"x","payload":{"room":1}}',
    '[1,"two",{"three":[4.0,null]}]',
]


def test_message_is_acked(either_node, native, room):
    """`message {room, content}` → `ack {room, seq, durability, duplicate}` with the `messageId` of the message."""
    client = native(either_node)
    message_id = client.send("message", {"room": room, "content": "hi"})
    ack = client.reply(message_id)
    assert ack["type"] == "ack"
    assert is_timestamp(ack["timestamp"])
    assert (ack.payload["room"], ack.payload["seq"], ack.payload["duplicate"]) == (room, 1, False)


def test_durability_memory(native, room):
    """`durability`: `memory` (this node only)"""
    assert native().publish(room, 1)["durability"] == "memory"


def test_durability_stored(sqlite_node, native, room):
    """`durability`: `stored` (the store has it on disk: SQLite after fsync)"""
    assert native(sqlite_node).publish(room, 1)["durability"] == "stored"


def test_message_is_heard(either_node, native, room, alice):
    """`message {room, seq, sender, content}` (its `messageId` is the author's, its `timestamp` the time it was
    stored)"""
    author, reader = native(either_node, user=alice), native(either_node)
    reader.join(room)
    message_id = author.send("message", {"room": room, "content": {"text": "hi"}})
    heard = reader.hear(room)
    assert heard["messageId"] == message_id
    assert is_timestamp(heard["timestamp"])
    assert heard.payload["room"] == room
    assert heard.payload["seq"] == 1
    assert heard.payload["sender"] == alice
    assert heard.payload["content"] == {"text": "hi"}


def test_author_hears_its_own(native, room):
    """the author hears its own"""
    author = native()
    author.join(room)
    message_id = author.send("message", {"room": room, "content": 1})
    assert author.reply(message_id)["type"] == "ack"
    assert author.hear(room)["messageId"] == message_id


def test_publishing_needs_no_join(native, room):
    """joining first is not needed"""
    author = native()
    assert author.publish(room, "unjoined")["seq"] == 1
    assert author.heard_nothing(room)


def test_publishing_creates_an_unknown_room(native, http, room):
    """An unknown room: … publishing … creates it as a public one."""
    native().publish(room, 1)
    assert http.get(f"/rooms/{room}").json()["visibility"] == "public"


def test_seq_starts_at_1_and_has_no_gaps(either_node, native, room):
    """Within one epoch a room's `seq` starts at 1 and has no gaps."""
    clients = [native(either_node) for _ in range(4)]
    sent = [(client, client.send("message", {"room": room, "content": n})) for n in range(25) for client in clients]
    seqs = [client.reply(message_id, timeout=10).payload["seq"] for client, message_id in sent]
    assert sorted(seqs) == list(range(1, 101))


def test_messages_of_one_connection_keep_their_order(either_node, native, room):
    """Messages of one connection to one room keep their order."""
    author, reader = native(either_node), native(either_node)
    reader.join(room)
    ids = [author.send("message", {"room": room, "content": n}) for n in range(200)]
    assert [author.reply(message_id, timeout=10).payload["seq"] for message_id in ids] == list(range(1, 201))
    assert [frame["messageId"] for frame in reader.hear(room, 200)] == ids


def test_timestamps_never_go_back(native, room):
    """its `timestamp` the time it was stored, never going back within a room"""
    reader = native()
    reader.join(room)
    authors = [native() for _ in range(3)]
    for _ in range(20):
        for author in authors:
            author.send("message", {"room": room, "content": 1})
    stamps = [frame["timestamp"] for frame in reader.hear(room, 60)]
    assert stamps == sorted(stamps)


def test_timestamp_is_the_servers_own(native, room):
    """its `timestamp` the time it was stored, whatever the client says"""
    client = native()
    client.join(room)
    client.request("message", {"room": room, "content": 1}, "ack", timestamp="1999-01-01T00:00:00.000Z")
    assert client.hear(room)["timestamp"] > "2020"


def test_timestamp_is_optional_from_a_client(native, room):
    """`timestamp` is … optional from a client."""
    client = native()
    client.send_text(json.dumps({"type": "message", "messageId": "no-time-1", "payload": {"room": room, "content": 1}}))
    assert client.reply("no-time-1")["type"] == "ack"


def test_unknown_fields_are_ignored(native, room):
    """Both sides ignore fields they don't know."""
    client = native()
    client.request("message", {"room": room, "content": 1, "colour": "red"}, "ack", shape={"round": True})


@pytest.mark.parametrize("content", CONTENTS)
def test_content_comes_out_byte_for_byte(either_node, native, room, content):
    """`content` is any JSON value and comes out byte for byte as it went in."""
    author, live, late = native(either_node), native(either_node), native(either_node)
    live.join(room)
    author.publish_raw(room, content)
    assert raw_content(live.hear(room)) == content
    late.join(room, history=1)
    assert raw_content(late.hear(room)) == content
    body = either_node.http.get(f"/rooms/{room}/messages").content.decode()
    assert raw_members(raw_elements(body)[0])["content"] == content


def test_content_in_a_history_frame_is_byte_for_byte(either_node, native, room):
    """`content` … comes out byte for byte as it went in: in `history` too."""
    client = native(either_node)
    content = r'{ "x" : 1.0, "y":[1e5 ,"\u00e9\/"] }'
    client.publish_raw(room, content)
    element = raw_elements(raw_members(raw_members(client.request("history", {"room": room, "limit": 1}, "history").raw)
                                       ["payload"])["messages"])[0]
    members = raw_members(element)
    assert (raw_members(members["payload"]) if "payload" in members else members)["content"] == content


def test_large_content_comes_out_whole(either_node, native, room):
    """`--max-message-bytes` 65536: what is below it comes out byte for byte."""
    client = native(either_node)
    client.join(room)
    content = json.dumps("é" * 30000, ensure_ascii=False)
    client.publish_raw(room, content)
    assert raw_content(client.hear(room)) == content


def test_message_without_content_is_refused(native, room):
    """`message {room, content, …}`: content is not optional."""
    client = native()
    client.refused("message", {"room": room}, "invalid", "bad_frame")
    assert client.publish(room, None)["seq"] == 1


@pytest.mark.parametrize("message_id", ["x", "é" * 64, "i" * 128, "with space \" and \\ quote"])
def test_message_id(native, room, message_id):
    """`messageId` is the sender's own (1–128 bytes; a UUID is usual)"""
    client = native()
    client.join(room)
    client.request("message", {"room": room, "content": 1}, "ack", message_id=message_id)
    assert client.hear(room)["messageId"] == message_id


@pytest.mark.parametrize("message_id", ["", "i" * 129, "é" * 65, 7, None, ["a"]])
def test_message_id_invalid(native, room, message_id):
    """`messageId` … (1–128 bytes)"""
    client = native()
    client.send_text(json.dumps({"type": "message", "messageId": message_id, "payload": {"room": room, "content": 1}}))
    assert client.expect(("error", "ack")).payload.get("code") in ("invalid", "bad_frame")
    assert client.publish(room, 1)["seq"] == 1


def test_same_message_again_is_stored_once(either_node, native, room, alice):
    """The same `(room, sender, messageId)` sent again … is stored once, acked again with the same `seq`, and heard
    once by every cursor."""
    author, again, reader = (native(either_node, user=alice), native(either_node, user=alice), native(either_node))
    reader.join(room)
    message_id = str(uuid.uuid4())
    first = author.publish(room, "once", message_id)
    assert first["duplicate"] is False
    for client in (author, again):
        second = client.publish(room, "once", message_id)
        assert (second["seq"], second["duplicate"], second["room"]) == (first["seq"], True, room)
    assert author.publish(room, "next")["seq"] == first["seq"] + 1
    assert [frame.payload["content"] for frame in reader.hear(room, 2)] == ["once", "next"]


def test_same_message_twice_in_flight_is_stored_once(either_node, native, room):
    """The same `(room, sender, messageId)` sent again: also before the first was acked."""
    client = native(either_node)
    message_id = str(uuid.uuid4())
    for _ in range(2):
        client.send("message", {"room": room, "content": 1}, message_id)
    acks = [client.reply(message_id).payload for _ in range(2)]
    assert [ack["seq"] for ack in acks] == [1, 1]
    assert sorted(ack["duplicate"] for ack in acks) == [False, True]
    assert client.publish(room, 2)["seq"] == 2


def test_same_message_id_of_another_sender_or_room_is_another_message(either_node, native, name, alice, bob):
    """The same `(room, sender, messageId)`: all three."""
    one, two = name("room"), name("room")
    author, other = native(either_node, user=alice), native(either_node, user=bob)
    assert author.publish(one, 1, "same-id-1")["duplicate"] is False
    assert other.publish(one, 1, "same-id-1")["seq"] == 2
    assert author.publish(two, 1, "same-id-1")["duplicate"] is False


def test_since_does_not_hinder_a_first_attempt(either_node, native, room):
    """`message {room, content, since?: position}`"""
    client = native(either_node)
    joined = client.join(room)
    ack = client.publish(room, 1, since={"epoch": joined["epoch"], "seq": joined["head"]})
    assert (ack["seq"], ack["duplicate"]) == (1, False)


def test_since_finds_the_first_attempt(either_node, native, room):
    """A client that retries later sends `since` (its position at the first attempt): the server looks in the log
    from there."""
    client = native(either_node)
    joined = client.join(room)
    since = {"epoch": joined["epoch"], "seq": joined["head"]}
    client.publish(room, 1, "retried-1", since=since)
    client.publish(room, 2)
    ack = client.publish(room, 1, "retried-1", since=since)
    assert (ack["seq"], ack["duplicate"]) == (1, True)


def test_a_users_own_room_is_published_to_by_servers_only(native, alice, bob):
    """`user:ID` is a user's own room: joined by itself, published to by servers only."""
    native(user=bob).refused("message", {"room": f"user:{alice}", "content": 1}, "forbidden")
    native(user=alice).refused("message", {"room": f"user:{alice}", "content": 1}, "forbidden")


def test_a_users_own_room_is_joined_by_itself_only(native, alice, bob):
    """`user:ID` is a user's own room: joined by itself"""
    native(user=bob).refused("join", {"room": f"user:{alice}"}, "forbidden")


def test_ping(native):
    """`ping {}` → `pong`"""
    client = native()
    pong = client.reply(client.send("ping", {}))
    assert pong["type"] == "pong"
    assert is_timestamp(pong["timestamp"])
    assert is_text(pong["messageId"])


def test_answers_keep_the_message_id_of_what_they_answer(native, name):
    """a reply carries the `messageId` of what it answers"""
    client = native()
    ids = [client.send("ping", {}) for _ in range(5)]
    ids.append(client.send("no_such_type", {}))
    ids.append(client.send("leave", {"room": name("room")}))
    for message_id in reversed(ids):
        client.reply(message_id)
