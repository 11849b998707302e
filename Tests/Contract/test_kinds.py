"""Kinds of room, from a configuration file (contract, section 5)."""

import pytest

from checks import assert_problem, eventually, is_epoch, position
from roost_node import run

KINDS = """
kinds:
  - {match: "game:public:*", log: stored}
  - {match: "game:*", log: memory}
  - {match: "count:*", presence: count}
  - {match: "quiet:*", presence: "off"}
  - {match: "closed:*", createOnJoin: false}
  - {match: "news:*", publish: servers}
  - {match: "secret:*", history: none}
  - {match: "lobby", log: memory}
"""
# A user who has gone is seen to leave only if it has not come back within 5 s.
LEAVING = 12


@pytest.fixture
def node(start_with, sqlite):
    return start_with(KINDS, store=sqlite)


@pytest.fixture
def of_kind(name):
    """Makes a room of a kind: of_kind("game:")."""
    return lambda prefix: f"{prefix}{name('room')}"


def fill(client, room, count):
    for number in range(1, count + 1):
        assert client.publish(room, number)["seq"] == number


def test_log_memory_says_so(node, native, of_kind, room):
    """`log: stored|memory`; `durability` names what was true when the ack was sent: `memory` (this node only)"""
    client = native(node)
    assert client.publish(of_kind("game:"), 1)["durability"] == "memory"
    assert client.publish(room, 1)["durability"] == "stored"
    body = {"content": 1}
    assert node.http.post(f"/rooms/{of_kind('game:')}/messages", json=body).json()["durability"] == "memory"


def test_first_match_wins(node, native, of_kind):
    """first match wins"""
    client = native(node)
    assert client.publish(of_kind("game:public:"), 1)["durability"] == "stored"
    assert client.publish(of_kind("game:publi:"), 1)["durability"] == "memory"


@pytest.mark.parametrize("room, durability", [("lobby", "memory"), ("lobby2", "stored"), ("a-lobby", "stored")])
def test_a_match_without_a_star_is_one_room(node, native, room, durability):
    """`match: "game:*"`: only a star stands for anything"""
    assert native(node).publish(room, 1)["durability"] == durability


def test_a_memory_room_is_a_room(node, native, of_kind, alice):
    """`log: memory`: history, positions and dedupe as everywhere, while the node runs"""
    room, author, reader = of_kind("game:"), native(node, user=alice), native(node)
    epoch = author.join(room)["epoch"]
    fill(author, room, 5)
    assert [m["content"] for m in node.http.get(f"/rooms/{room}/messages").json()] == [1, 2, 3, 4, 5]
    assert reader.join(room, after=position(epoch, 3))["recovered"] is True
    assert [f.payload["seq"] for f in reader.hear(room, 2)] == [4, 5]
    first = author.publish(room, 6, "again-1")
    again = native(node, user=alice).publish(room, 6, "again-1")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)


def test_a_memory_room_has_a_new_epoch_after_a_restart(start_with, native, sqlite, of_kind, room):
    """The epoch … is new only when the log is: … start of a memory store — the other rooms keep theirs"""
    first, game = start_with(KINDS, store=sqlite), of_kind("game:")
    client = native(first)
    epochs = {name: client.join(name)["epoch"] for name in (game, room)}
    for name in (game, room):
        fill(client, name, 3)
    assert first.stop() == 0
    client = native(start_with(KINDS, store=sqlite))
    joined = {name: client.join(name, after=position(epoch, 1)) for name, epoch in epochs.items()}
    assert is_epoch(joined[game]["epoch"]) and joined[game]["epoch"] != epochs[game]
    assert (joined[game]["head"], joined[game]["recovered"]) == (0, False)
    assert (joined[room]["epoch"], joined[room]["head"], joined[room]["recovered"]) == (epochs[room], 3, True)
    assert client.publish(game, 1)["seq"] == 1
    assert client.publish(room, 4)["seq"] == 4


def test_presence_count(node, native, of_kind, alice, bob):
    """`presence: count`: `presence {room,count}` instead of who it is"""
    room, watcher, other = of_kind("count:"), native(node, user=alice), native(node, user=bob)
    joined = watcher.join(room, presence=True)
    assert not joined.get("members")
    other.join(room)
    told = watcher.expect("presence", where=lambda f: f.payload["room"] == room and f.payload["count"] == 2)
    assert not told.payload.get("members")
    other.close()
    watcher.expect("presence", LEAVING, where=lambda f: f.payload["room"] == room and f.payload["count"] == 1)
    assert bob not in "".join(frame.raw for frame in watcher.log)


def test_presence_count_when_asked(node, native, of_kind, alice, bob):
    """`presence: count`: the number is told, the names are not, over both ways"""
    room, client = of_kind("count:"), native(node, user=alice)
    client.join(room)
    native(node, user=bob).join(room)
    answers = [client.request("presence", {"room": room}, "presence").payload,
               node.http.get(f"/rooms/{room}/presence", params={"user": alice}).json()]
    for answer in answers:
        assert answer["count"] == 2
        assert not answer.get("members")


def test_presence_off(node, native, of_kind, room, alice, bob):
    """`presence: off`: nobody is told who comes and goes, nor how many there are"""
    quiet, watcher, other = of_kind("quiet:"), native(node, user=alice), native(node, user=bob)
    assert not watcher.join(quiet, presence=True).get("members")
    watcher.join(room, presence=True)
    for where in (quiet, room):
        other.join(where)
    watcher.expect("user_joined", where=lambda f: f.payload["user"] == bob and f.payload["room"] == room)
    for where in (quiet, room):
        other.request("leave", {"room": where}, "left")
    watcher.expect("user_left", LEAVING, where=lambda f: f.payload["user"] == bob and f.payload["room"] == room)
    watcher.ping()
    kinds = ("user_joined", "user_left", "presence")
    assert [f for f in watcher.log if f["type"] in kinds and f.payload["room"] == quiet] == []
    fill(other, quiet, 1)
    assert watcher.hear(quiet).payload["content"] == 1


def test_create_on_join_false(node, native, of_kind, room, alice):
    """`createOnJoin: false`: joining or publishing creates nothing; what was created otherwise is a room"""
    closed, client = of_kind("closed:"), native(node, user=alice)
    client.refused("join", {"room": closed}, "not_found")
    client.refused("message", {"room": closed, "content": 1}, "not_found")
    assert_problem(node.http.post(f"/rooms/{closed}/messages", params={"user": alice}, json={"content": 1}),
                   404, "not_found")
    assert node.http.get(f"/rooms/{closed}").status_code == 404
    client.join(room)
    created = node.http.post("/rooms", params={"user": alice}, json={"id": closed, "participants": [alice]})
    assert created.status_code == 201, created.text
    client.join(closed)
    fill(client, closed, 1)


def test_publish_servers(node, native, simple, of_kind, alice):
    """`publish: members|servers`: `forbidden` for everybody who is no server, over every way"""
    room, member, plain = of_kind("news:"), native(node, user=alice), simple(node)
    member.join(room)
    member.refused("message", {"room": room, "content": 1}, "forbidden")
    assert_problem(node.http.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": 1}),
                   403, "forbidden")
    plain.join(room)
    plain.send(type="message", content="not said")
    plain.expect("error")
    response = node.http.post(f"/rooms/{room}/messages", json={"content": "news"})
    assert (response.status_code, response.json()["seq"]) == (201, 1)
    assert member.hear(room).payload["content"] == "news"
    assert plain.hear("news")["content"] == "news"


def test_history_none(node, native, of_kind, alice):
    """`history: none`: GET is 403, the frame `forbidden`, and a join replays nothing; live is live"""
    room, author, reader = of_kind("secret:"), native(node, user=alice), native(node)
    epoch = author.join(room)["epoch"]
    fill(author, room, 3)
    assert_problem(node.http.get(f"/rooms/{room}/messages", params={"user": alice}), 403, "forbidden")
    author.refused("history", {"room": room, "limit": 10}, "forbidden")
    for options in ({"history": 3}, {"after": position(epoch, 1)}, {"after": position(epoch, 0)}):
        reader.join(room, **options)
        assert reader.heard_nothing(room)
        reader.request("leave", {"room": room}, "left")
    reader.request("resume", {"rooms": {room: position(epoch, 0)}}, "joined")
    assert reader.heard_nothing(room)
    assert author.publish(room, "live")["seq"] == 4
    assert reader.hear(room).payload["content"] == "live"


def test_history_none_is_not_told_by_the_last_message(node, native, of_kind):
    """`history: none`: rooms `{…,lastMessage,…}` don't tell it either"""
    room = of_kind("secret:")
    native(node).publish(room, "between-us-only")
    assert "between-us-only" not in node.http.get(f"/rooms/{room}").text
    assert "between-us-only" not in node.http.get("/rooms?limit=100").text


def test_what_is_no_kind_has_the_defaults(node, native, room, alice, bob):
    """the default kind keeps everything, with presence, without receipts"""
    watcher, other = native(node, user=alice), native(node, user=bob)
    watcher.join(room, presence=True)
    other.join(room)
    watcher.expect("user_joined", where=lambda f: f.payload["user"] == bob)
    fill(other, room, 30)
    eventually(lambda: len(node.http.get(f"/rooms/{room}/messages").json()) == 30)


@pytest.mark.parametrize("kinds, named", [
    ('[{match: "a:*", log: disk}]', ["log", "disk", "stored", "memory"]),
    ('[{match: "a:*", presence: some}]', ["presence", "some", "count"]),
    ('[{match: "a:*", publish: nobody}]', ["publish", "nobody", "servers"]),
    ('[{match: "a:*", history: all}]', ["history", "all", "none"]),
    ('[{match: "a:*", retainCount: many}]', ["retainCount", "many"]),
    ('[{match: "a:*", retainCount: -1}]', ["retainCount", "-1"]),
    ('[{match: "a:*", retainAge: soon}]', ["retainAge", "soon"]),
    ('[{match: "a:*", receipts: perhaps}]', ["receipts", "perhaps"]),
    ('[{match: "a:*", retainCuont: 5}]', ["retainCuont", "retainCount"]),
    ("[{log: memory}]", ["match"]),
    ('{match: "a:*"}', ["kinds"]),
    ("everything", ["kinds"]),
])
def test_a_bad_kind_exits_78(tmp_path, kinds, named):
    """a bad value anywhere, an unknown file key … exit 78; … one line that names the key, the value, what is allowed
    and the nearest known name"""
    (tmp_path / "roost.yaml").write_text(f"kinds: {kinds}\n")
    result = run("config", "check", "--config", str(tmp_path / "roost.yaml"))
    assert result.returncode == 78, (result.returncode, result.stderr)
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    for word in named:
        assert word in lines[0]


def test_good_kinds_pass(tmp_path):
    """`kinds: [{match: "game:*", log: stored|memory, retainCount, retainAge, presence: full|count|off, receipts: false,
    createOnJoin: true, publish: members|servers, history: members|none}]`"""
    (tmp_path / "roost.yaml").write_text(KINDS + """
  - match: "a:*"
    log: stored
    retainCount: 1000
    retainAge: 24h
    presence: full
    receipts: true
    createOnJoin: true
    publish: members
    history: members
  - {match: "b:*", presence: off, receipts: false}
""")
    result = run("config", "check", "--config", str(tmp_path / "roost.yaml"))
    assert result.returncode == 0, result.stderr
