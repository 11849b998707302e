"""Native protocol: welcome, join with history and after, leave (contract, section 3)."""

import threading

import pytest

from checks import is_epoch, is_integer, is_text, is_timestamp


def fill(client, room, count, first=1):
    """Publishes 1, 2, 3 … to a room, so that each message's content is its seq."""
    for seq in range(first, first + count):
        assert client.publish(room, seq)["seq"] == seq


def seqs(frames):
    return [frame.payload["seq"] for frame in frames]


def test_ws_selects_the_native_subprotocol(native):
    """Subprotocol `roost.v1.json`: native."""
    assert native().ws.subprotocol == "roost.v1.json"


def test_ws_selects_native_among_unknown_subprotocols(native):
    """Only unknown ones: 400 — with a known one beside them it is chosen."""
    assert native(subprotocols=["unknown.v9", "roost.v1.json"]).ws.subprotocol == "roost.v1.json"


def test_welcome(native):
    """`welcome {clientId, user, node, session, heartbeatMs, limits{…}}`"""
    welcome = native().welcome.payload
    for key in ("clientId", "user", "node", "session"):
        assert is_text(welcome[key]), key
    assert welcome["heartbeatMs"] == 25000
    assert isinstance(welcome["limits"], dict) and welcome["limits"]


def test_welcome_is_a_whole_envelope(native):
    """Every frame, both ways: type, messageId, timestamp, payload; timestamp is ISO 8601 UTC with milliseconds."""
    welcome = native().welcome
    assert is_text(welcome["messageId"])
    assert is_timestamp(welcome["timestamp"])


def test_client_ids_differ_between_connections(native, alice):
    """`welcome {clientId, …}` names the connection, not the user."""
    first, second = native(user=alice), native(user=alice)
    assert first.welcome.payload["clientId"] != second.welcome.payload["clientId"]
    assert first.welcome.payload["node"] == second.welcome.payload["node"]


def test_client_names_itself(native, alice):
    """In anonymous mode a client names itself with `?user=ID&name=NAME`."""
    assert native(user=alice, name="Alice A.").user == alice


def test_unnamed_client_gets_an_id_made_up(native):
    """… or gets an id made up for it"""
    first, second = native(), native()
    assert first.user != second.user


def test_made_up_id_is_restored_by_its_session(native):
    """… restored by `?session=` with its `welcome.session`"""
    first = native()
    first.close()
    assert native(session=first.welcome.payload["session"]).user == first.user


def test_joined(native, room):
    """`joined {room, epoch, head, recovered, members?}`; a reply carries the `messageId` of what it answers."""
    client = native()
    joined = client.reply(client.send("join", {"room": room}))
    assert joined["type"] == "joined"
    assert is_timestamp(joined["timestamp"])
    assert joined.payload["room"] == room
    assert is_epoch(joined.payload["epoch"])
    assert is_integer(joined.payload["head"])
    assert isinstance(joined.payload["recovered"], bool)
    assert "members" not in joined.payload


def test_join_creates_an_unknown_room_as_a_public_one(native, http, room):
    """An unknown room: joining, publishing or streaming creates it as a public one."""
    assert native().join(room)["head"] == 0
    response = http.get(f"/rooms/{room}")
    assert response.status_code == 200
    assert response.json()["visibility"] == "public"


def test_join_creates_nothing_without_create_on_join(start_node, native, room):
    """`--create-on-join`, true by default"""
    node = start_node(env={"ROOST_CREATE_ON_JOIN": "false"})
    client = native(node)
    client.refused("join", {"room": room}, "not_found")
    client.refused("message", {"room": room, "content": 1}, "not_found")
    assert node.http.get(f"/rooms/{room}").status_code == 404
    client.join("general")


def test_join_tells_head_and_epoch(native, room):
    """`joined {…, epoch, head, …}`: head is the seq of the latest message, the epoch is kept with the room."""
    author = native()
    epoch = author.join(room)["epoch"]
    fill(author, room, 3)
    joined = native().join(room)
    assert (joined["head"], joined["epoch"]) == (3, epoch)


def test_epochs_differ_between_rooms(native, name):
    """The epoch (`[A-Za-z0-9]{1,32}`, random, kept with the room) is new … [at] room creation."""
    client = native()
    assert client.join(name("room"))["epoch"] != client.join(name("room"))["epoch"]


def test_join_without_after_or_history_is_live_only(native, room):
    """neither: live only"""
    author, reader = native(), native()
    fill(author, room, 3)
    reader.join(room)
    fill(author, room, 1, first=4)
    assert reader.hear(room).payload["seq"] == 4


def test_join_with_history(either_node, native, room):
    """`history?: n`: joined, then what was missed, in order, then live: no gap, no duplicate."""
    author, reader = native(either_node), native(either_node)
    fill(author, room, 5)
    reader.join(room, history=3)
    fill(author, room, 2, first=6)
    assert seqs(reader.hear(room, 5)) == [3, 4, 5, 6, 7]
    assert reader.heard_nothing(room)


def test_join_with_more_history_than_there_is(native, room):
    """`history?: n` where the room holds fewer than n."""
    author, reader = native(), native()
    fill(author, room, 2)
    reader.join(room, history=100)
    fill(author, room, 1, first=3)
    assert seqs(reader.hear(room, 3)) == [1, 2, 3]


def test_join_with_after(either_node, native, room):
    """`after?: position`: joined, then what was missed, in order, then live: no gap, no duplicate."""
    author, reader = native(either_node), native(either_node)
    fill(author, room, 5)
    epoch = author.join(room)["epoch"]
    joined = reader.join(room, after={"epoch": epoch, "seq": 2})
    assert joined["recovered"] is True
    fill(author, room, 1, first=6)
    assert seqs(reader.hear(room, 4)) == [3, 4, 5, 6]
    assert reader.heard_nothing(room)


def test_join_after_zero_replays_everything(native, room):
    """Within one epoch a room's `seq` starts at 1: after 0 is from the beginning."""
    author, reader = native(), native()
    epoch = author.join(room)["epoch"]
    fill(author, room, 4)
    reader.join(room, after={"epoch": epoch, "seq": 0})
    assert seqs(reader.hear(room, 4)) == [1, 2, 3, 4]


def test_join_after_the_head_replays_nothing(native, room):
    """then what was missed: nothing was"""
    author, reader = native(), native()
    epoch = author.join(room)["epoch"]
    fill(author, room, 2)
    joined = reader.join(room, after={"epoch": epoch, "seq": 2})
    assert (joined["recovered"], joined["head"]) == (True, 2)
    fill(author, room, 1, first=3)
    assert reader.hear(room).payload["seq"] == 3


def test_join_after_wins_over_history(native, room):
    """`after` wins over `history`"""
    author, reader = native(), native()
    epoch = author.join(room)["epoch"]
    fill(author, room, 5)
    reader.join(room, after={"epoch": epoch, "seq": 4}, history=5)
    assert reader.hear(room).payload["seq"] == 5
    assert reader.heard_nothing(room)


def test_join_with_a_foreign_epoch(native, room):
    """A join with a foreign epoch gets `recovered:false` and nothing replayed."""
    author, reader = native(), native()
    fill(author, room, 3)
    joined = reader.join(room, after={"epoch": "foreign0", "seq": 1}, history=2)
    assert joined["recovered"] is False
    assert joined["epoch"] != "foreign0"
    assert reader.heard_nothing(room)
    fill(author, room, 1, first=4)
    assert reader.hear(room).payload["seq"] == 4


def test_joined_comes_before_what_was_missed(native, room):
    """`joined`, then what was missed, in order, then live"""
    author, reader = native(), native()
    fill(author, room, 3)
    reader.join(room, history=3)
    reader.hear(room, 3)
    kinds = [f["type"] for f in reader.log if f["type"] in ("joined", "message")]
    assert kinds == ["joined", "message", "message", "message"]


def test_joining_while_others_write(either_node, native, room):
    """then what was missed, in order, then live: no gap, no duplicate"""
    count, starts = 400, [0, 1, 17, 60, 0]
    author = native(either_node)
    epoch = author.join(room)["epoch"]
    writing = threading.Thread(target=lambda: [author.send("message", {"room": room, "content": n})
                                               for n in range(count)])
    writing.start()
    author.hear(room, 60)
    readers = []
    for start in starts:
        readers.append(native(either_node))
        assert readers[-1].join(room, after={"epoch": epoch, "seq": start})["recovered"] is True
    writing.join()
    for reader, start in zip(readers, starts):
        assert seqs(reader.hear(room, count - start, timeout=20)) == list(range(start + 1, count + 1))
        assert reader.heard_nothing(room)


def test_join_with_presence_tells_members(native, room, alice, bob):
    """`presence?: bool` → `members?`"""
    native(user=alice).join(room)
    joined = native(user=bob).join(room, presence=True)
    assert alice in {member["user"] for member in joined["members"]}


@pytest.mark.parametrize("valid", ["a", "Z" * 128, "A.b_c:d-9", "0"])
def test_room_names(native, name, valid):
    """room name `[A-Za-z0-9_.:-]{1,128}`"""
    assert native().join(valid)["room"] == valid


@pytest.mark.parametrize("invalid", ["", "x" * 129, "a b", "a/b", "ä", "a\n", "a\u0000", "*", "\U0001f600"])
def test_room_name_invalid(native, invalid):
    """room name `[A-Za-z0-9_.:-]{1,128}`: over it `invalid`"""
    client = native()
    client.refused("join", {"room": invalid}, "invalid")
    client.refused("message", {"room": invalid, "content": 1}, "invalid")
    client.ping()


def test_several_rooms_on_one_connection(native, name):
    """Rooms are independent: each message names its room, each room counts for itself."""
    one, two = name("room"), name("room")
    author, reader = native(), native()
    reader.join(one)
    reader.join(two)
    fill(author, one, 2)
    fill(author, two, 3)
    assert seqs(reader.hear(one, 2)) == [1, 2]
    assert seqs(reader.hear(two, 3)) == [1, 2, 3]


def test_leave(native, name):
    """`leave {room}` → `left {room}`; afterwards nothing of the room is heard."""
    left, kept = name("room"), name("room")
    author, reader = native(), native()
    reader.join(left)
    reader.join(kept)
    assert reader.request("leave", {"room": left}, "left").payload == {"room": left}
    fill(author, left, 3)
    fill(author, kept, 1)
    reader.hear(kept)
    assert reader.heard_nothing(left)


def test_join_again_after_leaving(native, room):
    """What was missed between `leave` and `join` with `after` is replayed."""
    author, reader = native(), native()
    epoch = reader.join(room)["epoch"]
    fill(author, room, 1)
    reader.hear(room)
    reader.request("leave", {"room": room}, "left")
    fill(author, room, 2, first=2)
    reader.join(room, after={"epoch": epoch, "seq": 1})
    assert seqs(reader.hear(room, 2)) == [2, 3]


def test_memory_store_starts_with_a_new_epoch(start_node, native, room):
    """The epoch is new … [at the] start of a memory store."""
    first = start_node()
    before = native(first).join(room)["epoch"]
    first.stop()
    joined = native(start_node()).join(room, after={"epoch": before, "seq": 0})
    assert joined["epoch"] != before
    assert joined["recovered"] is False
