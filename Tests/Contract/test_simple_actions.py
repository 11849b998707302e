"""The simple dialect's actions: create_room and create_message (contract, section 4)."""

import pytest

from checks import is_text, is_timestamp

CREATED_AT = "2026-11-21T02:30:52.123Z"


def create_room(client, participants):
    client.send(action="create_room", participants=participants)
    return client.expect("room_created")["room"]


def create_message(client, room, message_id, content, sender=None):
    client.send(action="create_message", roomId=room, messageId=message_id, content=content,
                senderId=sender or client.id, createdAt=CREATED_AT)


def with_id(message_id):
    return lambda frame: frame["message"]["messageId"] == message_id


def test_create_room(simple, alice, bob):
    """`{"action":"create_room","participants":[…]}` → `{"type":"room_created","room":{"id","participants":
    [{"id","name"}],"createdAt"}}`"""
    client = simple(user=alice)
    room = create_room(client, [alice, bob])
    assert is_text(room["id"])
    assert {participant["id"] for participant in room["participants"]} == {alice, bob}
    assert all(is_text(participant["name"]) for participant in room["participants"])
    assert is_timestamp(room["createdAt"])


def test_participants_are_named(simple, native, alice, bob):
    """`"participants":[{"id","name"}]`"""
    native(user=bob, name="Bob B.")
    room = create_room(simple(user=alice), [alice, bob])
    assert {p["id"]: p["name"] for p in room["participants"]}[bob] == "Bob B."


def test_room_created_reaches_every_online_participant(simple, native, name, alice, bob):
    """→ `room_created` … to every online participant"""
    carol = name("carol")
    author, plain, modern, outsider = simple(user=alice), simple(user=bob), native(user=carol), simple()
    room = create_room(author, [alice, bob, carol])
    assert plain.expect("room_created")["room"]["id"] == room["id"]
    assert modern.expect("room_created").payload["room"]["id"] == room["id"]
    second = create_room(author, [alice, outsider.id])
    assert outsider.expect("room_created")["room"]["id"] == second["id"]


def test_create_room_of_the_native_dialect_reaches_simple_participants(simple, native, alice, bob):
    """A dialect translates bytes to the same commands and events."""
    plain = simple(user=bob)
    created = native(user=alice).request("create_room", {"participants": [alice, bob]}, "room_created")
    assert plain.expect("room_created")["room"]["id"] == created.payload["room"]["id"]


def test_create_message(simple, alice, bob):
    """`create_message` → to the room's participants `{"type":"message_created","message":{roomId,messageId,content,
    senderId,createdAt,status:"success"}}`"""
    author, participant = simple(user=alice), simple(user=bob)
    room = create_room(author, [alice, bob])["id"]
    create_message(author, room, "message-0001", "hello")
    for client in (author, participant):
        message = client.expect("message_created", where=with_id("message-0001"))["message"]
        assert is_timestamp(message.pop("createdAt"))
        assert message == {"roomId": room, "messageId": "message-0001", "content": "hello", "senderId": alice,
                           "status": "success"}


def test_message_created_reaches_joined_clients(simple, native, name, alice, bob):
    """to the room's participants and joined clients"""
    author, joined, outsider = simple(user=alice), simple(user=bob), simple(user=name("carol"))
    payload = {"participants": [alice], "visibility": "public"}
    room = native(user=alice).request("create_room", payload, "room_created").payload["room"]["id"]
    author.expect("room_created")
    joined.join(room)
    outsider.join(name("room"))
    create_message(author, room, "message-0002", "hello")
    joined.expect("message_created", where=with_id("message-0002"))
    outsider.say("fence")
    assert outsider.waiting("message_created") == []


def test_message_created_is_a_message_to_the_native_dialect(simple, native, alice, bob):
    """rooms, history … are shared by all of them"""
    author, modern = simple(user=alice), native(user=bob)
    room = create_room(author, [alice, bob])["id"]
    modern.join(room)
    create_message(author, room, "message-0003", "hello")
    heard = modern.hear(room)
    assert heard["messageId"] == "message-0003"
    assert (heard.payload["sender"], heard.payload["content"], heard.payload["seq"]) == (alice, "hello", 1)


def test_created_messages_are_history(either_node, simple, alice):
    """`createdAt` and `status` as in the history of the HTTP API"""
    author = simple(either_node, user=alice)
    room = create_room(author, [alice])["id"]
    create_message(author, room, "message-0004", "hello")
    author.expect("message_created")
    (message,) = either_node.http.get(f"/rooms/{room}/messages", params={"user": alice}).json()
    assert (message["roomId"], message["messageId"], message["seq"]) == (room, "message-0004", 1)
    assert (message["content"], message["senderId"], message["status"]) == ("hello", alice, "success")


def test_the_same_message_again_is_stored_once(simple, native, alice):
    """The same `(room, sender, messageId)` sent again … is stored once"""
    author = simple(user=alice)
    room = create_room(author, [alice])["id"]
    for _ in range(2):
        create_message(author, room, "message-0005", "hello")
    create_message(author, room, "message-0006", "hello")
    author.expect("message_created", where=with_id("message-0006"))
    reader = native(user=alice)
    reader.join(room, history=10)
    assert [frame["messageId"] for frame in reader.hear(room, 2)] == ["message-0005", "message-0006"]
    assert reader.heard_nothing(room)


@pytest.mark.parametrize("frame", [
    {"action": "create_room"},
    {"action": "create_room", "participants": "alice"},
    {"action": "create_room", "participants": [5]},
    {"action": "create_message", "roomId": "general"},
    {"action": "create_message", "roomId": 5, "messageId": "m", "content": "x"},
    {"action": "create_message", "roomId": "no such name", "messageId": "m", "content": "x"},
    {"action": "create_message", "roomId": "general", "messageId": "m" * 129, "content": "x"},
])
def test_a_bad_action_gets_an_error_and_the_connection_stays(simple, frame):
    """A bad frame gets `{"type":"error",…}` and the connection stays."""
    client = simple()
    client.send(**frame)
    client.expect("error")
    client.say("still here")


def test_messages_written_right_after_create_room_reach_all_participants(simple, name, alice, bob):
    """to the room's participants …: also what is written in the same breath"""
    author, other = simple(user=alice), simple(user=bob)
    base = name("breath")
    for number in range(30):
        room = f"{base}-{number}"
        author.send(action="create_room", name=room, participants=[alice, bob])
        create_message(author, room, f"{room}-1", number)
    for client in (author, other):
        for number in range(30):
            client.expect("message_created", where=with_id(f"{base}-{number}-1"))
    # Once, not twice.
    author.say("mark")
    assert author.waiting("message_created") == []


def test_a_participant_who_has_left_still_hears(simple, name, alice, bob):
    """to the room's participants and joined clients"""
    author, other = simple(user=alice), simple(user=bob)
    room = create_room(author, [alice, bob])["id"]
    other.join(room)
    other.join("general")
    create_message(author, room, f"{room}-1", "after leaving")
    other.expect("message_created", where=with_id(f"{room}-1"))


def test_a_participant_added_while_online_hears(node, simple, native, alice, bob):
    """`PUT /rooms/{room}/members/{user}`; to the room's participants"""
    author, other = simple(user=alice), simple(user=bob)
    room = create_room(author, [alice])["id"]
    assert node.http.put(f"/rooms/{room}/members/{bob}", params={"user": alice}).status_code < 300
    native().ping()
    # The addition is told aside; the first message that reaches the new participant proves that it was.
    for number in range(50):
        create_message(author, room, f"{room}-{number}", number)
        author.expect("message_created", where=with_id(f"{room}-{number}"))
    other.expect("message_created", where=with_id(f"{room}-49"))


def test_a_refused_join_leaves_one_where_one_was(node, simple, native, name, alice, bob):
    """one room at a time: but only for a room that lets one in"""
    secret = name("secret")
    native(user=bob).request("create_room", {"name": secret, "participants": [bob], "visibility": "private"}, "room_created")
    client = simple(user=alice)
    client.join("general")
    client.send(type="join", room=secret)
    client.expect("error")
    client.say("still in general")
    client.expect("message", where=lambda frame: frame["sender"] == client.id and frame["content"] == "still in general")
