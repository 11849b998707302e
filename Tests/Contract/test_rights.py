"""What a token allows: the `rooms` claim (contract, section 5)."""

import pytest

from checks import assert_problem, entry
from roost_clients import Client
from tokens import Unwelcomed, bearer, mint, turned_away

RIGHTS = ["join", "publish", "history", "presence"]


@pytest.fixture
def team(name):
    """The name of a room that `team-*` matches."""
    return name("team")


def only(*rights, match="team-*"):
    return [{"match": match, "can": list(rights)}]


# What needs a right, over WebSocket and over HTTP: (frame and its answer, request and its status).
def frames(room):
    return {
        "join": ("join", {"room": room}, "joined"),
        "publish": ("message", {"room": room, "content": "by right"}, "ack"),
        "history": ("history", {"room": room, "limit": 5}, "history"),
        "presence": ("presence", {"room": room}, "presence"),
    }


def requests_for(room):
    return {
        "publish": ("POST", f"/rooms/{room}/messages", {"content": "by right"}, 201),
        "history": ("GET", f"/rooms/{room}/messages", None, 200),
        "presence": ("GET", f"/rooms/{room}/presence", None, 200),
    }


def existing(signed, room):
    """Sees to it that a room exists and holds a message."""
    signed("founder").publish(room, "foundation")


@pytest.mark.parametrize("right", RIGHTS)
def test_one_right_over_websocket(signed, team, alice, right):
    """`rooms` (patterns and what may be done: join, publish, history, presence, moderate): this and nothing else"""
    existing(signed, team)
    client = signed(alice, rooms=only(right))
    for wanted, (kind, payload, answer) in frames(team).items():
        if wanted == right:
            client.request(kind, payload, answer)
        else:
            client.refused(kind, payload, "forbidden")
    assert signed("founder").publish(team, "next")["seq"] == (3 if right == "publish" else 2)


@pytest.mark.parametrize("right", RIGHTS)
def test_one_right_over_http(jwt_node, signed, team, alice, right):
    """`forbidden` 403"""
    existing(signed, team)
    headers = bearer(mint(alice, rooms=only(right)))
    for wanted, (method, path, body, status) in requests_for(team).items():
        response = jwt_node.http.request(method, path, headers=headers, json=body)
        if wanted == right:
            assert response.status_code == status, response.text
        else:
            assert_problem(response, 403, "forbidden")


@pytest.mark.parametrize("rooms", [
    [{"match": "team-*", "can": ["join", "publish"]}], {"team-*": ["join", "publish"]}, ["team-*"],
], ids=["objects", "map", "patterns"])
def test_forms_of_the_claim(jwt_node, signed, team, room, alice, rooms):
    """`rooms` (patterns and what may be done)"""
    client = signed(alice, rooms=rooms)
    client.join(team)
    client.publish(team, "hello")
    assert client.hear(team).payload["content"] == "hello"
    for kind in ("join", "publish"):
        frame, payload, _ = frames(room)[kind]
        client.refused(frame, payload, "forbidden")
    headers = bearer(mint(alice, rooms=rooms))
    assert jwt_node.http.post(f"/rooms/{team}/messages", headers=headers, json={"content": 1}).status_code == 201
    assert_problem(jwt_node.http.post(f"/rooms/{room}/messages", headers=headers, json={"content": 1}),
                   403, "forbidden")


def test_a_map_names_rights_as_well(signed, team, alice):
    """`{"team-*": ["join"]}`: join and nothing else"""
    client = signed(alice, rooms={"team-*": ["join"]})
    client.join(team)
    client.refused("message", {"room": team, "content": 1}, "forbidden")


@pytest.mark.parametrize("match, good, bad", [
    ("team-*", ["team-", "team-a", "team-a:b.c"], ["team", "xteam-a", "Team-a", "te"]),
    ("lobby-of-one", ["lobby-of-one"], ["lobby-of-one-", "lobby-of-on", "a-lobby-of-one"]),
    ("*", ["anything-at-all"], []),
    ("a.b*", ["a.bc"], ["axbc", "a.c"]),
])
def test_patterns(signed, alice, match, good, bad):
    """patterns: a star at the end stands for anything, all else for itself"""
    client = signed(alice, rooms=only("join", match=match))
    for room in good:
        client.join(room)
    for room in bad:
        client.refused("join", {"room": room}, "forbidden")


@pytest.mark.parametrize("rooms", [[], {}, only(), only("join", match="other-*")])
def test_no_rights_at_all(jwt_node, signed, team, alice, rooms):
    """what no pattern allows is `forbidden`"""
    existing(signed, team)
    client = signed(alice, rooms=rooms)
    for kind, payload, _ in frames(team).values():
        client.refused(kind, payload, "forbidden")
    client.refused("resume", {"rooms": {team: {"epoch": "e", "seq": 0}}}, "forbidden")
    for method, path, body, _ in requests_for(team).values():
        response = jwt_node.http.request(method, path, headers=bearer(mint(alice, rooms=rooms)), json=body)
        assert_problem(response, 403, "forbidden")
    client.ping()


def test_what_may_not_be_joined_is_not_created(jwt_node, signed, room, alice):
    """An unknown room: joining, publishing … creates it: for who may"""
    client = signed(alice, rooms=only("join", "publish"))
    client.refused("join", {"room": room}, "forbidden")
    client.refused("message", {"room": room, "content": 1}, "forbidden")
    assert jwt_node.http.get(f"/rooms/{room}", headers=bearer(mint())).status_code == 404


def test_rights_in_one_frame_of_resume(signed, team, room, alice):
    """`resume {rooms}`: a `joined` for each that may be joined, an error for the others"""
    client = signed(alice, rooms=only("join"))
    place = {"epoch": "e", "seq": 0}
    message_id = client.send("resume", {"rooms": {team: place, room: place}})
    answers = {frame.payload["room"]: frame for frame in (client.reply(message_id), client.reply(message_id))}
    assert answers[team]["type"] == "joined"
    assert (answers[room]["type"], answers[room].payload["code"]) == ("error", "forbidden")


@pytest.mark.parametrize("rooms", [7, True, [7], [{"match": 7, "can": ["join"]}], [{"can": ["join"]}],
                                   [{"match": "*", "can": ["fly"]}], [{"match": "*", "can": [7]}]])
def test_a_claim_of_the_wrong_shape_allows_nothing(jwt_node, team, alice, rooms):
    """`rooms` (patterns and what may be done): what can't be read allows nothing, or the token is a bad one"""
    client = Unwelcomed(jwt_node, headers=bearer(mint(alice, rooms=rooms)))
    client.send("join", {"room": team})
    try:
        client.expect("error", where=lambda f: f.payload["code"] == "forbidden")
    except AssertionError:
        assert turned_away(client) == 4501
    assert client.waiting("joined") == []
    client.close()


def test_the_simple_dialect_has_the_same_rights(jwt_node, signed, team, room, alice):
    """A dialect translates bytes to the same commands: a bad frame gets `{"type":"error",…}`"""
    watcher = signed("watcher")
    for where in (team, room):
        watcher.join(where)
    client = Client(jwt_node, headers=bearer(mint(alice, rooms=only("join"))))
    client.send_text('{"type":"join","room":"%s"}' % room)
    client.expect("error")
    client.send_text('{"type":"join","room":"%s"}' % team)
    client.expect("room_users")
    client.send_text('{"type":"message","content":"not mine to say"}')
    client.expect("error")
    assert watcher.heard_nothing()
    client.close()


def test_renewing_changes_the_rights(signed, team, alice):
    """`auth {token}` …; again to refresh: what the new token allows counts"""
    client = signed(alice, rooms=only("join"))
    client.join(team)
    client.refused("message", {"room": team, "content": 1}, "forbidden")
    client.request("auth", {"token": mint(alice, rooms=only("join", "publish"))}, "welcome")
    client.publish(team, "now I may")
    client.request("auth", {"token": mint(alice, rooms=only("join"))}, "welcome")
    client.refused("message", {"room": team, "content": 1}, "forbidden")


def test_moderators_delete_what_others_said(jwt_node, signed, team, alice, bob):
    """moderate: `DELETE /rooms/{room}/messages/{messageId}` of others"""
    author, reader = signed(alice), signed("reader")
    reader.join(team)
    author.publish(team, "out of order", "rude-1")
    path = f"/rooms/{team}/messages/rude-1"
    for rooms in (only(*RIGHTS), only("moderate", match="other-*")):
        assert_problem(jwt_node.http.delete(path, headers=bearer(mint(bob, rooms=rooms))), 403, "forbidden")
    moderator = bearer(mint(bob, rooms=only(*RIGHTS, "moderate")))
    assert jwt_node.http.delete(path, headers=moderator).status_code in (200, 202, 204)
    assert reader.expect("deleted").payload["ref"] == "rude-1"
    page = reader.request("history", {"room": team, "limit": 5}, "history").payload
    assert [entry(item)[3] for item in page["messages"] if item["messageId"] == "rude-1"] == [None]


def test_a_server_publishes_to_personal_rooms(jwt_node, signed, alice):
    """`user:ID` …: published to by servers only: a token whose `rooms` names a `user:` pattern with publish"""
    client = signed(alice)
    path, body = f"/rooms/user:{alice}/messages", {"content": "from the back end"}
    server = bearer(mint("backend", rooms=only("publish", match="user:*")))
    response = jwt_node.http.post(path, headers=server, json=body)
    assert response.status_code == 201, response.text
    assert client.hear(f"user:{alice}").payload["content"] == "from the back end"


@pytest.mark.parametrize("who", ["its user", "another"])
def test_everything_is_not_a_personal_room(jwt_node, signed, alice, bob, who):
    """`user:ID` …: published to by servers only: `*` does not name it"""
    client = signed(alice)
    user, path = (alice if who == "its user" else bob), f"/rooms/user:{alice}/messages"
    assert_problem(jwt_node.http.post(path, headers=bearer(mint(user)), json={"content": 1}), 403, "forbidden")
    signed(user).refused("message", {"room": f"user:{alice}", "content": 1}, "forbidden")
    if who == "another":
        signed(user).refused("join", {"room": f"user:{alice}"}, "forbidden")
    assert client.heard_nothing()


def test_ones_own_room_needs_no_claim(jwt_node, signed, alice):
    """a user's own room: joined by itself"""
    client = signed(alice, rooms=[])
    server = bearer(mint("backend", rooms=only("publish", match="user:*")))
    body = {"content": "for you"}
    assert jwt_node.http.post(f"/rooms/user:{alice}/messages", headers=server, json=body).status_code == 201
    assert client.hear(f"user:{alice}").payload["content"] == "for you"
