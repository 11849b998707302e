"""The simple dialect: connection, rooms, talk (contract, section 4)."""

import json
from datetime import datetime

import pytest

from checks import is_text, member_ids
from roost_clients import SIMPLE

# A user who has gone is seen to leave only if it has not come back within 5 s.
LEAVING = 12


def of(user):
    return lambda frame: frame["userId"] == user


def test_connection(simple):
    """on connect: `{"type":"connection","status":"connected","client_id","hostname"}`"""
    connection = simple().connection
    assert connection["status"] == "connected"
    assert is_text(connection["client_id"])
    assert is_text(connection["hostname"])


def test_connection_without_a_subprotocol(simple):
    """`/ws` without a subprotocol"""
    assert simple().ws.subprotocol is None


def test_connection_with_its_subprotocol(simple):
    """or `roost.simple`"""
    assert simple(subprotocols=[SIMPLE]).ws.subprotocol == SIMPLE


def test_client_ids_differ(simple):
    """`client_id` … the connection's id"""
    assert simple().id != simple().id


def test_client_id_is_the_user_where_given(simple, alice):
    """`client_id`, `userId` and `username` are the connection's id, or `?user=` where given"""
    assert simple(user=alice).id == alice


def test_join(simple, room):
    """`{"type":"join","room"}`: the room, joiner included, gets `user_joined`; then the joiner gets `room_users`"""
    client = simple()
    client.send(type="join", room=room)
    joined, users = client.read(), client.read()
    assert {key: joined[key] for key in ("type", "userId", "username")} == {
        "type": "user_joined", "userId": client.id, "username": client.id}
    assert users["type"] == "room_users"
    assert member_ids(users["users"]) == {client.id}


def test_join_is_heard_by_the_room(simple, room, alice):
    """the room, joiner included, gets `{"type":"user_joined","userId","username"}`"""
    first, second = simple(), simple(user=alice)
    first.join(room)
    users = second.join(room)
    assert member_ids(users["users"]) == {first.id, alice}
    joined = first.expect("user_joined", where=of(alice))
    assert joined["username"] == alice


def test_join_without_a_room(simple):
    """no room: `general`"""
    client, other = simple(), simple()
    other.join("general")
    client.send(type="join")
    assert client.id in member_ids(client.expect("room_users")["users"])
    other.expect("user_joined", where=of(client.id))


def test_changing_rooms(simple, name):
    """Changing rooms sends `user_left` to the old one."""
    one, two = name("room"), name("room")
    stayer, mover = simple(), simple()
    stayer.join(one)
    mover.join(one)
    users = mover.join(two)
    assert member_ids(users["users"]) == {mover.id}
    left = stayer.expect("user_left", timeout=LEAVING, where=of(mover.id))
    assert left["username"] == mover.id


def test_one_room_at_a_time(simple, name):
    """one room at a time"""
    one, two = name("room"), name("room")
    stayer, mover = simple(), simple()
    stayer.join(one)
    mover.join(one)
    mover.join(two)
    stayer.say("to the old room")
    stayer.hear("to the old room")
    stayer.join(two)
    stayer.say("to the new room")
    mover.hear("to the new room")
    assert [frame["content"] for frame in mover.waiting("message")] == []


def test_leaving(simple, room):
    """on leaving: `{"type":"user_left","userId","username"}`"""
    stayer, leaver = simple(), simple()
    stayer.join(room)
    leaver.join(room)
    leaver.close()
    left = stayer.expect("user_left", timeout=LEAVING, where=of(leaver.id))
    assert left["username"] == leaver.id


def test_message(simple, room):
    """`{"type":"message","content"}`: the sender gets `{"type":"message","sender":"server","content","timestamp"}`"""
    client = simple()
    client.join(room)
    answer = client.say("hello")
    assert answer["content"] == "hello"
    datetime.fromisoformat(answer["timestamp"])


def test_message_reaches_the_room(simple, room):
    """the room (sender included, if joined) the same with `"sender":CLIENT_ID`"""
    author, reader = simple(), simple()
    author.join(room)
    reader.join(room)
    author.say("hello")
    for client in (author, reader):
        heard = client.hear("hello")
        assert heard["sender"] == author.id
        datetime.fromisoformat(heard["timestamp"])
    reader.say("fence")
    assert [frame for frame in reader.waiting("message") if frame["content"] == "hello"] == []


@pytest.mark.parametrize("text", [
    "hello", "two words", "Grüße \U0001f600", "42", '"quoted"', "[1,2]", "true", "null", "{not json",
    '{"type":"message"', " leading space", "<b>bold</b>",
])
def test_raw_text(simple, room, text):
    """or any text that is no JSON object"""
    author, reader = simple(), simple()
    author.join(room)
    reader.join(room)
    author.send_text(text)
    answer = author.expect("message", where=lambda f: f["sender"] == "server")
    assert answer["content"] == text
    assert reader.hear(text)["sender"] == author.id


def test_who_has_not_joined_talks_to_general(simple, name):
    """Who has not joined talks to `general`."""
    author, reader, elsewhere = simple(), simple(), simple()
    reader.join("general")
    elsewhere.join(name("room"))
    text = name("text")
    author.say(text)
    assert reader.hear(text)["sender"] == author.id
    elsewhere.say("fence")
    assert [frame for frame in elsewhere.waiting("message") if frame["content"] == text] == []


def test_who_has_not_joined_does_not_hear_general(simple, name):
    """the room (sender included, if joined)"""
    author, reader = simple(), simple()
    reader.join("general")
    text = name("text")
    author.say(text)
    reader.hear(text)
    author.say("fence")
    assert [frame for frame in author.waiting("message") if frame["sender"] != "server"] == []


@pytest.mark.parametrize("text", [
    "{}", '{"type":"no_such_type"}', '{"type":7}', '{"type":"message"}', '{"type":"join","room":5}',
    '{"type":"join","room":"no such name"}', '{"action":"no_such_action"}', '{"content":"no type"}',
])
def test_a_bad_frame_gets_an_error_and_the_connection_stays(simple, room, text):
    """A bad frame gets `{"type":"error",…}` and the connection stays."""
    client = simple()
    client.join(room)
    client.send_text(text)
    client.expect("error")
    client.say("still here")


def test_content_is_unchanged(simple, room):
    """the room … the same: what was said is what is heard"""
    author, reader = simple(), simple()
    author.join(room)
    reader.join(room)
    text = 'quotes " and \\ and \n lines, <tags>, é, \U0001f600, \u2028'
    author.say(text)
    reader.hear(text)


def test_rooms_are_shared_with_the_native_dialect(simple, native, room, alice, bob):
    """rooms, history, presence and limits are shared by all of them"""
    plain, modern = simple(user=alice), native(user=bob)
    plain.join(room)
    modern.join(room, presence=True)
    plain.expect("user_joined", where=of(bob))
    plain.say("from simple")
    heard = modern.hear(room)
    assert (heard.payload["sender"], heard.payload["content"]) == (alice, "from simple")
    modern.publish(room, "from native")
    assert plain.hear("from native")["sender"] == bob
    members = modern.request("presence", {"room": room}, "presence").payload["members"]
    assert {member["user"] for member in members} == {alice, bob}


def test_history_is_shared_with_the_native_dialect(either_node, simple, native, room):
    """rooms, history … are shared by all of them"""
    client = simple(either_node)
    client.join(room)
    for text in ("one", "two"):
        client.say(text)
    reader = native(either_node)
    reader.join(room, history=10)
    assert [frame.payload["content"] for frame in reader.hear(room, 2)] == ["one", "two"]
    messages = either_node.http.get(f"/rooms/{room}/messages").json()
    assert [message["content"] for message in messages] == ["one", "two"]


def test_hostname_is_the_servers(simple, http):
    """`hostname`: the one of `GET /health`"""
    assert simple().connection["hostname"] == http.get("/health").json()["hostname"]


def test_frames_are_flat(simple, room):
    """flat JSON: no envelope around it"""
    client = simple()
    client.join(room)
    client.say("hello")
    client.hear("hello")
    assert all("payload" not in frame for frame in client.log), json.dumps(client.log)
