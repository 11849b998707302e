"""Native protocol: resume, many rooms in one frame (contract, section 3)."""

import threading

import pytest

from checks import is_epoch, position


def fill(client, room, count, first=1):
    for seq in range(first, first + count):
        assert client.publish(room, seq)["seq"] == seq


def seqs(frames):
    return [frame.payload["seq"] for frame in frames]


def resume(client, rooms):
    """Sends one `resume`; returns what answers it, by room."""
    message_id = client.send("resume", {"rooms": rooms})
    return {frame.payload["room"]: frame for frame in [client.reply(message_id) for _ in rooms]}


@pytest.fixture
def five_rooms(either_node, native, name):
    """A node, and rooms that hold 4 messages each, with their epochs."""
    author = native(either_node)
    rooms = {name("room"): None for _ in range(5)}
    for room in rooms:
        rooms[room] = author.join(room)["epoch"]
        fill(author, room, 4)
    return either_node, rooms


def test_resume_answers_with_a_joined_for_each_room(five_rooms, native):
    """`resume {rooms: {"general": position, …}}` → a `joined` for each, all with the `messageId` of the request"""
    node, rooms = five_rooms
    client = native(node)
    answers = resume(client, {room: position(epoch, 4) for room, epoch in rooms.items()})
    assert set(answers) == set(rooms)
    for room, answer in answers.items():
        assert answer["type"] == "joined"
        assert (answer.payload["epoch"], answer.payload["head"]) == (rooms[room], 4)
        assert answer.payload["recovered"] is True
    assert client.heard_nothing()


def test_resume_replays_what_each_room_has_had_since(five_rooms, native):
    """`joined …`, then what was missed, in order, then live: no gap, no duplicate — for each room from its own
    position"""
    node, rooms = five_rooms
    client, author = native(node), native(node)
    resume(client, {room: position(epoch, number) for number, (room, epoch) in enumerate(rooms.items())})
    for room in rooms:
        fill(author, room, 1, first=5)
    for number, room in enumerate(rooms):
        assert seqs(client.hear(room, 5 - number)) == list(range(number + 1, 6))
    assert client.heard_nothing()


def test_each_joined_comes_before_what_was_missed_in_its_room(five_rooms, native):
    """`joined`, then what was missed, in order"""
    node, rooms = five_rooms
    client = native(node)
    resume(client, {room: position(epoch, 0) for room, epoch in rooms.items()})
    for room in rooms:
        client.hear(room, 4)
        kinds = [f["type"] for f in client.log if f["type"] in ("joined", "message") and f.payload["room"] == room]
        assert kinds == ["joined"] + ["message"] * 4


def test_a_foreign_epoch_is_not_recovered_and_harms_no_other_room(five_rooms, native):
    """A join with a foreign epoch gets `recovered:false` and nothing replayed."""
    node, rooms = five_rooms
    client, author = native(node), native(node)
    foreign, *others = rooms
    positions = {room: position(rooms[room], 3) for room in others}
    answers = resume(client, {foreign: position("foreign0", 1), **positions})
    assert answers[foreign].payload["recovered"] is False
    assert answers[foreign].payload["epoch"] == rooms[foreign]
    for room in others:
        assert answers[room].payload["recovered"] is True
        assert client.hear(room).payload["seq"] == 4
    assert client.heard_nothing()
    fill(author, foreign, 1, first=5)
    assert client.hear(foreign).payload["seq"] == 5


def test_an_unknown_room_is_created(native, http, room):
    """An unknown room: joining … creates it as a public one; no position of it can be known: `recovered:false`"""
    client = native()
    answer = resume(client, {room: position("foreign0", 7)})[room]
    assert answer["type"] == "joined"
    assert (answer.payload["head"], answer.payload["recovered"]) == (0, False)
    assert is_epoch(answer.payload["epoch"]) and answer.payload["epoch"] != "foreign0"
    assert http.get(f"/rooms/{room}").json()["visibility"] == "public"
    fill(native(), room, 1)
    assert client.hear(room).payload["seq"] == 1


def test_an_unknown_room_is_named_in_its_error(start_node, native, room):
    """`error {code, reason, room?}`: several answers have one `messageId`, so the error names its room"""
    client = native(start_node("--no-create-on-join"))
    epoch = client.join("general")["epoch"]
    client.request("leave", {"room": "general"}, "left")
    answers = resume(client, {room: position("foreign0", 1), "general": position(epoch, 0)})
    assert (answers[room]["type"], answers[room].payload["code"]) == ("error", "not_found")
    assert (answers["general"]["type"], answers["general"].payload["recovered"]) == ("joined", True)


def test_a_private_room_of_others_is_refused(native, http, room, name, alice):
    """visibility `private`: members only; the other rooms of the frame are joined"""
    private = {"id": name("private"), "participants": [alice], "visibility": "private"}
    assert http.post("/rooms", json=private, params={"user": alice}).status_code == 201
    answers = resume(native(user=name("eve")), {private["id"]: position("e", 0), room: position("e", 0)})
    assert answers[private["id"]]["type"] == "error"
    assert answers[private["id"]].payload["code"] in ("forbidden", "not_found")
    assert answers[room]["type"] == "joined"


def test_too_many_rooms(start_node, native, name):
    """`--max-rooms-per-connection`: `conflict`"""
    client = native(start_node("--max-rooms-per-connection", "3"))
    rooms = [name("room") for _ in range(5)]
    message_id = client.send("resume", {"rooms": {room: position("e", 0) for room in rooms}})
    client.ping()
    answers = [f for f in client.log if f["messageId"] == message_id]
    joined = [f.payload["room"] for f in answers if f["type"] == "joined"]
    refused = [f for f in answers if f["type"] == "error"]
    assert len(joined) <= 3 and len(joined) == len(set(joined))
    assert refused and {f.payload["code"] for f in refused} == {"conflict"}
    for room in joined:
        client.request("leave", {"room": room}, "left")
    for room in rooms[2:]:
        client.join(room)


def test_resume_counts_rooms_once(start_node, native, name):
    """`--max-rooms-per-connection`: rooms that are joined already take no second place"""
    client = native(start_node("--max-rooms-per-connection", "3"))
    rooms = [name("room") for _ in range(3)]
    positions = {room: position(client.join(room)["epoch"], 0) for room in rooms}
    assert {answer["type"] for answer in resume(client, positions).values()} == {"joined"}


def test_resuming_twice_is_no_second_subscription(five_rooms, native):
    """no duplicate: a room joined twice is heard once"""
    node, rooms = five_rooms
    client, author = native(node), native(node)
    positions = {room: position(epoch, 4) for room, epoch in rooms.items()}
    for _ in range(2):
        resume(client, positions)
    for room in rooms:
        fill(author, room, 2, first=5)
        assert seqs(client.hear(room, 2)) == [5, 6]
    assert client.heard_nothing()


def test_a_room_named_twice_in_one_frame_is_heard_once(native, room):
    """no duplicate, whatever the frame looks like"""
    author, client = native(), native()
    epoch = author.join(room)["epoch"]
    fill(author, room, 3)
    place = f'"{room}":{{"epoch":"{epoch}","seq":0}}'
    client.send_text(f'{{"type":"resume","messageId":"twice-1","payload":{{"rooms":{{{place},{place}}}}}}}')
    client.reply("twice-1")
    client.join(room, after=position(epoch, 3))
    fill(author, room, 1, first=4)
    client.expect("message", where=lambda f: f.payload["seq"] == 4)
    client.ping()
    heard = seqs(f for f in client.log if f["type"] == "message")
    assert heard == sorted(set(heard)) and heard[-1] == 4


def test_resuming_while_others_write(either_node, native, name):
    """then what was missed, in order, then live: no gap, no duplicate"""
    rooms, count = [name("room") for _ in range(4)], 150
    author, writer = native(either_node), native(either_node)
    epochs = {room: author.join(room)["epoch"] for room in rooms}

    def write():
        for number in range(count):
            for room in rooms:
                writer.send("message", {"room": room, "content": number})

    writing = threading.Thread(target=write)
    writing.start()
    author.hear(rooms[0], 40)
    readers = [native(either_node) for _ in range(3)]
    for start, reader in enumerate(readers):
        resume(reader, {room: position(epoch, start) for room, epoch in epochs.items()})
    writing.join()
    for start, reader in enumerate(readers):
        for room in rooms:
            assert seqs(reader.hear(room, count - start, timeout=20)) == list(range(start + 1, count + 1))
        assert reader.heard_nothing()


def test_resume_over_a_restart(start_node, native, sqlite, name):
    """The epoch (… kept with the room): positions stay good"""
    first = start_node(store=sqlite)
    client, rooms = native(first), [name("room") for _ in range(3)]
    epochs = {room: client.join(room)["epoch"] for room in rooms}
    for room in rooms[1:]:
        fill(client, room, 3)
    assert first.stop() == 0
    client = native(start_node(store=sqlite))
    answers = resume(client, {room: position(epoch, 0) for room, epoch in epochs.items()})
    assert all(answer.payload["recovered"] is True for answer in answers.values())
    for room in rooms[1:]:
        assert seqs(client.hear(room, 3)) == [1, 2, 3]
    assert client.heard_nothing(rooms[0])


@pytest.mark.parametrize("payload", [
    {}, {"rooms": None}, {"rooms": "general"}, {"rooms": ["general"]}, {"rooms": 7}, {"rooms": {"general": None}},
    {"rooms": {"general": 5}}, {"rooms": {"general": {}}}, {"rooms": {"general": {"epoch": "e"}}},
    {"rooms": {"general": {"seq": 1}}}, {"rooms": {"general": {"epoch": None, "seq": 1}}},
    {"rooms": {"general": {"epoch": "e", "seq": None}}}, {"rooms": {"general": {"epoch": "e", "seq": -1}}},
    {"rooms": {"general": {"epoch": "e", "seq": 1.5}}}, {"rooms": {"general": {"epoch": "e", "seq": "1"}}},
    {"rooms": {"general": {"epoch": "e", "seq": 10**30}}}, {"rooms": {"no such name": {"epoch": "e", "seq": 1}}},
    {"rooms": {"": {"epoch": "e", "seq": 1}}},
])
def test_wrong_values(native, payload):
    """`bad_frame` 400, `invalid` 422; a reply carries the `messageId` of what it answers"""
    client = native()
    client.refused("resume", payload, "bad_frame", "invalid")
    client.ping()


def test_no_rooms_at_all(native):
    """`resume {rooms: {}}`: nothing to join harms nothing"""
    client = native()
    client.send("resume", {"rooms": {}})
    client.ping()
    assert client.waiting("joined") == []
